"""Cut a byte stream into messages, within bounds and without ever scanning a byte twice."""

import re
from codecs import utf_8_decode
from collections import deque

from chatd.events import CommandError, WireError
from chatd.limits import Framing

_LATE_END = re.compile(rb"\r?\n")


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

    def feed(self, data: bytes) -> bool:
        """Take the next bytes of the stream; say whether there was an LF among them."""
        *lines, last = data.split(b"\n")
        if not lines:
            self._extend(last)
            return False
        if self.begun:
            self._finish(lines.pop(0))
        for line in lines:
            self._add(line)
        if last:
            self._extend(last)
        return True

    @property
    def begun(self) -> bool:
        """Whether there are bytes of a line whose end is not in sight."""
        return bool(self._tail or self._discarded)

    def end_line(self) -> None:
        """End the line that was begun, as an LF would."""
        self._finish(b"")

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


def ends_whole(data: bytes) -> bool:
    """Whether data do not end inside a UTF-8 sequence; their last three bytes tell."""
    _text, used = utf_8_decode(data[-3:], "replace")  # what is unfinished is not used
    return used == len(data[-3:])


class ChunkSplitter:
    """Splits what a client sends into lines or into chunks, whichever it sends (SPEC D-2).

    A chunk is what one recv brought, of a client that ends its messages with nothing. With
    framing "auto" the first data tell: an LF makes it a session of lines for good; data that
    stay alone for quiet seconds without one make it a session of chunks, until an LF comes after
    all. What follows that LF waits for an LF of its own. "line" and "chunk" settle it from the
    start, for good: then an LF inside a chunk divides it, and one at its end is cut off.

    A chunk does not end inside a UTF-8 sequence but goes on with the next data. The end of line
    that comes late, directly behind the chunk which the quiet ended, is nothing but a proof that
    this client ends its lines. As of a line, a CR at the end of a chunk is cut off: its LF may
    be on the way.

    limit and endless are bytes, and memory is bounded, as in LineSplitter.
    """

    def __init__(
        self, limit: int, endless: int, framing: Framing = "auto", quiet: float = 0.03
    ) -> None:
        self._lines = LineSplitter(limit, endless)  # a chunk is a line that we end
        self._mode = framing  # "auto" until the client has shown what it sends
        self._forced = framing == "chunk"
        self._quiet = quiet
        self._last = b""  # of what came; an unfinished UTF-8 sequence has up to 3 bytes
        self._late: bytes | None = None  # what came of the end of line that may come late

    def feed(self, data: bytes) -> None:
        """Take what one recv brought."""
        if self._late is not None:
            data = self._swallow(self._late + data)
        if self._lines.feed(data) and not self._forced:
            self._mode = "line"
        self._last = (self._last + data[-3:])[-3:]
        if self._mode == "chunk" and self._whole:
            self._lines.end_line()

    def next_message(self) -> bytes | None:
        """Give the next line or chunk without its end, or None when there is no whole one.

        Raises CommandError("too-long") in the place of one over the limit, and
        WireError("endless") when one goes on for ever.
        """
        return self._lines.next_line()

    @property
    def patience(self) -> float | None:
        """The seconds of quiet after which quiet_passed is to be called; None: no need to."""
        return self._quiet if self._mode == "auto" and self._whole else None

    def quiet_passed(self) -> None:
        """Take note that nothing came for so long; does nothing when patience is None."""
        if self.patience is not None:
            self._lines.end_line()
            self._mode = "chunk"
            self._late = b""

    @property
    def _whole(self) -> bool:
        """Whether what waits could be a message: it does not end inside a UTF-8 sequence."""
        return self._lines.begun and ends_whole(self._last)

    def _swallow(self, data: bytes) -> bytes:
        """Cut off the end of line that belongs to the chunk before."""
        if data in (b"", b"\r"):
            self._late = data
            return b""
        self._late = None
        if end := _LATE_END.match(data):
            self._mode = "line"
            return data[end.end() :]
        return data
