"""How long to wait before one tries again."""

import random

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
