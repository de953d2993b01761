"""Taps: listeners on the side, each with its own thread and bounded queue.

A tap sees public events after they were delivered; private messages never. One that cannot
keep up loses events, which are counted, and stalls nobody.
"""

import inspect
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from chatd.events import Event, Warned
from chatd.guard import Guard
from chatd.limits import MIB

_log = logging.getLogger(__name__)


class Tap:
    """What a plugin registers: receive is called with one event at a time, on one thread.

    close is called once, on the same thread, when the server has stopped. Raises ValueError for
    what cannot be called.
    """

    def __init__(
        self, receive: Callable[[Event], None], *, close: Callable[[], None] = lambda: None
    ) -> None:
        for function in (receive, close):
            if not callable(function) or inspect.iscoroutinefunction(function):
                raise ValueError("a tap needs plain functions")
        self.receive = receive
        self.close = close


class TapRunner:
    """Feeds one tap from its queue of at most size events, and BYTES of them.

    A tap that missed events gets a Warned that says how many, in their place. One that its guard
    has switched off is left alone from then on.
    """

    BYTES = 4 * MIB
    """Enough for the usual 10,000 short messages. Of the longest ones so many would take 40 MB,
    for each tap that hangs."""

    def __init__(self, tap: Tap, size: int, guard: Guard | None = None) -> None:
        self._tap = tap
        self._size = size
        self._guard = guard or Guard("a tap")
        self._queue: deque[Event] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._missed = 0
        self.lost = 0
        """How many events did not fit."""
        self._thread = threading.Thread(target=self._run, name="chatd-tap", daemon=True)
        self._thread.start()

    def offer(self, events: Sequence[Event]) -> None:
        """Queue events as far as there is room; never wait."""
        with self._changed:
            for position, event in enumerate(events):
                full = len(self._queue) >= self._size or self._bytes >= self.BYTES
                if self._missed or full:
                    self._missed += len(events) - position
                    self.lost += len(events) - position
                    break
                self._queue.append(event)
                self._bytes += event.size
            self._changed.notify()

    def stop(self, timeout: float) -> None:
        """Let the tap finish what is queued, for at most timeout seconds."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while (event := self._take()) is not None:
            if not self._guard.off:
                self._give(event)
        try:
            self._tap.close()
        except BaseException:  # a tap must not end a thread, whatever a plugin raises
            _log.exception("%s cannot close", self._guard.name)

    def _take(self) -> Event | None:
        """Wait for one event, so that all others still count; None when it is time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping)
            if not self._queue:
                return None
            event = self._queue.popleft()
            self._bytes -= event.size
            half_empty = 2 * len(self._queue) <= self._size and 2 * self._bytes <= self.BYTES
            if self._missed and half_empty:  # one long gap is easier to read past than many
                gap = Warned(f"{self._missed} events came too fast and are left out")
                self._queue.append(gap)
                self._bytes += gap.size
                self._missed = 0
        return event

    def _give(self, event: Event) -> None:
        try:
            self._tap.receive(event)
        except BaseException as error:  # as above
            _log.exception("%s failed", self._guard.name)
            self._guard.fail(error)
        else:
            self._guard.failures = 0
