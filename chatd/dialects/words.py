"""The `words` dialect (SPEC S3): lower-case words, split on single spaces.

Client to server: login NAME, msg NAME TEXT, msgall TEXT, whoami, userlist, logout, debug. Server
to client: `[NAME]: TEXT`, `[NAME(*)]: TEXT` in private, `[ServerMessage] - TEXT`, and bare
texts for names and for mistakes in the grammar. Any other verb `shout` is asked for as it is;
messages of joined rooms come as `[NAME@ROOM]: TEXT` (SPEC D-6).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from chatd.dialects import Setting
from chatd.dialects.past import missed_text
from chatd.dialects.plain import Plain, PlainClient, line
from chatd.events import (
    GENERAL,
    CommandError,
    Created,
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
    Renamed,
    Request,
    Rooms,
    Said,
    Told,
    Users,
)

# Errors that the grammar has a bare text for (S3-05, S3-06), by their codes.
_BARE = {
    "unknown-command": "unknown command",
    "no-username": "require username",
    "too-many-arguments": "overage info",
    "empty-message": "empty message",
    "not-logged-in": "Please log in!",
}
_WORDS = {"tell": "msg", "users": "userlist", "quit": "logout"}

_HTTP = ("GET ", "POST ")  # which nobody gets a reply to (S3-17)


class Words(Plain):
    """The server's end."""

    name = "words"
    port = 10000
    reserved = frozenset({"msgall", *_WORDS.values()})
    typed = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._nick = ""  # empty before login

    def next_request(self) -> Request | None:
        while (text := self._next_text()) is not None:
            if not text.startswith(_HTTP):
                return self._parse(text)
        return None

    def _parse(self, text: str) -> Request:
        """Check the grammar; whether the user is logged in comes behind it (S3-04)."""
        word, *args = text.split(" ")
        match word:
            case "login":
                return self._login(args)
            case "logout":
                return self._logout(args)
            case "msg":
                return _msg(args)
            case "msgall":
                return Request("say", (GENERAL, _text(args)))
            case "userlist":
                return Request("users")
            case "whoami" | "debug":
                return Request(word)
        if request := self._beyond(word, " ".join(args)):
            return request
        raise _mistake("unknown-command")

    def _login(self, args: list[str]) -> Request:
        if not any(args):
            raise _mistake("no-username")
        if len(args) > 1:
            raise _mistake("too-many-arguments")
        if self._nick:  # S3-08: `rename` is what changes a nick
            raise CommandError("logged-in", "you are logged in already.")
        return Request("login", (args[0],))

    def _logout(self, args: list[str]) -> Request:
        if args:
            raise _mistake("too-many-arguments")
        if not self._nick:
            raise _mistake("not-logged-in")
        return Request("quit")

    def done(self, request: Request, error: CommandError | None) -> Sequence[Event]:
        if error is None:
            if request.verb in ("login", "rename") and request.args:
                self._nick = request.args[0]
            return ()
        if request.verb == "login" and error.code != "full":
            # A name in use is what `login failed.` means (S3-07); anything else is said (D-3).
            reason = () if error.code == "nick-taken" else (Notice(f"{error.text}."),)
            return (Failed("login", "login failed."), *reason)
        if request.verb == "tell" and error.code == "no-such-user":
            nick, _, text = " ".join(request.args).partition(" ")
            return (Told(self._nick, nick, text), Failed(error.code, "no such user."))  # S3-09
        return super().done(request, error)

    @staticmethod
    def encode(event: Event, own: bool) -> bytes:
        render = _RENDERERS.get(type(event))
        return render(event, own) if render else b""


def _mistake(code: str) -> CommandError:
    return CommandError(code, _BARE[code])


def _text(words: list[str]) -> str:
    text = " ".join(words)
    if not text or text.isspace():
        raise _mistake("empty-message")
    return text


def _msg(args: list[str]) -> Request:
    if not args or not args[0]:
        raise _mistake("too-many-arguments")  # as observed: S3-05
    return Request("tell", (args[0], _text(args[1:])))


def _server(text: str) -> bytes:
    return line("[ServerMessage] -", text)


def _logged_in(event: LoggedIn, own: bool) -> bytes:
    greeting = _server(event.greeting) if own and event.greeting else b""
    return _server(f"[{event.nick}] log in.") + greeting


def _said(event: Said, own: bool) -> bytes:
    place = "" if event.room == GENERAL else f"@{event.room}"
    return line(f"[{event.nick}{place}]:", event.text)


def _in_a_room(did: str) -> Callable[[Created | Joined | Parted, bool], bytes]:
    """Tell what somebody did with a room; nothing of General, whose members need not know it."""

    def render(event: Created | Joined | Parted, own: bool) -> bytes:
        if not own and event.room == GENERAL:
            return b""
        return _server(f"[{event.nick}] {did} {event.room}.")

    return render


def _failed(event: Failed, own: bool) -> bytes:
    bare = _BARE.get(event.code)
    return line(bare) if bare else _server(event.text)


_RENDERERS: dict[type[Event], Callable[[Any, bool], bytes]] = {
    LoggedIn: _logged_in,
    LoggedOut: lambda event, own: b"" if own else _server(f"[{event.nick}] log out."),
    Renamed: lambda event, own: _server(f"[{event.old}] is now [{event.nick}].") if own else b"",
    Created: _in_a_room("created"),
    Joined: _in_a_room("joined"),
    Parted: _in_a_room("left"),
    Said: _said,
    Told: lambda event, own: line(f"[{event.sender}(*)]:", event.text),
    Users: lambda event, own: line(",".join(event.nicks)),
    Rooms: lambda event, own: _server("rooms: " + ",".join(event.names)),
    Identity: lambda event, own: line(event.nick),
    History: lambda event, own: Words._replay(event),
    Found: lambda event, own: Words._found(event),
    Notice: lambda event, own: _server(event.text),
    Missed: lambda event, own: _server(missed_text(event)),
    Failed: _failed,
}


class WordsClient(PlainClient):
    """The client's end.

    Its barrier is `whoami`: nothing else is answered by a bare word, except `userlist`, and
    those two are answered in their order. Before login both are answered `Please log in!`, which
    is then taken for the answer to the oldest of them.
    """

    name = "words"
    port = 10000
    # Whatever name it is asked by.
    _ANSWERS: ClassVar[dict[str, type[Event]]] = PlainClient._ANSWERS | {"userlist": Users}

    def barrier(self) -> bytes:
        self.barriers += 1
        self._asked.append((None, Identity))
        return b"whoami\n"

    def _words(self, request: Request) -> tuple[str, ...]:
        if request.verb == "say" and request.args[:1] == (GENERAL,):
            return ("msgall", *request.args[1:])
        return (_WORDS.get(request.verb, request.verb), *request.args)

    def _understand(self, text: str) -> Iterable[Event]:
        yield self._read(text)

    def _read_past(self, text: str) -> Event:
        return self._read(text)

    def _read(self, text: str) -> Event:
        if code := _CODES.get(text):
            return Failed(code, text)
        if found := _MESSAGE.fullmatch(text):
            nick, private, room, said = found.groups()
            return Told(nick, "", said) if private else Said(room or GENERAL, nick, said)
        head, _, said = text.partition("[ServerMessage] - ")
        if said and not head:
            return self._read_server(said)
        if not text or " " in text:
            return Notice(text)
        return self._read_names(text)

    def _read_server(self, text: str) -> Event:
        for pattern, event in _NEWS:
            if found := pattern.fullmatch(text):
                return event(*found.groups())
        if text == "login failed." or (self._refused and not text.endswith(".")):
            return Failed("login", text)
        return Notice(text)

    @property
    def _refused(self) -> bool:
        """Whether what a server says must be why it does not let us in.

        Nobody hears anything else there but the reason behind `login failed.`, which has a full
        stop.
        """
        return not self._nick and any(answer is LoggedIn for _, answer in self._asked)

    def _read_names(self, text: str) -> Event:
        """A list of one looks like one's own name: it is what was asked for first."""
        asked = next((kind for _, kind in self._asked if kind in (Users, Identity)), Notice)
        if "," in text or asked is Users:
            return Users(tuple(text.split(",")))
        return Identity(text) if asked is Identity else Notice(text)


_CODES = {text: code for code, text in _BARE.items()}
# The bounds keep a line of brackets from taking ages.
_MESSAGE = re.compile(r"\[([^ ]{1,200}?)(\(\*\))?(?:@([^ ]{1,200}?))?\]: (.*)")
_NEWS: tuple[tuple[re.Pattern[str], Callable[..., Event]], ...] = (
    (re.compile(r"\[([^ ]+)\] log in\."), LoggedIn),
    (re.compile(r"\[([^ ]+)\] log out\."), lambda nick: LoggedOut(nick, "")),
    (re.compile(r"\[([^ ]+)\] is now \[([^ ]+)\]\."), Renamed),
    (re.compile(r"\[([^ ]+)\] created ([^ ]+)\."), lambda nick, room: Created(room, nick)),
    (re.compile(r"\[([^ ]+)\] joined ([^ ]+)\."), lambda nick, room: Joined(room, nick)),
    (re.compile(r"\[([^ ]+)\] left ([^ ]+)\."), lambda nick, room: Parted(room, nick)),
    (re.compile(r"rooms: (.*)"), lambda names: Rooms(tuple(names.split(",")))),
    (re.compile(r"(no such user\.)"), lambda text: Failed("no-such-user", text)),
    (re.compile(r"(you are logged in already\.)"), lambda text: Failed("logged-in", text)),
)
