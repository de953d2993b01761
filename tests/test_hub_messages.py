"""What is said, answered and refused, and who hears it."""

import pytest

from chatd.events import (
    GENERAL,
    CommandError,
    Created,
    Failed,
    Identity,
    Notice,
    Refused,
    Renamed,
    Rooms,
    Said,
    Told,
    Users,
    Warned,
)
from house import refused


def test_a_message_reaches_the_room_and_comes_back_as_ones_own(house):
    ala, ola, ela = house.client("ala"), house.client("ola"), house.client("ela")
    house.hub.create(ala, "Tea")
    house.hub.join(ala, "tea")
    house.hub.join(ola, "TEA")
    house.drain()
    for client in (ala, ola, ela):
        client.deliveries.clear()
    house.hub.say(ala, "tEA", "  hi  there ")
    event = Said("Tea", "ala", "  hi  there ")
    assert house.heard(ala) == house.own(event)
    assert house.heard(ola) == house.others(event)
    assert house.heard(ela) == b""


@pytest.mark.parametrize("text", ["", " ", " \t  "])
def test_an_empty_message_is_refused(house, text):
    ala = house.client("ala")
    refused("empty-message", house.hub.say, ala, GENERAL, text)
    refused("empty-message", house.hub.tell, ala, "ala", text)


def test_talking_to_a_room_takes_the_room_and_membership(house):
    ala = house.client("ala")
    house.hub.create(ala, "tea")
    refused("not-a-member", house.hub.say, ala, "tea", "hi")
    refused("not-a-member", house.hub.room_name, ala, "tea")
    for room in ("coffee", "", "no such room", "#tea", "x" * 99):
        refused("no-such-room", house.hub.say, ala, room, "hi")
        refused("no-such-room", house.hub.room_name, ala, room)


def test_a_private_message_reaches_the_two_and_no_tap(house):
    ala, ola, ela = house.client("ala"), house.client("Ola"), house.client("ela")
    house.drain()
    for client in (ala, ola, ela):
        client.deliveries.clear()
    house.public.clear()
    house.hub.tell(ala, "oLA", "psst")
    event = Told("ala", "Ola", "psst")
    assert house.heard(ala) == house.own(event)
    assert house.heard(ola) == house.others(event)
    assert house.heard(ela) == b""
    assert house.public == []


def test_a_message_to_oneself_is_one_own_view(house):
    ala = house.client("ala")
    house.hub.tell(ala, "ala", "note")
    assert house.heard(ala) == house.own(Told("ala", "ala", "note"))


@pytest.mark.parametrize("nick", ["nobody", "", "two words", "Server"])
def test_a_private_message_takes_somebody_to_get_it(house, nick):
    refused("no-such-user", house.hub.tell, house.client("ala"), nick, "hi")


def test_a_reply_reaches_its_client_behind_all_that_went_before(house):
    ala, ola = house.client("ala"), house.client("ola")
    house.heard(ala)
    house.hub.say(ola, GENERAL, "hi")
    house.hub.reply(ala, Notice("answer"))
    expected = house.others(Said(GENERAL, "ola", "hi")) + house.own(Notice("answer"))
    assert house.heard(ala) == expected
    assert b"answer" not in house.heard(ola)


def test_what_is_recorded_reaches_taps_and_no_client(house):
    ala = house.client("ala")
    house.hub.record(Warned("disk full"))
    assert house.heard(ala) == b""
    assert house.public[-1] == Warned("disk full")


def test_answers_are_true_where_they_stand_in_the_log(house):
    """Later changes do not reach back into an answer that is not delivered yet."""
    ala = house.client("ala")
    house.hub.create(ala, "tea")
    house.heard(ala)
    house.hub.users(ala)
    house.hub.rooms(ala)
    house.hub.whoami(ala)
    house.hub.login(ala, "ela")
    house.hub.create(ala, "coffee")
    expected = house.own(
        Users(("ala",)),
        Rooms((GENERAL, "tea")),
        Identity("ala"),
        Renamed("ala", "ela"),
        Created("coffee", "ela"),
    )
    assert house.heard(ala) == expected


def test_a_failed_request_is_told_to_its_client_alone(house):
    ala, ola = house.client("ala"), house.client("ola")
    house.heard(ala)
    house.hub.refuse(ala, CommandError("nick-taken", "sorry"), [Failed("nick-taken", "sorry")])
    assert house.heard(ala) == house.own(Failed("nick-taken", "sorry"))
    assert house.heard(ola) == b""
    assert not [event for event in house.public if isinstance(event, Refused)]


@pytest.mark.parametrize(
    ("code", "recorded"),
    [("nick-taken", True), ("bad-name", True), ("full", True), ("not-logged-in", False)],
)
def test_a_refused_login_is_recorded(house, code, recorded):
    stranger = house.client()
    house.hub.refuse(stranger, CommandError(code, "sorry"), [Failed("nick-taken", "sorry")])
    house.drain()
    assert (Refused(stranger.address, "sorry") in house.public) is recorded
