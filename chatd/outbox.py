"""The outbox: bytes that wait until one client takes them."""

from collections import deque
from collections.abc import Callable

Send = Callable[[bytes | memoryview], int]
"""Sends what can be sent now and returns its size in bytes; raises OSError when broken."""


class Outbox:
    """A queue of pieces in front of a connection that may take less than it is given.

    Pieces are kept as they came, so what many slow clients wait for is held once. Guarded by
    the session's output lock.
    """

    __slots__ = ("_head", "_pieces", "size")

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._head = 0  # bytes of the first piece that are sent already
        self.size = 0
        """Bytes that wait."""

    def add(self, data: bytes, sent: int = 0) -> None:
        """Keep data behind all that waits. sent bytes of it went out, if nothing waited."""
        if sent:
            self._head = sent
        self._pieces.append(data)
        self.size += len(data) - sent

    def flush(self, send: Send) -> None:
        """Send what waits, as far as it is taken."""
        while self._pieces:
            piece = self._pieces[0]
            sent = send(memoryview(piece)[self._head :])
            self.size -= sent
            self._head += sent
            if self._head < len(piece):
                return
            self._pieces.popleft()
            self._head = 0

    def clear(self) -> None:
        """Throw away what waits."""
        self._pieces.clear()
        self._head = self.size = 0
