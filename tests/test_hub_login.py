"""Coming in: who gets a nick, who changes it, and what the others hear."""

import pytest

from chatd.events import GENERAL, Goodbye, LoggedIn, Renamed, Said, Users
from house import BAD_NAMES, House, refused


def test_a_login_is_told_to_general_and_greets_the_newcomer():
    house = House(greeting="hej")
    ala = house.client("ala")
    ola = house.client()
    house.hub.login(ola, "ola")
    event = LoggedIn("ola", ola.address, "hej")
    assert house.heard(ola) == house.own(event)
    assert house.heard(ala) == house.others(event)
    assert house.hub.nick(ola) == "ola"


def test_nobody_at_the_door_hears_anything(house):
    waiting, ala = house.client(), house.client("ala")
    house.hub.say(ala, GENERAL, "hi")
    assert house.heard(waiting) == b""
    assert house.hub.nick(waiting) is None
    assert house.hub.at_the_door == 1


def test_the_hub_knows_nobody_before_login(house):
    stranger = house.client()
    hub = house.hub
    for operation, *args in [
        (hub.say, GENERAL, "hi"),
        (hub.room_name, GENERAL),
        (hub.tell, "ala", "hi"),
        (hub.create, "tea"),
        (hub.join, GENERAL),
        (hub.leave, GENERAL),
        (hub.users,),
        (hub.rooms,),
        (hub.whoami,),
    ]:
        refused("not-logged-in", operation, stranger, *args)


@pytest.mark.parametrize("nick", ["ala", "ALA", "\uff41\uff4c\uff41"])
def test_a_nick_that_is_used_is_taken_however_it_is_written(house, nick):
    ala, ola = house.client("Ala"), house.client("ola")
    for client in (house.client(), ola):
        assert refused("nick-taken", house.hub.login, client, nick).text == f"nick {nick} is taken"
    assert house.users(ala) == house.own(Users(("Ala", "ola")))


@pytest.mark.parametrize("nick", [*BAD_NAMES, "Server", "[SERVER]", "serverMESSAGE"])
def test_a_bad_nick_is_refused_and_changes_nothing(house, nick):
    ala = house.client("ala")
    refused("bad-name", house.hub.login, ala, nick)
    refused("bad-name", house.hub.login, house.client(), nick)
    assert house.users(ala) == house.own(Users(("ala",)))


@pytest.mark.parametrize(
    "nick", ["żółw", "東京カナ", "한국漢", "O'Neil", "a" * 32, "x-1_2.3", "שלום", "می\u200cخواهم"]
)
def test_a_nick_of_one_script_is_fine(house, nick):
    house.client(nick)


def test_a_rename_keeps_the_place_the_rooms_and_frees_the_old_nick(house):
    ala, ola = house.client("ala"), house.client("ola")
    house.hub.create(ala, "tea")
    house.hub.join(ala, "tea")
    house.hub.join(ola, "tea")
    house.drain()
    ala.deliveries.clear()
    ola.deliveries.clear()
    house.hub.login(ala, "ela")
    assert house.heard(ala) == house.own(Renamed("ala", "ela"))
    assert house.heard(ola) == house.others(Renamed("ala", "ela"))
    house.hub.say(ala, "tea", "still here")
    assert house.heard(ola) == house.others(Said("tea", "ela", "still here"))
    assert house.users(ola) == house.own(Users(("ela", "ola")))
    house.hub.login(house.client(), "ala")


def test_changing_only_the_case_of_ones_own_nick_succeeds(house):
    ala, ola = house.client("ala"), house.client("ola")
    house.hub.login(ala, "ALA")
    assert house.heard(ola) == house.others(Renamed("ala", "ALA"))
    refused("nick-taken", house.hub.login, ola, "ala")


def test_choosing_the_nick_one_has_is_confirmed_and_told_to_nobody(house):
    ala, ola = house.client("ala"), house.client("ola")
    house.heard(ala)
    house.hub.login(ala, "ala")
    assert house.heard(ala) == house.own(Renamed("ala", "ala"))
    assert house.heard(ola) == b""


def test_a_full_server_says_goodbye_but_lets_users_rename():
    house = House(clients=2)
    ala = house.client("ala")
    house.client("ola")
    late = house.client()
    assert isinstance(refused("full", house.hub.login, late, "ela"), Goodbye)
    assert house.hub.nick(late) is None
    house.hub.login(ala, "ela")
    house.hub.end(ala, "quit")
    house.hub.login(late, "ela")


def test_a_taken_nick_is_no_reason_to_say_goodbye_on_a_full_server():
    house = House(clients=1)
    house.client("ala")
    assert not isinstance(refused("nick-taken", house.hub.login, house.client(), "ala"), Goodbye)
