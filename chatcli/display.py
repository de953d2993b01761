"""What a person sees of an event: one line, harmless for the terminal."""

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from chatcli.text import clean
from chatd.dialects.jsonl import said_as
from chatd.dialects.past import shown_stamp
from chatd.events import (
    GENERAL,
    Event,
    Failed,
    Identity,
    Notice,
    Recalled,
    Rooms,
    Said,
    Told,
    Users,
)


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


def describe(event: Event) -> Line | None:
    """Make the line that shows an event; None for one that shows nothing."""
    if (describer := _DESCRIBERS.get(type(event))) is None:
        return None
    kind, text = describer(event)
    return Line(kind, clean(text))


def describe_spoken(event: Event) -> Line | None:
    """Make the same in the form `source: message` (SPEC S2-09)."""
    stamp, told = "", event
    if isinstance(event, Recalled):
        stamp, told = shown_stamp(event), event.record.event
    source, text = said_as(told)
    if isinstance(told, Said):
        kind, text = _said(Said(told.room, source, stamp + text))
    elif source:
        kind, text = _SPOKEN.get(type(told), Kind.ANSWER), f"{source}: {stamp}{text}"
    else:
        return None
    return Line(kind, clean(text))


_SPOKEN = {Told: Kind.TEXT, Failed: Kind.ERROR}


def said_by_others(event: Event, nick: str) -> bool:
    """Whether event is a message of another user than nick: what `-i` hides (S0-05, S0-06)."""
    if isinstance(event, Said):
        return event.nick != nick
    return isinstance(event, Told) and event.sender != nick


def _said(event: Said) -> tuple[Kind, str]:
    if event.room != GENERAL:
        return Kind.ROOM, f"[{event.room}] {event.nick}: {event.text}"
    return (Kind.TEXT, f"{event.nick}: {event.text}") if event.nick else (Kind.PUBLIC, event.text)


def _recalled(event: Recalled) -> tuple[Kind, str]:
    said = event.record.event
    if isinstance(said, Said):
        text = f"{said.room} {said.nick}: {said.text}"
    elif isinstance(said, Told):
        text = f"@{said.recipient} {said.sender}: {said.text}"
    else:
        text = ""
    return Kind.ANSWER, shown_stamp(event) + text


_DESCRIBERS: dict[type[Event], Callable[[Any], tuple[Kind, str]]] = {
    Said: _said,
    Told: lambda event: (Kind.PRIVATE, f"[private] {event.sender}: {event.text}"),
    Users: lambda event: (Kind.ANSWER, " ".join(("users:", *event.nicks))),
    Rooms: lambda event: (Kind.ANSWER, " ".join(("rooms:", *event.names))),
    Identity: lambda event: (Kind.ANSWER, f"you are {event.nick}"),
    Notice: lambda event: (Kind.ANSWER, event.text),
    Failed: lambda event: (Kind.ERROR, f"error: {event.text}"),
    Recalled: _recalled,
}
