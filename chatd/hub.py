"""The hub: users, rooms and the one lock around them.

Every operation is whole: under the lock it checks, changes the state and appends to the
delivery log, so of any number of simultaneous claims exactly one wins, and what everybody hears
is in one order. The lock is never held across a system call, encoding, logging or a plugin.
"""

import threading
from collections.abc import Callable, Sequence
from itertools import islice

from chatd.delivery import Change, Delivery, Entry
from chatd.events import (
    CommandError,
    Connected,
    Created,
    Disconnected,
    Event,
    Goodbye,
    Identity,
    Inspected,
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
from chatd.ledger import Ledger
from chatd.limits import Limits
from chatd.names import Name, name_key, parse_new_name
from chatd.people import Client, Presence, Recall, User
from chatd.rooms import Room, RoomTable


class Hub:
    """The one state that all clients share; every method may be called from any thread."""

    def __init__(
        self,
        delivery: Delivery,
        limits: Limits,
        greeting: str = "",
        ledger: Ledger | None = None,
        admits: Callable[[str, str], None] = lambda address, key: None,
    ) -> None:
        # admits is asked under the lock who may have a nick: it raises CommandError if not.
        self._append = delivery.append
        self._ledger = ledger or Ledger()
        self._limits = limits
        self._greeting = greeting
        self._admits = admits
        self._lock = threading.Lock()
        self._users: dict[Client, User] = {}  # in order of registration
        self._by_key: dict[str, User] = {}
        self._reserved: set[Client] = set()  # users in places beyond those of all
        self._rooms = RoomTable(limits)
        self._general = self._rooms.general
        self._present: dict[Client, None] = {}  # whose session has not ended, as they came
        self._closing: tuple[str, Event] | None = None
        self.said = 0
        """How many messages to rooms there were."""
        self.told = 0
        """How many private ones there were."""

    # -- people ------------------------------------------------------------------------------

    def tune(self, limits: Limits, greeting: str) -> None:
        """Use other limits and another greeting for those who come from now on."""
        with self._lock:
            self._limits, self._greeting = limits, greeting

    def open(self, client: Client) -> None:
        """Enter a new connection into the books."""
        with self._lock:
            self._present[client] = None
            self._append(Entry(Connected(client.address)))
            closing = self._closing
        if closing is not None:
            client.end(*closing)

    @property
    def at_the_door(self) -> int:
        """How many connections have not logged in, at this moment."""
        return len(self._present) - len(self._users)

    def is_full(self) -> bool:
        """Whether only moderators may log in, at this moment."""
        return len(self._users) - len(self._reserved) >= self._limits.clients

    def counts(self) -> tuple[int, int]:
        """Give how many users there are, and how many connections."""
        with self._lock:
            return len(self._users), len(self._present)

    @property
    def room_count(self) -> int:
        """How many rooms there are, at this moment."""
        return len(self._rooms)

    def present(self) -> list[Client]:
        """Give all whose session has not ended, as they came."""
        with self._lock:
            return list(self._present)

    def end_all(self, reason: str, farewell: Event) -> None:
        """Log everybody out, and from now on whoever comes: the server stops."""
        with self._lock:
            self._closing = (reason, farewell)
            clients = list(self._present)
        for client in clients:
            client.end(reason, farewell)

    def login(self, client: Client, nick: str, reserved: bool = False) -> None:
        """Register client under nick and let it enter General; later, change its nick.

        The one nick of the form ip:port that a client may have is its own address (SPEC D-3).
        reserved says that it may have one of the places kept for moderators. Raises
        CommandError("bad-name", "nick-taken" or "banned"), and Goodbye("full") when the server
        has all the users it may have.
        """
        name = Name(nick, nick) if nick == client.address else parse_new_name(nick)
        with self._lock:
            if client not in self._present or self._closing is not None:
                raise CommandError("ended", "the session has ended")
            user = self._users.get(client)
            holder = self._by_key.get(name.key)
            if holder is not None and holder is not user:
                raise CommandError("nick-taken", f"nick {nick} is taken")
            self._admits(client.address, name.key)
            if user is None:
                self._register_locked(client, name, reserved)
            else:
                self._rename_locked(user, name)

    def _register_locked(self, client: Client, name: Name, reserved: bool) -> None:
        if self.is_full():
            if not reserved or len(self._reserved) >= self._limits.reserved:
                raise Goodbye("full", "the server is full, try again later")
            self._reserved.add(client)
        user = self._users[client] = self._by_key[name.key] = User(client, name)
        general = self._general
        user.rooms[general.key] = general
        self._rooms.enter(general)
        event = LoggedIn(user.nick, client.address, self._greeting, user.group)
        self._tell_room(general, event, client, Change.ENTER)

    def _rename_locked(self, user: User, name: Name) -> None:
        old = user.nick
        del self._by_key[user.key]
        user.nick, user.key = name
        user.group = user.client.group
        self._by_key[user.key] = user
        event = Renamed(old, user.nick, user.group)
        if user.nick != old:
            self._tell_room(self._general, event, user.client)
        else:  # nobody else needs to hear that somebody chose the nick they had
            self._append(Entry(event, actor=user.client))

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
            self._reserved.discard(client)
            if farewell is not None:
                self._append(Entry(farewell, actor=client))
            user = self._users.pop(client, None)
            if user is None:
                event: Event = Disconnected(client.address, reason)
                self._append(Entry(event, actor=client, change=Change.END))
                return True
            for room in user.rooms.values():
                self._rooms.leave(room)
            del self._by_key[user.key]
            event = LoggedOut(user.nick, reason, user.group)
            if self._closing is None:
                self._tell_room(self._general, event, client, Change.END)
            else:  # when all go, nobody needs to hear of each of the others
                self._append(Entry(event, actor=client, change=Change.END))
            return True

    def is_free(self, nick: str) -> bool:
        """Say whether nobody has a nick at this moment."""
        return name_key(nick) not in self._by_key

    def find(self, nick: str) -> Client | None:
        """Give the client who has a nick at this moment."""
        key = name_key(nick)
        with self._lock:
            user = self._by_key.get(key) or self._by_key.get(nick)
            return user.client if user else None

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
            user, found = self._member_locked(client, room, key)
            self.said += 1
            self._tell_room(found, Said(found.name, user.nick, text, user.group), client)

    def room_name(self, client: Client, room: str) -> str:
        """Give the name of a room as it is shown, for a message that is about to be said.

        Raises what say would raise.
        """
        key = name_key(room)
        with self._lock:
            return self._member_locked(client, room, key)[1].name

    def tell(self, client: Client, nick: str, text: str) -> None:
        """Deliver text to one user; to oneself too.

        Raises CommandError("no-such-user", or else "empty-message").
        """
        key = name_key(nick)
        with self._lock:
            user = self._user_locked(client)
            recipient = self._by_key.get(key) or self._by_key.get(nick)  # an address is no name
            if recipient is None:
                raise CommandError("no-such-user", f"there is no user {nick}")
            _check_message(text)
            event = Told(user.nick, recipient.nick, text, user.group, recipient.group)
            self.told += 1
            target = recipient.client if recipient is not user else None
            record = None
            if self._ledger.private:
                record = self._ledger.enter("", event, (user.party, recipient.party))
            self._append(Entry(event, actor=client, target=target, record=record))

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

        When there are as many as may be, the one that has been empty for longest goes. Raises
        CommandError("bad-name", "room-exists" or "too-many-rooms").
        """
        name = parse_new_name(room, "room")
        with self._lock:
            user = self._user_locked(client)
            if self._rooms.get(name.key):
                raise CommandError("room-exists", f"room {room} exists already")
            self._rooms.create(name)
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
            self._rooms.enter(found)
            event = Joined(found.name, user.nick, user.group)
            self._tell_room(found, event, client, Change.ENTER)

    def leave(self, client: Client, room: str) -> None:
        """Leave a room and stay connected.

        Raises CommandError("no-such-room" or "not-a-member").
        """
        key = name_key(room)
        with self._lock:
            user, found = self._member_locked(client, room, key)
            del user.rooms[key]
            self._rooms.leave(found)
            event = Parted(found.name, user.nick, user.group)
            self._tell_room(found, event, client, Change.LEAVE)

    def pause(self, action: Callable[[], None], epoch: int | None = None) -> None:
        """Run an action while nothing happens; it must not wait, and not call the hub.

        With an epoch all that happened so far is put into that one first: for a store that could
        not be asked at the start, and has seen the present one since then.
        """
        with self._lock:
            if epoch is not None:
                self._ledger.epoch = epoch
                self._rooms.renumber(epoch)
            action()

    # -- questions ---------------------------------------------------------------------------

    def users(self, client: Client) -> None:
        """Answer with the nicks of all users, true at this point of the log."""
        with self._lock:
            self._user_locked(client)
            users = self._users.values()
            groups = tuple(user.group for user in users)
            nicks = tuple(user.nick for user in users)
            self._append(Entry(Users(nicks, groups if any(groups) else ()), actor=client))

    def rooms(self, client: Client) -> None:
        """Answer with the names of all rooms, true at this point of the log."""
        with self._lock:
            self._user_locked(client)
            names = tuple(room.name for room in self._rooms)
            self._append(Entry(Rooms(names), actor=client))

    def recall(self, client: Client, room: str) -> Recall:
        """Give what is remembered of a room, for an answer to be made of it.

        Raises CommandError("no-such-room" or "not-a-member").
        """
        key = name_key(room)
        with self._lock:
            return self._recall_locked(self._member_locked(client, room, key)[1])

    def recall_all(self, client: Client) -> list[Recall]:
        """Give the same of every room that client is in."""
        with self._lock:
            return [self._recall_locked(r) for r in self._user_locked(client).rooms.values()]

    def _recall_locked(self, room: Room) -> Recall:
        backlog, ledger = room.backlog, self._ledger
        since = backlog.forgotten or ledger.first_id
        return Recall(room.name, room.key, backlog.records(), since, ledger.last_id)

    def recall_private(self, client: Client, name: str) -> tuple[str, Recall]:
        """Give the party that client is in private talks, and that nothing of them is remembered.

        name is how the talk is shown. Raises CommandError("not-kept") where none are stored.
        """
        with self._lock:
            party, last_id = self._user_locked(client).party, self._ledger.last_id
            if not self._ledger.private:
                raise CommandError("not-kept", "private messages are not kept here")
            return party, Recall(name, "", (), last_id, last_id)

    @property
    def last_id(self) -> int:
        """The id of the last event, at this moment."""
        return self._ledger.last_id

    def whoami(self, client: Client) -> None:
        """Answer with the client's own nick."""
        with self._lock:
            self._append(Entry(Identity(self._user_locked(client).nick), actor=client))

    # -- refusals ----------------------------------------------------------------------------

    def refuse(self, client: Client, error: CommandError, told: Sequence[Event]) -> None:
        """Take note that a client's request failed, and tell it so."""
        with self._lock:
            if client not in self._present:
                return
            for event in told:
                self._append(Entry(event, actor=client))
            if client not in self._users and error.code in _LOGIN_REFUSALS:
                self._append(Entry(Refused(client.address, error.text)))

    # -- the books ---------------------------------------------------------------------------

    def survey(self) -> tuple[list[Presence], list[str]]:
        """Give all connections, as they came, and the names of all rooms; for operators.

        Not all are of one moment: of thousands it takes milliseconds, and nobody is to wait for it.
        """
        clients, seen = self.present(), []
        for start in range(0, len(clients), _AT_A_TIME):
            with self._lock:
                seen += [self._presence_locked(one) for one in clients[start : start + _AT_A_TIME]]
        with self._lock:
            return seen, [room.name for room in self._rooms]

    def _presence_locked(self, client: Client) -> Presence:
        user = self._users.get(client)
        if user is None:
            return Presence(client)
        return Presence(client, user.nick, tuple(room.name for room in user.rooms.values()))

    def inspect(self) -> None:
        """Show the books on the console: addresses of connections, nicks of users, oldest first."""
        most = self._limits.books
        with self._lock:
            present, users = self._present, self._users.values()
            addresses = tuple(client.address for client in islice(present, most))
            nicks = tuple(user.nick for user in islice(users, most))
            more = max(0, len(present) - most), max(0, len(users) - most)
            self._append(Entry(Inspected(addresses, nicks, *more)))

    # -- inside ------------------------------------------------------------------------------

    def _tell_room(
        self, room: Room, event: Event, actor: Client, change: Change | None = None
    ) -> None:
        record = self._ledger.enter(room.key, event)
        room.backlog.add(record)
        self._append(Entry(event, room.key, actor, change=change, record=record))

    def _user_locked(self, client: Client) -> User:
        user = self._users.get(client)
        if user is None:
            raise CommandError("not-logged-in", "log in first")
        if self._closing is not None:  # who is gone by now could not hear it any more
            raise CommandError("shutdown", "the server is shutting down")
        return user

    def _member_locked(self, client: Client, room: str, key: str) -> tuple[User, Room]:
        """Give the user that client is, and a room that it is in."""
        user = self._user_locked(client)
        if found := user.rooms.get(key):
            return user, found
        if self._rooms.get(key):
            raise CommandError("not-a-member", f"you are not in room {room}")
        raise CommandError("no-such-room", f"there is no room {room}")


_AT_A_TIME = 500
"""Connections that are looked at while the lock is held."""

_LOGIN_REFUSALS = {"missing-argument", "bad-text", "bad-name", "nick-taken", "banned", "full"}


def _check_message(text: str) -> None:
    if not text or text.isspace():
        raise CommandError("empty-message", "the message is empty")
