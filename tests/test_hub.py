"""The hub: every operation is whole, and what clients hear follows from the operations alone."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
)

from chatd.delivery import Delivery
from chatd.events import (
    GENERAL,
    CommandError,
    Connected,
    Created,
    Disconnected,
    Failed,
    Goodbye,
    Identity,
    Joined,
    LoggedIn,
    LoggedOut,
    Notice,
    Parted,
    Refused,
    Renamed,
    Rooms,
    Said,
    Told,
    Users,
    Warned,
)
from chatd.hub import Hub
from chatd.limits import Limits
from fakes import Hearer, Wording


class Unlocked(Wording):
    """An encoder that is never asked while the hub's lock is held."""

    hub = None

    def encode(self, event, own):
        assert not self.hub._lock.locked()
        return super().encode(event, own)


class House:
    """A hub with its log; it remembers the public events."""

    def __init__(self, greeting="", **limits):
        self.limits = Limits(**limits)
        self.delivery = Delivery(self.limits)
        self.hub = Hub(self.delivery, self.limits, greeting)
        self.public = []
        self.delivery.observers.append(self.public.extend)
        self.wording = Unlocked("plain")
        self.wording.hub = self.hub

    def client(self, nick=None):
        """Give somebody at the door, or logged in under nick."""
        client = Hearer(f"10.0.0.1:{nick or 1}", self.wording, self.hub)
        self.hub.open(client)
        if nick:
            self.hub.login(client, nick)
            self.heard(client)
        return client

    def drain(self):
        while self.delivery.drain():
            pass

    def heard(self, client):
        """Give what client heard since the last time."""
        self.drain()
        data = client.heard
        client.deliveries.clear()
        return data

    def own(self, *events):
        return b"".join(self.wording.form(event, True) for event in events)

    def others(self, *events):
        return b"".join(self.wording.form(event, False) for event in events)

    def users(self, client):
        self.heard(client)
        self.hub.users(client)
        return self.heard(client)


@pytest.fixture
def house():
    return House()


def refused(code, operation, *args):
    with pytest.raises(CommandError) as caught:
        operation(*args)
    assert caught.value.code == code
    assert caught.value.text.isprintable()
    return caught.value


# -- people ----------------------------------------------------------------------------------


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


@pytest.mark.parametrize("nick", ["ala", "ALA", "\uff41\uff4c\uff41"])
def test_a_nick_that_is_used_is_taken_however_it_is_written(house, nick):
    ala, ola = house.client("Ala"), house.client("ola")
    for client in (house.client(), ola):
        assert refused("nick-taken", house.hub.login, client, nick).text == f"nick {nick} is taken"
    assert house.users(ala) == house.own(Users(("Ala", "ola")))


BAD_NAMES = [
    "", " ", "two words", "a\xa0b", "#ala", "a" * 33, "a\x07", "a\u200bb", "a\u202eb", "\ue000",
    "a,b", "a\uff0cb", "\uff03ala", "a:b", "a!b", "a@b", "a*b", "a/b",
    "a\u0430",  # a Latin and a Cyrillic one
    "\u2603",  # a symbol
    "\u05d01a",  # both directions
    "a\u200cb",  # a joiner where nothing is joined
]  # fmt: skip


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


# -- messages --------------------------------------------------------------------------------


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


# -- rooms -----------------------------------------------------------------------------------


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


# -- questions and refusals ------------------------------------------------------------------


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


# -- any run of operations -------------------------------------------------------------------

MAX_CLIENTS = 4
NICKS = st.sampled_from(["ala", "ALA", "Ola", "ola", "ela", "Ela", "ula", "Server", "no nick", ""])
ROOMS = st.sampled_from([GENERAL, "GENERAL", "tea", "Tea", "coffee", "no room", ""])
TEXTS = st.sampled_from(["hi", "hi  there", " "])
PEOPLE = Bundle("people")


class Person:
    """What the model knows of a client."""

    def __init__(self, client):
        self.client = client
        self.nick = None
        self.rooms = {}  # in order of entering
        self.heard = b""
        self.ended = False

    @property
    def key(self):
        return self.nick.lower()


class Anything(RuleBasedStateMachine):
    """The hub and a model that delivers at once, side by side."""

    def __init__(self):
        super().__init__()
        self.house = House(clients=MAX_CLIENTS, rooms=4, rooms_per_user=2, batch=200)
        self.everybody = []
        self.users = []  # in order of registration
        self.rooms = {"general": GENERAL}
        self.empty = []  # but General, longest empty first
        self.public = []

    # The model.

    def told(self, event, room=None, actor=None, target=None):
        for person in self.everybody:
            if person is actor:
                person.heard += self.house.own(event)
            elif person is target or room in person.rooms:
                person.heard += self.house.others(event)
        if event.public:
            self.public.append(event)

    def holder(self, nick):
        return next((user for user in self.users if user.key == nick.lower()), None)

    def left(self, key):
        if key != "general" and not any(key in user.rooms for user in self.users):
            self.empty.append(key)

    def wrong_room(self, person, room):
        if room.lower() not in self.rooms:
            return "no-such-room"
        return None if room.lower() in person.rooms else "not-a-member"

    # Both.

    def check(self, person, problem, operation, *args):
        """Do it, and say whether it was done; problem is the code of the expected refusal."""
        if problem is None and person.nick is None:
            problem = "not-logged-in"
        try:
            operation(person.client, *args)
        except CommandError as error:
            assert error.code == problem
            return False
        assert problem is None
        return True

    @rule(target=PEOPLE)
    def connect(self):
        client = self.house.client()
        person = Person(client)
        self.everybody.append(person)
        self.told(Connected(client.address))
        return person

    @rule(person=PEOPLE, nick=NICKS)
    def login(self, person, nick):
        holder = self.holder(nick)
        problem = None
        if nick in ("", "no nick", "Server"):
            problem = "bad-name"
        elif person.ended:
            problem = "ended"
        elif holder not in (None, person):
            problem = "nick-taken"
        elif person.nick is None and len(self.users) >= MAX_CLIENTS:
            problem = "full"
        try:
            self.house.hub.login(person.client, nick)
        except CommandError as error:
            assert error.code == problem
            return
        assert problem is None
        old, person.nick = person.nick, nick
        if old is None:
            self.users.append(person)
            self.told(LoggedIn(nick, person.client.address), "general", person)
            person.rooms["general"] = None
        else:
            self.told(Renamed(old, nick), "general" if old != nick else None, person)

    @rule(person=PEOPLE, room=ROOMS, text=TEXTS)
    def say(self, person, room, text):
        problem = None
        if text.isspace():
            problem = "empty-message"
        elif person.nick is not None:
            problem = self.wrong_room(person, room)
        if self.check(person, problem, self.house.hub.say, room, text):
            key = room.lower()
            self.told(Said(self.rooms[key], person.nick, text), key, person)

    @rule(person=PEOPLE, nick=NICKS, text=TEXTS)
    def tell(self, person, nick, text):
        target = self.holder(nick)
        problem = None
        if person.nick is None:
            problem = "not-logged-in"
        elif target is None:
            problem = "no-such-user"
        elif text.isspace():
            problem = "empty-message"
        if self.check(person, problem, self.house.hub.tell, nick, text):
            self.told(Told(person.nick, target.nick, text), None, person, target)

    @rule(person=PEOPLE, room=ROOMS)
    def create(self, person, room):
        problem = None
        if room in ("", "no room"):
            problem = "bad-name"
        elif person.nick is not None and room.lower() in self.rooms:
            problem = "room-exists"
        elif person.nick is not None and len(self.rooms) >= 4 and not self.empty:
            problem = "too-many-rooms"
        if self.check(person, problem, self.house.hub.create, room):
            if len(self.rooms) >= 4:
                del self.rooms[self.empty.pop(0)]
            self.empty.append(room.lower())
            self.rooms[room.lower()] = room
            self.told(Created(room, person.nick), None, person)

    @rule(person=PEOPLE, room=ROOMS)
    def join(self, person, room):
        problem = None
        if person.nick is not None:
            problem = self.wrong_room(person, room)
            if problem is None:
                problem = "already-a-member"
            elif problem == "not-a-member":
                problem = "too-many-rooms" if len(person.rooms) >= 2 else None
        if self.check(person, problem, self.house.hub.join, room):
            key = room.lower()
            self.told(Joined(self.rooms[key], person.nick), key, person)
            person.rooms[key] = None
            if key in self.empty:
                self.empty.remove(key)

    @rule(person=PEOPLE, room=ROOMS)
    def leave(self, person, room):
        problem = self.wrong_room(person, room) if person.nick is not None else None
        if self.check(person, problem, self.house.hub.leave, room):
            key = room.lower()
            self.told(Parted(self.rooms[key], person.nick), key, person)
            del person.rooms[key]
            self.left(key)

    @rule(person=PEOPLE)
    def ask(self, person):
        hub = self.house.hub
        if self.check(person, None, hub.users):
            self.told(Users(tuple(user.nick for user in self.users)), None, person)
        if self.check(person, None, hub.rooms):
            self.told(Rooms(tuple(self.rooms.values())), None, person)
        if self.check(person, None, hub.whoami):
            self.told(Identity(person.nick), None, person)

    @rule(person=PEOPLE)
    def reply_and_refuse(self, person):
        self.house.hub.reply(person.client, Notice("answer"))
        self.house.hub.refuse(
            person.client, CommandError("nick-taken", "sorry"), [Failed("nick-taken", "sorry")]
        )
        if not person.ended:
            self.told(Notice("answer"), None, person)
            self.told(Failed("nick-taken", "sorry"), None, person)
            if person.nick is None:
                self.told(Refused(person.client.address, "sorry"))

    @rule(person=PEOPLE, farewell=st.sampled_from([None, Failed("bye", "bye")]))
    def end(self, person, farewell):
        self.house.hub.end(person.client, "quit", farewell)
        if person.ended:
            return
        if farewell:
            self.told(farewell, None, person)
        if person.nick is None:
            self.told(Disconnected(person.client.address, "quit"), None, person)
        else:
            self.told(LoggedOut(person.nick, "quit"), "general", person)
            self.users.remove(person)
        person.nick = None
        left, person.rooms = person.rooms, {}
        for room in left:
            self.left(room)
        person.ended = True

    @rule()
    def deliver(self):
        self.house.delivery.drain()

    # What holds at any time.

    @invariant()
    def the_books_agree_with_each_other_and_with_the_model(self):
        hub = self.house.hub
        assert [user.nick for user in hub._users.values()] == [user.nick for user in self.users]
        assert {user.key: user for user in hub._users.values()} == hub._by_key
        assert [(room.key, room.name) for room in hub._rooms] == list(self.rooms.items())
        assert hub.at_the_door == sum(not p.ended and p.nick is None for p in self.everybody)
        assert len(hub._users) <= MAX_CLIENTS
        for person in self.users:
            user = hub._users[person.client]
            assert list(user.rooms) == list(person.rooms)
            assert all(hub._rooms.get(key) is room for key, room in user.rooms.items())
        assert list(hub._rooms._empty) == self.empty

    def teardown(self):
        self.house.drain()
        for person in self.everybody:
            assert person.client.heard == person.heard
            assert len(person.client.finished_after) == person.ended
        assert self.house.public == self.public


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=60, stateful_step_count=40)


def test_nothing_is_said_any_more_once_the_end_of_all_has_begun(house):
    """R-23: part of the others could not hear it, so it is not acknowledged either."""
    ala, ola = house.client("ala"), house.client("ola")
    ala.end = lambda *args: refused("shutdown", house.hub.say, ola, GENERAL, "hi")
    house.hub.end_all("the server stops", Failed("shutdown", "bye"))
    refused("ended", house.hub.login, ala, "ela")
