"""What a person sees of an event: one line, harmless for the terminal."""

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from chatcli.text import clean
from chatd.events import GENERAL, Event, Failed, Identity, Notice, Rooms, Said, Told, Users


class Kind(Enum):
    """What a line is, for colours and marks."""

    PUBLIC = "public"
    PRIVATE = "private"
    ROOM = "room"
    ANSWER = "answer"
    TEXT = "text"
    """What needs neither: it says itself where it comes from, or it is all there is."""
    ERROR = "error"
    NOTE = "note"
    """The client's own comment, for people at a terminal."""


class Line(NamedTuple):
    """One line to show; its text is clean."""

    kind: Kind
    text: str


def describe(event: Event, server: str = "") -> Line | None:
    """Make the line that shows an event; None for one that shows nothing.

    server is the name under which the server speaks, where it has one: then its words are shown
    as its words (SPEC S2-09).
    """
    if (describer := _DESCRIBERS.get(type(event))) is None:
        return None
    kind, text = describer(event)
    if server and (spoken := _SPOKEN.get(type(event))):
        text = f"{server}: {spoken(event)}"
    return Line(kind, clean(text))


def said_by_others(event: Event, nick: str) -> bool:
    """Whether event is a message of another user than nick: what `-i` hides (S0-05, S0-06)."""
    if isinstance(event, Said):
        return event.nick != nick
    return isinstance(event, Told) and event.sender != nick


def _said(event: Said) -> tuple[Kind, str]:
    if event.room != GENERAL:
        return Kind.ROOM, f"[{event.room}] {event.nick}: {event.text}"
    return (Kind.TEXT, f"{event.nick}: {event.text}") if event.nick else (Kind.PUBLIC, event.text)


_DESCRIBERS: dict[type[Event], Callable[[Any], tuple[Kind, str]]] = {
    Said: _said,
    Told: lambda event: (Kind.PRIVATE, f"[private] {event.sender}: {event.text}"),
    Users: lambda event: (Kind.ANSWER, " ".join(("users:", *event.nicks))),
    Rooms: lambda event: (Kind.ANSWER, " ".join(("rooms:", *event.names))),
    Identity: lambda event: (Kind.ANSWER, f"you are {event.nick}"),
    Notice: lambda event: (Kind.ANSWER, event.text),
    Failed: lambda event: (Kind.ERROR, f"error: {event.text}"),
}

# What a server that has a name has said, word for word.
_SPOKEN: dict[type[Event], Callable[[Any], str]] = {
    Users: lambda event: f"Connected users: {', '.join(event.nicks)}",
    Notice: lambda event: event.text,
    Failed: lambda event: event.text,
}
