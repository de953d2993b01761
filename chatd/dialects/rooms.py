"""The `rooms` dialect (SPEC S4): a name first, then commands in lower case.

Client to server: the bare name; create G, join G, leave G, groups, users, public G text,
private U text, exit. Server to client: sentences. Any other verb `shout` is asked for as it is,
and answered in free text (SPEC D-6).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

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
    Missed,
    Notice,
    Parted,
    Renamed,
    Request,
    Rooms,
    Said,
    Told,
    Users,
    WireError,
)

# Each word of the grammar: the verb it asks for, and how it is used.
_GRAMMAR = {
    "create": ("create", "create GROUP"),
    "join": ("join", "join GROUP"),
    "leave": ("leave", "leave GROUP"),
    "groups": ("rooms", "groups"),
    "users": ("users", "users"),
    "public": ("say", "public GROUP TEXT"),
    "private": ("tell", "private NAME TEXT"),
    "exit": ("quit", "exit"),
}
_WORDS = {verb: word for word, (verb, _) in _GRAMMAR.items()}
_USAGE = dict(_GRAMMAR.values())

# What is wrong, by the code of the error; the name in it is the one that was asked for.
_FAILURES = {
    "nick-taken": "User name '{}' is already taken!",
    "room-exists": "Group chat with name '{}' already exists!",
    "no-such-room": "Group chat '{}' does not exist!",
    "already-a-member": "You have already joined in group chat '{}'!",
    "not-a-member": "You are not a member of group chat '{}'!",
    "no-such-user": "User '{}' does not exist!",
}
_NAMING = {"login", "rename", "history", *_USAGE}
"""Verbs whose first argument is the name that such an error is about."""


_OPER = "oper "
"""What may come before a name, being none itself: a full server lets in moderators only."""


class RoomsDialect(Plain):
    """The server's end."""

    name = "rooms"
    port = 9000
    reserved = frozenset({word for word, (verb, _) in _GRAMMAR.items() if word != verb})

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._named = False
        self._refused = False  # whoever is refused at the door is sent away (S4-17)

    def next_request(self) -> Request | None:
        if self._refused:
            raise WireError("refused", "")
        try:
            text = self._next_text()
        except CommandError:
            self._refused = not self._named
            raise
        if text is None:
            return None
        if self._named or text.startswith(_OPER):
            return self._parse(text)
        return Request("login", (text,))

    def _parse(self, text: str) -> Request:
        word, _, rest = text.partition(" ")
        if word in _GRAMMAR:
            verb, _ = _GRAMMAR[word]
            if verb in ("say", "tell"):
                return Request(verb, tuple(rest.split(" ", 1)))
            return Request(verb, (rest,) if rest else ())
        if request := self._beyond(word, rest):
            return request
        raise CommandError("unknown-command", f"Unknown command '{word}'!")

    def done(self, request: Request, error: CommandError | None) -> Sequence[Event]:
        if error is None:
            self._named = self._named or request.verb == "login"
            return ()
        if not self._named and request.verb == "login":
            self._refused = error.code != "full"  # which ends by itself
        return (Failed(error.code, _explain(request, error)),)

    @staticmethod
    def encode(event: Event, own: bool) -> bytes:
        render = _RENDERERS.get(type(event))
        return render(event, own) if render else b""


def _explain(request: Request, error: CommandError) -> str:
    """Say why a request failed, in this dialect's words where it has some."""
    if error.code in ("missing-argument", "too-many-arguments") and request.verb in _USAGE:
        return f"Usage: {_USAGE[request.verb]}"
    text = _FAILURES.get(error.code)
    if text is None or request.verb not in _NAMING:
        return error.text
    # Of what takes one argument all the rest is the name, of the others the first word.
    name = " ".join(request.args) or GENERAL
    one_word = request.verb in ("say", "tell", "history")
    return text.format(name.partition(" ")[0] if one_word else name)


def _logged_in(event: LoggedIn, own: bool) -> bytes:
    if not own:
        return line(f"{event.nick} joined the room '{GENERAL}'")
    greeting = line(event.greeting) if event.greeting else b""
    return line(f"You joined the room '{GENERAL}'") + greeting


def _created(event: Created, own: bool) -> bytes:
    return line(f"New group chat with name '{event.room}' has created successfully!")


def _joined(event: Joined, own: bool) -> bytes:
    if own:
        return line(f"You have joined in group chat '{event.room}' successfully!")
    return line(f"{event.nick} has joined in group chat '{event.room}'.")


def _parted(event: Parted, own: bool) -> bytes:
    if own:
        return line(f"You have left group chat '{event.room}' successfully!")
    return line(f"{event.nick} has left group chat '{event.room}'.")


def _said(event: Said, own: bool) -> bytes:
    return b"" if own else line(f"In group {event.room}, {event.nick}:", event.text)  # S4-12


def _told(event: Told, own: bool) -> bytes:
    if own and event.sender != event.recipient:
        return b""  # S4-13: no echo
    return line(f"Private message from {event.sender}:", event.text)


def _list(header: str, names: tuple[str, ...]) -> bytes:
    return b"".join(map(line, (header, *names)))


_RENDERERS: dict[type[Event], Callable[[Any, bool], bytes]] = {
    LoggedIn: _logged_in,
    Renamed: lambda event, own: line(f"You are now known as '{event.nick}'!") if own else b"",
    Created: _created,
    Joined: _joined,
    Parted: _parted,
    Said: _said,
    Told: _told,
    Users: lambda event, own: _list("online users:", event.nicks),
    Rooms: lambda event, own: _list("available groups:", event.names),
    Identity: lambda event, own: line(f"You are '{event.nick}'"),
    History: lambda event, own: RoomsDialect._replay(event),
    Found: lambda event, own: RoomsDialect._found(event),
    Notice: lambda event, own: line(event.text),
    Missed: lambda event, own: line(missed_text(event)),
    Failed: lambda event, own: line(event.text),
}


class RoomsClient(PlainClient):
    """The client's end.

    Its barrier is `leave ,N`, with a number that counts up: no group has a comma in its name,
    so the refusal, which names it, is the answer to nothing else. A list has no end of its own
    and is followed by such a barrier, too.
    """

    name = "rooms"
    port = 9000
    silent = frozenset({"say", "tell"})

    def __init__(self) -> None:
        super().__init__()
        self._list: list[str] | None = None  # the one that has begun, and its header

    def encode(self, request: Request) -> bytes:
        data = super().encode(request)
        return data + self.barrier() if request.verb in ("users", "rooms", "groups") else data

    def barrier(self) -> bytes:
        self.barriers += 1
        return f"leave ,{self.barriers}\n".encode()

    def _words(self, request: Request) -> tuple[str, ...]:
        if request.verb == "login":  # and it is the first: later ones are `rename`
            return request.args
        return (_WORDS.get(request.verb, request.verb), *request.args)

    def _understand(self, text: str) -> list[Event]:
        events: list[Event] = []
        if self._list:
            if text and " " not in text:
                self._list.append(text)
                return []
            header, *names = self._list
            events.append(_LISTS[header](tuple(names)))
        self._list = [text] if text in _LISTS else None
        if self._list is None and (event := self._read(text)):
            events.append(event)
        return events

    def _read(self, text: str) -> Event | None:
        if not self._nick:
            return self._read_at_the_door(text)
        if news := self._read_news(text):
            return news
        if f"',{self.passed + 1}'" in text and not self.settled:
            self.passed += 1
            return None
        return Failed("error", text) if _FAILED.fullmatch(text) else Notice(text)

    def _read_news(self, text: str) -> Event | None:
        for pattern, event in _NEWS:
            if found := pattern.fullmatch(text):
                return event(self._nick, *found.groups())
        return None

    def _read_past(self, text: str) -> Event:
        return self._read_news(text) or Notice(text)

    def _read_at_the_door(self, text: str) -> Event:
        """Nothing is heard there but whether the name is taken."""
        nick = next((" ".join(r.args) for r, answer in self._asked if r and answer is LoggedIn), "")
        return LoggedIn(nick) if text == _WELCOME else Failed("login", text)


_LISTS: dict[str, Callable[[tuple[str, ...]], Event]] = {
    "online users:": Users,
    "available groups:": Rooms,
}
_WELCOME = f"You joined the room '{GENERAL}'"

# What others do, and what I have done; how a colon stands differs between servers (S4-12).
_NEWS: tuple[tuple[re.Pattern[str], Callable[..., Event]], ...] = tuple(
    (re.compile(pattern), event)
    for pattern, event in (
        (r"In group (\S+), (\S+?) ?: (.*)", lambda me, room, nick, text: Said(room, nick, text)),
        (r"Private message from (\S+?) ?: (.*)", lambda me, nick, text: Told(nick, me, text)),
        (r"(\S+) joined the room 'General'", lambda me, nick: LoggedIn(nick)),
        (r"(\S+) has joined in group chat '(.*)'\.", lambda me, nick, room: Joined(room, nick)),
        (r"(\S+) has left group chat '(.*)'\.", lambda me, nick, room: Parted(room, nick)),
        (
            r"New group chat with name '(.*)' has created successfully!",
            lambda me, room: Created(room, me),
        ),
        (r"You have joined in group chat '(.*)' successfully!", lambda me, room: Joined(room, me)),
        (r"You have left group chat '(.*)' successfully!", lambda me, room: Parted(room, me)),
        (r"You are now known as '(.*)'!", Renamed),
        (r"You are '(.*)'", lambda me, nick: Identity(nick)),
    )
)
_FAILED = re.compile(
    "|".join(re.escape(text).replace(r"\{\}", ".*") for text in _FAILURES.values())
    + "|Unknown command '.*'!|Usage: .*"
)
