"""Any run of the hub's operations: each is whole, and what clients hear follows from them alone."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
)

from chatd.events import (
    GENERAL,
    CommandError,
    Connected,
    Created,
    Disconnected,
    Failed,
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
)
from house import House

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
