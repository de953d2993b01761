"""Rooms of the hub: made, joined and left, however their names are written."""

import pytest

from chatd.events import GENERAL, Created, Joined, Parted, Said
from house import BAD_NAMES, House, refused


def test_a_creator_is_no_member_and_nobody_else_is_told(house):
    ala, ola = house.client("ala"), house.client("ola")
    house.heard(ala)
    house.hub.create(ala, "tea")
    assert house.heard(ala) == house.own(Created("tea", "ala"))
    assert house.heard(ola) == b""
    refused("not-a-member", house.hub.leave, ala, "tea")


def test_a_room_exists_once_however_it_is_written(house):
    ala = house.client("ala")
    house.hub.create(ala, "Tea")
    for room in ("Tea", "tea", "TEA", "general"):
        refused("room-exists", house.hub.create, ala, room)
    for room in BAD_NAMES:
        assert refused("bad-name", house.hub.create, ala, room).text.startswith("room ")


def test_joining_and_leaving_is_told_to_the_room(house):
    ala, ola = house.client("ala"), house.client("ola")
    house.hub.create(ala, "Tea")
    house.hub.join(ala, "Tea")
    house.heard(ala)
    house.hub.join(ola, "tea")
    assert house.heard(ola) == house.own(Joined("Tea", "ola"))
    assert house.heard(ala) == house.others(Joined("Tea", "ola"))
    house.hub.leave(ola, "TEA")
    assert house.heard(ola) == house.own(Parted("Tea", "ola"))
    assert house.heard(ala) == house.others(Parted("Tea", "ola"))
    house.hub.say(ala, "tea", "alone")
    assert house.heard(ola) == b""


def test_one_can_join_once_and_leave_once(house):
    ala = house.client("ala")
    house.hub.create(ala, "tea")
    house.hub.join(ala, "tea")
    refused("already-a-member", house.hub.join, ala, "TEA")
    refused("already-a-member", house.hub.join, ala, GENERAL)
    house.hub.leave(ala, "tea")
    refused("not-a-member", house.hub.leave, ala, "tea")
    house.hub.join(ala, "tea")


@pytest.mark.parametrize("room", ["coffee", "", "two words", "#tea"])
def test_only_a_room_that_exists_can_be_joined_or_left(house, room):
    ala = house.client("ala")
    refused("no-such-room", house.hub.join, ala, room)
    refused("no-such-room", house.hub.leave, ala, room)


def test_the_rooms_of_one_user_are_bounded():
    """R-38: until one is left."""
    house = House(rooms_per_user=2)
    ala = house.client("ala")
    for room in ("tea", "coffee"):
        house.hub.create(ala, room)
    house.hub.join(ala, "tea")
    refused("too-many-rooms", house.hub.join, ala, "coffee")
    house.hub.leave(ala, "tea")
    house.hub.join(ala, "coffee")


def test_general_can_be_left_and_entered_again(house):
    ala, ola = house.client("ala"), house.client("ola")
    house.hub.leave(ala, GENERAL)
    house.heard(ala)
    house.hub.say(ola, GENERAL, "hi")
    assert house.heard(ala) == b""
    refused("not-a-member", house.hub.say, ala, GENERAL, "hi")
    house.hub.join(ala, "general")
    house.hub.say(ola, GENERAL, "hi")
    assert house.heard(ala).endswith(house.others(Said(GENERAL, "ola", "hi")))


def test_an_empty_room_stays(house):
    ala = house.client("ala")
    house.hub.create(ala, "tea")
    house.hub.join(ala, "tea")
    house.hub.end(ala, "quit")
    ola = house.client("ola")
    house.hub.join(ola, "tea")
