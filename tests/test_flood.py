"""Who asks for too much waits, is told so, and loses nothing; nobody else notices."""

import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import LineClient, RawClient, chatd_process, wait_until
from chatcli import Notice, Said, Told
from chatd.commands import Command
from chatd.console import describe
from chatd.dialects.notices import is_slow_down, slow_down
from chatd.engines import LONGEST_PAUSE, Connection
from chatd.events import Inspected, LoggedOut
from chatd.flood import TOLD_AGAIN, UNBOUND, Bucket, Flow, Pace
from chatd.limits import Limits
from chatd.testing import running_server
from clients import DIALECTS, KINDS, chat_server, open_client, until
from fakes import World
from test_chatcli_pipe import command, environment

TOLD = "NOTICE you are fast, so what you send waits its turn (2 a second)"
QUICK = Pace(10, 50.0)


# -- the buckets -----------------------------------------------------------------------------------


def times(pace, askings):
    """When requests are carried out that are made at such times, each as early as it may be."""
    flow = Flow(pace, Bucket(UNBOUND))
    free_at, carried_out = 0.0, []
    for asked in askings:
        now = max(asked, free_at)
        carried_out.append(now)
        free_at = flow.take(now)
    return carried_out


def test_ten_at_once_then_two_a_second():
    """R-16: at the pace that there is by default."""
    carried_out = times(Pace(10, 2.0), [100.0] * 60)
    assert carried_out[:10] == [100.0] * 10
    assert [later - earlier for earlier, later in pairwise(carried_out[9:])] == [0.5] * 50


@given(
    st.builds(Pace, st.integers(1, 20), st.floats(0.1, 1000.0)),
    st.lists(st.floats(0.0, 100.0), max_size=60).map(sorted),
)
def test_no_stretch_of_time_has_more_than_its_share(pace, askings):
    carried_out = times(pace, askings)
    for first, start in enumerate(carried_out):
        for last, end in enumerate(carried_out[first:], start=first):
            assert last - first + 1 <= pace.burst + (end - start) * pace.rate + 1e-6


@given(st.lists(st.floats(0.0, 100.0), min_size=11, max_size=60).map(sorted))
def test_who_keeps_to_the_pace_never_waits(askings):
    slow = [asked + 0.5 * number for number, asked in enumerate(askings)]
    assert times(Pace(1, 2.0), slow) == pytest.approx(slow)


def test_without_a_bound_nobody_waits():
    assert times(UNBOUND, [1.0] * 1000) == [1.0] * 1000


# -- a session -------------------------------------------------------------------------------------


def say(ctx, room, text):
    ctx.say(room, text)


@pytest.fixture
def world():
    return World([Command("say", say)], pace=Pace(10, 2.0))


def test_a_paste_arrives_whole_in_its_own_time(world):
    """R-16: sixty lines in 25 seconds, and their sender knows why."""
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.send(*[f"PUB {n}" for n in range(60)])
    assert ola.read() == [f"PUB_MSG {n}" for n in range(10)]
    assert ala.read() == [TOLD]
    heard, told = [], 0
    while ala.session.patience is not None:
        world.clock.now += ala.session.patience
        ala.session.quiet_passed()
        heard += ola.read()
        told += ala.read().count(TOLD)
    assert heard == [f"PUB_MSG {n}" for n in range(10, 60)]
    assert world.clock.now == 1025.0
    assert told == 4


def test_who_waits_for_long_is_told_again_and_again():
    """As programs must not take the server for dead."""
    ala = World([Command("say", say)], pace=Pace(1, 0.01)).connect("ala")
    clock = ala.session.clock
    assert ala.ask("PUB one", "PUB two") == [
        "NOTICE you are fast, so what you send waits its turn (0.01 a second)"
    ]
    for _ in range(19):
        assert ala.session.patience == TOLD_AGAIN
        clock.now += TOLD_AGAIN
        ala.session.quiet_passed()
        assert len(ala.read()) == 1
    clock.now += TOLD_AGAIN
    ala.session.quiet_passed()
    assert ala.session.patience is None


def test_what_waits_is_bounded(world):
    """R-16: beyond that it is left lying in the sender's own program."""
    ala = world.connect("ala")
    ala.send(*[f"PUB {n}" for n in range(10)])
    ala.send("PUB " + "x" * 1000)
    for _ in range(100):
        if not ala.session.can_read:
            break
        ala.send("PUB " + "x" * 1000)
    assert ala.session.waits
    assert 0.0 < ala.session.pause <= 0.5
    turns = 0
    while not ala.session.can_read:
        assert ala.session.patience is None, "there is nothing to be read"
        world.clock.now += ala.session.pause
        assert not ala.session.waits
        ala.session.receive(b"")
        turns += 1
    assert turns >= 16  # all of it is carried out before more is read


def test_the_end_of_the_stream_waits_for_its_turn(world):
    """Who sends nothing more is answered all the same, once all was carried out."""
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.send(*[f"PUB {n}" for n in range(12)])
    ola.read()
    assert ala.session.complete()
    for n in (10, 11):
        assert ala.session.waits
        world.clock.now += 0.5
        assert not ala.session.waits
        ala.session.receive(b"")
        assert ola.read() == [f"PUB_MSG {n}"]
    assert ala.session.can_read
    assert not ala.session.complete()


def test_nobody_else_waits(world):
    """R-16: others are served as ever."""
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.send(*[f"PUB {n}" for n in range(60)])
    ala.read()
    ola.send("PUB hello")
    assert ala.read() == ["PUB_MSG hello"]


def test_lines_that_make_no_sense_count(world):
    ala = world.connect("ala")
    assert ala.ask(*["NONSENSE"] * 60)[-1] == TOLD
    assert ala.session.patience is not None


def test_after_a_pause_all_is_forgiven(world):
    ala = world.connect("ala")
    assert ala.ask(*[f"PUB {n}" for n in range(10)]) == []
    assert ala.session.patience is None
    world.clock.now += 5.0
    assert ala.ask(*[f"PUB {n}" for n in range(10)]) == []
    assert ala.ask("PUB one too many") == [TOLD]


# -- questions about the past ----------------------------------------------------------------------


def history(ctx, room="General"):
    ctx.history(room)


LATER = "NOTICE you are fast, so what you send waits its turn (0.5 a second)"


def past_world(pace, **limits):
    commands = [Command("say", say), Command("history", history)]
    books = Command("debug", lambda ctx: ctx.inspect(), before_login=True)
    return World([*commands, books], pace=pace, **limits)


def test_questions_about_the_past_have_a_pace_of_their_own():
    """R-39: a hundred in one write are all answered: five at once, then one in two seconds."""
    world = past_world(Pace(10, 2.0))
    ala = world.connect("ala")
    ala.ask("PUB hello")
    world.clock.pass_by(10)
    start = world.clock.now
    read = ala.ask(*["HISTORY"] * 100)
    assert read.count("OK") == 5
    assert read[-1] == LATER
    answers = [5]
    while ala.session.patience is not None:
        world.clock.pass_by(ala.session.patience)
        ala.session.quiet_passed()
        answers.append(ala.read().count("OK"))
    assert sum(answers) == 100
    assert max(answers[1:]) == 1
    assert world.clock.now - start == pytest.approx(2.0 * 95)


def test_the_log_names_some_of_those_who_are_there():
    """However many they are, and not too often: anybody may ask."""
    world = past_world(Pace(10, 2.0), books=2)
    for nick in ("ala", "bob", "eva"):
        world.connect(nick)
    assert world.connect().ask(*["DEBUG"] * 100) == [LATER]
    books, *others = world.seen(Inspected)
    assert len(others) == 4
    _, connected, nicks, _ = describe(books)
    assert connected.endswith(" and 2 more")
    assert nicks == "logged in: ala, bob and 1 more"


def test_who_has_asked_enough_may_talk_on():
    """What is asked after that waits, and what is said behind it does, so the order stays."""
    world = past_world(Pace(10, 2.0))
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.ask(*["HISTORY"] * 5)
    assert ala.ask("PUB one") == []
    assert ola.read() == ["PUB_MSG one"]
    assert ala.ask("HISTORY", "PUB two") == [LATER]
    assert ola.read() == []
    world.clock.pass_by(2.0)
    ala.session.quiet_passed()
    assert ala.read()[-1] == "OK"
    assert ola.read() == ["PUB_MSG two"]


def test_the_past_follows_the_pace_of_all_else():
    """R-39: a quarter of it."""
    ala = past_world(UNBOUND).connect("ala")
    assert ala.ask(*["HISTORY"] * 50).count("OK") == 50
    ala = past_world(Pace(100, 20.0)).connect("ala")
    assert ala.ask(*["HISTORY"] * 60)[-1].endswith("(5 a second)")


def test_a_new_pace_is_one_for_the_past_too():
    ala = past_world(Pace(10, 2.0)).connect("ala")
    ala.session.set_pace(Pace(20, 4.0))
    read = ala.ask(*["HISTORY"] * 11)
    assert read.count("OK") == 10
    assert read[-1].endswith("(1 a second)")


def test_a_history_fills_nobodys_outbox():
    """R-39: whoever asks and asks without reading is not read, long before the outbox is full."""
    world = past_world(UNBOUND)
    ala, ola = world.connect("ala"), world.connect("ola")
    for _ in range(15):
        ola.ask("PUB " + "x" * 4000)
    ala.read()
    ala.wire.room = 0
    ala.send(*["HISTORY"] * 100)
    most = 0
    for _ in range(20):
        world.deliver()
        most = max(most, ala.session._outbox.size)
        if ala.session.can_read:
            ala.session.receive(b"")
    assert 0 < most <= world.limits.outbox
    assert ala.session.waits
    ala.wire.room = None
    answers = 0
    while answers < 100:
        ala.session.flush()
        answers += ala.read().count("OK")
        assert not ala.session.waits
        ala.session.receive(b"")
    assert world.seen(LoggedOut) == []


# -- servers ---------------------------------------------------------------------------------------


def test_a_paste_on_a_server(engine):
    """R-16: it comes whole and in order, who pasted it hears why it takes time, others talk on."""
    with running_server(engine=engine, flood=QUICK) as server:
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="ola") as ola:
            ala.send("\r\n".join(f"PUB {n}" for n in range(60)))
            assert ala.line().startswith("NOTICE you are fast, ")
            ola.send("PUB hello")
            assert ala.line() == "PUB_MSG hello"
            assert [ola.line() for _ in range(60)] == [f"PUB_MSG {n}" for n in range(60)]


def test_a_flood_does_not_outlive_its_sender(engine):
    with running_server(engine=engine, flood=Pace(10, 0.1)) as server:
        with RawClient(server.port, nick="ala") as ala:
            ala.send("\r\n".join(f"PUB {n}" for n in range(60)))
            assert ala.line().startswith("NOTICE you are fast, ")
            ala.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wait_until(lambda: server.server.hub.is_free("ala"), "its nick")


def test_many_who_wait_cost_the_others_nothing(engine, monkeypatch):
    """They are looked at now and then, not whenever somebody else says something."""
    looked = []
    look = Connection.notice_hang_up
    monkeypatch.setattr(
        Connection, "notice_hang_up", lambda *given: looked.append(1) or look(*given)
    )
    limits = Limits(neighbours=100, door_lines=4000)
    with running_server(engine=engine, flood=Pace(250, 0.01), limits=limits) as server:
        with ExitStack() as crowd, RawClient(server.port, nick="ala") as ala:
            for _ in range(20):
                client = crowd.enter_context(RawClient(server.port))
                client.send("\r\n".join(["NONSENSE"] * 4000))
                while not client.line().startswith("NOTICE you are fast, "):
                    pass
            start, before = time.monotonic(), len(looked)
            for _ in range(500):
                ala.ask("WHOAMI")
            seconds = time.monotonic() - start
            assert len(looked) - before <= 20 * (seconds / LONGEST_PAUSE + 2)


def test_the_end_of_the_server_does_not_wait_for_a_flood(engine):
    with running_server(engine=engine, flood=Pace(10, 0.01)) as server:
        with RawClient(server.port, nick="ala") as ala:
            ala.send("\r\n".join(f"PUB {n}" for n in range(60)))
            assert ala.line().startswith("NOTICE you are fast, ")
            server.server.stop()
            assert ala.line() == "ERROR the server is shutting down"


def test_chatd_has_a_bound_by_default(tmp_path, monkeypatch):
    monkeypatch.delenv("CHATD_FLOOD")
    with chatd_process(tmp_path) as process, RawClient(process.port, nick="ala") as ala:
        ala.send("\r\n".join(["LOGIN ala"] * 12))
        assert [ala.line() for _ in range(9)] == ["OK"] * 9
        assert ala.line() == TOLD
        assert [ala.line() for _ in range(3)] == ["OK"] * 3


def unread(client):
    """Bytes that the server's side of a connection has not taken yet."""
    ends = [f":{client.sock.getpeername()[1]:04X}", f":{client.sock.getsockname()[1]:04X}"]
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    lines += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()]
    (queue,) = (f[4] for f in lines if [f[1][-5:], f[2][-5:]] == ends)
    return int(queue.partition(":")[2], 16)


@pytest.mark.parametrize("dialect", ["slash", "words", "rooms"])
def test_messages_without_an_end_do_not_run_together(engine, dialect):
    """What one recv brought is a message also while it waits: nothing private gets out."""
    # How many lines the server says first, and the answer.
    hello = {
        "slash": [(2, b"0"), (1, b"ala")],
        "words": [(0, b"login ala")],
        "rooms": [(0, b"ala")],
    }
    say = {"slash": "", "words": "msgall ", "rooms": "public General "}[dialect]
    tell = {"slash": "/tell ola ", "words": "msg ola ", "rooms": "private ola "}[dialect]
    with chat_server(engine=engine, flood=Pace(4, 5.0)) as server:
        with (
            open_client("threads", server.ports["json"], "ola") as ola,
            open_client("threads", server.ports["json"], "eve") as eve,
            LineClient(server.ports[dialect]) as ala,
        ):
            ala.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for lines, answer in hello.get(dialect, [(0, b"ala")]):
                for _ in range(lines):
                    ala.line()
                ala.send(answer)
            wait_until(lambda: "ala" in ola.users(), "ala")
            for number in range(5):
                ala.send(f"{say}{number}".encode())
                wait_until(lambda: unread(ala) == 0, "a recv that takes it alone")
            ala.send(f"{tell}the secret".encode())
            *_, told = until(ola, lambda event: isinstance(event, Told))
            assert told.text == "the secret"
            ola.say("over")
            heard = until(eve, lambda event: isinstance(event, Said) and event.text == "over")
            said = [event.text for event in heard if isinstance(event, Said)]
            assert said == ["0", "1", "2", "3", "4", "over"]


@pytest.mark.parametrize("value", ["", "10", "10/", "/2", "0/2", "10/0", "10/x", "on", "-1/2"])
def test_a_pace_that_is_none(value, tmp_path):
    line = [sys.executable, "-m", "chatd", "-p", "0", "--flood", value]
    done = subprocess.run(line, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert "is neither `off` nor like 10/2" in done.stderr


def test_many_questions_about_the_past_in_one_write(engine):
    """R-39: they are answered, if slowly, and whoever asks is not dropped."""
    with running_server(engine=engine, flood=Pace(10, 8.0)) as server:
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="ola") as ola:
            ola.send("\r\n".join("PUB " + "x" * 4000 for _ in range(10)))
            for _ in range(10):
                ala.line()
            ala.send("\r\n".join(["HISTORY"] * 8))
            seen = []
            while seen.count("OK") < 8:
                seen.append(ala.line())
            assert slow_down(2.0).text in [line.removeprefix("NOTICE ") for line in seen]
            assert ala.ask("LIST") == "USERS ala ola"


# -- clients ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_paste_through_chatcli(dialect, client_engine):
    """It waits for its end as long as the server goes on, and counts nothing as refused."""
    login = {"slash": "0\nala\n", "words": "login ala\n", "rooms": ""}.get(dialect, "")
    say = {"words": "msgall ", "rooms": "public General "}.get(dialect, "")
    name = ("-l", "ala") if dialect in ("crlf", "json", "rooms") else ()
    with chat_server(flood=Pace(10, 100.0)) as server:
        with open_client("threads", server.ports["json"], "ola") as ola:
            line = command(server.ports[dialect], "--dialect", dialect, *name)
            typed = login + "".join(f"{say}{n}\n" for n in range(25))
            options = ["--engine", client_engine, "--timeout", "8"]
            done = subprocess.run(
                [*line, *options], input=typed.encode(), capture_output=True, env=environment()
            )
            assert (done.returncode, done.stderr) == (0, b"")
            heard = until(ola, lambda event: isinstance(event, Said) and event.text == "24")
            said = [event.text for event in heard if isinstance(event, Said)]
            assert said == [str(n) for n in range(25)]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_program_that_talks_fast(kind, dialect):
    """R-16: it is told, and hears of every message that it was said."""
    with chat_server(flood=Pace(10, 100.0)) as server:
        with open_client(kind, server.ports[dialect], "bot", dialect, timeout=2.0) as bot:
            for n in range(20):
                bot.say(str(n), wait=False)
            bot.say("the end")
            news = [event for event in bot.events(timeout=0) if isinstance(event, Notice)]
            assert [event for event in news if is_slow_down(event)]


def test_the_notice_is_known_again():
    assert is_slow_down(slow_down(0.5))
    assert not is_slow_down(Said("General", "ala", slow_down(1.0).text))
    assert slow_down(0.5).text.endswith(" (0.5 a second)")
