"""One client: deadlines, pauses, congestion, errors, and the end in every order."""

import logging
from collections import deque
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.commands import Command
from chatd.dialects import Dialect
from chatd.dialects.crlf import Crlf
from chatd.events import (
    GENERAL,
    CommandError,
    Connected,
    Disconnected,
    Goodbye,
    LoggedOut,
    Notice,
    Request,
    Said,
)
from fakes import World


def login(ctx, nick):
    ctx.login(nick)


def say(ctx, room, text):
    ctx.say(room, text)


def users(ctx):
    ctx.users()


def echo(ctx, text):
    ctx.reply(text)


def leave(ctx):
    ctx.quit("bye bye")


COMMANDS = [
    Command("login", login, before_login=True),
    Command("say", say),
    Command("users", users),
    Command("echo", echo, before_login=True),
    Command("quit", leave, before_login=True),
]


def raising(error, **options):
    """Make a command FAIL that raises error."""

    def fail(ctx):
        raise error

    return Command("fail", fail, before_login=True, **options)


def slow(ctx, text="done"):
    ctx.reply(text)


SLOW = Command("slow", slow, before_login=True, blocks=True)


@pytest.fixture
def world():
    return World([*COMMANDS, SLOW])


def notices(*texts):
    return [f"NOTICE {text}" for text in texts]


# -- requests --------------------------------------------------------------------------------


def test_requests_are_carried_out_in_order_however_they_arrive(world):
    ala = world.connect("ala")
    for byte in b"ECHO one\r\nECHO two\r\nECHO thr":
        ala.session.receive(bytes([byte]))
    ala.session.receive(b"ee\r\nECHO four\r\n")
    assert ala.read() == notices("one", "two", "three", "four")


def test_a_bad_message_costs_one_error_and_the_session_goes_on(world):
    ala = world.connect("ala")
    ala.session.receive(b"ECHO \xff\r\nNOSUCH\r\nECHO\r\nECHO fine\r\n")
    assert ala.read() == [
        "ERROR this is not UTF-8",
        "ERROR unknown command nosuch",
        "ERROR text is missing",
        "NOTICE fine",
    ]


def test_what_makes_no_going_on_possible_is_told_and_ends_the_session():
    world = World(COMMANDS, line=10, endless=30)
    ala, ola = world.connect("ala"), world.connect("ola")
    for _ in range(4):
        ala.session.receive(b"x" * 10)
    ala.send("ECHO never")
    assert ala.read() == ["ERROR line is longer than 10 bytes", "ERROR this line never ends"]
    assert ala.wire.calls["end_output"] == 1
    assert world.seen(LoggedOut) == [LoggedOut("ala", "this line never ends")]
    assert ola.ask("USERS") == ["USERS ola"]


class Diary(Dialect):
    """One request a byte; it notes what it is told."""

    name = "diary"

    def __init__(self, setting):
        super().__init__(setting)
        self.bytes = deque()
        self.notes = []

    def opened(self):
        return [Notice("who are you?")]

    def feed(self, data):
        self.bytes.extend(data.decode())

    def next_request(self):
        if not self.bytes:
            return None
        self.notes.append(self.bytes[0])
        return Request({"e": "echo", "f": "fail", "s": "slow"}[self.bytes.popleft()], ("x",))

    def done(self, request, error):
        self.notes.append((request.verb, error and error.code))
        return super().done(request, error)

    @staticmethod
    def encode(event, own):
        return Crlf.encode(event, own)


def diary_world(*commands):
    world = World([*COMMANDS, SLOW, *commands], dialect=Diary)
    client = world.connect()
    return world, client, client.session._dialect.notes


def test_a_dialect_may_speak_first(world):
    _, client, _ = diary_world()
    assert client.read() == notices("who are you?")


@pytest.mark.parametrize(
    ("error", "code"), [(CommandError("odd", "odd"), "odd"), (KeyError("x"), "internal")]
)
def test_a_dialect_learns_each_outcome_before_the_next_request(error, code):
    def fail(ctx, text):
        raise error

    _, client, notes = diary_world(Command("fail", fail, before_login=True))
    client.session.receive(b"efe")
    assert notes == ["e", ("echo", None), "f", ("fail", code), "e", ("echo", None)]


def test_a_dialect_learns_the_outcome_of_a_job_before_the_next_request():
    world, client, notes = diary_world()
    client.session.receive(b"se")
    assert notes == ["s"]
    world.pool.jobs.popleft().run()
    client.session.receive(b"")
    assert notes == ["s", ("slow", None), "e", ("echo", None)]


def test_what_arrives_behind_the_end_is_not_kept():
    _, client, notes = diary_world()
    client.session.end("quit")
    client.session.receive(b"e" * 1000)
    assert notes == []
    assert not client.session._dialect.bytes


@pytest.mark.parametrize("where", ["opened", "feed", "next_request", "done"])
def test_a_dialect_that_fails_costs_its_own_client_only(where, caplog):
    def fail(*args):
        raise ZeroDivisionError("secret")

    class Failing(Diary):
        pass

    setattr(Failing, where, fail)
    world = World(COMMANDS, dialect=Failing)
    ala = world.connect()
    if where != "opened":
        ala.session.receive(b"ee")
    told = ala.read()[-1]
    assert told.startswith("ERROR internal error E")
    assert caplog.records[-1].getMessage() in told
    assert ala.wire.calls["end_output"] == 1
    ala.session.eof()
    assert ala.wire.closed
    assert world.hub.at_the_door == 0


# -- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [KeyError("secret"), SystemExit("secret"), KeyboardInterrupt("secret")]
)
def test_an_internal_error_is_logged_under_the_id_that_the_client_is_told(error, caplog):
    world = World([*COMMANDS, raising(error)])
    ala = world.connect("ala")
    with caplog.at_level(logging.ERROR):
        first, second, alive = ala.ask("FAIL", "FAIL", "ECHO alive")
    assert alive == "NOTICE alive"
    assert first != second
    for told, record in zip((first, second), caplog.records, strict=True):
        assert told.startswith("ERROR internal error E")
        assert "secret" not in told
        assert record.getMessage() == told.removeprefix("ERROR ")
        assert record.exc_info[1] is error


def test_an_internal_error_of_a_job_is_handled_alike(caplog):
    world = World([*COMMANDS, raising(ZeroDivisionError("secret"), blocks=True)])
    ala = world.connect("ala")
    ala.send("FAIL", "ECHO alive")
    world.pool.jobs.popleft().run()
    ala.session.receive(b"")
    told, alive = ala.read()
    assert alive == "NOTICE alive"
    assert told == f"ERROR {caplog.records[0].getMessage()}"
    assert "secret" not in told


def test_the_users_own_errors_are_not_logged(caplog):
    world = World([*COMMANDS, raising(CommandError("nope", "no way"))])
    ala = world.connect("ala")
    assert ala.ask("FAIL", "NOSUCH") == ["ERROR no way", "ERROR unknown command nosuch"]
    assert caplog.records == []


@pytest.mark.parametrize("blocks", [False, True])
def test_a_goodbye_closes_behind_the_reply_and_nothing_follows(blocks):
    calls = []

    def note(ctx):
        calls.append(ctx)

    commands = [raising(Goodbye("full", "no room"), blocks=blocks), Command("note", note)]
    world = World([*COMMANDS, *commands])
    ala = world.connect("ala")
    ala.send("ECHO before", "FAIL", "NOTE", "NOTE")
    if blocks:
        world.pool.jobs.popleft().run()
        ala.session.receive(b"")
    assert ala.read() == ["NOTICE before", "ERROR no room"]
    assert ala.wire.calls["end_output"] == 1
    assert world.seen(LoggedOut) == [LoggedOut("ala", "no room")]
    assert calls == []


def test_a_client_that_quits_gets_all_it_was_sent_and_nothing_follows(world):
    ala, ola = world.connect("ala"), world.connect("ola")
    ola.send("PUB one")
    ala.send("ECHO two", "QUIT", "ECHO three")
    ola.send("PUB four")
    assert ala.read() == ["PUB_MSG one", "NOTICE two"]
    assert ala.wire.calls == {"want_read": 1, "end_output": 1}
    assert world.seen(LoggedOut) == [LoggedOut("ala", "bye bye")]


# -- the login deadline ----------------------------------------------------------------------


def test_the_login_deadline_counts_from_accept_and_bytes_do_not_extend_it(world):
    """R-01: thirty seconds by default."""
    client = world.connect()
    opened = world.clock()
    assert client.session.deadline == opened + 30
    for _ in range(24):
        world.clock.pass_by(1)
        client.send("ECHO still here")
        client.session.receive(b"x")
        client.session.receive(b"\n")
        client.session.tick()
    assert client.session.deadline == opened + 30
    client.read()
    world.clock.pass_by(6)
    client.session.tick()
    assert client.session.deadline == inf  # or its engine would call tick again and again
    assert client.read() == ["ERROR no login within 30 seconds"]
    assert client.wire.calls["end_output"] == 1
    address = client.session.address
    assert world.events[0] == Connected(address)
    assert world.events[-1] == Disconnected(address, "no login within 30 seconds")


def test_who_logs_in_at_the_last_moment_is_in(world):
    client = world.connect()
    world.clock.pass_by(30)
    world.hub.login(client.session, "ala")  # and the deadline is looked at before it is met
    client.session.tick()
    client.session.logged_in()
    assert client.ask("USERS") == ["OK", "USERS ala"]
    assert client.session.deadline == inf


def test_a_login_in_time_meets_the_deadline(world):
    client = world.connect()
    world.clock.pass_by(29.9)
    assert client.ask("LOGIN ala") == ["OK"]
    assert client.session.deadline == inf
    world.clock.pass_by(10_000)
    client.session.tick()
    assert client.ask("USERS") == ["USERS ala"]


def test_a_refused_login_does_not_meet_the_deadline(world):
    world.connect("ala")
    client = world.connect()
    assert client.ask("LOGIN ala", "LOGIN") == ["ERROR nick ala is taken", "ERROR nick is missing"]
    world.clock.pass_by(30)
    client.session.tick()
    assert client.read() == ["ERROR no login within 30 seconds"]


# -- jobs ------------------------------------------------------------------------------------


def test_reading_pauses_while_a_job_runs_and_goes_on_in_order(world):
    ala = world.connect("ala")
    ala.send("ECHO one", "SLOW two", "ECHO three", "SLOW four", "ECHO five")
    assert ala.read() == notices("one")
    for expected in (("two", "three"), ("four", "five")):
        assert ala.session.waits
        assert not ala.session.can_read
        ala.session.receive(b"")
        assert ala.read() == []
        asked = ala.wire.calls["want_read"]
        world.pool.jobs.popleft().run()
        assert ala.wire.calls["want_read"] == asked + 1
        assert not ala.session.waits
        assert not ala.session.can_read  # what is left comes before new bytes
        ala.session.receive(b"")
        assert ala.read() == notices(*expected)
    assert ala.session.can_read
    assert not world.pool.jobs


def test_bytes_that_arrive_while_a_job_runs_wait_for_it(world):
    ala = world.connect("ala")
    ala.send("SLOW one")
    ala.send("ECHO two")
    assert ala.read() == []
    world.pool.jobs.popleft().run()
    ala.send("ECHO three")
    assert ala.read() == notices("one", "two", "three")


def test_a_job_that_is_done_at_once_costs_no_pause(world):
    ala = world.connect("ala")
    submit = world.pool.submit

    def submit_and_run(*args):
        job = submit(*args)
        job.run()
        return job

    world.pool.submit = submit_and_run
    assert ala.ask("SLOW one", "ECHO two") == notices("one", "two")


def test_others_are_served_while_a_job_runs(world):
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.send("SLOW")
    assert ola.ask("ECHO hi") == notices("hi")
    ola.send("PUB hi")
    assert ala.read() == ["PUB_MSG hi"]


def test_no_free_worker_is_one_error(world):
    def busy(*args):
        raise CommandError("busy", "try later")

    ala = world.connect("ala")
    world.pool.submit = busy
    assert ala.ask("SLOW", "ECHO hi") == ["ERROR try later", "NOTICE hi"]
    assert ala.session.deadline == inf


def test_a_job_is_given_up_at_its_deadline_and_its_late_end_changes_nothing(world):
    ala = world.connect("ala")
    ala.send("SLOW late", "ECHO next")
    assert ala.session.deadline == world.clock() + 10
    world.clock.pass_by(9.9)
    ala.session.tick()
    assert not ala.session.can_read
    world.clock.pass_by(0.1)
    ala.session.tick()
    assert not ala.session.waits
    ala.session.receive(b"")
    assert ala.read() == ["ERROR the command took too long and was given up", "NOTICE next"]
    assert ala.session.deadline == inf
    asked = ala.wire.calls["want_read"]
    world.pool.jobs.popleft().run()
    assert ala.ask("ECHO again") == notices("again")
    assert ala.wire.calls["want_read"] == asked


def test_a_job_that_ended_in_time_has_no_deadline(world):
    ala = world.connect("ala")
    ala.send("SLOW one")
    world.pool.jobs.popleft().run()
    ala.session.receive(b"")
    assert ala.session.deadline == inf
    world.clock.pass_by(100)
    ala.session.tick()
    assert ala.read() == notices("one")


def test_a_job_that_was_given_up_can_do_nothing_in_its_callers_name():
    refusals = []

    def stubborn(ctx):
        for deed in (
            lambda: ctx.reply("late"),
            lambda: ctx.login("ela"),
            lambda: ctx.say(GENERAL, "late"),
            lambda: ctx.tell("ola", "late"),
            lambda: ctx.create("tea"),
            lambda: ctx.join("tea"),
            lambda: ctx.leave(GENERAL),
            ctx.users,
            ctx.rooms,
            ctx.whoami,
            ctx.inspect,
            lambda: ctx.history(GENERAL),
            lambda: ctx.nick,
        ):
            with pytest.raises(CommandError) as caught:
                deed()
            refusals.append(caught.value.code)
        ctx.quit()

    world = World([*COMMANDS, Command("stubborn", stubborn, blocks=True)])
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.send("STUBBORN")
    world.clock.pass_by(10)
    ala.session.tick()
    ala.session.receive(b"")
    ala.read()
    world.events.clear()
    world.pool.jobs.popleft().run()
    assert refusals == ["timeout"] * 13
    assert ala.ask("USERS") == ["USERS ala ola"]
    assert ola.read() == []
    assert world.events == []


def test_a_job_of_a_session_that_ended_tells_nobody(world):
    ala = world.connect("ala")
    ala.send("SLOW late", "ECHO next")
    ala.session.end("the server stops")
    assert not ala.session.waits
    assert ala.session.can_read  # to see the client close
    world.pool.jobs.popleft().run()
    ala.session.receive(b"")
    assert ala.read() == []


def test_a_job_that_hangs_is_given_up_after_the_end_of_its_session_too(world):
    ala = world.connect("ala")
    ala.send("SLOW late")
    ala.session.end("the server stops")
    world.deliver()
    world.clock.pass_by(10)
    while ala.session.deadline <= world.clock():
        ala.session.tick()
    assert world.pool.jobs[0].done


# -- congestion ------------------------------------------------------------------------------


def stuck(world, nick="ala"):
    """Give a user whose connection takes nothing any more."""
    client = world.connect(nick)
    client.wire.room = 0
    return client


def test_what_the_connection_does_not_take_waits_and_goes_out_in_order(world):
    ala = world.connect("ala")
    ala.wire.room = 5
    world.hub.reply(ala.session, Notice("one"))
    world.deliver()
    assert ala.wire.calls["want_write"] == 1
    world.hub.reply(ala.session, Notice("two"))
    world.deliver()
    assert ala.wire.taken == b"NOTIC"
    ala.wire.room = 10
    ala.session.flush()
    assert ala.wire.calls["want_write"] == 2
    ala.wire.room = None
    ala.session.flush()
    assert ala.wire.calls["want_write"] == 2
    assert ala.read() == notices("one", "two")


def test_a_full_outbox_is_the_end():
    """R-03: the log says how much waited."""
    world = World(COMMANDS, outbox=1000)
    ala, ola = stuck(world), world.connect("ola")
    ala.session.deliver(b"x" * 1000)
    assert not ala.wire.calls["abort"]
    ala.session.deliver(b"x")
    assert ala.wire.calls["abort"] == 1
    reason = "too slow: 1001 bytes wait for it"
    assert world.seen(LoggedOut) == [LoggedOut("ala", reason)]
    assert not world.delivery.congested
    assert ola.ask("USERS") == ["USERS ola"]
    ala.wire.room = None
    ala.session.deliver(b"more")
    ala.session.flush()
    assert ala.wire.taken == b""


def test_an_outbox_above_half_is_congestion_until_it_is_half_again():
    """R-03: who catches up in time stays."""
    world = World(COMMANDS, outbox=1000)
    ala = stuck(world)
    ala.session.deliver(b"x" * 500)
    assert not world.delivery.congested
    assert ala.session.deadline == world.clock() + 30
    ala.session.deliver(b"x")
    assert world.delivery.congested == {ala.session}
    assert ala.session.deadline == world.clock() + 2
    ala.wire.room = 1
    ala.session.flush()
    assert not world.delivery.congested
    world.clock.pass_by(29)
    ala.session.tick()
    assert not ala.wire.calls["abort"]


def test_who_stays_congested_is_dropped_though_it_takes_a_little():
    """R-03: within the bound, too."""
    world = World(COMMANDS, outbox=1000)
    ala = stuck(world)
    ala.session.deliver(b"x" * 900)
    for _ in range(19):
        world.clock.pass_by(0.1)
        ala.wire.room = 10
        ala.session.flush()
        ala.session.tick()
    assert not ala.wire.calls["abort"]
    world.clock.pass_by(0.1)
    ala.session.tick()
    assert ala.wire.calls["abort"] == 1
    reason = "too slow: 710 bytes wait for it, more than half of its outbox for 2 seconds"
    assert world.seen(LoggedOut) == [LoggedOut("ala", reason)]
    assert not world.delivery.congested
    assert ala.session.deadline == inf


def test_a_new_congestion_gets_its_own_time():
    world = World(COMMANDS, outbox=1000)
    ala = stuck(world)
    ala.session.deliver(b"x" * 600)
    ala.wire.room = 600
    ala.session.flush()
    world.clock.pass_by(1.9)
    ala.wire.room = 0
    ala.session.deliver(b"x" * 600)
    assert ala.session.deadline == world.clock() + 2


def test_not_a_byte_waits_for_ever():
    """R-03: be it far from half an outbox, and the peer alive: within a minute it is over."""
    world = World(COMMANDS)
    ala = stuck(world)
    ala.session.deliver(b"x" * 10)
    for _ in range(29):
        world.clock.pass_by(1)
        ala.session.tick()
    assert not ala.wire.calls["abort"]
    ala.session.deliver(b"y")
    world.clock.pass_by(1)
    ala.session.tick()
    assert ala.wire.calls["abort"] == 1
    reason = "too slow: 11 bytes wait for it, some of them for 30 seconds"
    assert world.seen(LoggedOut) == [LoggedOut("ala", reason)]
    assert ala.session.deadline == inf


def test_who_takes_in_time_what_waits_is_never_dropped():
    """R-03: however little that is, and though something waits at all times."""
    world = World(COMMANDS)
    ala = stuck(world)
    ala.session.deliver(b"x" * 10)
    for _ in range(20):
        world.clock.pass_by(20)
        ala.session.deliver(b"x" * 10)
        ala.wire.room = 10
        ala.session.flush()
        world.clock.pass_by(10)
        ala.session.tick()
    assert not ala.wire.calls["abort"]
    for _ in range(60):
        world.clock.pass_by(1)
        ala.session.tick()
    assert ala.wire.calls["abort"] == 1


def test_what_comes_while_a_look_is_taken_has_its_own_time(monkeypatch):
    """R-03: another thread sends and delivers between the deadline and the look at it."""
    world = World(COMMANDS)
    ala = stuck(world)
    ala.session.deliver(b"x" * 10)
    take_due = ala.session._take_due

    def meanwhile():
        due = take_due()
        ala.wire.room = 10
        ala.session.flush()
        ala.session.deliver(b"x" * 10)
        return due

    monkeypatch.setattr(type(ala.session), "_take_due", lambda session: meanwhile())
    world.clock.pass_by(30)
    ala.session.tick()
    assert not ala.wire.calls["abort"]


def test_what_was_taken_has_no_deadline():
    world = World(COMMANDS)
    ala = stuck(world)
    for _ in range(3):
        ala.session.deliver(b"x" * 10)
        assert ala.session.deadline == world.clock() + 30
        ala.wire.room = 10
        ala.session.flush()
        assert ala.session.deadline == inf
        world.clock.pass_by(29)


def test_who_only_talks_at_the_door_is_sent_away(world):
    """With or without sense; what comes behind it is not answered any more."""
    client = world.connect()
    assert len(client.ask(*["ECHO hi", "NONSENSE"] * 25)) == 50
    assert client.ask("LOGIN ala", "ECHO hi") == ["ERROR no login within 50 messages"]
    assert client.wire.calls["end_output"] == 1
    assert world.seen(Disconnected)[-1].reason == "no login within 50 messages"


def test_users_may_say_as_much_as_they_like(world):
    client = world.connect()
    assert client.ask(*["ECHO hi"] * 49, "LOGIN ala", *["ECHO hi"] * 60)[49:] == [
        "OK",
        *["NOTICE hi"] * 60,
    ]


def lagging(world):
    """Have somebody lag behind, while more is said than the free rate."""
    world.delivery.congested.add("somebody")
    speaker = world.connect("speaker")
    for _ in range(2 * world.limits.free_rate // 100):
        world.hub.say(speaker.session, GENERAL, "x" * 100)
        world.deliver()


def test_a_fast_sender_waits_for_the_congested_and_no_other_does():
    world = World(COMMANDS, calm_rate=100, free_rate=1000)
    fast, calm = world.connect("fast"), world.connect("calm")
    fast.session.receive(b"\n" * 100)
    calm.session.receive(b"\n" * 50)
    lagging(world)
    assert fast.session.can_read
    fast.session.receive(b"\n")
    assert not fast.session.can_read
    assert calm.session.can_read
    world.delivery.congested.clear()
    assert fast.session.can_read


def test_the_free_rate_is_shared_by_all_fast_senders():
    """However many paste, together they add no more than the rate to a lagging outbox."""
    world = World(COMMANDS, calm_rate=100, free_rate=5000)
    pasters = [world.connect(f"paster{n}") for n in range(5)]
    lagging(world)
    world.deliver()
    world.events.clear()
    line = "PUB " + "x" * 100
    for _ in range(100):  # ten seconds
        world.clock.pass_by(0.1)
        for paster in pasters:
            if paster.session.can_read:
                paster.send(line, line)
            elif not paster.session.waits:
                paster.session.receive(b"")  # what the last time brought
            world.deliver()
    size = sum(event.size for event in world.seen(Said))
    assert 40_000 < size < 65_000


def test_who_does_not_take_what_it_got_may_not_ask_for_more():
    world = World(COMMANDS, outbox=1000)
    ala = stuck(world)
    ala.session.deliver(b"x" * 250)
    assert ala.session.can_read
    ala.session.deliver(b"x")
    assert not ala.session.can_read
    assert ala.session.waits
    assert not world.delivery.congested
    ala.wire.room = 1
    ala.session.flush()
    assert ala.session.can_read


def test_requests_of_one_receive_wait_until_their_answers_are_taken():
    world = World(COMMANDS, outbox=1000, log_bytes=300)
    ala = stuck(world)
    ala.send(*["ECHO " + "x" * 90] * 30)
    world.deliver()
    while not ala.session.waits and not ala.session.can_read:
        ala.session.receive(b"")
        world.deliver()
    assert ala.session.waits
    assert not ala.wire.calls["abort"]
    answers = []
    for _ in range(100):
        ala.wire.room = 300
        ala.session.flush()
        while not ala.session.waits and not ala.session.can_read:
            ala.session.receive(b"")
            world.deliver()
        answers += ala.read()
    assert "".join(answers) == ("NOTICE " + "x" * 90) * 30


def test_what_was_held_goes_on_a_little_at_a_time():
    """Else all who wait would say all they have once their meters have run out."""
    world = World(COMMANDS, calm_rate=200, free_rate=1000)
    fast = world.connect("fast")
    lagging(world)
    fast.send(*["PUB " + "x" * 96] * 50)
    world.events.clear()
    for _ in range(5):
        world.clock.pass_by(10)
        for _ in range(20):
            world.hub.say(fast.session, GENERAL, "y" * 100)
        world.deliver()
        assert not fast.session.waits
        fast.session.receive(b"")
        world.deliver()
    said = [event for event in world.seen(Said) if event.text.startswith("x")]
    assert 5 <= len(said) <= 15


def test_an_answer_larger_than_the_outbox_is_kept_if_nothing_else_waits():
    world = World(COMMANDS, outbox=1000)
    ala = stuck(world)
    ala.session.deliver(b"x" * 5000)
    assert not ala.wire.calls["abort"]
    ala.wire.room = None
    ala.session.flush()
    assert ala.wire.taken == b"x" * 5000
    ala.wire.room = 0
    ala.session.deliver(b"y")
    ala.session.deliver(b"x" * 1000)
    assert ala.wire.calls["abort"] == 1


def test_nobody_waits_for_those_who_are_in_no_room():
    world = World(COMMANDS, outbox=1000)
    outside, leaving = world.connect(), stuck(world)
    outside.wire.room = 0
    outside.session.deliver(b"x" * 600)
    assert not world.delivery.congested
    assert outside.session.deadline == world.clock() + 2
    leaving.session.deliver(b"x" * 600)
    assert world.delivery.congested == {leaving.session}
    leaving.session.end("quit")
    world.deliver()
    assert not world.delivery.congested


def test_whoever_ended_is_read_even_when_all_others_wait():
    world = World(COMMANDS, calm_rate=100, free_rate=1000)
    fast = world.connect("fast")
    lagging(world)
    fast.session.receive(b"\n" * 101)
    assert not fast.session.can_read
    fast.session.end("gone")
    assert fast.session.can_read


def test_whoever_does_not_stop_behind_the_end_is_cut_off():
    """R-06: what is thrown away behind the end has a bound, too."""
    world = World(COMMANDS, endless=1000)
    ala = world.connect("ala")
    ala.session.end("quit")
    world.deliver()
    ala.session.receive(b"x" * 1000)
    assert not ala.wire.calls["abort"]
    ala.session.receive(b"x")
    assert ala.wire.calls["abort"] == 1
    ala.session.eof()
    assert ala.wire.closed


# -- the end ---------------------------------------------------------------------------------


def test_the_connection_closes_when_both_sides_are_done(world):
    ala = world.connect("ala")
    ala.session.end("quit")
    world.deliver()
    assert ala.wire.calls["end_output"] == 1
    assert not ala.wire.closed
    ala.session.eof()
    assert ala.wire.closed


def test_a_client_that_stops_sending_is_logged_out_and_closed(world):
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.session.eof()
    assert not ala.wire.closed
    world.deliver()
    assert ala.wire.closed
    assert not ala.wire.calls["end_output"]
    assert world.seen(LoggedOut) == [LoggedOut("ala", "connection closed")]
    assert ola.ask("USERS") == ["USERS ola"]


@pytest.mark.parametrize("eof_first", [True, False])
def test_what_waits_is_sent_before_the_end(world, eof_first):
    ala = stuck(world)
    world.hub.reply(ala.session, Notice("one"))
    if eof_first:
        ala.session.eof()
    else:
        ala.session.end("quit")
    world.deliver()
    assert not ala.wire.closed
    assert not ala.wire.calls["end_output"]
    ala.wire.room = None
    ala.session.flush()
    if not eof_first:
        ala.session.eof()
    assert ala.wire.closed
    assert ala.read() == notices("one")


def test_last_bytes_that_are_not_taken_have_a_deadline(world):
    """R-23: so one who does not read does not put off the end of the server."""
    ala = stuck(world)
    world.hub.reply(ala.session, Notice("one"))
    ala.session.end("quit")
    world.deliver()
    assert ala.session.deadline == world.clock() + 10
    world.clock.pass_by(10)
    ala.session.tick()
    assert ala.wire.calls["abort"] == 1
    ala.session.eof()
    assert ala.wire.closed


def test_a_client_that_does_not_close_is_cut_off(world):
    ala = world.connect("ala")
    ala.session.end("quit")
    world.deliver()
    assert ala.session.deadline == world.clock() + 2
    ala.session.receive(b"ECHO more\r\n" * 100)
    world.clock.pass_by(2)
    ala.session.tick()
    assert ala.wire.calls["abort"] == 1
    assert ala.read() == []
    ala.session.eof()
    assert ala.wire.closed
    assert world.seen(LoggedOut) == [LoggedOut("ala", "quit")]


def test_a_broken_connection_is_noticed_by_its_reader_and_harms_nobody(world):
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.wire.broken = True
    for _ in range(3):
        ola.send("PUB hi")
        world.deliver()
    assert ala.wire.sends == 1 + 1  # the login's and the one that failed
    ala.session.eof()
    world.deliver()
    assert ala.wire.closed
    assert ola.ask("USERS") == ["USERS ola"]


@pytest.mark.parametrize("ended", [True, False])
def test_a_connection_may_break_while_bytes_wait(world, ended):
    ala = stuck(world)
    ala.session.deliver(b"waiting")
    if ended:
        ala.session.end("quit")
        world.deliver()
    ala.wire.broken = True
    ala.session.flush()
    assert ala.wire.calls["want_write"] == 1
    ala.session.deliver(b"more")
    ala.session.flush()
    ala.session.eof()
    world.deliver()
    assert ala.wire.closed
    assert world.seen(LoggedOut) == [LoggedOut("ala", "quit" if ended else "connection closed")]


def test_a_tick_that_finds_nothing_due_any_more_does_nothing(world):
    ala = world.connect("ala")
    ala.session.deadline = world.clock()  # as it was read before the login
    ala.session.tick()
    assert ala.ask("USERS") == ["USERS ala"]


def test_a_closed_session_cannot_be_dropped(world):
    ala = world.connect("ala")
    ala.session.eof()
    world.deliver()
    ala.session.drop("the server stops")
    assert ala.wire.calls == {"want_read": 2, "close": 1}
    assert world.seen(LoggedOut) == [LoggedOut("ala", "connection closed")]


def test_what_is_delivered_behind_the_end_is_ignored(world):
    ala = world.connect("ala")
    ala.session.end("quit")
    world.deliver()
    ala.session.deliver(b"late")
    ala.session.flush()
    ala.session.finish()
    assert ala.wire.taken == b""
    assert ala.wire.calls["end_output"] == 1


def test_a_drop_throws_away_what_waits(world):
    ala = stuck(world)
    ala.session.deliver(b"waiting")
    ala.session.drop("too slow")
    ala.wire.room = None
    ala.session.flush()
    world.deliver()
    assert ala.wire.taken == b""
    assert ala.wire.calls["abort"] == 1
    ala.session.eof()
    assert ala.wire.closed


STEPS = st.one_of(
    st.sampled_from(["eof", "end", "drain", "flush", "drop", "break", "tick"]),
    st.integers(0, 40),  # the connection takes that many bytes
    st.binary(min_size=1, max_size=40),  # delivered
)


@given(st.lists(STEPS, max_size=14), st.booleans())
def test_in_any_order_of_ends_the_connection_closes_once(steps, logged_in):
    world = World(COMMANDS, outbox=50)
    client = world.connect("ala" if logged_in else None)
    client.wire.room = 0
    session = client.session
    deeds = {
        "end": lambda: session.end("quit"),
        "drop": lambda: session.drop("dropped"),
        "drain": world.deliver,
        "flush": session.flush,
        "break": lambda: setattr(client.wire, "broken", True),
        "tick": lambda: (world.clock.pass_by(2), session.tick()),
        "eof": session.eof,
    }
    for step in steps:
        if isinstance(step, bytes):
            session.deliver(step)
        elif isinstance(step, int):
            client.wire.room = step
        else:
            deeds[step]()
        if step == "eof":
            deeds["eof"] = lambda: None  # an engine says so once
    assert "eof" in steps or not client.wire.calls["close"], "its reader still uses it"
    deeds["eof"]()
    world.deliver()
    world.clock.pass_by(100)
    session.tick()
    assert client.wire.calls["close"] == 1
    assert not world.delivery.congested
    assert world.hub.at_the_door == 0
    assert len(world.seen(LoggedOut)) + len(world.seen(Disconnected)) == 1
