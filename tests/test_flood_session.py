"""Who sends too much to a session waits, is told so, and loses nothing; nobody else notices."""

import pytest

from chatd.flood import TOLD_AGAIN, Pace
from fakes import World
from sessions import COMMANDS, slowed

TOLD = slowed(2)


@pytest.fixture
def world():
    return World(COMMANDS, pace=Pace(10, 2.0))


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
    ala = World(COMMANDS, pace=Pace(1, 0.01)).connect("ala")
    clock = ala.session.clock
    assert ala.ask("PUB one", "PUB two") == [slowed(0.01)]
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
