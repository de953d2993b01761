"""The hub: users, rooms and the one lock around them.

Every operation is whole: under the lock it checks, changes the state and appends to the
delivery log, so of any number of simultaneous claims exactly one wins, and what everybody hears
is in one order. The lock is never held across a system call, encoding, logging or a plugin.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from chatd.delivery import Change, Delivery, Entry, Recipient
from chatd.events import (
    GENERAL,
    CommandError,
    Connected,
    Created,
    Disconnected,
    Event,
    Failed,
    Goodbye,
    Identity,
    Joined,
    LoggedIn,
    LoggedOut,
    Parted,
    Refused,
    Renamed,
    Rooms,
    Said,
    Told,
    Users,
)
from chatd.limits import Limits
from chatd.names import Name, name_key, parse_name, parse_new_name


class Client(Recipient, Protocol):
    """A session as the hub sees it."""

    @property
    def address(self) -> str: ...

    def end(self, reason: str, farewell: Event | None = None) -> None: ...


class User:
    """Somebody logged in. Read and written under the hub's lock only."""

    __slots__ = ("client", "key", "nick", "rooms")

    def __init__(self, client: Client, name: Name) -> None:
        self.client = client
        self.nick, self.key = name
        self.rooms: dict[str, Room] = {}


class Room:
    """A room. Who is in it is known to its users, and to delivery."""

    __slots__ = ("key", "name")

    def __init__(self, name: Name) -> None:
        self.name, self.key = name


class Hub:
    """The one state that all clients share; every method may be called from any thread."""

    def __init__(self, delivery: Delivery, limits: Limits, greeting: str = "") -> None:
        self._delivery = delivery
        self._limits = limits
        self._greeting = greeting
        self._lock = threading.Lock()
        self._users: dict[Client, User] = {}  # in order of registration
        self._by_key: dict[str, User] = {}
        general = Room(parse_name(GENERAL))
        self._general = general
        self._rooms: dict[str, Room] = {general.key: general}  # in order of creation
        self._present: dict[Client, None] = {}  # whose session has not ended, as they came
        self._closing: tuple[str, Event] | None = None

    # -- people ------------------------------------------------------------------------------

    def open(self, client: Client, greetings: Sequence[Event] = ()) -> None:
        """Enter a new connection into the books and tell it greetings."""
        with self._lock:
            self._present[client] = None
            self._append(Entry(Connected(client.address)))
            for event in greetings:
                self._append(Entry(event, actor=client))
            closing = self._closing
        if closing is not None:
            client.end(*closing)

    @property
    def at_the_door(self) -> int:
        """How many connections have not logged in, at this moment."""
        return len(self._present) - len(self._users)

    def end_all(self, reason: str, farewell: Event) -> None:
        """Log everybody out, and from now on whoever comes: the server stops."""
        with self._lock:
            self._closing = (reason, farewell)
            clients = list(self._present)
        for client in clients:
            client.end(reason, farewell)

    def login(self, client: Client, nick: str) -> None:
        """Register client under nick and let it enter General; later, change its nick.

        Raises CommandError("bad-name" or "nick-taken"), and Goodbye("full") when the server
        has all the users it may have.
        """
        name = parse_new_name(nick)
        with self._lock:
            if client not in self._present:
                raise CommandError("ended", "the session has ended")
            user = self._users.get(client)
            holder = self._by_key.get(name.key)
            if holder is not None and holder is not user:
                raise CommandError("nick-taken", f"nick {nick} is taken")
            if user is None:
                self._register_locked(client, name)
            else:
                self._rename_locked(user, name)

    def _register_locked(self, client: Client, name: Name) -> None:
        if len(self._users) >= self._limits.clients:
            raise Goodbye("full", "the server is full, try again later")
        user = self._users[client] = self._by_key[name.key] = User(client, name)
        general = self._general
        user.rooms[general.key] = general
        event = LoggedIn(user.nick, client.address, self._greeting)
        self._append(Entry(event, general.key, client, change=Change.ENTER))

    def _rename_locked(self, user: User, name: Name) -> None:
        old = user.nick
        del self._by_key[user.key]
        user.nick, user.key = name
        self._by_key[user.key] = user
        # Nobody else needs to hear that somebody chose the nick they had.
        room_key = self._general.key if user.nick != old else None
        self._append(Entry(Renamed(old, user.nick), room_key, user.client))

    def end(
        self,
        client: Client,
        reason: str,
        farewell: Event | None = None,
        *,
        at_the_door: bool = False,
    ) -> bool:
        """Log client out, whatever it was, and end its session behind its last bytes.

        The nick is free at once. Only the first call for a client does anything, and one for
        those at_the_door only when it has not logged in; say whether it did.
        """
        with self._lock:
            if client not in self._present or (at_the_door and client in self._users):
                return False
            del self._present[client]
            if farewell is not None:
                self._append(Entry(farewell, actor=client))
            user = self._users.pop(client, None)
            if user is None:
                event: Event = Disconnected(client.address, reason)
                self._append(Entry(event, actor=client, change=Change.END))
                return True
            del self._by_key[user.key]
            # When all go, nobody needs to hear of each of the others.
            room_key = self._general.key if self._closing is None else None
            event = LoggedOut(user.nick, reason)
            self._append(Entry(event, room_key, client, change=Change.END))
            return True

    def nick(self, client: Client) -> str | None:
        """Give the nick of client at this moment, for display; None before login."""
        with self._lock:
            user = self._users.get(client)
            return user.nick if user else None

    # -- messages ----------------------------------------------------------------------------

    def say(self, client: Client, room: str, text: str) -> None:
        """Deliver text to the other members of room, in one order for all.

        Raises CommandError("empty-message", "no-such-room" or "not-a-member").
        """
        _check_message(text)
        key = name_key(room)
        with self._lock:
            user = self._user_locked(client)
            found = user.rooms.get(key) or self._not_a_member_locked(room, key)
            self._append(Entry(Said(found.name, user.nick, text), found.key, client))

    def room_name(self, client: Client, room: str) -> str:
        """Give the name of a room as it is shown, for a message that is about to be said.

        Raises what say would raise.
        """
        key = name_key(room)
        with self._lock:
            user = self._user_locked(client)
            return (user.rooms.get(key) or self._not_a_member_locked(room, key)).name

    def tell(self, client: Client, nick: str, text: str) -> None:
        """Deliver text to one user; to oneself too.

        Raises CommandError("empty-message" or "no-such-user").
        """
        _check_message(text)
        key = name_key(nick)
        with self._lock:
            user = self._user_locked(client)
            recipient = self._by_key.get(key)
            if recipient is None:
                raise CommandError("no-such-user", f"there is no user {nick}")
            event = Told(user.nick, recipient.nick, text)
            target = recipient.client if recipient is not user else None
            self._append(Entry(event, actor=client, target=target))

    def reply(self, client: Client, event: Event) -> None:
        """Say something to one client, behind all that it was sent before."""
        with self._lock:
            if client in self._present:
                self._append(Entry(event, actor=client))

    def record(self, event: Event) -> None:
        """Put an event that no client hears into the log, for the activity log and taps."""
        with self._lock:
            self._append(Entry(event))

    # -- rooms -------------------------------------------------------------------------------

    def create(self, client: Client, room: str) -> None:
        """Create an empty room; its creator is no member yet.

        Raises CommandError("bad-name", "room-exists" or "too-many-rooms").
        """
        name = parse_new_name(room, "room")
        with self._lock:
            user = self._user_locked(client)
            if name.key in self._rooms:
                raise CommandError("room-exists", f"room {room} exists already")
            if len(self._rooms) >= self._limits.rooms:
                raise CommandError("too-many-rooms", "there are too many rooms")
            self._rooms[name.key] = Room(name)
            self._append(Entry(Created(name.shown, user.nick), actor=client))

    def join(self, client: Client, room: str) -> None:
        """Enter a room.

        Raises CommandError("no-such-room", "already-a-member" or "too-many-rooms").
        """
        key = name_key(room)
        with self._lock:
            user = self._user_locked(client)
            found = self._rooms.get(key)
            if found is None:
                raise CommandError("no-such-room", f"there is no room {room}")
            if key in user.rooms:
                raise CommandError("already-a-member", f"you are in room {found.name} already")
            if len(user.rooms) >= self._limits.rooms_per_user:
                raise CommandError("too-many-rooms", "you are in too many rooms")
            user.rooms[key] = found
            event = Joined(found.name, user.nick)
            self._append(Entry(event, key, client, change=Change.ENTER))

    def leave(self, client: Client, room: str) -> None:
        """Leave a room and stay connected.

        Raises CommandError("no-such-room" or "not-a-member").
        """
        key = name_key(room)
        with self._lock:
            user = self._user_locked(client)
            found = user.rooms.get(key) or self._not_a_member_locked(room, key)
            del user.rooms[key]
            event = Parted(found.name, user.nick)
            self._append(Entry(event, key, client, change=Change.LEAVE))

    # -- questions ---------------------------------------------------------------------------

    def users(self, client: Client) -> None:
        """Answer with the nicks of all users, true at this point of the log."""
        self._answer(client, lambda: Users(tuple(user.nick for user in self._users.values())))

    def rooms(self, client: Client) -> None:
        """Answer with the names of all rooms, true at this point of the log."""
        self._answer(client, lambda: Rooms(tuple(room.name for room in self._rooms.values())))

    def whoami(self, client: Client) -> None:
        """Answer with the client's own nick."""
        self._answer(client, lambda: Identity(self._user_locked(client).nick))

    def _answer(self, client: Client, look_up: Callable[[], Event]) -> None:
        with self._lock:
            self._user_locked(client)
            self._append(Entry(look_up(), actor=client))

    # -- refusals ----------------------------------------------------------------------------

    def refuse(self, client: Client, error: CommandError) -> None:
        """Tell client that its request failed."""
        with self._lock:
            if client not in self._present:
                return
            self._append(Entry(Failed(error.code, error.text), actor=client))
            if client not in self._users and error.code in _LOGIN_REFUSALS:
                self._append(Entry(Refused(client.address, error.text)))

    # -- inside ------------------------------------------------------------------------------

    def _append(self, entry: Entry) -> None:
        self._delivery.append(entry)

    def _user_locked(self, client: Client) -> User:
        user = self._users.get(client)
        if user is None:
            raise CommandError("not-logged-in", "log in first")
        return user

    def _not_a_member_locked(self, room: str, key: str) -> Room:
        if key in self._rooms:
            raise CommandError("not-a-member", f"you are not in room {room}")
        raise CommandError("no-such-room", f"there is no room {room}")


_LOGIN_REFUSALS = {"missing-argument", "bad-text", "bad-name", "nick-taken", "full"}


def _check_message(text: str) -> None:
    if not text or text.isspace():
        raise CommandError("empty-message", "the message is empty")
