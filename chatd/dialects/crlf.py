"""The `crlf` dialect (SPEC S0): one line per message, an upper-case kind first.

Client to server: LOGIN nick, PRIV nick text, LIST, PUB text. Server to client: OK, USERS,
PUB_MSG, PRIV_FROM, ERROR. Any other verb `shout` is asked for as SHOUT; free answers come as
NOTICE, messages of joined rooms as ROOM_MSG room nick text, those of the past as HISTORY or FOUND
id time room nick text (SPEC D-6).
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

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

WHITE_SPACE = " \t\r"  # other white space is control characters, which S0-09 does not excuse
_KIND = re.compile(r"[A-Z][A-Z0-9_-]*")
_VERBS = {"LOGIN": "login", "PRIV": "tell", "LIST": "users"}
_KINDS = {"login": "LOGIN", "tell": "PRIV", "users": "LIST"}


class Crlf(Dialect):
    """The server's end."""

    name = "crlf"
    port = 5000
    reserved = frozenset({kind.lower() for kind in ("PUB", *_VERBS)} - set(_VERBS.values()))

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._lines = LineSplitter(setting.limits.line, setting.limits.endless)

    def feed(self, data: bytes) -> None:
        self._lines.feed(data)

    def next_request(self) -> Request | None:
        while (line := self._lines.next_line()) is not None:
            if request := _parse(line):
                return request
        return None

    @staticmethod
    def kind_of(line: str) -> str:
        kind = line.strip(WHITE_SPACE).partition(" ")[0]
        return kind if kind in _READERS else ""

    @staticmethod
    def encode(event: Event, own: bool) -> bytes:
        render = _RENDERERS.get(type(event))
        return render(event, own) if render else b""


def _parse(line: bytes) -> Request | None:
    """Decode one line; an empty one is nothing (S0-13)."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise CommandError("bad-utf8", "this is not UTF-8") from None
    kind, _, rest = text.strip(WHITE_SPACE).partition(" ")
    if not kind:
        return None
    if kind == "PUB":
        return Request("say", (GENERAL, rest))
    if not _KIND.fullmatch(kind):
        raise CommandError("unknown-command", "unknown command: a message begins with its kind")
    return Request(_VERBS.get(kind) or kind.lower(), (rest,) if rest else ())


def _line(*words: str) -> bytes:
    # A plugin may hold text that is no Unicode: it must not cost anybody the rest.
    return (one_line(" ".join(words)) + "\r\n").encode(errors="replace")


def _ok(event: Event, own: bool) -> bytes:
    return b"OK\r\n" if own else b""


def _logged_in(event: LoggedIn, own: bool) -> bytes:
    if not own:
        return b""
    return b"OK\r\n" + (_line(event.greeting) if event.greeting else b"")  # S0-26


def _said(event: Said, own: bool) -> bytes:
    if own:
        return b""  # S0-17: never sent back
    if event.room == GENERAL:
        return _line("PUB_MSG", event.text)  # S0-20: without the sender
    return _line("ROOM_MSG", event.room, event.nick, event.text)


def _told(event: Told, own: bool) -> bytes:
    message = _line("PRIV_FROM", event.sender, event.text)
    if not own:
        return message
    return message + b"OK\r\n" if event.sender == event.recipient else b"OK\r\n"


def _remembered(kind: str, record: Record) -> bytes:
    """One line for each message (SPEC D-6); of a private one, @ and the other nick is the room."""
    event = record.event
    if isinstance(event, Said):
        place, nick = event.room, event.nick
    elif isinstance(event, Told):
        place, nick = f"@{event.recipient}", event.sender
    else:
        return Crlf.encode(event, False)
    return _line(kind, id_text(record.id), moment(record), place, nick, event.text)


def _history(event: History, own: bool) -> bytes:
    said = b"".join(_remembered("HISTORY", record) for record in event.records)
    more = _line("NOTICE there is more", event.more) if event.more else b""
    return said + more + b"OK\r\n"


def _found(event: Found, own: bool) -> bytes:
    """The messages found, each between its neighbours, which come as those of HISTORY do."""
    told = (_remembered("FOUND" if it else "HISTORY", record) for record, it in around(event))
    return _line("NOTICE", found_text(event)) + b"".join(told) + b"OK\r\n"


_RENDERERS: dict[type[Event], Callable[[Any, bool], bytes]] = {
    LoggedIn: _logged_in,
    Renamed: _ok,
    Created: _ok,
    Joined: _ok,
    Parted: _ok,
    Said: _said,
    Told: _told,
    Users: lambda event, own: _line("USERS", *event.nicks),
    Rooms: lambda event, own: _line("ROOMS", *event.names),
    History: _history,
    Found: _found,
    Missed: lambda event, own: _line("NOTICE", missed_text(event)),
    Identity: lambda event, own: _line("WHOAMI", event.nick),
    Notice: lambda event, own: _line("NOTICE", event.text) if event.text else b"NOTICE\r\n",
    Failed: lambda event, own: _line("ERROR", event.text),
}


class CrlfClient(ClientDialect):
    """The client's end.

    The grammar has no request numbers: an answer is matched to the oldest request of its kind.
    A PUB that succeeds is answered by silence, so an ERROR may belong to a PUB or to another
    request under way: it is taken for the oldest one that waits for its OK.
    """

    name = "crlf"
    port = 5000
    silent = frozenset({"say"})
    marks_errors = True

    def __init__(self) -> None:
        self._lines = LineSplitter(MIB, MIB)  # USERS is one line however many there are
        # What was asked (None for a barrier), and the event that answers it.
        self._asked: list[tuple[Request | None, type[Event]]] = []

    def encode(self, request: Request) -> bytes:
        words = request.args
        kind = _KINDS.get(request.verb) or request.verb.upper()
        if request.verb == "say" and words and words[0] == GENERAL:
            kind, words = "PUB", words[1:]
        answer = _ANSWERS.get(kind)
        if answer is Done or (answer and not words):  # LIST x would only be an ERROR
            self._asked.append((request, answer))
        return " ".join((kind, *words)).replace("\n", " ").encode(errors="replace") + b"\r\n"

    def barrier(self) -> bytes:
        self.barriers += 1
        self._asked.append((None, Users))
        return b"LIST\r\n"

    def feed(self, data: bytes) -> Iterator[tuple[Event, Request | None]]:
        self._lines.feed(data)
        while (line := self._lines.next_line()) is not None:
            text = line.decode(errors="replace").strip(WHITE_SPACE)
            if not text:
                continue
            event = _understand(text)
            answer = Done if isinstance(event, Failed) else type(event)
            answered = next((i for i, asked in enumerate(self._asked) if asked[1] is answer), None)
            if answered is None:
                yield event, None
                continue
            request, _ = self._asked.pop(answered)
            if request is not None:
                yield event, request
                continue
            del self._asked[:answered]  # what has gone before is over
            self.passed += 1


_ANSWERS: dict[str, type[Event]] = {
    **dict.fromkeys(("LOGIN", "PRIV", "TELL", "CREATE", "JOIN", "LEAVE"), Done),
    **dict.fromkeys(("HISTORY", "SEARCH"), Done),
    **dict.fromkeys(("LIST", "USERS"), Users),
    "ROOMS": Rooms,
    "WHOAMI": Identity,
}


def _understand(text: str) -> Event:
    kind, _, rest = text.partition(" ")
    if reader := _READERS.get(kind):
        return reader(rest)
    return Notice(text)  # S0-32: shown as it came


def _read_told(rest: str) -> Event:
    sender, _, text = rest.partition(" ")
    return Told(sender, "", text)


def _read_room_message(rest: str) -> Event:
    room, _, rest = rest.partition(" ")
    nick, _, text = rest.partition(" ")
    return Said(room, nick, text)


def _read_remembered(rest: str, found: bool = False) -> Event:
    id, time, room, nick, text = (*rest.split(" ", 4), *[""] * 4)[:5]
    said = Told(nick, room[1:], text) if room.startswith("@") else Said(room, nick, text)
    try:
        return recall(id, time, room, said, found)
    except ValueError:
        return Notice(rest)  # of another server


_READERS: dict[str, Callable[[str], Event]] = {
    "OK": lambda rest: Done(),
    "ERROR": lambda rest: Failed("error", rest),
    "USERS": lambda rest: Users(tuple(rest.split())),
    "ROOMS": lambda rest: Rooms(tuple(rest.split())),
    "PUB_MSG": lambda rest: Said(GENERAL, "", rest),
    "PRIV_FROM": _read_told,
    "ROOM_MSG": _read_room_message,
    "HISTORY": _read_remembered,
    "FOUND": lambda rest: _read_remembered(rest, found=True),
    "WHOAMI": Identity,
    "NOTICE": Notice,
}
