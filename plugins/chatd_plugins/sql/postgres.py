"""A store in a database of PostgreSQL."""

import time
from collections.abc import Generator, Sequence
from typing import Any, TypeVar

import psycopg
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    NullPool,
    QueuePool,
    Select,
    column,
    create_engine,
    event,
    func,
    literal_column,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.exc import ArgumentError

from chatd import StoreError
from chatd_plugins.sql.database import Database
from chatd_plugins.sql.schema import events

PATIENCE = 4.0
"""Seconds that a connection or a statement may take."""

LOCK = 0x63686174642D5351
"""The number of the lock that the writer holds, as long as it is connected."""

# The server gives up first, if it can; and notices within half a minute that a writer is gone.
_SETTINGS = (
    f"SET statement_timeout = {int(PATIENCE * 1000)}",
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
)

_search = column("search", TSVECTOR)
_SIMPLE: ColumnElement[Any] = literal_column("'simple'::regconfig")

Result = TypeVar("Result")


class Patient(psycopg.Connection[Any]):
    """A connection that is closed when the server does not answer: it may be gone."""

    patience: float | None = PATIENCE + 1

    def wait(self, gen: Generator[Any, Any, Result], *args: Any, **options: Any) -> Result:
        return super().wait(self._bounded(gen), *args, **options)

    def _bounded(self, gen: Generator[Any, Any, Result]) -> Generator[Any, Any, Result]:
        """Pass on what gen waits for; psycopg comes back ten times a second if nothing comes."""
        if self.patience is None:
            return (yield from gen)
        deadline = time.monotonic() + self.patience
        try:
            wanted = next(gen)
            while time.monotonic() < deadline:
                wanted = gen.send((yield wanted))
        except StopIteration as end:
            result: Result = end.value
            return result
        self.pgconn.finish()
        raise psycopg.OperationalError("the server does not answer")


class Server(Database):
    """A database of a server, written by one client at a time."""

    def __init__(self, url: URL) -> None:
        super().__init__(f"{url.database or url.username or 'postgres'} at {url.host or 'here'}")
        self._url = url
        self.readers = self._engine(
            poolclass=QueuePool,
            pool_pre_ping=True,
            pool_timeout=PATIENCE,
            execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        )

    @classmethod
    def of_url(cls, url: str) -> "Server":
        """Raise StoreError for what is no URL of a database."""
        try:
            return cls(make_url(url).set(drivername="postgresql+psycopg"))
        except (ArgumentError, ValueError):  # it is not repeated, for it may hold a password
            raise StoreError("a store of PostgreSQL is: postgresql://USER@HOST/DATABASE") from None

    def _engine(self, **options: Any) -> Engine:
        engine = create_engine(
            self._url,
            connect_args={"connect_timeout": int(PATIENCE)},
            paramstyle="format",
            use_native_hstore=False,
            **options,
        )

        @event.listens_for(engine, "do_connect")
        def connect(dialect: Any, record: Any, args: Any, options: Any) -> Patient:
            driver = Patient.connect(*args, **{**options, "autocommit": True})
            for setting in _SETTINGS:
                driver.execute(setting)
            driver.autocommit = False
            return driver

        return engine

    # -- opening ---------------------------------------------------------------------------------

    def open(self) -> Connection:
        connection = self._engine(poolclass=NullPool).connect()
        try:
            self._check(connection)
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: Connection) -> None:
        # The connection of one who has just ended may live for a moment.
        deadline = time.monotonic() + 1.0
        while not connection.scalar(select(func.pg_try_advisory_lock(LOCK))):
            if time.monotonic() > deadline:
                raise StoreError(f"{self.shown}: is used by another chatd")
            time.sleep(0.05)
        if (encoding := connection.scalar(text("SHOW server_encoding"))) != "UTF8":
            raise StoreError(f"{self.shown}: keeps texts as {encoding}, and has to as UTF8")

    def migrate(self, connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        driver.patience = None  # it may be rewriting a large table
        try:
            connection.execute(text("SET statement_timeout = 0"))
            connection.commit()
            super().migrate(connection)
            connection.execute(text(_SETTINGS[0]))
            connection.commit()
        finally:
            driver.patience = Patient.patience

    def unlock(self) -> None:
        """Nothing: the lock ended with the writer's connection."""

    # -- what PostgreSQL does in its own way -----------------------------------------------------

    def size(self, connection: Connection) -> int:
        size = connection.scalar(select(func.pg_database_size(func.current_database())))
        return int(size or 0)

    def damage(self, connection: Connection) -> str:
        """Nothing: PostgreSQL would not serve it."""
        return ""

    def index(self, connection: Connection, messages: Sequence[tuple[int, str]]) -> None:
        """Nothing: the column search is generated."""

    def unindex(self, connection: Connection, messages: Sequence[tuple[int, str]]) -> None:
        """Nothing, as above."""

    def matching(self, terms: Sequence[str]) -> Select[Any]:
        phrases = [func.phraseto_tsquery(_SIMPLE, func.chatd_words(term)) for term in terms]
        query: ColumnElement[Any] = phrases[0]
        for phrase in phrases[1:]:
            query = query.op("&&")(phrase)
        found = select(events, (-func.ts_rank(_search, query)).label("rank"))
        found = found.where(_search.op("@@")(query), events.c.message == 1)
        return found.order_by(events.c.id.desc())
