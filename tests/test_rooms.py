"""Rooms without members: they stay, until their place is needed."""

import pytest

from chatd.archive import Archive
from chatd.ids import epoch_of, id_text
from house import House, refused


@pytest.fixture
def house():
    return House(rooms=4)


def names(house):
    return [room.name for room in house.hub._rooms]


def records(house, client, room):
    return house.hub.recall(client, room).records


def test_the_room_that_has_been_empty_for_longest_makes_place(house):
    """R-38: whether somebody was in it or not."""
    ala, ola = house.client("ala"), house.client("ola")
    for room in ("tea", "den", "bar"):
        house.hub.create(ala, room)
    house.hub.join(ala, "tea")
    house.hub.join(ola, "tea")
    house.hub.leave(ala, "tea")
    house.hub.create(ala, "one")  # ola is in the oldest
    assert names(house) == ["General", "tea", "bar", "one"]
    house.hub.leave(ola, "tea")
    house.hub.join(ola, "bar")
    house.hub.create(ala, "two")
    assert names(house) == ["General", "tea", "bar", "two"]
    house.hub.end(ola, "quit")
    for room in ("three", "four", "five"):
        house.hub.create(ala, room)
    assert names(house) == ["General", "three", "four", "five"]


def test_general_stays_though_it_is_empty(house):
    """R-38: everybody who logs in enters it."""
    ala = house.client("ala")
    house.hub.leave(ala, "General")
    for number in range(9):
        house.hub.create(ala, f"room{number}")
    assert names(house)[0] == "General"
    house.hub.join(ala, "General")


def test_where_somebody_is_everywhere_there_is_no_place(house):
    """R-38: that is an error, and no room is lost."""
    ala = house.client("ala")
    for room in ("tea", "den", "bar"):
        house.hub.create(ala, room)
        house.hub.join(ala, room)
    error = refused("too-many-rooms", house.hub.create, ala, "one")
    assert error.text == "there are too many rooms"
    house.hub.end(ala, "quit")
    house.hub.create(house.client("ola"), "one")


def test_what_was_said_goes_with_the_room(house):
    """And whoever asks in one of the same name is not told that this was all."""
    ala = house.client("ala")
    house.hub.create(ala, "tea")
    house.hub.join(ala, "tea")
    before = house.hub.last_id
    house.hub.say(ala, "tea", "hello")
    house.hub.leave(ala, "tea")
    for room in ("den", "bar", "one", "tea"):
        house.hub.create(ala, room)
    house.hub.join(ala, "tea")
    assert [type(record.event).__name__ for record in records(house, ala, "tea")] == ["Joined"]
    archive = Archive(house.hub, house.limits)
    notice, _ = archive.history(ala, "tea", None, "", id_text(before))
    assert notice.text == f"some of what came after {id_text(before)} is not kept any more"


def test_what_went_is_known_to_have_gone_in_a_new_epoch(house):
    ala = house.client("ala")
    house.hub.create(ala, "tea")
    house.hub.join(ala, "tea")
    house.hub.leave(ala, "tea")
    for room in ("den", "bar", "one"):
        house.hub.create(ala, room)
    house.hub.pause(lambda: None, epoch=77)
    house.hub.create(ala, "two")
    house.hub.join(ala, "two")
    assert epoch_of(house.hub.recall(ala, "two").since) == 77


@pytest.mark.parametrize("count", [2000, pytest.param(100_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("users", [1, 100])
def test_rooms_without_end_stay_within_their_bound(users, count):
    """R-17, R-38: by one user or by many."""
    house = House(rooms=50)
    people = [house.client(f"user{number}") for number in range(users)]
    house.hub.create(people[0], "mine")
    house.hub.join(people[0], "mine")
    for number in range(count):
        house.hub.create(people[number % users], f"room{number}")
        house.drain()
    assert len(names(house)) == 50
    assert names(house)[:2] == ["General", "mine"]
    assert len(house.hub._rooms._empty) == 48
