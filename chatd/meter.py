"""How much flowed lately."""

from collections.abc import Callable


class Meter:
    """A leaky bucket: what is added runs out at rate bytes per second.

    It holds two seconds' worth at most, so a big burst is forgotten soon. One thread adds;
    any may ask, and gets a figure that is true up to what is being added.
    """

    __slots__ = ("_at", "_clock", "_level", "_rate")

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._level = 0.0
        self._at = clock()

    def add(self, size: int) -> None:
        """Take note of size bytes."""
        now = self._clock()
        level = self._level - (now - self._at) * self._rate
        self._level = min((level if level > 0.0 else 0.0) + size, 2 * self._rate)
        self._at = now

    @property
    def high(self) -> bool:
        """Whether more than a second's worth has not run out yet."""
        return self._level - (self._clock() - self._at) * self._rate > self._rate
