"""What a service manager such as systemd passes to a service, and what it is told by it.

sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3) are a few lines of socket each. Where
there is no such manager all of this does nothing.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress

from chatd.workers import start_lasting

FIRST_PASSED = 3
"""The lowest descriptor that can be passed: those below are the standard streams."""

PERIOD = 10.0
"""Seconds between two lines of status, where no watchdog wants to hear more often."""

SHORTEST = 2.0
"""Seconds after which something can be called stalled: what goes on shows it twice a second."""


class ServiceError(Exception):
    """Something that the manager passed and that cannot be used; the text is one line."""


class Manager:
    """Who started this process, as far as it wants to hear of it.

    environ loses what is read of it, since that is not for the processes of plugins.
    """

    def __init__(self, environ: MutableMapping[str, str], pid: int) -> None:
        path = environ.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        usec, owner = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", str(pid))
        self.watchdog = int(usec) / 1e6 if usec.isdecimal() and owner == str(pid) else None
        """Seconds of silence after which the process is taken for dead; None for ever."""
        self._over = threading.Event()

    def tell(self, *lines: str) -> None:
        """Send a message of lines such as `READY=1`; it need not arrive, and does not wait."""
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.sendto("\n".join(lines).encode(), socket.MSG_DONTWAIT, self._address)

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Say that the settings are read again, and when that is done."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            self.tell("READY=1")

    def ready(self, stalled: Callable[[float], Sequence[str]], status: Callable[[], str]) -> None:
        """Say that the server serves, and from now on how it does.

        stalled names what has not gone on for some seconds: then the watchdog hears nothing.
        """
        if self._over.is_set():
            return
        self.tell("READY=1", f"STATUS={status()}")
        if self._address:
            start_lasting("chatd-service", lambda: self._watch(stalled, status), self._over.is_set)

    def stopping(self) -> None:
        """Say that the server ends; from any thread or signal handler."""
        self._over.set()
        self.tell("STOPPING=1")

    def _watch(self, stalled: Callable[[float], Sequence[str]], status: Callable[[], str]) -> None:
        while not self._over.wait(self.watchdog / 3 if self.watchdog else PERIOD):
            if parts := stalled(max(self.watchdog or PERIOD, SHORTEST)):
                self.tell(f"STATUS=stalled: {', '.join(parts)}")
            else:
                self.tell("WATCHDOG=1", f"STATUS={status()}")


def passed_sockets(
    environ: MutableMapping[str, str], pid: int, first: int = FIRST_PASSED
) -> list[tuple[str, socket.socket]]:
    """Take the listening sockets that were passed, each with its name.

    environ loses what is read of it. Raises ServiceError for what is no listening TCP socket.
    """
    count, owner = environ.pop("LISTEN_FDS", "0"), environ.pop("LISTEN_PID", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if owner != str(pid) or not count.isdecimal():
        return []
    names += [""] * int(count)
    return [(names[n], _listening(first + n, names[n])) for n in range(int(count))]


def _listening(fd: int, name: str) -> socket.socket:
    try:
        os.set_inheritable(fd, False)
        sock = socket.socket(fileno=fd)
    except OSError as error:
        raise ServiceError(f"descriptor {fd} ({name}) was passed: {error.strerror}") from None
    if not _is_listening(sock):
        sock.close()
        raise ServiceError(f"descriptor {fd} ({name}) was passed: it is no listening TCP socket")
    sock.setblocking(True)
    return sock


def _is_listening(sock: socket.socket) -> bool:
    internet = sock.family in (socket.AF_INET, socket.AF_INET6)
    stream = sock.type == socket.SOCK_STREAM
    return internet and stream and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
