"""The server's end of the connection on which somebody's client is checked."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

from chatcli.check.matching import decoded
from chatcli.connection import address_text
from chatd.limits import MIB

QUIET = 0.15
"""Seconds without a byte after which text without a line end is taken for a message: some programs
send no end at all, and some send it on its own, a moment later."""

_ENDS = b"\r\n"
_READ_SIZE = 64 * 1024
_MOST = MIB
_ATTEMPTS = 20


class Peer:
    """The connection to the client; address is its ip:port.

    received is all that came, and the first `place` bytes of it are dealt with.
    """

    def __init__(self, sock: socket.socket, address: tuple[str, int]) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self._sock = sock
        self.address = address_text(address)
        self.received = b""
        self.place = 0
        self.ended = False
        """Whether the client has closed."""
        self._pieces = [0]  # where what one recv brought begins
        self._last = 0.0
        self._ended_early = False

    def fileno(self) -> int:
        """Give the descriptor to wait for."""
        return self._sock.fileno()

    @property
    def wants_more(self) -> bool:
        """Whether to wait for more: it has not ended, nor sent far too much."""
        return not self.ended and len(self.received) < _MOST

    def receive(self) -> None:
        """Take what has come."""
        try:
            data = self._sock.recv(_READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        self._pieces.append(len(self.received))
        self.received += data
        self._last = time.monotonic()
        self.ended = not data

    def send(self, data: bytes) -> None:
        """Send data, unless the client is gone or takes nothing."""
        with contextlib.suppress(OSError):
            self._sock.sendall(data)

    def end_output(self) -> None:
        """Tell the client that nothing follows: to it the connection is closed.

        Closing it outright could take with it what the client has not read yet.
        """
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def messages(self, start: int) -> Iterator[tuple[int, str]]:
        """Give each message from a place on, without its end, and the place behind it.

        It is a line, or what is left when nothing has come for QUIET seconds.
        """
        while (end := self.received.find(b"\n", start)) >= 0:
            yield end + 1, decoded(self.received[start:end].removesuffix(b"\r"))
            start = end + 1
        quiet = self.ended or time.monotonic() - self._last >= QUIET
        if quiet and start < len(self.received):
            yield len(self.received), decoded(self.received[start:])

    def find(self, fits: Callable[[str], bool]) -> bool:
        """Look for a message that fits, and deal with all up to it."""
        self._pass_late_end()
        start = self.place
        for end, message in self.messages(start):
            if fits(message) or any(map(fits, self._chunks(start, end))):
                self.place = end
                self._ended_early = self.received[end - 1 : end] != b"\n"
                return True
            start = end
        return False

    def take(self, size: Callable[[str], int | None]) -> bool:
        """Deal with the next bytes; size says how many characters they are, None for no."""
        self._pass_late_end()
        rest = decoded(self.received[self.place :])
        found = size(rest)
        if found is not None:
            self.place += len(rest[:found].encode("utf-8", "surrogateescape"))
        return found is not None

    def pass_over(self, place: int) -> None:
        """Have everything dealt with up to a place."""
        self.place = max(self.place, place)
        self._ended_early = self.received[: self.place][-1:] not in (b"", b"\n")

    def _chunks(self, start: int, end: int) -> Iterator[str]:
        """What of a message came last and is perhaps a message of its own, without any end."""
        for piece in self._pieces:
            if start < piece < end:
                yield decoded(self.received[piece:end].rstrip(_ENDS))

    def _pass_late_end(self) -> None:
        """Skip an end that came behind what was dealt with without it."""
        rest = self.received[self.place :]
        if self._ended_early and rest:
            self.place += len(rest) - len(rest.lstrip(_ENDS))
            self._ended_early = False


class Door:
    """Listens for the client, on a port that is free on all addresses of host.

    With a port, on that one. Raises OSError.
    """

    def __init__(self, host: str, port: int = 0) -> None:
        self._listeners = _listen(host, port)
        self.port: int = self._listeners[0].getsockname()[1]

    @property
    def listeners(self) -> list[socket.socket]:
        """What to wait for."""
        return self._listeners

    def accept(self, listener: socket.socket) -> Peer | None:
        """Let in the client that has come to a listener, if it is still there."""
        try:
            return Peer(*listener.accept())
        except OSError:
            return None

    def close(self) -> None:
        """Listen no more."""
        for listener in self._listeners:
            listener.close()


def can_listen(host: str) -> bool:
    """Say whether this machine has the address."""
    try:
        Door(host).close()
    except OSError:
        return False
    return True


def _listen(host: str, port: int) -> list[socket.socket]:
    """Listen on host; on localhost by IPv4 and, where there is IPv6, by that on the same port."""
    if host != "localhost":
        return [_listener(host, port)]
    for attempt in range(_ATTEMPTS):
        first = _listener("127.0.0.1", port)
        try:
            return [first, _listener("::1", first.getsockname()[1])]
        except OSError:
            if port or attempt == _ATTEMPTS - 1:
                return [first]
            first.close()
    raise AssertionError("the last attempt returns")


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    listener.setblocking(False)
    return listener
