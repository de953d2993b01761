"""Questions about the past, and for the log, have a pace of their own."""

import pytest

from chat import RawClient
from chatd.commands import Command
from chatd.console import describe
from chatd.dialects.notices import slow_down
from chatd.events import Inspected, LoggedOut
from chatd.flood import UNBOUND, Pace
from chatd.testing import running_server
from fakes import World
from sessions import COMMANDS, slowed

LATER = slowed(0.5)


def history(ctx, room="General"):
    ctx.history(room)


def past_world(pace, **limits):
    books = Command("debug", lambda ctx: ctx.inspect(), before_login=True)
    return World([*COMMANDS, Command("history", history), books], pace=pace, **limits)


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
