"""Many at once: names are claimed once, and all hear the same in one order."""

import random
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager, suppress

import pytest

from chat import PATIENCE, RawClient, wait_until
from chatd.delivery import Delivery
from chatd.events import GENERAL, CommandError, LoggedIn, LoggedOut, Renamed, Users
from chatd.hub import Hub
from chatd.limits import Limits
from chatd.session import Session
from chatd.taps import Tap
from chatd.testing import running_server
from fakes import Hearer, Model, Wording


def at_once(*tasks):
    """Run tasks on a thread each, begun together; give their results in order."""
    barrier = threading.Barrier(len(tasks))
    results = [None] * len(tasks)
    errors = []

    def run(index, task):
        try:
            barrier.wait(PATIENCE)
            results[index] = task()
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE)
        assert not thread.is_alive()
    if errors:
        raise errors[0]
    return results


@contextmanager
def people(server, *nicks, strangers=0):
    """Connect clients, logged in or not."""
    with ExitStack() as stack:
        names = [*nicks, *[None] * strangers]
        yield [stack.enter_context(RawClient(server.port, nick=nick)) for nick in names]


def ask(client, text):
    return lambda: client.ask(text)


@pytest.fixture
def restless():
    """Switch threads as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# -- names -----------------------------------------------------------------------------------


def test_of_20_who_claim_a_nick_at_once_exactly_one_gets_it(engine):
    """R-11: by login or by rename."""
    with running_server(engine=engine) as server, people(server, strangers=20) as clients:
        nicks = {}
        for number in range(20):
            nick = f"nick{number}"
            answers = at_once(*(ask(client, f"LOGIN {nick}") for client in clients))
            assert Counter(answers) == {"OK": 1, f"ERROR nick {nick} is taken": 19}
            nicks[clients[answers.index("OK")]] = nick
            asker = next(iter(nicks))
            assert asker.ask("LIST") == " ".join(["USERS", *nicks.values()])


def test_a_nick_that_is_given_up_while_others_claim_it_has_one_owner(engine):
    with running_server(engine=engine) as server:
        with people(server, "watch", strangers=5) as (watch, *claimers):
            for number in range(20):
                with RawClient(server.port, nick="prize") as owner:
                    claims = (ask(client, "LOGIN prize") for client in claimers)
                    answers = at_once(owner.close, *claims)
                winners = answers.count("OK")
                assert winners <= 1
                wait_until(lambda n=winners: watch.ask("LIST").count("prize") == n)
                if winners:
                    winner = claimers[answers.index("OK") - 1]
                    assert winner.ask(f"LOGIN rest{number}") == "OK"


def test_of_two_who_rename_to_one_nick_one_keeps_the_old_one(engine):
    """R-12"""
    renamed = []
    tap = Tap(lambda event: isinstance(event, Renamed) and renamed.append(event))
    expected = []
    with running_server(engine=engine, taps=(tap,)) as server:
        with people(server, "ala", "ola") as clients:
            nicks = ["ala", "ola"]
            for number in range(20):
                nick = f"nick{number}"
                answers = at_once(*(ask(client, f"LOGIN {nick}") for client in clients))
                assert sorted(answers) == [f"ERROR nick {nick} is taken", "OK"]
                winner = answers.index("OK")
                expected.append(Renamed(nicks[winner], nick))
                nicks[winner] = nick
                for client, name in zip(clients, nicks, strict=True):
                    assert client.ask("WHOAMI") == f"WHOAMI {name}"
                assert clients[0].ask("LIST") == f"USERS {nicks[0]} {nicks[1]}"
    assert renamed == expected


def test_two_cannot_swap_nicks_for_each_is_taken_until_it_is_free(engine):
    """R-12"""
    with running_server(engine=engine) as server, people(server, "ala", "ola") as (ala, ola):
        for _ in range(20):
            answers = at_once(ask(ala, "LOGIN ola"), ask(ola, "LOGIN ala"))
            assert answers == ["ERROR nick ola is taken", "ERROR nick ala is taken"]
        assert ala.ask("LIST") == "USERS ala ola"


def test_a_nick_is_passed_on_to_whoever_asks_after_it_became_free(engine):
    with running_server(engine=engine) as server, people(server, "a0", "b") as (ala, ola):
        for number in range(20):
            first, second = at_once(ask(ala, f"LOGIN a{number + 1}"), ask(ola, f"LOGIN a{number}"))
            assert first == "OK"
            assert second in ("OK", f"ERROR nick a{number} is taken")
            name = f"a{number}" if second == "OK" else "b"
            assert ala.ask("LIST") == f"USERS a{number + 1} {name}"
            assert ola.ask("LOGIN b") == "OK"


# -- messages --------------------------------------------------------------------------------


def lines_so_far(client):
    """Give all lines up to the answer to a request, and what comes along with that one."""
    client.send("LIST")
    data = b"\r\n"
    while b"\r\nUSERS " not in data or not data.endswith(b"\r\n"):
        data += client.sock.recv(65536)
    return [line for line in data.decode().split("\r\n")[1:-1] if not line.startswith("USERS ")]


def send_in_pieces(client, lines, seed):
    """Send lines, cut where nobody expects it."""
    dice = random.Random(seed)
    data = "".join(f"{line}\r\n" for line in lines).encode()
    while data:
        size = dice.choice([1, 10, 100, 1000])
        client.send(data[:size])
        data = data[size:]


def test_all_listeners_hear_all_that_10_senders_say_in_one_order(engine):
    """R-40: each sender's messages in the order in which they were said."""
    count = 500
    senders = [f"sender{number}" for number in range(10)]
    listeners = [f"listener{number}" for number in range(10)]
    with running_server(engine=engine) as server:
        with people(server, *senders, *listeners) as clients:

            def talk(number):
                lines = [f"PUB {number} {line}" for line in range(count)]
                send_in_pieces(clients[number], lines, number)
                return lines_so_far(clients[number])

            heard_by_senders = at_once(*(lambda n=n: talk(n) for n in range(10)))
            rest = [lines_so_far(sender) for sender in clients[:10]]
            heard, *others = [lines_so_far(listener) for listener in clients[10:]]
    assert len(heard) == 10 * count
    assert all(other == heard for other in others)
    for number in range(10):
        own = [f"PUB_MSG {number} {line}" for line in range(count)]
        assert [line for line in heard if line.startswith(f"PUB_MSG {number} ")] == own
        by_sender = heard_by_senders[number] + rest[number]
        assert by_sender == [line for line in heard if not line.startswith(f"PUB_MSG {number} ")]


ROOMS = ["tea", "coffee", "cake"]


def wander(nick, seed, steps):
    """Make up what somebody does: coming, going, talking; each message is different."""
    dice = random.Random(seed)
    rooms = []
    script = []
    for step in range(steps):
        room = dice.choice([GENERAL, *ROOMS])
        text = f"{nick} {step}"
        if room == GENERAL:
            script.append((None, GENERAL, f"PUB {text}", text))
        elif room not in rooms:
            rooms.append(room)
            script.append(("join", room, f"JOIN {room}", None))
        elif dice.random() < 0.3:
            rooms.remove(room)
            script.append(("leave", room, f"LEAVE {room}", None))
        else:
            script.append((None, room, f"SAY {room} {text}", text))
    return script


def understood(line):
    """Give room and text of a message."""
    kind, _, rest = line.partition(" ")
    if kind == "PUB_MSG":
        return GENERAL, rest
    assert kind == "ROOM_MSG", line
    room, nick, text = rest.split(" ", 2)
    assert text.startswith(f"{nick} ")
    return room, text


def stays(nick, script, lines):
    """Cut what somebody heard by his stays in rooms: (room, texts heard, texts said)."""
    changes = [(what, room) for what, room, _, _ in script if what]
    said = defaultdict(list)
    number = defaultdict(int)
    for what, room, _, text in script:
        number[room] += what == "join"
        if text:
            said[room, number[room]].append(text)
    found = {(GENERAL, 0): []}
    present = {GENERAL: 0}
    joins = defaultdict(int)
    for line in lines:
        if line != "OK":
            room, text = understood(line)
            assert not text.startswith(f"{nick} ")
            found[room, present[room]].append(text)  # fails for one who is not there
            continue
        what, room = changes.pop(0)
        if what == "join":
            joins[room] += 1
            present[room] = joins[room]
            found[room, joins[room]] = []
        else:
            del present[room]
    assert not changes
    return [(room, heard, said[room, count]) for (room, count), heard in found.items()]


def check_wanderer(nick, script, lines, order):
    """Compare what a wanderer heard with the order that those heard who stayed."""
    heard = [understood(line) for line in lines if line != "OK"]
    places = {message: place for place, message in enumerate(order)}
    assert sorted(heard, key=places.__getitem__) == heard
    assert len(set(heard)) == len(heard)
    for room, texts, said in stays(nick, script, lines):
        others = [text for where, text in order if where == room and text.split()[0] != nick]
        if room == GENERAL:
            assert texts == others
        elif texts:
            start = others.index(texts[0])
            assert texts == others[start : start + len(texts)]
        if said:
            first, last = places[room, said[0]], places[room, said[-1]]
            between = [text for where, text in order[first:last] if where == room]
            assert {t for t in between if t.split()[0] != nick} <= set(texts)


def test_in_a_storm_of_joins_and_leaves_everybody_hears_exactly_his_part(engine):
    """R-40: of each room, and no more."""
    nicks = [f"wanderer{number}" for number in range(10)]
    scripts = [wander(nick, seed, 150) for seed, nick in enumerate(nicks)]
    with running_server(engine=engine) as server:
        with people(server, "w0", "w1", "w2", *nicks) as clients:
            watchers, wanderers = clients[:3], clients[3:]
            for room in ROOMS:
                assert watchers[0].ask(f"CREATE {room}") == "OK"
                for watcher in watchers:
                    assert watcher.ask(f"JOIN {room}") == "OK"

            def storm(number):
                lines = [line for _, _, line, _ in scripts[number]]
                send_in_pieces(wanderers[number], lines, number)
                return lines_so_far(wanderers[number])

            early = at_once(*(lambda n=n: storm(n) for n in range(10)))
            late = [lines_so_far(wanderer) for wanderer in wanderers]
            seen, *others = [lines_so_far(watcher) for watcher in watchers]
    assert all(other == seen for other in others)
    order = [understood(line) for line in seen]
    for number, (nick, script) in enumerate(zip(nicks, scripts, strict=True)):
        said = [(room, text) for _, room, _, text in script if text]
        assert [each for each in order if each[1].startswith(f"{nick} ")] == said
        check_wanderer(nick, script, early[number] + late[number], order)


# -- commands that block ---------------------------------------------------------------------

BLOCKING = '''
import threading
from chatd import Command, CommandError, hookimpl

GO = threading.Semaphore(0)

def fail(ctx) -> None:
    """Fail at once."""
    raise CommandError("failed", "it failed")

def wait(ctx) -> None:
    """Fail when somebody says go."""
    GO.acquire(timeout=10)
    raise CommandError("failed", "it failed after a while")

def go(ctx) -> None:
    """Say go."""
    GO.release()

@hookimpl
def register_commands():
    return [
        Command("fail", fail, blocks=True),
        Command("wait", wait, blocks=True),
        Command("go", go),
    ]
'''


@pytest.fixture
def blocking(tmp_path):
    (tmp_path / "blocking.py").write_text(BLOCKING, encoding="utf-8")
    return tmp_path


def test_the_outcome_of_a_job_comes_though_nothing_more_is_sent(engine, blocking, restless):
    with running_server(engine=engine, plugins_dir=blocking) as server:
        with people(server, "ala", "ola") as (ala, ola):
            for client in (ala, ola):
                client.sock.settimeout(5)
            for _ in range(100):
                assert ala.ask("FAIL") == "ERROR it failed"
            ala.send("WAIT")
            ola.send("GO")
            assert ala.line() == "ERROR it failed after a while"


def test_a_job_may_end_just_before_its_reader_looks_whether_it_has(engine, blocking, monkeypatch):
    receive = Session.receive

    def receive_and_let_the_job_end(session, data):
        receive(session, data)
        if job := session._job:
            sys.modules["chatd_dropin_blocking"].GO.release()
            wait_until(lambda: job.done)

    monkeypatch.setattr(Session, "receive", receive_and_let_the_job_end)
    with running_server(engine=engine, plugins_dir=blocking) as server:
        with people(server, "ala") as (ala,):
            ala.sock.settimeout(5)
            assert ala.ask("WAIT") == "ERROR it failed after a while"


def test_what_was_sent_behind_a_job_is_carried_out_after_it(engine, blocking, restless):
    with running_server(engine=engine, plugins_dir=blocking) as server:
        with people(server, "ala", "ola") as (ala, ola):
            for client in (ala, ola):
                client.sock.settimeout(5)
            for _ in range(50):
                assert ala.ask(b"FAIL\r\nLIST\r\n") == "ERROR it failed"
                assert ala.line() == "USERS ala ola"
            ala.send(b"WAIT\r\nPUB later\r\n")
            assert ola.ask("LIST") == "USERS ala ola"
            ola.send("GO")
            assert ala.line() == "ERROR it failed after a while"
            assert ola.line() == "PUB_MSG later"


# -- the hub alone ---------------------------------------------------------------------------


class RecordedDelivery(Delivery):
    """Remembers all that was appended, in order."""

    def __init__(self, limits):
        super().__init__(limits)
        self.appended = []

    def append(self, entry):
        self.appended.append(entry)
        super().append(entry)


def roam(hub, wordings, seed, steps):
    """Do anything with clients of one's own; give them back."""
    dice = random.Random(seed)
    clients = []

    def newcomer():
        clients.append(Hearer(f"client {seed} {len(clients)}", dice.choice(wordings), hub))
        hub.open(clients[-1])
        return clients[-1]

    deeds = [
        lambda one: hub.login(one, f"nick{dice.randrange(12)}"),
        lambda one: hub.login(one, f"nick{dice.randrange(12)}"),
        lambda one: hub.say(one, dice.choice([GENERAL, *ROOMS]), f"{one} {dice.random()}"),
        lambda one: hub.say(one, GENERAL, f"{one} {dice.random()}"),
        lambda one: hub.tell(one, f"nick{dice.randrange(12)}", f"{one} {dice.random()}"),
        lambda one: hub.join(one, dice.choice(ROOMS)),
        lambda one: hub.leave(one, dice.choice(ROOMS)),
        lambda one: hub.create(one, dice.choice(ROOMS)),
        hub.users,
    ]
    present = [newcomer(), newcomer()]
    for _ in range(steps):
        one = dice.choice(present)
        if dice.random() < 0.02:
            hub.end(one, "quit")
            present[present.index(one)] = newcomer()
        with suppress(CommandError):
            dice.choice(deeds)(one)
    return clients


def check_answers(entries):
    """Compare each list of users with what the log said before."""
    users = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, LoggedIn):
            assert event.nick not in users.values()
            users[entry.actor] = event.nick
        elif isinstance(event, Renamed):
            assert users[entry.actor] == event.old
            users[entry.actor] = event.nick
        elif isinstance(event, LoggedOut):
            assert users.pop(entry.actor) == event.nick
        elif isinstance(event, Users):
            assert event.nicks == tuple(users.values())


@pytest.mark.parametrize(
    ("threads", "steps"),
    [(4, 300), pytest.param(16, 5000, marks=[pytest.mark.stress, pytest.mark.timeout(600)])],
)
def test_what_many_threads_do_to_the_hub_is_heard_as_it_was_logged(restless, threads, steps):
    delivery = RecordedDelivery(Limits(batch=4096))
    hub = Hub(delivery, Limits())
    wordings = [Wording("loud"), Wording("terse", silent=(Renamed, LoggedOut))]
    over = threading.Event()

    def drain():
        while delivery.drain() or not over.is_set():
            if not delivery.pending:
                time.sleep(0.0001)  # gives way to the others

    drainer = threading.Thread(target=drain)
    drainer.start()
    try:
        roaming = [lambda seed=seed: roam(hub, wordings, seed, steps) for seed in range(threads)]
        clients = [client for some in at_once(*roaming) for client in some]
    finally:
        over.set()
        drainer.join(60)
    assert not drainer.is_alive()
    assert not delivery.pending
    assert len(delivery.appended) > threads * steps / 4

    check_answers(delivery.appended)
    model = Model(clients)
    for entry in delivery.appended:
        model.deliver(entry)
    for client in clients:
        assert client.heard == model.heard[client]
        assert len(client.finished_after) == (client in model.finished)
