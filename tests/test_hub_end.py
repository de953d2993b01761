"""Leaving the hub: the end is told once, and nothing happens behind it."""

from chatd.events import GENERAL, CommandError, Disconnected, Failed, LoggedOut, Notice, Refused
from house import refused


def test_the_end_frees_the_nick_at_once_and_is_told_to_general(house):
    ala, ola = house.client("ala"), house.client("ola")
    house.drain()
    ala.deliveries.clear()
    house.hub.end(ala, "quit", Failed("bye", "bye"))
    house.hub.login(house.client(), "ala")  # before anything is delivered
    assert house.heard(ala) == house.own(Failed("bye", "bye"), LoggedOut("ala", "quit"))
    assert house.heard(ola).startswith(house.others(LoggedOut("ala", "quit")))
    assert ala.finished_after


def test_the_end_of_somebody_at_the_door_is_told_to_nobody(house):
    ala, stranger = house.client("ala"), house.client()
    house.hub.end(stranger, "gone")
    assert house.heard(ala) == b""
    assert house.public[-1] == Disconnected(stranger.address, "gone")
    assert stranger.finished_after
    assert house.hub.at_the_door == 0


def test_only_the_first_end_counts(house):
    """R-02: it is told once."""
    ala, ola = house.client("ala"), house.client("ola")
    house.hub.end(ala, "first")
    house.hub.end(ala, "second")
    assert house.heard(ola) == house.others(LoggedOut("ala", "first"))
    assert len(ala.finished_after) == 1


def test_the_end_of_all_ends_everybody_with_a_farewell(house):
    clients = [house.client("ala"), house.client("ola"), house.client()]
    house.drain()
    for client in clients:
        client.deliveries.clear()
    house.hub.end_all("the server stops", Failed("shutdown", "bye"))
    for client in clients:
        assert house.own(Failed("shutdown", "bye")) in house.heard(client)
        assert client.finished_after
    assert house.hub.at_the_door == 0


def test_nothing_is_said_any_more_once_the_end_of_all_has_begun(house):
    """R-23: part of the others could not hear it, so it is not acknowledged either."""
    ala, ola = house.client("ala"), house.client("ola")
    ala.end = lambda *args: refused("shutdown", house.hub.say, ola, GENERAL, "hi")
    house.hub.end_all("the server stops", Failed("shutdown", "bye"))
    refused("ended", house.hub.login, ala, "ela")


def test_nothing_happens_for_a_client_that_ended(house):
    """R-12: neither does it get a nick."""
    ala, ola = house.client("ala"), house.client("ola")
    house.hub.create(ola, "tea")
    house.hub.end(ala, "quit")
    house.drain()
    house.public.clear()
    ola.deliveries.clear()
    refused("ended", house.hub.login, ala, "ela")
    hub = house.hub
    for operation, *args in [
        (hub.say, GENERAL, "hi"),
        (hub.room_name, GENERAL),
        (hub.tell, "ola", "hi"),
        (hub.create, "coffee"),
        (hub.join, "tea"),
        (hub.leave, GENERAL),
        (hub.users,),
        (hub.rooms,),
        (hub.whoami,),
    ]:
        refused("not-logged-in", operation, ala, *args)
    house.drain()
    assert (house.public, ola.heard) == ([], b"")


def test_a_reply_or_refusal_behind_the_end_reaches_nobody(house):
    """Whether the end has been delivered meanwhile or not."""
    ala, stranger = house.client("ala"), house.client()
    house.drain()
    house.hub.end(ala, "shutdown", Failed("bye", "bye"))
    house.hub.end(stranger, "shutdown")
    for client in (ala, stranger):
        house.hub.reply(client, Notice("late"))
        house.hub.refuse(client, CommandError("nick-taken", "late"), [Notice("late")])
    house.drain()
    assert b"late" not in ala.heard + stranger.heard
    assert not [event for event in house.public if isinstance(event, Refused)]
