"""The output half of a session: what is delivered to one client, until it has taken it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from math import inf
from typing import Protocol

from chatd.layers import Layer
from chatd.limits import Limits
from chatd.outbox import Outbox, Send

TOO_SLOW = "too slow"
"""How the reason begins for which clients are dropped that do not take what they are sent."""


class Transport(Protocol):
    """What an engine does for a session. Nothing here may wait."""

    @property
    def send(self) -> Send:
        """What sends to the client."""

    def want_write(self) -> None:
        """Have flush() called once the connection takes bytes again."""

    def want_read(self) -> None:
        """Look at `waits` again: it may have become false. From any thread."""

    def end_output(self) -> None:
        """Tell the peer that nothing more comes, and go on reading."""

    def abort(self) -> None:
        """Cut the connection at once; its reader sees the end of the stream."""

    def close(self) -> None:
        """Release the connection: input and output are both over."""


class Due(Enum):
    """What a session has a deadline for, in the order in which they count."""

    STALL = "stall"
    CLOSE = "close"
    LOGIN = "login"
    UNSENT = "unsent"
    JOB = "job"


class Output(ABC):
    """A bounded outbox before a transport, and the end of both; a byte layer may lie between.

    All is guarded by the output lock, under which the hub's is never taken. congested is where
    it enters itself while others should wait for it.
    """

    __slots__ = (
        "_congested",
        "_deaf",
        "_dues",
        "_finishing",
        "_input_over",
        "_layer",
        "_limits",
        "_lock",
        "_open",
        "_outbox",
        "_output_over",
        "_send",
        "_transport",
        "_unsent_until",
        "clock",
        "deadline",
        "is_user",
    )

    def __init__(
        self,
        transport: Transport,
        limits: Limits,
        clock: Callable[[], float],
        congested: set[object],
        layer: Layer | None = None,
    ) -> None:
        self._transport = transport
        self._layer = layer
        self._send = transport.send
        self._limits = limits
        self._congested = congested
        self.clock = clock
        self.is_user = False
        """Whether the client has logged in; its reader's to read."""
        self._lock = threading.Lock()
        self._outbox = Outbox()
        self._unsent_until = 0  # where its `taken` has to be when Due.UNSENT is
        self._open = True  # nothing waits, and what is delivered goes out
        self._deaf = False  # what is delivered is thrown away: broken, or past the end
        self._finishing = False  # the last entry is delivered
        self._output_over = False
        self._input_over = False
        self._dues: dict[Due, float] = {}
        self.deadline = inf
        """When tick has something to do, on clock's scale; infinity for never."""

    @abstractmethod
    def end(self, reason: str) -> None:
        """Log the client out and end the session; from any thread, no lock held."""

    def deliver(self, data: bytes) -> None:
        """Send data behind all that came before, keeping what cannot be sent yet."""
        # Each call between here and the socket costs 2 % of an unhurried chat: keep it flat.
        with self._lock:
            if self._layer is not None and not self._deaf:
                data = self._layer.seal(data)
            sent = 0
            if self._open:
                try:
                    sent = self._send(data)
                except BlockingIOError:
                    pass
                except OSError:
                    self._break_locked()
                    return
                if sent == len(data):
                    return
                self._open = False
                self._transport.want_write()
            elif self._deaf:
                return
            waited = self._outbox.size
            self._outbox.add(data, sent)
            # An answer may be larger than all of the outbox; who asked for it may take it.
            overflow = waited > 0 and self._outbox.size > self._limits.outbox
            self._note_size_locked()
        if overflow:
            self.drop(f"{TOO_SLOW}: {self.unsent} bytes wait for it")

    def flush(self) -> None:
        """Send more of what waits; the engine calls it when the connection takes bytes."""
        with self._lock:
            if not self._output_over:
                self._flush_locked()

    def _flush_locked(self) -> None:
        try:
            self._outbox.flush(self._send)
        except OSError:
            self._break_locked()
        self._note_size_locked()
        if self._outbox.size:
            self._transport.want_write()
        elif self._finishing:
            self._end_output_locked()
        else:
            self._open = not self._deaf

    def _unseal(self, data: bytes) -> bytes:
        """Take what came out of the layer, and send what the layer answers. Raises LayerError."""
        with self._lock:
            layer = self._layer
            if layer is None:
                return data
            try:
                return layer.feed(data)
            finally:
                self._layer = layer.heir
                if self._layer is not None:
                    self._put_locked(self._layer.take())

    def _put_locked(self, data: bytes) -> None:
        """Send what is wrapped already."""
        if data and not self._deaf:
            self._open = False
            self._outbox.add(data)
            self._flush_locked()

    @property
    def encrypted(self) -> bool:
        """Whether a layer lies between the client and us."""
        return self._layer is not None

    @property
    def unsent(self) -> int:
        """Bytes that wait for the client to take them."""
        return self._outbox.size

    @property
    def stuffed(self) -> bool:
        """Whether the client should take some of what it got before it may ask for more."""
        return self._outbox.size > self._limits.outbox // 4

    def _break_locked(self) -> None:
        self._deaf = True
        self._open = False
        self._outbox.clear()
        self._note_size_locked()

    def _note_size_locked(self) -> None:
        waits = self._outbox.size > 0
        if waits != (Due.UNSENT in self._dues):
            if waits:
                self._expect_progress_locked()
            else:
                self._drop_due_locked(Due.UNSENT)
        congested = self._outbox.size > self._limits.outbox // 2
        if congested == (Due.STALL in self._dues):
            return
        if congested:
            self._set_due_locked(Due.STALL, self._limits.stall)
            # Nobody waits for those who are not in a room, or not any more.
            if self.is_user and not self._finishing:
                self._congested.add(self)
        else:
            self._drop_due_locked(Due.STALL)
            self._congested.discard(self)

    def _expect_progress_locked(self) -> None:
        """Have all that waits now be sent in time."""
        self._unsent_until = self._outbox.taken + self._outbox.size
        self._set_due_locked(Due.UNSENT, self._limits.unsent)

    def _look_for_progress(self) -> None:
        with self._lock:
            if not self._outbox.size or Due.UNSENT in self._dues:  # it may be anew meanwhile
                return
            if self._outbox.taken >= self._unsent_until:  # the rest came later
                self._expect_progress_locked()
                return
        long = f"some of them for {self._limits.unsent:g} seconds"
        self.drop(f"{TOO_SLOW}: {self.unsent} bytes wait for it, {long}")

    # -- deadlines ---------------------------------------------------------------------------

    def _set_due(self, due: Due, seconds: float) -> None:
        with self._lock:
            self._set_due_locked(due, seconds)

    def _set_due_locked(self, due: Due, seconds: float) -> None:
        self._dues[due] = self.clock() + seconds
        self.deadline = min(self._dues.values())

    def _drop_due(self, due: Due) -> None:
        with self._lock:
            self._drop_due_locked(due)

    def _drop_due_locked(self, due: Due) -> None:
        self._dues.pop(due, None)
        self.deadline = min(self._dues.values(), default=inf)

    def _take_due(self) -> Due | None:
        """Give what is due and forget its deadline."""
        now = self.clock()
        with self._lock:
            for due in Due:
                if self._dues.get(due, inf) <= now:
                    self._drop_due_locked(due)
                    return due
        return None

    # -- the end -----------------------------------------------------------------------------

    def finish(self) -> None:
        """Close once what waits is sent: the drainer has delivered the last entry."""
        with self._lock:
            if self._finishing:
                return
            if self._layer is not None:
                self._put_locked(self._layer.close())
            self._finishing = self._deaf = True
            self._open = False
            self._congested.discard(self)
            self._drop_due_locked(Due.LOGIN)
            if not self._outbox.size:
                self._end_output_locked()
            else:
                self._set_due_locked(Due.CLOSE, self._limits.drain)

    def _end_output_locked(self) -> None:
        self._output_over = True
        if self._input_over:
            self._drop_due_locked(Due.CLOSE)
            self._transport.close()
        else:
            self._set_due_locked(Due.CLOSE, self._limits.linger)
            self._transport.end_output()

    def _end_input(self) -> None:
        """Take note that the transport will not be read any more."""
        with self._lock:
            self._input_over = True
            if self._output_over:
                self._drop_due_locked(Due.CLOSE)
                self._transport.close()

    def drop(self, reason: str) -> None:
        """Cut off a client that cannot be told anything any more; from any thread."""
        self.end(reason)
        with self._lock:
            self._finishing = True
            self._break_locked()
            self._congested.discard(self)  # its stall may be what is due, and so forgotten
            self._drop_due_locked(Due.LOGIN)
            self._drop_due_locked(Due.CLOSE)
            if self._input_over and not self._output_over:
                self._output_over = True
                self._transport.close()
            elif not self._input_over:
                self._output_over = True
                self._transport.abort()
