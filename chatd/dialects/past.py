"""How the past is told: times, ids, and what is missing of it; the same in every dialect."""

from collections.abc import Iterator
from datetime import UTC, datetime

from chatd.events import Found, Missed, Record
from chatd.ids import id_text


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


def as_shown(id: str, time: str, text: str, found: bool = False) -> str:
    """Put a message of the past into one line for people, as the client shows it.

    time is what moment wrote; an arrow stands at what was searched for. Raises ValueError for
    what no moment is.
    """
    local = datetime.fromisoformat(time).astimezone()
    return f"{'-> ' * found}[{id} {local:%Y-%m-%d %H:%M}] {text}"
