"""The activity log of `-v` (SPEC D-7): public events, one line each, on stdout.

Whatever users can influence is printed with everything unprintable escaped, so nobody can forge
a line or drive the operator's terminal.
"""

import errno
import json
import logging
import os
import re
import select
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from msgspec import to_builtins
from msgspec.structs import replace

from chatd.dialects.past import missed_text
from chatd.dialects.table import CLIENTS
from chatd.events import (
    Connected,
    Created,
    Disconnected,
    Event,
    Inspected,
    Joined,
    Keeping,
    Listening,
    LoggedIn,
    LoggedOut,
    Missed,
    Moderated,
    Parted,
    Promoted,
    Refused,
    Reloaded,
    Renamed,
    Said,
    Warned,
)

_LINES: dict[type[Event], Callable[[Any], str]] = {
    Listening: lambda e: f"listening on {_place(e.host, e.port)} ({_how(e)}){_how_to_join(e)}",
    Reloaded: lambda e: f"reloaded: {_what_changed(e)}",
    Keeping: lambda e: f"keeping the history in {e.place}",
    Connected: lambda e: "connected" + (f" from {e.address}" if e.address else ""),
    LoggedIn: lambda e: f"logged in {e.nick}" + (f" from {e.address}" if e.address else ""),
    Renamed: lambda e: f"renamed {e.old} to {e.nick}",
    Said: lambda e: f"said in {e.room} by {e.nick}: {e.text}",
    Created: lambda e: f"created room {e.room} by {e.nick}",
    Joined: lambda e: f"joined {e.room}: {e.nick}",
    Parted: lambda e: f"parted {e.room}: {e.nick}",
    LoggedOut: lambda e: f"left {e.nick}: {e.reason}",
    Disconnected: lambda e: f"disconnected {e.address or 'somebody'}: {e.reason}",
    Refused: lambda e: f"refused {e.address or 'somebody'}: {e.text}",
    Promoted: lambda e: (
        f"moderator {e.name}: {e.nick or 'somebody'}" + (f" from {e.address}" if e.address else "")
    ),
    Moderated: lambda e: (
        " ".join(filter(None, (e.moderator, e.action, e.nick or e.address)))
        + (f": {e.reason}" if e.reason else "")
    ),
    Missed: lambda e: f"missed: {missed_text(e)}",
    Warned: lambda e: f"warning: {e.text}",
}


Render = Callable[[Event], list[str]]
"""Writes an event as lines; none for what is not shown."""


def stamped(event: Event) -> list[str]:
    """Write an event for people, behind the time here."""
    return [f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}" for line in describe(event)]


def structured(event: Event) -> list[str]:
    """Write an event for programs, as a JSON object; in ASCII, so that no terminal minds it."""
    kind = type(event)
    if kind not in _LINES and kind is not Inspected:
        return []
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
    name = re.sub("(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()
    return [json.dumps({"time": stamp, "event": name, **to_builtins(event)})]


def without_addresses(render: Render) -> Render:
    """Leave out where people come from."""
    return lambda event: render(_without_address(event))


def describe(event: Event) -> list[str]:
    """Write an event as printable lines: one, or none for what is not shown."""
    if isinstance(event, Inspected):
        return [printable(line) for line in _inspection(event)]
    line = _LINES.get(type(event))
    return [printable(line(event))] if line else []


def _without_address(event: Event) -> Event:
    if isinstance(event, Inspected):
        return replace(event, addresses=("somebody",) * len(event.addresses))
    return replace(event, address="") if hasattr(event, "address") else event


def _inspection(event: Inspected) -> list[str]:
    """The block of SPEC S3-15."""
    return [
        "###------[START DEBUG]------###",
        f"connected: {_some(event.addresses, event.more_addresses)}",
        f"logged in: {_some(event.nicks, event.more_nicks)}",
        "###------[END DEBUG]------###",
    ]


def _some(names: Sequence[str], more: int) -> str:
    return ", ".join(names) + (f" and {more} more" if more else "")


def printable(text: str) -> str:
    r"""Escape what is not printable, line breaks included, as \n, \x1b or \u202e.

    A backslash becomes two, so that what somebody typed is never taken for an escape.
    """
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(c if _shows_itself(c) else c.encode("unicode_escape").decode() for c in text)


def _shows_itself(character: str) -> bool:
    return character.isprintable() and character != "\\"


def _what_changed(event: Reloaded) -> str:
    changed = ", ".join(event.changed) or "nothing has changed"
    restart = f"; a restart is needed for {', '.join(event.restart)}" if event.restart else ""
    return changed + restart


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _how(event: Listening) -> str:
    tls = {"off": "", "auto": ", TLS or plain", "only": ", TLS only"}[event.tls]
    return event.dialect + tls


def _how_to_join(event: Listening) -> str:
    client = "crlf" if event.dialect == "auto" else event.dialect
    ways = []
    if client in CLIENTS:  # else it is a plugin's
        dialect = "" if client == "crlf" else f" --dialect {client}"
        tls = " --tls" if event.tls == "only" else ""
        ways.append(f"chatcli{dialect} -p {event.port}{tls}")
    if event.pages:
        scheme = "https" if event.tls == "only" else "http"
        ways.append(f"{scheme}://localhost:{event.port}/")
    return f", join with: {' or '.join(ways)}" if ways else ""


_GONE = {errno.EPIPE, errno.EBADF, errno.EIO}
"""Nobody reads any more, and nobody could be told. Other errors, such as a full disk, pass."""


class Console:
    """Prints events; meant to be run as a tap, since whoever reads stream may stop reading.

    It writes past the buffer of the stream, whose lock would be held while that blocks. Without
    a stream (a process can be started without stdout) it prints nothing.
    """

    def __init__(self, stream: TextIO | None, render: Render = stamped) -> None:
        self.render = render
        """How events are written; it may be changed at any time."""
        self._file = stream.fileno() if stream else None
        self._torn = b""

    def show(self, event: Event) -> None:
        """Print an event, if it is one to be shown."""
        for line in self.render(event):
            self._write(f"{line}\n".encode())

    def _write(self, line: bytes) -> None:
        """Write all of a line or nothing, after the rest of one that was torn."""
        data = self._torn + line
        while data and self._file is not None:
            try:
                data = data[os.write(self._file, data) :]
            except BlockingIOError:  # whoever shares it may have made it non-blocking
                select.select((), (self._file,), ())
            except OSError as error:
                if error.errno in _GONE:
                    self._file = None
                break
        self._torn = data if len(data) < len(line) else data[: -len(line)]


class WarningHandler(logging.Handler):
    """Turns log records (our own mistakes, with their tracebacks) into Warned events.

    show is given all events of a record at once, so that no other comes between them.
    """

    def __init__(self, show: Callable[[Sequence[Event]], None]) -> None:
        super().__init__(logging.WARNING)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on the message, then each line of the traceback as an event of its own."""
        lines = [record.getMessage()]
        if record.exc_info:
            for part in traceback.format_exception(*record.exc_info):
                lines += ["  " + line for line in part.rstrip().splitlines()]
        self._show([Warned(line) for line in lines])
