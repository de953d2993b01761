"""What goes wrong with databases, in one line that shows neither statements nor their values."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chatd import StoreError


class Refused(StoreError):
    """The database does not take a value, such as a text with a NUL in it."""


@contextmanager
def explained(shown: str) -> Iterator[None]:
    """Turn errors of the database or the system into StoreErrors that begin with shown."""
    try:
        yield
    # Not chained: what they came from has the statement in it, and the texts of messages.
    except (DataError, UnicodeError):
        raise Refused(f"{shown}: it refuses a value") from None
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise StoreError(f"{shown}: {cause(error)}") from None


def cause(error: BaseException) -> str:
    """Say in one line what happened."""
    if isinstance(error, PoolTimeout):
        return "too many are reading"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    origin = error.orig if isinstance(error, DBAPIError) else error
    if origin is None or isinstance(origin, SQLAlchemyError):
        return f"internal error ({type(error).__name__})"
    return _cause_of_driver(origin)


def _cause_of_driver(origin: BaseException) -> str:
    state = getattr(origin, "sqlstate", None)
    line = " ".join(str(origin).split("\n")[0].split())
    if state == "42P01" or line.startswith("no such table"):
        return "there is no store in it"
    if state == "57014" or line == "interrupted":
        return "that took too long"
    return line or type(origin).__name__
