"""The chat vocabulary: what a client asks, what happens, what goes wrong.

Everything above speaks in these values; nothing here knows bytes, sockets or threads.
"""

from typing import ClassVar

from msgspec import Struct

GENERAL = "General"
"""The room that always exists and that everybody enters by logging in."""

SERVER_STOPS = "the server stops"
"""Why everybody is logged out then."""


class Request(Struct, frozen=True):
    """One thing a client asks for.

    args are the arguments as far as the dialect could tell them apart; the last one may still
    hold several words, which the command's own signature splits further.
    """

    verb: str
    args: tuple[str, ...] = ()


class Fetch(Request, frozen=True):
    """A page of the web that is asked for: the bytes of one HTTP request, head and body."""

    raw: bytes = b""


class ChatError(Exception):
    """Base of the errors that are a client's, not ours."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        # A plugin may have given anything, and its caller must be answered all the same.
        self.code = str(code)
        self.text = str(text)


class CommandError(ChatError):
    """The user's mistake: the caller is told text in one line, and the session goes on.

    code is a stable word for programs (`nick-taken`), text is for people.
    """


class Goodbye(CommandError):
    """A command's outcome that ends the session, after the caller has been told why."""


class Overdue(CommandError):
    """A command's time is over: its plugin's mistake, told in the words of a user's."""

    def __init__(self) -> None:
        super().__init__("timeout", "the command took too long and was given up")


class WireError(ChatError):
    """The peer's mistake that leaves no way to go on: one reply, then the session ends.

    The reply is the text, or the farewell; without either, when all is said, there is none.
    """

    def __init__(self, code: str, text: str, farewell: "Event | None" = None) -> None:
        super().__init__(code, text)
        self.farewell = farewell or (Failed(self.code, self.text) if text else None)


class Event(Struct, frozen=True):
    """Something that happened, as it is rendered for clients and shown to taps."""

    public: ClassVar[bool] = False
    """Whether taps and the activity log may see it: private messages and replies never are."""

    @property
    def size(self) -> int:
        """What the event weighs in the delivery log, roughly in bytes."""
        return 64


def _weight(*texts: str) -> int:
    """Bytes that texts take at most."""
    together = "".join(texts)
    if together.isascii():
        return len(together)
    return sum(len(text) if text.isascii() else 4 * len(text) for text in texts)


class Said(Event, frozen=True):
    """A message to everybody in a room.

    Here and below, group is what `slash` shows before the nick; users of the others have none.
    """

    public: ClassVar[bool] = True
    room: str
    nick: str
    text: str
    group: str = ""

    @property
    def size(self) -> int:
        return 64 + _weight(self.room, self.nick, self.text)


class Told(Event, frozen=True):
    """A private message."""

    sender: str
    recipient: str
    text: str
    sender_group: str = ""
    recipient_group: str = ""

    @property
    def size(self) -> int:
        return 64 + _weight(self.text)


class LoggedIn(Event, frozen=True):
    """A user registered and entered General. greeting is the server's `-t` text or empty."""

    public: ClassVar[bool] = True
    nick: str
    address: str = ""
    greeting: str = ""
    group: str = ""


class Renamed(Event, frozen=True):
    """A user changed nick."""

    public: ClassVar[bool] = True
    old: str
    nick: str
    group: str = ""


class LoggedOut(Event, frozen=True):
    """A user is gone; reason says why (`quit`, `connection closed`, `too slow`…)."""

    public: ClassVar[bool] = True
    nick: str
    reason: str
    group: str = ""


class Created(Event, frozen=True):
    """A user created a room, without entering it."""

    public: ClassVar[bool] = True
    room: str
    nick: str


class Joined(Event, frozen=True):
    """A user entered a room other than by logging in."""

    public: ClassVar[bool] = True
    room: str
    nick: str
    group: str = ""


class Parted(Event, frozen=True):
    """A user left a room and stays connected."""

    public: ClassVar[bool] = True
    room: str
    nick: str
    group: str = ""


class Users(Event, frozen=True):
    """Answer: the nicks of all users in order of registration, and their groups if any has one."""

    nicks: tuple[str, ...]
    groups: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return 64 + _weight(*self.nicks)


class Rooms(Event, frozen=True):
    """Answer: the names of all rooms, in order of creation."""

    names: tuple[str, ...]

    @property
    def size(self) -> int:
        return 64 + _weight(*self.names)


class Missed(Event, frozen=True):
    """Events that happened and were not stored, up to and including the id `until`."""

    count: int
    until: int


class Record(Struct, frozen=True):
    """An event as it is remembered.

    id is its place in the order of all events (see `ids`), time is in seconds since 1970. room is
    the key of the room where it happened, and empty for what concerns all of them. The parties
    of a private message are `nick key@address`, the sender first.
    """

    id: int
    time: float
    room: str
    event: Event
    parties: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """What it weighs, roughly in bytes."""
        return self.event.size + 64


class History(Event, frozen=True):
    """Answer: what happened in a room, oldest first.

    stamped says that the asker wants to see ids and times. more is what to ask for to read on,
    such as `before 28066112-42`; empty when there is nothing.
    """

    room: str
    records: tuple[Record, ...]
    stamped: bool = False
    more: str = ""

    @property
    def size(self) -> int:
        return 64 + sum(record.size for record in self.records)


class Hit(Struct, frozen=True):
    """A message that was searched for, with its neighbours in the room."""

    record: Record
    before: tuple[Record, ...] = ()
    after: tuple[Record, ...] = ()

    @property
    def size(self) -> int:
        """What it weighs, roughly in bytes."""
        return sum(record.size for record in (*self.before, self.record, *self.after))


class Found(Event, frozen=True):
    """Answer: messages with the words that were searched for, best first.

    room is the only one that was searched; empty for all of the asker's.
    """

    words: str
    room: str
    hits: tuple[Hit, ...]

    @property
    def size(self) -> int:
        return 64 + sum(hit.size for hit in self.hits)


class Identity(Event, frozen=True):
    """Answer: the asker's own nick."""

    nick: str


class Notice(Event, frozen=True):
    """Answer in free text, to one client."""

    text: str

    @property
    def size(self) -> int:
        return 64 + _weight(self.text)


class Fetched(Event, frozen=True):
    """Answer: bytes for the wire, as they are."""

    raw: bytes

    @property
    def size(self) -> int:
        return 64 + len(self.raw)


class Failed(Event, frozen=True):
    """A request was not carried out."""

    code: str
    text: str

    @property
    def size(self) -> int:
        return 64 + _weight(self.text)


class Done(Event, frozen=True):
    """A request was carried out; only clients meet this one, as an acknowledgement."""


class Recalled(Event, frozen=True):
    """One message of the past, as a line of an answer tells it; only clients meet this one.

    found says that it is what was searched for.
    """

    record: Record
    found: bool = False


class Connected(Event, frozen=True):
    """A connection was accepted; nobody but the activity log is told."""

    public: ClassVar[bool] = True
    address: str


class Disconnected(Event, frozen=True):
    """A connection that never registered ended."""

    public: ClassVar[bool] = True
    address: str
    reason: str


class Refused(Event, frozen=True):
    """A connection or a login was refused."""

    public: ClassVar[bool] = True
    address: str
    text: str


class Promoted(Event, frozen=True):
    """A client became a moderator, by the name and secret of one; nick is empty before login."""

    public: ClassVar[bool] = True
    name: str
    nick: str
    address: str = ""


class Moderated(Event, frozen=True):
    """A moderator did something (`kicks`, `bans for 30m`…) to a user, or to those of a network."""

    public: ClassVar[bool] = True
    moderator: str
    action: str
    nick: str = ""
    address: str = ""
    reason: str = ""

    @property
    def size(self) -> int:
        return 64 + _weight(self.reason)


class Inspected(Event, frozen=True):
    """Somebody asked for the server's books on its console: who is connected, and who is who."""

    public: ClassVar[bool] = True
    addresses: tuple[str, ...]
    nicks: tuple[str, ...]
    more_addresses: int = 0
    """Connections that are not named."""
    more_nicks: int = 0
    """The same of users."""

    @property
    def size(self) -> int:
        return 64 + _weight(*self.addresses, *self.nicks)


class Listening(Event, frozen=True):
    """A listener accepts connections."""

    public: ClassVar[bool] = True
    dialect: str
    host: str
    port: int
    tls: str = "off"
    """`auto` with TLS or without, `only`, or `off`."""
    pages: bool = False
    """Whether browsers find a page there."""


class Reloaded(Event, frozen=True):
    """The settings were read again."""

    public: ClassVar[bool] = True
    changed: tuple[str, ...] = ()
    """What holds from now on, such as `max-clients 100 -> 200`."""
    restart: tuple[str, ...] = ()
    """The names of settings that are others, too, and hold when the server is started again."""

    @property
    def size(self) -> int:
        return 64 + _weight(*self.changed, *self.restart)


class Keeping(Event, frozen=True):
    """The history is kept, from now on and in that place."""

    public: ClassVar[bool] = True
    place: str


class Warned(Event, frozen=True):
    """Something the operator should know."""

    public: ClassVar[bool] = True
    text: str

    @property
    def size(self) -> int:
        return 64 + _weight(self.text)
