"""Event ids: (epoch, n), ordered and never used twice, also across restarts.

The epoch is a start of the server, counted in seconds; n counts its events from 1. Both are held
in one whole number, as stores keep them, and are written `28066112-42`.
"""

import re

from msgspec.structs import replace

from chatd.events import CommandError, Missed, Record

_BITS = 32
_TEXT = re.compile(r"([0-9]{1,10})-([0-9]{1,10})")

BEGINNING = 1_767_225_600
"""The second that epochs are counted from: the first of 2026, in seconds since 1970."""


def make_id(epoch: int, n: int) -> int:
    """Put an id together; n is below 2 ** 32, and an epoch fits in 31 bits until 2094."""
    return epoch << _BITS | n


def epoch_at(now: float) -> int:
    """Give the epoch of a server that starts then, in seconds since 1970.

    1 for a time that cannot be, of a machine without a clock: the store knows which come next.
    """
    epoch = int(now) - BEGINNING
    return epoch if 0 < epoch < 1 << 31 else 1


def epoch_of(id: int) -> int:
    """Give the epoch of an id."""
    return id >> _BITS


def number_of(id: int) -> int:
    """Give the n of an id."""
    return id & ((1 << _BITS) - 1)


def in_epoch(record: Record, epoch: int) -> Record:
    """Give a record the same n in another epoch."""
    event = record.event
    if isinstance(event, Missed):
        event = Missed(event.count, make_id(epoch, number_of(event.until)))
    return replace(record, id=make_id(epoch, number_of(record.id)), event=event)


def id_text(id: int) -> str:
    """Write an id as people and programs see it."""
    return f"{epoch_of(id)}-{number_of(id)}"


def parse_id(text: str) -> int:
    """Read what id_text wrote; raises CommandError("bad-id")."""
    if found := _TEXT.fullmatch(text):
        epoch, n = map(int, found.groups())
        if epoch < 1 << 31 and n < 1 << _BITS:
            return make_id(epoch, n)
    raise CommandError("bad-id", f"{text} is no id of a message, such as 28066112-42")
