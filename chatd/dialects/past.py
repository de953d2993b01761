"""How the past is told: times, ids, and what is missing of it; the same in every dialect."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from chatd.events import CommandError, Event, Found, Missed, Recalled, Record
from chatd.ids import id_text, parse_id


def moment(record: Record) -> str:
    """Write the time of a record as programs read it: ISO 8601, UTC."""
    return datetime.fromtimestamp(record.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(record: Record) -> str:
    """Write id and time of a record as people read them, at the place of the server."""
    return f"[{id_text(record.id)} {datetime.fromtimestamp(record.time):%Y-%m-%d %H:%M}]"


def missed_text(event: Missed) -> str:
    """Say what is missing from a history at this place."""
    if event.count:
        return f"{event.count} events were not stored"
    return "what was said last before the server was killed may be missing"


def found_text(event: Found) -> str:
    """Say how much was found, and for what."""
    place = f" in {event.room}" if event.room else ""
    count = f"{len(event.hits)} messages" if len(event.hits) != 1 else "1 message"
    return f"{count} with {event.words}{place}"


def around(event: Found) -> Iterator[tuple[Record, bool]]:
    """Give what was found among its neighbours, each with whether it is what was searched for."""
    for hit in event.hits:
        yield from ((record, False) for record in hit.before)
        yield hit.record, True
        yield from ((record, False) for record in hit.after)


# -- the client's end ------------------------------------------------------------------------


def recall(id: str, time: str, room: str, event: Event, found: bool = False) -> Recalled:
    """Make an event of what a line tells of the past.

    time is what moment or stamp wrote. Raises ValueError for what is none of theirs, and for a time
    that neither could write here.
    """
    try:
        number = parse_id(id)
    except CommandError as error:
        raise ValueError(error.text) from None
    record = Record(number, datetime.fromisoformat(time).timestamp(), room, event)
    moment(record)  # these two differ in the time zone, and so in where all years end
    stamp(record)
    return Recalled(record, found)


def unstamp(text: str) -> tuple[str, str, str, bool] | None:
    """Split a line that begins with a stamp into id, time, the rest, and whether it was found."""
    if stamped := _STAMPED.fullmatch(text):
        return stamped[2], stamped[3], stamped[4], bool(stamped[1])
    return None


_STAMPED = re.compile(r"(-> )?\[(\d+-\d+) (\d{4}-\d\d-\d\d \d\d:\d\d)\] (.*)", re.ASCII)


def shown_stamp(event: Recalled) -> str:
    """Write what stands in front of a message of the past where the client shows it."""
    return f"{'-> ' * event.found}{stamp(event.record)} "


def read_missed(text: str) -> Missed | None:
    """Read what missed_text wrote, as far as it tells; None for any other text."""
    if found := _NOT_STORED.fullmatch(text):
        return Missed(int(found[1]), 0)
    return Missed(0, 0) if text == missed_text(Missed(0, 0)) else None


_NOT_STORED = re.compile(r"([0-9]{1,18}) events were not stored")
