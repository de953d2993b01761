"""Cut a byte stream into lines, within bounds and without ever scanning a byte twice."""

from collections import deque

from chatd.events import CommandError, WireError


class LineSplitter:
    """Splits bytes into lines that end in LF; the LF and a CR before it are cut off.

    limit bounds a line in bytes, without its end. A longer line is discarded while it arrives
    and reported once; endless bytes of it are the end. Memory stays below limit plus one feed.
    """

    def __init__(self, limit: int, endless: int) -> None:
        self._limit = limit
        self._endless = endless
        self._ready: deque[bytes | CommandError | WireError] = deque()
        self._tail = bytearray()
        self._discarded = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        first, *rest = data.split(b"\n")
        if not rest:
            self._extend(first)
            return
        self._finish(first)
        last = rest.pop()
        for line in rest:
            self._add(line)
        self._extend(last)

    def next_line(self) -> bytes | None:
        """Give the next line, or None when there is no whole one.

        Raises CommandError("too-long") in the place of a line over the limit, and
        WireError("endless") when one goes on for ever.
        """
        if not self._ready:
            return None
        line = self._ready.popleft()
        if isinstance(line, bytes):
            return line
        raise line

    def _add(self, line: bytes) -> None:
        if len(line.removesuffix(b"\r")) <= self._limit:
            self._ready.append(line.removesuffix(b"\r"))
        else:
            self._discard(len(line))
            self._discarded = 0

    def _finish(self, data: bytes) -> None:
        """The rest of the line that was begun."""
        if self._discarded:
            self._discard(len(data))
            self._discarded = 0
        else:
            line = bytes(self._tail) + data if self._tail else data
            self._tail.clear()
            self._add(line)

    def _extend(self, data: bytes) -> None:
        """More of a line whose end is not in sight."""
        if self._discarded:
            self._discard(len(data))
            return
        self._tail += data
        if len(self._tail) > self._limit + 1:  # the last byte may be the CR
            self._discard(len(self._tail))
            self._tail.clear()

    def _discard(self, size: int) -> None:
        """Leave out size bytes of a line that is too long; the first ones report it."""
        if not self._discarded:
            text = f"line is longer than {self._limit} bytes"
            self._ready.append(CommandError("too-long", text))
        if self._discarded <= self._endless < self._discarded + size:
            self._ready.append(WireError("endless", "this line never ends"))
        self._discarded += size
