"""The backlog: what happened in a room of late."""

from collections import deque

from chatd.events import Event
from chatd.limits import Limits


class Backlog:
    """The last events of one room, bounded in number and in bytes. Guarded by the hub's lock."""

    __slots__ = ("_events", "_limits", "_size")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._events: deque[Event] = deque()
        self._size = 0

    def add(self, event: Event) -> None:
        """Remember an event, and forget the oldest ones that do not fit any more."""
        self._events.append(event)
        self._size += event.size
        while len(self._events) > self._limits.backlog or self._size > self._limits.backlog_bytes:
            self._size -= self._events.popleft().size

    def events(self) -> tuple[Event, ...]:
        """Give what is remembered, oldest first."""
        return tuple(self._events)
