"""At the door: a client has so much time to log in, and so many messages."""

from math import inf

from chatd.events import Connected, Disconnected


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
