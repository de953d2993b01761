"""The end of a session, in every order: what waits is sent, and the connection closes once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.events import Disconnected, LoggedOut, Notice
from fakes import World
from sessions import COMMANDS, notices, stuck


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
