"""The inbox: what has happened and nobody has taken yet, within a bound."""

from collections import deque

from chatcli.client.news import Lost
from chatd.events import Event


class Inbox:
    """Events in their order; when there are more than `most` the oldest ones are lost."""

    def __init__(self, most: int) -> None:
        self._events: deque[Event] = deque()
        self._most = most
        self._lost = 0

    def __bool__(self) -> bool:
        return bool(self._events)

    def add(self, event: Event) -> None:
        """Put an event behind the others."""
        self._events.append(event)
        if len(self._events) > self._most:
            gone = self._events.popleft()
            self._lost += gone.count if isinstance(gone, Lost) else 1

    def take(self) -> Event:
        """Take the oldest event out; what was lost before it is told first."""
        if self._lost:
            lost, self._lost = Lost(self._lost), 0
            return lost
        return self._events.popleft()
