"""The outbox: bytes that wait until one client takes them."""

from collections import deque
from collections.abc import Callable
from itertools import islice

Send = Callable[[bytes | memoryview], int]
"""Sends what can be sent now and returns its size in bytes.

Raises BlockingIOError when nothing can be sent, another OSError when the connection is broken.
"""

JOINED = 64 * 1024
"""Bytes up to which small pieces go out in one send: about what a socket takes at a time."""


class Outbox:
    """A queue of pieces in front of a connection that may take less than it is given.

    Pieces are kept as they came, so what many slow clients wait for is held once; small ones
    are joined only while they are sent. Guarded by the session's output lock.
    """

    __slots__ = ("_head", "_pieces", "size", "taken")

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._head = 0  # bytes of the first piece that are sent already
        self.size = 0
        """Bytes that wait."""
        self.taken = 0
        """Bytes that waited and were taken, ever."""

    def add(self, data: bytes, sent: int = 0) -> None:
        """Keep data behind all that waits. sent bytes of it went out, if nothing waited."""
        if sent:
            self._head = sent
        self._pieces.append(data)
        self.size += len(data) - sent

    def flush(self, send: Send) -> None:
        """Send what waits, as far as it is taken."""
        while self._pieces:
            data = self._front()
            try:
                sent = send(data)
            except BlockingIOError:
                return
            self._forget(sent)
            if sent < len(data):
                return

    def _front(self) -> bytes | memoryview:
        size = len(self._pieces[0]) - self._head
        parts: list[bytes | memoryview] = [memoryview(self._pieces[0])[self._head :]]
        for piece in islice(self._pieces, 1, None):
            size += len(piece)
            if size > JOINED:
                break
            parts.append(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _forget(self, sent: int) -> None:
        self.size -= sent
        self.taken += sent
        self._head += sent
        while self._pieces and self._head >= len(self._pieces[0]):
            self._head -= len(self._pieces.popleft())

    def clear(self) -> None:
        """Throw away what waits."""
        self._pieces.clear()
        self._head = self.size = 0
