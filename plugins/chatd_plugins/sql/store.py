"""The store: records in, pages out, whichever database is below."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, func, select

from chatd import Hit, Page, Place, Record, Stats, StoreError, epoch_of
from chatd_plugins.sql.changes import PIECE, add, end, enter, forget
from chatd_plugins.sql.database import Database
from chatd_plugins.sql.queries import BACK, BEYOND_KEEP, COUNTS, OLDER, ON, in_places
from chatd_plugins.sql.rows import (
    clean,
    cleaned,
    horizon_key,
    place_key,
    record_of,
    rows_of,
)
from chatd_plugins.sql.schema import epochs, events, horizons
from chatd_plugins.sql.search import terms_of
from chatd_plugins.sql.trouble import Refused, explained

BATCH = 1000
"""Records that an export reads at a time."""

RANKED = 10_000
"""Messages of which a search finds the best: the newest ones, where a word is in more."""


class SqlStore:
    """A chatd.Store in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writer: Connection | None = None
        self._epoch = 0
        self.place = database.shown
        self.notices: Sequence[str] = database.notices

    # -- opening and closing ---------------------------------------------------------------------

    def begin(self, epoch: int) -> int:
        self._database.confirm()  # or a new one would be begun in its place
        self._let_go()
        self._database.notices.clear()
        try:
            with explained(self._database.shown):
                self._writer = self._database.open()
                self._database.migrate(self._writer)
            with self._writing() as connection:
                self._epoch = enter(self._database, connection, epoch, self._epoch)
            return self._epoch
        except BaseException:
            self._let_go()  # but of the lock: what was begun here goes on here
            raise

    def end(self) -> None:
        with self._writing() as connection:
            end(connection, self._epoch)

    def close(self) -> None:
        try:
            self._let_go()
        finally:
            self._database.unlock()

    def _let_go(self) -> None:
        writer, self._writer = self._writer, None
        with explained(self._database.shown):
            self._database.readers.dispose()  # SQLite tidies up after the last connection
            if writer is not None:
                writer.close()

    # -- writing ---------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Give the writer's connection for one transaction."""
        if self._writer is None:
            raise StoreError(f"{self._database.shown}: is not open for writing")
        if self._writer.invalidated:  # SQLAlchemy would connect again, but not lock it
            raise StoreError(f"{self._database.shown}: the connection was lost")
        self._database.confirm()
        with explained(self._database.shown), self._writer.begin():
            yield self._writer

    def append(self, records: Sequence[Record]) -> None:
        rows = rows_of(records)
        try:
            with self._writing() as connection:
                add(self._database, connection, rows)
        except Refused:
            with self._writing() as connection:
                add(self._database, connection, [cleaned(row) for row in rows])

    def prune(self, oldest: float, keep: int) -> int:
        gone = 0
        with self._writing() as connection:
            for query, bound in ((OLDER, oldest), (BEYOND_KEEP, keep)):
                if bound:
                    values = {"bound": bound, "limit": PIECE - gone}
                    rows = connection.execute(query, values).all()
                    forget(self._database, connection, rows)
                    gone += len(rows)
        return gone

    # -- reading ---------------------------------------------------------------------------------

    def before(self, place: Place, id: int, count: int, limit: int) -> Page:
        with self._database.reading() as connection:
            rows, more = BACK.page(connection, place, id, count, limit)
        return Page(_records(reversed(rows)), more)

    def after(self, place: Place, id: int, count: int, limit: int) -> Page:
        with self._database.reading() as connection:
            rows, more = ON.page(connection, place, id, count, limit)
        return Page(_records(rows), more)

    def knows(self, place: Place, id: int) -> bool:
        begun = exists().where(epochs.c.epoch == epoch_of(id))
        places = (horizon_key(place_key(place)), "")
        pruned = exists().where(horizons.c.place.in_(places), horizons.c.id > id)
        lost = exists().where(events.c.kind == "missed", events.c.id <= id, events.c.until > id)
        with self._database.reading() as connection:
            return bool(connection.scalar(select(begun & ~pruned & ~lost)))

    def search(
        self, words: str, places: Sequence[Place], nick: str, count: int, context: int
    ) -> list[Hit]:
        terms = terms_of(words)
        if not terms or not places or count < 1:
            return []
        by_key = {place_key(place): place for place in places}
        found = self._database.matching(terms).where(in_places(places))
        if nick:
            found = found.where(events.c.nick_key == clean(nick))
        newest = found.limit(RANKED).subquery()
        best = select(newest).order_by(newest.c.rank, newest.c.id.desc()).limit(count)
        with self._database.reading() as connection:
            rows = connection.execute(best).all()
            return [_hit(connection, by_key[row.place], row, context) for row in rows]

    def export(self, room: str, since: float) -> Iterator[Record]:
        wanted: list[ColumnElement[bool]] = [events.c.sender.is_(None)]
        if room:
            wanted.append(events.c.place.in_((clean(room), "")))
        last = -1
        if since:
            wanted.append(events.c.time >= since)
            with self._database.reading() as connection:
                first = select(func.min(events.c.id)).where(events.c.time >= since)
                last = (connection.scalar(first) or 0) - 1
        # A batch at a time: whoever takes the records may be slow, and must not hold up SQLite.
        while rows := self._batch(*wanted, events.c.id > last):
            yield from map(record_of, rows)
            last = rows[-1].id

    def _batch(self, *wanted: ColumnElement[bool]) -> Sequence[Row[Any]]:
        query = select(events).where(*wanted).order_by(events.c.id).limit(BATCH)
        with self._database.reading() as connection:
            return connection.execute(query).all()

    def stats(self) -> Stats:
        with self._database.reading() as connection:
            records, *rest = (int(count or 0) for count in connection.execute(COUNTS).one())
            messages, first_id, last_id = rest  # PostgreSQL sums up to no plain int
            size = self._database.size(connection)
        return Stats(records, messages, first_id, last_id, size)

    def check(self) -> str:
        with self._database.reading() as connection:
            return self._database.damage(connection)


def _records(rows: Any) -> tuple[Record, ...]:
    return tuple(map(record_of, rows))


def _hit(connection: Connection, place: Place, row: Row[Any], context: int) -> Hit:
    before = BACK.messages(connection, place, row.id, context)
    after = ON.messages(connection, place, row.id, context)
    return Hit(record_of(row), _records(reversed(before)), _records(after))
