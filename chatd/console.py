"""The activity log of `-v` (SPEC D-7): public events, one line each, on stdout.

Whatever users can influence is printed with everything unprintable escaped, so nobody can forge
a line or drive the operator's terminal.
"""

import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from chatd.events import (
    Connected,
    Created,
    Disconnected,
    Event,
    Joined,
    Listening,
    LoggedIn,
    LoggedOut,
    Parted,
    Refused,
    Renamed,
    Said,
    Warned,
)

_LINES: dict[type[Event], Callable[[Any], str]] = {
    Listening: lambda e: f"listening on {_place(e.host, e.port)} ({e.dialect})",
    Connected: lambda e: f"connected from {e.address}",
    LoggedIn: lambda e: f"logged in {e.nick} from {e.address}",
    Renamed: lambda e: f"renamed {e.old} to {e.nick}",
    Said: lambda e: f"said in {e.room} by {e.nick}: {e.text}",
    Created: lambda e: f"created room {e.room} by {e.nick}",
    Joined: lambda e: f"joined {e.room}: {e.nick}",
    Parted: lambda e: f"parted {e.room}: {e.nick}",
    LoggedOut: lambda e: f"left {e.nick}: {e.reason}",
    Disconnected: lambda e: f"disconnected {e.address}: {e.reason}",
    Refused: lambda e: f"refused {e.address}: {e.text}",
    Warned: lambda e: f"warning: {e.text}",
}


def describe(event: Event) -> str | None:
    """Write an event as one printable line; None for one that is not shown."""
    line = _LINES.get(type(event))
    return printable(line(event)) if line else None


def printable(text: str) -> str:
    r"""Escape what is not printable, line breaks included, as \n, \x1b or \u202e."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def write_stdout(line: str) -> None:
    """Write a line to stdout, past Python's buffer, whose lock would be held while it blocks."""
    data = memoryview(line.encode())
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


class Console:
    """Prints events; meant to be run as a tap, since whoever reads stdout may stop reading."""

    def __init__(self, write: Callable[[str], object] = write_stdout) -> None:
        self._write: Callable[[str], object] | None = write

    def show(self, event: Event) -> None:
        """Print an event, if it is one to be shown."""
        line = describe(event)
        if line and self._write:
            try:
                self._write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")
            except OSError:
                self._write = None  # nobody reads any more, and nobody could be told


class WarningHandler(logging.Handler):
    """Turns log records (our own mistakes, with their tracebacks) into Warned events."""

    def __init__(self, warn: Callable[[Event], None]) -> None:
        super().__init__(logging.WARNING)
        self._warn = warn

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on the message, then each line of the traceback as an event of its own."""
        self._warn(Warned(record.getMessage()))
        if record.exc_info:
            for part in traceback.format_exception(*record.exc_info):
                for line in part.rstrip().splitlines():
                    self._warn(Warned("  " + line))
