"""What those of one address may have: connections at a time, new ones a minute, requests, and
attempts at a secret.

Whoever has many addresses can have more of all; but one machine, and one network of IPv6, cannot
take the places of all others.
"""

import threading
from collections.abc import Callable, Iterable
from ipaddress import IPv6Network

from chatd.flood import UNBOUND, Bucket, Flow, Pace
from chatd.limits import Limits
from chatd.networks import LOOPBACK, Network, holds


class _Address:
    """The uses of one address. Guarded by the lock of all, but for what flows take."""

    __slots__ = ("arrivals", "open", "past", "requests", "tries")

    def __init__(self, arrivals: Bucket, requests: Bucket, past: Bucket) -> None:
        self.open = 0
        self.arrivals = arrivals
        self.requests = requests
        self.past = past
        self.tries: Bucket | None = None  # few ever try

    def is_forgotten(self, now: float) -> bool:
        buckets = (self.arrivals, self.requests, self.past, self.tries)
        return not self.open and all(bucket is None or bucket.is_full(now) for bucket in buckets)


class Addresses:
    """The books on addresses, each given as ip:port; for any thread.

    pace: of the requests of one session. exempt: networks whose connections are not counted.
    """

    def __init__(
        self,
        limits: Limits,
        pace: Pace = UNBOUND,
        exempt: Iterable[Network] = LOOPBACK,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, _Address] = {}
        self._most = _FEW
        self.tune(limits, pace, exempt)

    def tune(self, limits: Limits, pace: Pace, exempt: Iterable[Network]) -> None:
        """Use other bounds from now on; what was taken up to now is forgotten."""
        with self._lock:
            self._limits = limits
            self._pace = pace
            self._past_pace = pace.of_past(limits)
            self._shared_pace = self._pace.times(limits.neighbours)
            self._shared_past_pace = self._past_pace.times(limits.neighbours)
            self._arrivals = Pace(limits.arrivals, limits.arrivals / 60.0)
            self._tries = Pace(limits.tries, limits.tries_again / 60.0)
            self._shared_tries = self._tries.times(limits.neighbours)
            self._exempt = tuple(exempt)
            for known in self._known.values():
                known.arrivals.set_pace(self._arrivals)
                known.requests.set_pace(self._shared_pace)
                known.past.set_pace(self._shared_past_pace)

    def __len__(self) -> int:
        return len(self._known)

    def enter(self, address: str) -> str | None:
        """Count a new connection, or say why it cannot be taken."""
        exempt = self.is_exempt(address)
        with self._lock:
            found = self._find_locked(address)
            if not exempt and found.open >= self._limits.per_address:
                return "too many connections from your address, close one of them"
            if not exempt and not found.arrivals.offer(self._clock()):
                return "too many new connections from your address, try again in a minute"
            found.open += 1
            return None

    def leave(self, address: str) -> None:
        """Take note that a connection that was counted is closed."""
        with self._lock:
            self._find_locked(address).open -= 1

    def flow(self, address: str) -> Flow:
        """Make the flow of requests of a new session."""
        if self.is_exempt(address):
            requests = past = Bucket(UNBOUND)
        else:
            with self._lock:
                found = self._find_locked(address)
            requests, past = found.requests, found.past
        return Flow(self._pace, requests, Flow(self._past_pace, past))

    def may_try(self, address: str) -> bool:
        """Count an attempt at a secret, or say that there were too many.

        Nobody is exempt: where many people may share an address, each connection has the bound of
        an address, and all of them together a larger one.
        """
        if not self.is_exempt(address):
            return self._try(source_of(address), self._tries)
        return self._try(address, self._tries) and self._try(source_of(address), self._shared_tries)

    def _try(self, key: str, pace: Pace) -> bool:
        with self._lock:
            found = self._known_locked(key)
            if found.tries is None:
                found.tries = Bucket(pace)
            return found.tries.offer(self._clock())

    def is_exempt(self, address: str) -> bool:
        """Whether connections from there are not counted, since many people may share it."""
        return holds(self._exempt, host_of(address))

    def _find_locked(self, address: str) -> _Address:
        return self._known_locked(source_of(address))

    def _known_locked(self, key: str) -> _Address:
        found = self._known.get(key)
        if found is None:
            self._forget_locked()
            found = self._known[key] = _Address(
                Bucket(self._arrivals),
                Bucket(self._shared_pace, _LONGEST),
                Bucket(self._shared_past_pace, _LONGEST),
            )
        return found

    def _forget_locked(self) -> None:
        """Leave out, now and then, the addresses of which nothing is to be remembered."""
        if len(self._known) < self._most:
            return
        now = self._clock()
        known = self._known.items()
        self._known = {network: one for network, one in known if not one.is_forgotten(now)}
        self._most = max(_FEW, 2 * len(self._known))


_LONGEST = 5.0
"""Seconds that somebody waits at most because of others of the same address."""

_FEW = 1000
"""Addresses that cost nothing to remember."""


def host_of(address: str) -> str:
    """Give the ip of ip:port."""
    return address.rpartition(":")[0].strip("[]").partition("%")[0]


def source_of(address: str) -> str:
    """Say whom ip:port belongs to: of IPv6 everybody has at least the last half."""
    host = host_of(address)
    return str(IPv6Network((host, 64), strict=False)) if ":" in host else host
