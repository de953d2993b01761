"""What a client does not take waits, for so many bytes and seconds; then it is dropped."""

from math import inf

from chatd.events import LoggedOut, Notice
from fakes import World
from sessions import COMMANDS, notices, stuck


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
