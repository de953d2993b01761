"""A store in a file of SQLite."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    NullPool,
    QueuePool,
    Select,
    column,
    create_engine,
    event,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.exc import OperationalError

from chatd import StoreError
from chatd_plugins.sql.database import Database
from chatd_plugins.sql.rows import Values
from chatd_plugins.sql.schema import events
from chatd_plugins.sql.trouble import cause, explained

PATIENCE = 5.0
"""Seconds that a reader waits for a lock, and that one question may take."""

WRITER_PATIENCE = 1.0
"""Seconds that the writer waits for a lock: it has to notice that the server stops."""

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HEAD = b"SQLite format 3\0"
_SUFFIXES = (".db", ".sqlite", ".sqlite3")
_COMPANIONS = ("", "-wal", "-shm", "-journal")
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",  # commits are few, and what they hold survives a power cut then
    "wal_autocheckpoint = 4000",  # in pages: 16 MB
    f"journal_size_limit = {64 << 20}",
)

_AT_ONCE = 1000
"""Rows in one statement; with their columns, half of the values that SQLite takes at once."""

_CHECK = "PRAGMA quick_check(1)"

_index = table("events_fts", column("rowid"))


class File(Database):
    """A file, written by one process at a time."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._lock: int | None = None
        self._used: tuple[int, int] | None = None  # the file that we write to
        self.readers = create_engine(
            "sqlite://", creator=self._connect_to_read, poolclass=QueuePool, pool_timeout=PATIENCE
        )
        _begin_with(self.readers, "BEGIN")

    @classmethod
    def of_url(cls, url: str) -> "File":
        """Raise StoreError for URLs that name no file."""
        head, _, path = url.partition(":///")
        if head != "sqlite" or path in ("", ":memory:"):
            raise StoreError(f"{url}: a store of SQLite is a file: sqlite:///FILE")
        return cls(Path(path))

    # -- opening ---------------------------------------------------------------------------------

    def open(self) -> Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        self._make_file()
        if problem := self._damage():
            self._set_aside(problem)
            self._make_file()
        connect = partial(self._connect, "rw", WRITER_PATIENCE)
        engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        _begin_with(engine, "BEGIN IMMEDIATE")
        return engine.connect()

    def migrate(self, connection: Connection) -> None:
        super().migrate(connection)
        # Not before: they write to the file, and it has to be ours.
        driver: Any = connection.connection.dbapi_connection
        for pragma in _PRAGMAS:
            driver.execute(f"PRAGMA {pragma}")
        self._used = _identity(self._path)

    def confirm(self) -> None:
        # SQLite would go on with a file that nobody can open again.
        if self._used is None:
            return
        with explained(self.shown):
            found = _identity(self._path)
        if found != self._used:
            what = "was removed or replaced while in use: put it back, or start chatd anew"
            raise StoreError(f"{self.shown}: {what}")

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise StoreError(f"{self.shown}: is used by another chatd") from None
        self._lock = lock

    def _make_file(self) -> None:
        """Create the file if it is missing; it is for nobody else to read."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with suppress(OSError):  # somebody else's, who lets us write
                os.fchmod(file, 0o600)
        finally:
            os.close(file)

    def _damage(self) -> str:
        """Say what is wrong with the structure of the file, if anything is."""
        with open(self._path, "rb") as file:
            if file.read(len(_HEAD)) not in (_HEAD, b""):
                if self._path.suffix not in _SUFFIXES:  # a mistyped path, perhaps of the system's
                    raise StoreError(f"{self.shown}: is no file of SQLite, and is left alone")
                return "it is not a database"  # SQLite would say so too, and remove its log
        try:
            with closing(self._connect("rw", WRITER_PATIENCE)) as driver:
                (found,) = driver.execute(_CHECK).fetchone()
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF in _DAMAGED:
                return cause(error)
            raise
        return "" if found == "ok" else " ".join(found.split())

    def _set_aside(self, problem: str) -> None:
        aside = f"{self._path}.damaged-{datetime.now():%Y%m%dT%H%M%S}"
        self.readers.dispose()
        for ending in _COMPANIONS:
            if os.path.exists(f"{self._path}{ending}"):
                os.rename(f"{self._path}{ending}", f"{aside}{ending}")
        self.notices.append(
            f"{self.shown} is damaged ({problem}): it is kept as {aside}, and a new one is begun"
        )

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        self._used = None

    # -- connections -----------------------------------------------------------------------------

    def _connect(self, mode: str, patience: float) -> sqlite3.Connection:
        address = f"file:{quote(str(self._path))}?mode={mode}"
        # isolation_level None: transactions begin where SQLAlchemy says so.
        return sqlite3.connect(
            address, timeout=patience, isolation_level=None, check_same_thread=False, uri=True
        )

    def _connect_to_read(self) -> sqlite3.Connection:
        if not self._path.exists():
            raise StoreError(f"there is no store at {self.shown}")
        return self._connect("ro", PATIENCE)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        self.confirm()
        with super().reading() as connection:
            deadline = time.monotonic() + PATIENCE
            driver: Any = connection.connection.dbapi_connection
            driver.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
            yield connection

    # -- what SQLite does in its own way ---------------------------------------------------------

    def size(self, connection: Connection) -> int:
        paths = [f"{self._path}{ending}" for ending in ("", "-wal")]
        return sum(os.path.getsize(path) for path in paths if os.path.exists(path))

    def damage(self, connection: Connection) -> str:
        try:
            found = str(connection.exec_driver_sql(_CHECK).scalar())
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
                return ""  # it is large, and what was looked at is whole
            raise
        return "" if found == "ok" else " ".join(found.split())

    def insert(self, connection: Connection, rows: Sequence[Values]) -> None:
        _insert(connection, "events", rows)

    def index(self, connection: Connection, messages: Sequence[tuple[int, str]]) -> None:
        _insert(connection, "events_fts(rowid, text)", messages)

    def unindex(self, connection: Connection, messages: Sequence[tuple[int, str]]) -> None:
        sql = "INSERT INTO events_fts(events_fts, rowid, text) VALUES ('delete', ?, ?)"
        connection.exec_driver_sql(sql, list(messages))

    def matching(self, terms: Sequence[str]) -> Select[Any]:
        # All is quoted, so that nothing is an operator.
        words = " ".join('"' + term.replace('"', '""') + '"' for term in terms)
        found = text("events_fts MATCH :words").bindparams(words=words)
        source = events.join(_index, _index.c.rowid == events.c.id)
        rank: ColumnElement[float] = literal_column("bm25(events_fts)")
        query = select(events, rank.label("rank")).select_from(source).where(found)
        return query.order_by(_index.c.rowid.desc())  # by events.id it would rank all of them


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell the file at a path from all others; None if there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _insert(connection: Connection, table: str, rows: Sequence[Values]) -> None:
    """Insert rows by one statement, or few.

    The driver lets go of the interpreter at each statement, and while others compute it takes
    5 ms to have it again.
    """
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        row = f"({', '.join('?' * len(some[0]))})"
        sql = f"INSERT INTO {table} VALUES {', '.join([row] * len(some))}"
        connection.exec_driver_sql(sql, tuple(chain.from_iterable(some)))


def _begin_with(engine: Engine, statement: str) -> None:
    """Let transactions begin with a statement; the driver would wait for the first change."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)
