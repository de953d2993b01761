"""Activity: how often things happened, and the last of them that operators want to see."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence

from chatd.events import Connected, Disconnected, Event, Inspected, LoggedOut, Said
from chatd.limits import Limits
from chatd.output import TOO_SLOW

_PASSED_OVER = {Said, Connected, Disconnected, Inspected}
"""What would push all else out of the list: each page of the web is a connection, and anybody may
have the books shown."""


class Activity:
    """Watches the public events of a delivery log (see `delivery.Observer`).

    now gives seconds since 1970.
    """

    def __init__(self, limits: Limits, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.counts: Counter[type[Event]] = Counter()
        """How often each kind of event happened; to be read by any thread."""
        self.dropped = 0
        """How many users were dropped because they were too slow."""
        self._lock = threading.Lock()
        self._last: deque[tuple[float, Event]] = deque(maxlen=limits.tail)
        self._most = limits.tail_bytes

    def see(self, events: Sequence[Event]) -> None:
        """Take note of a batch; by the drainer."""
        listed = []
        for event in events:
            kind = type(event)
            self.counts[kind] += 1
            if kind not in _PASSED_OVER:
                listed.append(event)
        if listed:
            self.dropped += sum(map(_tells_of_slowness, listed))
            self.note(listed)

    def note(self, events: Sequence[Event]) -> None:
        """List events without counting them; from any thread."""
        now = self._now()
        with self._lock:
            self._last.extend((now, event) for event in events)
            size = sum(event.size for _, event in self._last)
            while size > self._most:
                size -= self._last.popleft()[1].size

    @property
    def last(self) -> Sequence[tuple[float, Event]]:
        """What happened of late but for messages and mere connections, oldest first, and when."""
        with self._lock:
            return tuple(self._last)


def _tells_of_slowness(event: Event) -> bool:
    return isinstance(event, LoggedOut) and event.reason.startswith(TOO_SLOW)
