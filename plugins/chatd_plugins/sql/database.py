"""What the store needs of a database, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, Select

from chatd_plugins.sql.migrate import migrate
from chatd_plugins.sql.rows import Values
from chatd_plugins.sql.schema import events
from chatd_plugins.sql.trouble import explained


class Database(ABC):
    """A database: how it is opened, locked and read, and how words are found in it.

    shown is how messages call it. Readers share a pool of connections; the writer has its own.
    """

    readers: Engine

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.notices: list[str] = []

    @abstractmethod
    def open(self) -> Connection:
        """Lock it for this process, check it, and give the writer's connection."""

    def migrate(self, connection: Connection) -> None:
        """Bring the tables up to date, in one transaction."""
        with connection.begin():
            migrate(connection, self.shown)

    def confirm(self) -> None:  # noqa: B027
        """Raise StoreError if what was opened is not there any more, though it can be used."""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection for some queries, which all see the same state."""
        pool = self.readers.pool
        with explained(self.shown), self.readers.connect() as connection:
            try:
                yield connection
            except BaseException:
                connection.invalidate()  # it may be in any state
                raise
            if self.readers.pool is not pool:  # the store was closed meanwhile
                connection.invalidate()

    @abstractmethod
    def unlock(self) -> None:
        """Let others write; the writer's connection has been closed, or never was opened."""

    @abstractmethod
    def size(self, connection: Connection) -> int:
        """Give the bytes on disk."""

    @abstractmethod
    def damage(self, connection: Connection) -> str:
        """Say what is damaged, if anything is, as far as a few seconds tell."""

    def insert(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Insert rows into the table events."""
        connection.exec_driver_sql(_insert(connection.dialect), list(rows))

    @abstractmethod
    def index(self, connection: Connection, messages: Sequence[tuple[int, str]]) -> None:
        """Make new messages, ids and texts, known to the search, if that needs a call."""

    @abstractmethod
    def unindex(self, connection: Connection, messages: Sequence[tuple[int, str]]) -> None:
        """Make the search forget messages, if that needs a call."""

    @abstractmethod
    def matching(self, terms: Sequence[str]) -> Select[Any]:
        """Select messages with all terms, words or phrases, the newest first, and their rank, of
        which the lowest is the best."""


@lru_cache
def _insert(dialect: Dialect) -> str:
    """Write the statement for the driver: SQLAlchemy's handling of each value takes 5 us a row."""
    return str(events.insert().compile(dialect=dialect))
