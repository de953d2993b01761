"""Connections to the server that is checked, and all waiting: nothing here takes for ever."""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import NamedTuple

from chatcli.check.outcome import shown
from chatcli.connection import address_text
from chatd.limits import MIB

_RETRY = 1.0
"""Seconds for which a server that refuses connections may be restarting."""

_READ_SIZE = 64 * 1024

_MOST = MIB
"""Bytes after which a server is not listened to any longer: no answer is as long."""


class Patience(NamedTuple):
    """Seconds. answer: until something that should come is late; quiet: after which nothing more
    is expected; pause: for the server to take what one client sent before another one acts."""

    answer: float = 2.0
    quiet: float = 0.3
    pause: float = 0.05

    def more(self) -> "Patience":
        """Give more patience, for a server that may have been too slow."""
        answer = max(self.answer, min(4 * self.answer, 2.0))
        return Patience(answer, max(3 * self.quiet, 0.5), max(5 * self.pause, 0.25))


class CannotConnect(Exception):
    """The server takes no connection; the text says why."""


class Connection:
    """One connection. seen is all that came, and what is before place has been looked at."""

    def __init__(self, who: str, sock: socket.socket, talk: list[str]) -> None:
        self.who = who
        self.sock = sock
        self.seen = b""
        self.place = 0
        self.start = 0
        """What is before is of no interest: the answers to a login."""
        self.ended = False
        """Whether the server has closed it."""
        self.said = 0
        """How many messages have been sent."""
        self.unanswered = False
        self.watched = True
        self._talk = talk
        sock.setblocking(False)
        self.address = address_text(sock.getsockname())

    @property
    def unread(self) -> bytes:
        return self.seen[self.place :]

    def receive(self) -> None:
        """Take what has come."""
        try:
            data = self.sock.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if len(self.seen) > _MOST:  # it does not stop: what it says next changes nothing
            self.seen, data = self.seen[:_MOST], b""
        self.seen += data
        self.unanswered = False
        self.ended = not data
        said = f"< {shown(data)}" if data else "closed"
        self._talk.append(f"{self.who} {said}")

    def stop_sending(self) -> None:
        """Say that nothing more will be sent."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def close(self, *, reset: bool = False) -> None:
        """Close it; reset cuts it off."""
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.watched = False
        self.sock.close()


class Connections:
    """All connections of a scenario, which are read together."""

    def __init__(self, host: str, port: int, patience: Patience) -> None:
        self._place = host, port
        self.patience = patience
        self.all: list[Connection] = []
        self.talk: list[str] = []

    def open(self, who: str, retry: float = _RETRY) -> Connection:
        """Connect; raise CannotConnect after retry seconds."""
        deadline = time.monotonic() + retry
        while True:
            try:
                sock = socket.create_connection(self._place, timeout=self.patience.answer)
                break
            except OSError as error:
                if time.monotonic() >= deadline or isinstance(error, TimeoutError):
                    host, port = self._place
                    reason = error.strerror or error
                    raise CannotConnect(f"cannot connect to {host}:{port}: {reason}") from None
            time.sleep(0.05)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.talk.append(f"{who} connects")
        self.all.append(Connection(who, sock, self.talk))
        return self.all[-1]

    def wait(self, enough: Callable[[], object], seconds: float) -> bool:
        """Read until enough() is true, or until seconds have passed; say which."""
        deadline = time.monotonic() + seconds
        while not enough():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            self._read(remaining)
        return True

    def wait_for_quiet(self, quiet: float) -> None:
        """Read until nothing has come for quiet seconds, or the server does not stop talking."""
        deadline = time.monotonic() + self.patience.answer + quiet
        while time.monotonic() < deadline and self._read(quiet):
            pass

    def send(self, one: Connection, data: bytes) -> None:
        """Send all of data, as far as the server takes it in time."""
        self.talk.append(f"{one.who} > {shown(data)}")
        one.said += 1
        one.unanswered = True
        deadline = time.monotonic() + self.patience.answer
        while data and not one.ended and time.monotonic() < deadline:
            try:
                data = data[one.sock.send(data) :]
            except BlockingIOError:
                self._read(0.01)
            except OSError:  # closed by the server: what it said before is still to be read
                return

    def close(self) -> None:
        """Close whatever is open; whoever comes next should not hear of it, if the server is quick.

        A server closes its side when it has taken note.
        """
        here = [one for one in self.all if one.watched and not one.ended]
        for one in here:
            one.stop_sending()
        self.wait(lambda: all(one.ended for one in here), self.patience.pause)
        for one in self.all:
            one.close()

    def _read(self, seconds: float) -> bool:
        """Read what comes within seconds; say whether anything came."""
        watched = [one for one in self.all if one.watched and not one.ended]
        ready, _, _ = select.select([one.sock for one in watched], [], [], seconds)
        for one in watched:
            if one.sock in ready:
                one.receive()
        return bool(ready)
