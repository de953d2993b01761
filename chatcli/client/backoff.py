"""How long to wait before one tries again."""

import random
from math import inf

from msgspec import Struct


class Backoff(Struct, frozen=True):
    """Delays that double from base up to cap, in seconds.

    Chance shortens each by up to a half, so that not all clients of a server that was started
    anew come in the same moment.
    """

    base: float = 0.5
    cap: float = 30.0

    def delay(self, attempt: int) -> float:
        """Give the seconds to wait before an attempt; they count from 0."""
        longest = min(self.cap, self.base * 2.0 ** min(attempt, 64))
        return longest * random.uniform(0.5, 1.0)


class Attempts:
    """The attempts to be connected, and when the next one is due, by the clock of whoever asks."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._count = 0
        self._delay = 0.0  # before the last one
        self._came_at = 0.0
        self.due = -inf
        """When to connect next; `inf` while somebody is at it."""

    def begin(self) -> None:
        """Take note that somebody connects now."""
        self.due = inf

    def came(self, now: float) -> None:
        """Take note that the last one has led into the chat."""
        self._came_at = now

    def gone(self, now: float) -> None:
        """Take note that it is out of the chat again.

        Only a stay that was longer than the wait for it makes the delays begin anew: a server
        that throws everybody out at once would else be called upon without an end.
        """
        if now - self._came_at >= self._delay:
            self._count = 0

    def again(self, now: float) -> float:
        """Set the time of the next one; give the delay in seconds."""
        self._delay = self._backoff.delay(self._count)
        self._count += 1
        self.due = now + self._delay
        return self._delay
