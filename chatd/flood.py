"""Flood control: everybody may ask for so much at once, and for so much a second from then on.

What is too much waits its turn, and its sender is told; nothing is dropped. A session has a share
of its own, and all sessions of one address have one together, so that more connections do not
help.
"""

from collections.abc import Callable
from ipaddress import IPv6Network
from math import inf

from msgspec import Struct

TOLD_AGAIN = 5.0
"""Seconds after which a sender who still has to wait is told once more: a sign of life for
programs that wait for an answer."""


class Pace(Struct, frozen=True):
    """So many requests at once, and so many a second from then on; `inf` a second is no bound."""

    burst: int
    rate: float


UNBOUND = Pace(1, inf)


class Bucket:
    """A token bucket: it holds as many requests as may be made at once, and fills at the rate.

    Without a lock: of two threads that take at a time one may go free.
    """

    __slots__ = ("_burst_time", "_full_at", "_step")

    def __init__(self, pace: Pace) -> None:
        self._step = 1.0 / pace.rate
        self._burst_time = (pace.burst - 1) / pace.rate
        self._full_at = -inf

    def take(self, now: float) -> float:
        """Take a token out, there or not; give the time from which on there is another one."""
        full_at = self._full_at
        self._full_at = full_at = (full_at if full_at > now else now) + self._step
        return full_at - self._burst_time

    def is_full(self, now: float) -> bool:
        """Whether nothing is remembered of what was taken."""
        return self._full_at <= now


_ROUNDING = 1e-6


class Flow:
    """What one session asks for, beside all that comes from its address."""

    __slots__ = ("_own", "_shared", "pace")

    def __init__(self, pace: Pace, shared: Bucket) -> None:
        self.pace = pace
        self._own = Bucket(pace)
        self._shared = shared

    def take(self, now: float) -> float:
        """Take note of a request; give the time before which no other one is carried out.

        0.0 if the next may be carried out now.
        """
        own, shared = self._own.take(now), self._shared.take(now)
        later = own if own > shared else shared
        return later if later - now > _ROUNDING else 0.0


class Flows:
    """Makes the flows of a server's sessions; from any thread.

    pace: of a session. neighbours: how many sessions' worth those of one address have together.
    """

    def __init__(self, pace: Pace, neighbours: int, clock: Callable[[], float]) -> None:
        self._pace = pace
        self._shared_pace = Pace(pace.burst * neighbours, pace.rate * neighbours)
        self._clock = clock
        self._shared: dict[str, Bucket] = {}
        self._most = _FEW

    def __len__(self) -> int:
        return len(self._shared)

    def of(self, address: str) -> Flow:
        """Make the flow of a new session from an address, which is ip:port."""
        network = _network(address)
        shared = self._shared.get(network)
        if shared is None:
            self._forget()
            shared = self._shared[network] = Bucket(self._shared_pace)
        return Flow(self._pace, shared)

    def _forget(self) -> None:
        """Leave out, now and then, the addresses of which nothing is remembered."""
        if len(self._shared) < self._most:
            return
        now = self._clock()
        for network, bucket in list(self._shared.items()):
            if bucket.is_full(now):
                self._shared.pop(network, None)
        self._most = max(_FEW, 2 * len(self._shared))


_FEW = 1000
"""Addresses that cost nothing to remember."""


def _network(address: str) -> str:
    """Say whom an address belongs to: of IPv6 everybody has at least the last half."""
    host = address.rpartition(":")[0].strip("[]")
    return str(IPv6Network((host.partition("%")[0], 64), strict=False)) if ":" in host else host
