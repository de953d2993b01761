"""Who is not read for a while: fast senders while others lag, and who does not take answers."""

from chatd.events import GENERAL, Said
from fakes import World
from sessions import COMMANDS, stuck


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


def test_whoever_ended_is_read_even_when_all_others_wait():
    world = World(COMMANDS, calm_rate=100, free_rate=1000)
    fast = world.connect("fast")
    lagging(world)
    fast.session.receive(b"\n" * 101)
    assert not fast.session.can_read
    fast.session.end("gone")
    assert fast.session.can_read


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
