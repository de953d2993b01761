"""Flood control: everybody may ask for so much at once, and for so much a second from then on.

What is too much waits its turn, and its sender is told; nothing is dropped. A session has a share
of its own, and all sessions of one address have one together, so that more connections do not
help.
"""

from math import inf

from msgspec import Struct

from chatd.limits import Limits

TOLD_AGAIN = 5.0
"""Seconds after which a sender who still has to wait is told once more: a sign of life for
programs that wait for an answer."""


class Pace(Struct, frozen=True):
    """So many requests at once, and so many a second from then on; `inf` a second is no bound."""

    burst: int
    rate: float

    def times(self, count: int) -> "Pace":
        """Give the pace that so many have together."""
        return Pace(self.burst * count, self.rate * count)

    def of_past(self, limits: Limits) -> "Pace":
        """Give the pace of questions about the past, of whoever has this one."""
        return Pace(max(1, self.burst // 2), self.rate / limits.past)

    def __str__(self) -> str:
        return "off" if self.rate == inf else f"{self.burst}/{self.rate:g}"


UNBOUND = Pace(1, inf)


_ROUNDING = 1e-6


class Bucket:
    """A token bucket: it holds as many requests as may be made at once, and fills at the rate.

    longest: seconds that one waits for the next token at most, however many were taken. Without a
    lock: of two threads that take at a time one may go free.
    """

    __slots__ = ("_burst_time", "_full_at", "_longest", "_step")

    def __init__(self, pace: Pace, longest: float = inf) -> None:
        self._longest = longest
        self.set_pace(pace)

    def set_pace(self, pace: Pace) -> None:
        """Be full, and hold and fill as another pace says."""
        self._step = 1.0 / pace.rate
        self._burst_time = (pace.burst - 1) / pace.rate
        self._full_at = -inf

    def take(self, now: float, weight: float = 1.0) -> float:
        """Take tokens out, there or not; give the time from which on there is another one."""
        full_at = max(self._full_at, now) + self._step * weight
        self._full_at = full_at = min(full_at, now + self._burst_time + self._longest)
        return full_at - self._burst_time

    def offer(self, now: float) -> bool:
        """Take a token out if there is one; say whether there was."""
        if max(self._full_at, now) - self._burst_time - now > _ROUNDING:
            return False
        self.take(now)
        return True

    def is_full(self, now: float) -> bool:
        """Whether nothing is remembered of what was taken."""
        return self._full_at <= now


class Flow:
    """What one session asks for, beside all that comes from its address.

    past is the same of its questions about the past, which count in both.
    """

    __slots__ = ("_own", "_shared", "pace", "past")

    def __init__(self, pace: Pace, shared: Bucket, past: "Flow | None" = None) -> None:
        self.pace = pace
        self.past = past
        self._own = Bucket(pace)
        self._shared = shared

    def set_pace(self, pace: Pace, limits: Limits) -> None:
        """Let the session ask for so much from now on."""
        self.pace = pace
        self._own.set_pace(pace)
        if self.past is not None:
            self.past.set_pace(pace.of_past(limits), limits)

    def take(self, now: float, weight: float = 1.0) -> float:
        """Take note of a request; give the time before which no other one is carried out.

        0.0 if the next may be carried out now.
        """
        own, shared = self._own.take(now, weight), self._shared.take(now, weight)
        later = own if own > shared else shared
        return later if later - now > _ROUNDING else 0.0
