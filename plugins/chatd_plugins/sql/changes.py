"""What is done to the tables; the caller has begun a transaction, and is the only one to write."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from chatd import Missed, Record, epoch_of, make_id
from chatd_plugins.sql.database import Database
from chatd_plugins.sql.rows import Values, horizon_key, rows_of, searchable
from chatd_plugins.sql.schema import epochs, events, horizons

PIECE = 5000
"""Rows that one transaction prunes, and that one statement names."""

_NEWEST = select(func.max(events.c.id))
_END = update(epochs).where(epochs.c.epoch == bindparam("ending")).values(ended=bindparam("at"))
_DELETE = delete(events).where(events.c.id == bindparam("pruned"))


def enter(database: Database, connection: Connection, epoch: int, ours: int) -> int:
    """Enter the first epoch that is at least the given one and above all that were seen.

    Where the last one is ours, of the same start of the server, nobody was here meanwhile, and
    it goes on. Where the last one did not end, a gap is noted: what was said last may be missing.
    """
    last = connection.execute(select(epochs).order_by(epochs.c.epoch.desc()).limit(1)).first()
    if last is not None and last.epoch == ours:
        return ours
    newest = connection.scalar(_NEWEST) or 0
    if last is not None and last.ended is None:
        end = make_id(last.epoch + 1, 0) - 1
        start = min(max(newest, make_id(last.epoch, 0)) + 1, end)
        lost = Record(start, time.time(), "", Missed(0, end))
        add(database, connection, rows_of([lost]))
    epoch = max(epoch, (last.epoch if last else 0) + 1, epoch_of(newest) + 1)
    connection.execute(epochs.insert(), {"epoch": epoch, "started": time.time()})
    return epoch


def end(connection: Connection, epoch: int) -> None:
    """Note that an epoch has ended, and that nothing of it is missing."""
    connection.execute(_END, {"ending": epoch, "at": time.time()})


def add(database: Database, connection: Connection, rows: Sequence[Values]) -> None:
    """Add rows, but for those whose id is there."""
    if fresh := _fresh(connection, rows):
        database.insert(connection, fresh)
        if messages := searchable(fresh):
            database.index(connection, messages)


def _fresh(connection: Connection, rows: Sequence[Values]) -> list[Values]:
    ids = [row[0] for row in rows]
    newest = connection.scalar(_NEWEST)
    if len(set(ids)) == len(ids) and (newest is None or newest < min(ids, default=0)):
        return list(rows)
    known: set[int] = set()
    for start in range(0, len(ids), PIECE):
        among = events.c.id.in_(ids[start : start + PIECE])
        known.update(connection.scalars(select(events.c.id).where(among)))
    fresh: dict[int, Values] = {}
    for row in rows:
        if row[0] not in known:
            fresh.setdefault(row[0], row)
    return list(fresh.values())


def forget(database: Database, connection: Connection, rows: Sequence[Row[Any]]) -> None:
    """Delete rows, and remember of each place how far that went."""
    if rows:
        if messages := searchable(rows):
            database.unindex(connection, messages)
        connection.execute(_DELETE, [{"pruned": row.id} for row in rows])
        _raise_horizons(connection, rows)


def _raise_horizons(connection: Connection, rows: Iterable[Row[Any]]) -> None:
    reached: dict[str, int] = {}
    for row in rows:
        key = horizon_key(row.place)
        reached[key] = max(row.id, reached.get(key, 0))
    for key, id in reached.items():
        here = horizons.c.place == key
        known = connection.scalar(select(horizons.c.id).where(here))
        if known is None:
            connection.execute(horizons.insert(), {"place": key, "id": id})
        elif known < id:
            connection.execute(horizons.update().where(here).values(id=id))
