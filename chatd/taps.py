"""Taps: listeners on the side, each with its own thread and bounded queue.

A tap sees public events after they were delivered; private messages never. One that cannot
keep up loses events, which are counted, and stalls nobody.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from chatd.events import Event, Warned

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
    """Feeds one tap from its queue of at most size events.

    A tap that missed events gets a Warned that says how many. One that fails FAILURES times
    in a row is left alone from then on.
    """

    FAILURES = 10

    def __init__(self, tap: Tap, size: int) -> None:
        self._tap = tap
        self._size = size
        self._queue: deque[Event] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._missed = 0
        self._failures = 0
        self.lost = 0
        """How many events did not fit."""
        self._thread = threading.Thread(target=self._run, name="chatd-tap", daemon=True)
        self._thread.start()

    def offer(self, events: Sequence[Event]) -> None:
        """Queue events as far as there is room; never wait."""
        with self._changed:
            room = self._size - len(self._queue)
            self._queue.extend(events[:room])
            if len(events) > room:
                self._missed += len(events) - room
                self.lost += len(events) - room
            self._changed.notify()

    def stop(self, timeout: float) -> None:
        """Let the tap finish what is queued, for at most timeout seconds."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while events := self._take():
            for event in events:
                if self._failures < self.FAILURES:
                    self._give(event)
        try:
            self._tap.close()
        except BaseException:  # a tap must not end a thread, whatever a plugin raises
            _log.exception("a tap cannot close")

    def _take(self) -> list[Event]:
        """Wait for events; nothing when it is time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping)
            events = list(self._queue)
            self._queue.clear()
            if self._missed:
                events.append(Warned(f"{self._missed} events came too fast and are left out"))
                self._missed = 0
        return events

    def _give(self, event: Event) -> None:
        try:
            self._tap.receive(event)
        except BaseException:  # as above
            self._failures += 1
            off = self._failures == self.FAILURES
            _log.exception("a tap failed%s", " too often and is switched off" if off else "")
        else:
            self._failures = 0
