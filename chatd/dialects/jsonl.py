"""The `json` dialect (SPEC S2): one JSON object per line, with the keys type and data.

Client to server: message, set-name, history and users, with text as data. Server to client:
message alone, whose data are a source and a message; the source of notices is [Server]. Any
other verb `shout` is the type shout, its words in data; messages of joined rooms have one more
key, room, and private ones have private (SPEC D-6).
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from chatd.dialects import ClientDialect, Dialect, Setting, one_line
from chatd.dialects.framing import LineSplitter
from chatd.dialects.past import around, found_text, missed_text, moment, recall
from chatd.events import (
    GENERAL,
    CommandError,
    Created,
    Done,
    Event,
    Failed,
    Found,
    History,
    Identity,
    Joined,
    LoggedIn,
    LoggedOut,
    Missed,
    Notice,
    Parted,
    Record,
    Renamed,
    Request,
    Rooms,
    Said,
    Told,
    Users,
)
from chatd.ids import id_text
from chatd.limits import MIB

SERVER = "[Server]"
_USERS = "Connected users: "
_Message = TypeVar("_Message", bound="FromClient")
_LISTED = re.compile(r"(?:Connected users|List of users): ?")  # S2-16: what other servers say


class FromClient(Struct):
    """What a client sends."""

    type: str
    data: str | None = None  # S2-06

    @property
    def request(self) -> Request:
        """What it asks for."""
        data = self.data or ""
        if self.type == "message":
            return Request("say", (GENERAL, data))
        verb = "login" if self.type == "set-name" else self.type
        return Request(verb, (data,) if data else ())


class _Spoken(Struct, omit_defaults=True):
    source: str
    message: str
    room: str = GENERAL
    private: bool = False
    id: str = ""
    time: str = ""
    found: bool = False


class _FromServer(Struct, tag_field="type", tag="message"):
    data: _Spoken


_from_client = msgspec.json.Decoder(FromClient)
_from_server = msgspec.json.Decoder(_FromServer)


class Json(Dialect):
    """The server's end."""

    name = "json"
    port = 5555
    reserved = frozenset({"message", "set-name"})

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._lines = LineSplitter(setting.limits.line, setting.limits.endless)
        self._entered = False
        self._first: Request | None = None  # what came before that
        self._heard_out = False  # whoever comes to a full server may say who they are first

    @property
    def speaks_first(self) -> bool:
        return True  # that somebody has entered

    def feed(self, data: bytes) -> None:
        self._lines.feed(data)

    def next_request(self) -> Request | None:
        if not self._entered:
            return self._enter()
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return self._next()

    def _next(self) -> Request | None:
        line = self._lines.next_line()
        return None if line is None else parse(line, _from_client).request

    def _enter(self) -> Request | None:
        """Enter at once (S2-10, S2-11), but a full server only after what comes first."""
        if not self._heard_out and self.setting.is_full():
            first = self._next()
            if first is None:
                return None
            self._heard_out = True
            if first.verb == "oper":
                return first
            self._first = first
        self._entered = True
        setting = self.setting
        return Request("login", (setting.guest() if setting.guests else setting.address,))

    @property
    def patience(self) -> float | None:
        waits = not self._entered and not self._heard_out
        return self.setting.limits.first_byte if waits else None

    def quiet_passed(self) -> None:
        self._heard_out = True

    @staticmethod
    def encode(event: Event, own: bool) -> bytes:
        render = _RENDERERS.get(type(event))
        return render(event, own) if render else b""


def parse(line: bytes, decoder: msgspec.json.Decoder[_Message]) -> _Message:
    """Decode one line, an empty one included: that is no object either. Raises CommandError."""
    try:
        return decoder.decode(line.decode())
    except UnicodeDecodeError:
        raise CommandError("bad-utf8", "this is not UTF-8") from None
    except (msgspec.ValidationError, RecursionError):  # nothing nested is ever asked for
        text = "a message is an object with the keys type and data, both text"
        raise CommandError("bad-message", text) from None
    except msgspec.DecodeError:
        raise CommandError("bad-json", "this is not JSON") from None


def _message(source: str, text: str, room: str = GENERAL, private: bool = False) -> bytes:
    # Clients print `source: message` (S2-09): a line break could forge one of somebody else's.
    room = GENERAL if room == GENERAL else sendable(room)  # is left out if it is the very same
    spoken = _Spoken(sendable(source), sendable(one_line(text)), room, private)
    return msgspec.json.encode(_FromServer(spoken)) + b"\n"


def sendable(text: str) -> str:
    """Replace what is no Unicode: a plugin or an argument may hold it, and it must cost no more."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _notice(text: str) -> bytes:
    return _message(SERVER, text)  # S2-08


def _logged_in(event: LoggedIn, own: bool) -> bytes:
    entered = _notice(f"{event.nick} has entered the chat")
    return entered + _notice(event.greeting) if own and event.greeting else entered


def _told(event: Told, own: bool) -> bytes:
    if own and event.sender != event.recipient:
        text = f"(private to {event.recipient}) {event.text}"
    else:
        text = f"(private) {event.text}"
    return _message(event.sender, text, private=True)  # for programs: anybody can type the words


def _in_room(words: str) -> Callable[[Any, bool], bytes]:
    """Tell those who asked for a room; of General as a room the document knows nothing (D-1)."""

    def render(event: Joined | Parted, own: bool) -> bytes:
        told = own or event.room != GENERAL
        return _notice(f"{event.nick} {words} {event.room}") if told else b""

    return render


def _again(record: Record, stamped: bool, found: bool = False) -> bytes:
    """Tell once more what was told to the others then (S2-15)."""
    told = Json.encode(record.event, False)
    if not (stamped and told):
        return told
    spoken = _from_server.decode(told).data
    stamps = {"id": id_text(record.id), "time": moment(record), "found": found}
    return msgspec.json.encode(_FromServer(replace(spoken, **stamps))) + b"\n"


def _history(event: History, own: bool) -> bytes:
    happened = b"".join(_again(record, event.stamped) for record in event.records)
    more = _notice(f"there is more: {event.more}") if event.more and event.stamped else b""
    return happened + more or _notice("No messages yet")


def _found(event: Found, own: bool) -> bytes:
    return _notice(found_text(event)) + b"".join(
        _again(record, True, found) for record, found in around(event)
    )


_RENDERERS: dict[type[Event], Callable[[Any, bool], bytes]] = {
    LoggedIn: _logged_in,
    Renamed: lambda event, own: _notice(f"{event.old} renamed to {event.nick}"),
    LoggedOut: lambda event, own: b"" if own else _notice(f"{event.nick} has left the chat"),
    Said: lambda event, own: _message(event.nick, event.text, event.room),  # S2-13: echoed
    Told: _told,
    Created: lambda event, own: (
        _notice(f"{event.nick} has created room {event.room}") if own else b""
    ),
    Joined: _in_room("has joined room"),
    Parted: _in_room("has left room"),
    Users: lambda event, own: _notice(_USERS + ", ".join(event.nicks)),
    Rooms: lambda event, own: _notice("Rooms: " + ", ".join(event.names)),
    Identity: lambda event, own: _notice(f"You are {event.nick}"),
    History: _history,
    Found: _found,
    Missed: lambda event, own: _notice(missed_text(event)),
    Notice: lambda event, own: _notice(event.text),
    Failed: lambda event, own: _notice(event.text),
}


class JsonClient(ClientDialect):
    """The client's end.

    The grammar has neither request numbers nor errors: all that the server says is a notice,
    and what it tells is known by its words. A change of nick is known by the nicks in it; what
    begins like a complaint about a nick is taken for the refusal of the oldest one asked for.
    The barrier is a question for the users, which the server alone can answer: nobody can have
    its name. A plugin that answers in the same words can be mistaken for it.
    """

    name = "json"
    port = 5555

    def __init__(self) -> None:
        self._lines = LineSplitter(MIB, MIB)  # users are one message however many there are
        self._nick = ""
        self._renames: list[Request] = []
        self._lists: list[Request | None] = []  # None for a barrier

    def encode(self, request: Request) -> bytes:
        kind, words = request.verb, request.args
        if kind == "say" and words and words[0] == GENERAL:
            kind, words = "message", words[1:]
        elif kind == "login":
            kind = "set-name"
            self._renames.append(request)
        elif kind == "users" and not any(words):  # users x would only be an error
            self._lists.append(request)
        return _to_server(kind, " ".join(words))

    def barrier(self) -> bytes:
        self.barriers += 1
        self._lists.append(None)
        return _to_server("users", "")

    def feed(self, data: bytes) -> Iterator[tuple[Event, Request | None]]:
        self._lines.feed(data)
        while (line := self._lines.next_line()) is not None:
            event = _understand(line)
            if isinstance(event, Users) and self._lists:
                if (request := self._lists.pop(0)) is not None:
                    yield event, request
                else:
                    self.passed += 1
            elif self._refuses(event):
                yield Failed("error", said_as(event)[1]), self._renames.pop(0)
            else:
                yield event, None
                yield from self._learn(event)

    def _refuses(self, event: Event) -> bool:
        """Whether this is why a nick cannot be had."""
        return bool(
            self._renames and isinstance(event, Notice) and event.text.startswith(_REFUSALS)
        )

    def _learn(self, event: Event) -> Iterator[tuple[Event, Request | None]]:
        """Know one's own nick, and when it is changed as was asked for."""
        if isinstance(event, LoggedIn):
            # The first one to enter that a client hears of is itself.
            self._nick = self._nick or event.nick
        if not self._renames or not isinstance(event, Renamed):
            return
        if event.nick == " ".join(self._renames[0].args) and event.old == (self._nick or event.old):
            self._nick = event.nick
            yield Done(), self._renames.pop(0)


_REFUSALS = (
    *("nick ", "control characters ", "you are muted"),
    *("the server is full", "too many connections", "your address is banned"),
)

# What the server's notices tell, by the words in which it does.
_NEWS: dict[type[Event], str] = {
    LoggedIn: "{nick} has entered the chat",
    LoggedOut: "{nick} has left the chat",
    Renamed: "{old} renamed to {nick}",
    Created: "{nick} has created room {room}",
    Joined: "{nick} has joined room {room}",
    Parted: "{nick} has left room {room}",
    Identity: "You are {nick}",
}
_FORMS = tuple(
    (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>\\S+)", form)), kind) for kind, form in _NEWS.items()
)
_ROOMS = "Rooms: "
_TO_ONE = re.compile(r"\(private(?: to (\S+))?\) (.*)")


def _to_server(kind: str, text: str) -> bytes:
    return msgspec.json.encode(FromClient(sendable(kind), sendable(text))) + b"\n"


def _understand(line: bytes) -> Event:
    text = line.decode(errors="replace")
    try:
        spoken = _from_server.decode(text).data
    except (msgspec.DecodeError, RecursionError):
        return Notice(text)  # of no server that we know: shown as it came
    event = _read(spoken)
    if not spoken.id:
        return event
    try:
        return recall(spoken.id, spoken.time, spoken.room, event, spoken.found)
    except ValueError:
        return event  # of another server


def _read(spoken: _Spoken) -> Event:
    if spoken.source == SERVER:
        return _read_notice(spoken.message)
    if spoken.private and (told := _TO_ONE.fullmatch(spoken.message)):
        return Told(spoken.source, told[1] or "", told[2])
    return Said(spoken.room, spoken.source, spoken.message)


def _read_notice(text: str) -> Event:
    if listed := _LISTED.match(text):
        return Users(tuple(text[listed.end() :].split(", ")))
    if text.startswith(_ROOMS):
        return Rooms(tuple(text.removeprefix(_ROOMS).split(", ")))
    for form, kind in _FORMS:
        if found := form.fullmatch(text):
            return _made(kind, found.groupdict())
    return Notice(text)


def _made(kind: type[Event], fields: dict[str, str]) -> Event:
    return LoggedOut(reason="", **fields) if kind is LoggedOut else kind(**fields)


def said_as(event: Event) -> tuple[str, str]:
    """Give source and message of what tells an event; both are empty for what is not told."""
    if isinstance(event, Said):
        return event.nick, event.text
    if isinstance(event, Told):
        return event.sender, f"(private{event.recipient and f' to {event.recipient}'}) {event.text}"
    if isinstance(event, Users):
        return SERVER, _USERS + ", ".join(event.nicks)
    if isinstance(event, Rooms):
        return SERVER, _ROOMS + ", ".join(event.names)
    if isinstance(event, Notice | Failed):
        return SERVER, event.text
    if form := _NEWS.get(type(event)):
        return SERVER, form.format(**asdict(event))
    return "", ""
