"""Taps: listeners on the side, each with its own thread and bounded queue.

A tap sees public events after they were delivered; private messages never. One that cannot
keep up loses events, which are counted, and stalls nobody.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from chatd.events import Event

_log = logging.getLogger(__name__)


class Tap:
    """What a plugin registers: receive is called with one event at a time, on one thread.

    close is called once, on the same thread, when the server has stopped.
    """

    def __init__(
        self, receive: Callable[[Event], None], *, close: Callable[[], None] = lambda: None
    ) -> None:
        self.receive = receive
        self.close = close


class TapRunner:
    """Feeds one tap from its queue of at most size events."""

    def __init__(self, tap: Tap, size: int) -> None:
        self._tap = tap
        self._size = size
        self._queue: deque[Event] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._lost = 0
        self._thread = threading.Thread(target=self._run, name="chatd-tap", daemon=True)
        self._thread.start()

    def offer(self, events: Sequence[Event]) -> None:
        """Queue events as far as there is room; never wait."""
        with self._changed:
            room = self._size - len(self._queue)
            self._queue.extend(events[:room])
            if len(events) > room:
                self._lost += len(events) - room
            self._changed.notify()

    @property
    def lost(self) -> int:
        """How many events did not fit."""
        return self._lost

    def stop(self, timeout: float) -> None:
        """Let the tap finish what is queued, for at most timeout seconds."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._stopping)
                if not self._queue:
                    break
                events = list(self._queue)
                self._queue.clear()
            for event in events:
                self._guard(lambda event=event: self._tap.receive(event))  # type: ignore[misc]
        self._guard(self._tap.close)

    def _guard(self, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException:  # a tap must not end its thread, whatever a plugin raises
            _log.exception("a tap failed")
