"""Records as rows of the table events, and back.

A row holds all of an event but the address and the greeting of a login, which nobody is to read
later.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import Row

from chatd import (
    Created,
    Event,
    Joined,
    LoggedIn,
    LoggedOut,
    Missed,
    Parted,
    Place,
    Record,
    Renamed,
    Said,
    Told,
    name_key,
)
from chatd_plugins.sql.schema import events

COLUMNS = events.columns.keys()
_MESSAGE, _TEXT = map(COLUMNS.index, ("message", "text"))

Values = tuple[Any, ...]
"""A row to be: the values of COLUMNS."""


def place_key(place: Place) -> str:
    """Give the key of a place: of a private talk both nicks, with a space, which names have not."""
    if isinstance(place, str):
        return clean(place)
    party, other = place
    return clean(" ".join(sorted((_nick_of(party), other))))


def party_of(place: Place) -> str:
    """Give who has to be one of the two in what is read of a place; empty for rooms."""
    return "" if isinstance(place, str) else clean(place[0])


def _nick_of(party: str) -> str:
    return party.partition("@")[0]


def horizon_key(place: str) -> str:
    """Give a place's key in the table horizons, which outlasts its messages.

    Who once talked in private is nothing to remember, hence a digest.
    """
    return blake2b(place.encode(), digest_size=16).hexdigest() if " " in place else place


# -- there -----------------------------------------------------------------------------------------


def _row(
    record: Record,
    kind: str,
    room: str | None = None,
    nick: str | None = None,
    group: str | None = None,
    other: str | None = None,
    *,
    count: int | None = None,
    until: int | None = None,
) -> Values:
    """Put together a row of anything but a message."""
    head = (record.id, record.time, record.room, 0, kind, room, nick, None, group, other)
    return (*head, None, None, None, count, until, None)


# Most records are of this kind, so it is written out. A nick that is an address has no key.
def _said(record: Record, event: Any) -> Values:
    nick = event.nick
    return (
        *(record.id, record.time, record.room, 1, "said"),
        *(event.room, nick, name_key(nick) or nick, event.group),
        *(None, None, None, None, None, None, event.text),
    )


def _told(record: Record, event: Any) -> Values:
    sender, recipient = record.parties
    place, key = place_key((sender, _nick_of(recipient))), _nick_of(sender)
    head = (record.id, record.time, place, 1, "told", None, event.sender, key, event.sender_group)
    other = (event.recipient, event.recipient_group)
    return (*head, *other, sender, recipient, None, None, event.text)


_ROWS: dict[type[Event], Callable[[Record, Any], Values]] = {
    Said: _said,
    Told: _told,
    LoggedIn: lambda r, e: _row(r, "logged-in", None, e.nick, e.group),
    LoggedOut: lambda r, e: _row(r, "logged-out", None, e.nick, e.group, e.reason),
    Renamed: lambda r, e: _row(r, "renamed", None, e.old, e.group, e.nick),
    Created: lambda r, e: _row(r, "created", e.room, e.nick),
    Joined: lambda r, e: _row(r, "joined", e.room, e.nick, e.group),
    Parted: lambda r, e: _row(r, "parted", e.room, e.nick, e.group),
    Missed: lambda r, e: _row(r, "missed", count=e.count, until=e.until),
}


def rows_of(records: Iterable[Record]) -> list[Values]:
    """Make rows; raises TypeError for events that are none of the history's."""
    try:
        return [_ROWS[type(record.event)](record, record.event) for record in records]
    except KeyError as error:
        raise TypeError(f"no history has a {error.args[0].__name__}") from None


def searchable(rows: Iterable[Sequence[Any]]) -> list[tuple[int, str]]:
    """Give ids and texts of the messages among rows, by id."""
    return sorted((row[0], row[_TEXT]) for row in rows if row[_MESSAGE])


def cleaned(row: Values) -> Values:
    """Replace what databases refuse in a text: NUL, and halves of characters."""
    return tuple(clean(value) if isinstance(value, str) else value for value in row)


def clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


# -- and back --------------------------------------------------------------------------------------

_EVENTS: dict[str, Callable[[Any], Event]] = {
    "said": lambda row: Said(row.room, row.nick, row.text, row.grp),
    "told": lambda row: Told(row.nick, row.other, row.text, row.grp, row.other_grp),
    "logged-in": lambda row: LoggedIn(row.nick, group=row.grp),
    "logged-out": lambda row: LoggedOut(row.nick, row.other, row.grp),
    "renamed": lambda row: Renamed(row.nick, row.other, row.grp),
    "created": lambda row: Created(row.room, row.nick),
    "joined": lambda row: Joined(row.room, row.nick, row.grp),
    "parted": lambda row: Parted(row.room, row.nick, row.grp),
    "missed": lambda row: Missed(row[COLUMNS.index("count")], row.until),  # rows have a .count()
}


def record_of(row: Row[Any]) -> Record:
    """Make a record of a row of the table events."""
    event = _EVENTS[row.kind](row)
    if row.sender is None:
        return Record(row.id, row.time, row.place, event)
    return Record(row.id, row.time, "", event, (row.sender, row.recipient))
