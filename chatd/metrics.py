"""Metrics: how much goes on in a server, at one moment and over the last hour."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import pairwise

from msgspec import Struct

from chatd.delivery import Delivery
from chatd.guard import Guards
from chatd.hub import Hub
from chatd.limits import Limits
from chatd.recorder import Recorder
from chatd.session import Session
from chatd.workers import start_lasting


class Figures(Struct, frozen=True):
    """A server in numbers. Messages and deliveries are counted from its start."""

    connections: dict[str, int]
    """By dialect, those that have not logged in included."""
    users: dict[str, int]
    """By dialect."""
    encrypted: int
    """Connections with TLS."""
    rooms: int
    said: int
    """Messages to rooms."""
    told: int
    """Private messages."""
    deliveries: int
    """Events that reached somebody: one in a room counts once for each member."""
    unsent: int
    """Bytes in all outboxes."""
    most_unsent: int
    """Bytes in the fullest of them."""
    waiting: int
    """Entries of the delivery log that wait."""


class Metrics:
    """Counts what there is when it is asked, and costs nothing until then; for any thread."""

    def __init__(
        self, engine: str, hub: Hub, delivery: Delivery, recorder: Recorder | None, guards: Guards
    ) -> None:
        self.engine = engine
        self.recorder = recorder
        self.guards = guards
        self._hub = hub
        self._delivery = delivery

    def figures(self) -> Figures:
        """Count; with ten thousand connections it takes some milliseconds."""
        connections: Counter[str] = Counter()
        users: Counter[str] = Counter()
        encrypted = unsent = most_unsent = 0
        for each in self._hub.present():
            if isinstance(each, Session):
                connections[each.dialect] += 1
                users[each.dialect] += each.is_user
                encrypted += each.encrypted
                unsent += (size := each.unsent)
                most_unsent = max(most_unsent, size)
        return Figures(
            connections,
            users,
            encrypted,
            self._hub.room_count,
            self._hub.said,
            self._hub.told,
            self._delivery.deliveries,
            unsent,
            most_unsent,
            self._delivery.waiting,
        )


class Sample(Struct, frozen=True):
    """Some of the figures at a time, on the scale of the server's clock."""

    time: float
    users: int
    unsent: int
    messages: int
    deliveries: int


Series = list[tuple[float, float]]
"""Times and values, oldest first."""


class Sampler:
    """Takes a sample every PERIOD seconds, on a thread of its own, and keeps those of an hour."""

    PERIOD = 5.0
    """Seconds."""

    def __init__(
        self, count: Callable[[], Figures], limits: Limits, clock: Callable[[], float]
    ) -> None:
        self._count = count
        self._clock = clock
        self._samples: deque[Sample] = deque(maxlen=limits.samples)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take the first sample, and go on."""
        self.take()
        self._thread = start_lasting("chatd-sampler", self._run, self._over.is_set)

    def close(self) -> None:
        """Take no more samples."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def _run(self) -> None:
        while not self._over.wait(self.PERIOD):
            self.take()

    def take(self) -> None:
        """Take a sample."""
        now = self._count()
        users, messages = sum(now.users.values()), now.said + now.told
        sample = Sample(self._clock(), users, now.unsent, messages, now.deliveries)
        with self._lock:
            self._samples.append(sample)

    @property
    def samples(self) -> Sequence[Sample]:
        """What was kept, oldest first; from any thread."""
        with self._lock:
            return tuple(self._samples)


def levels(samples: Sequence[Sample], value: Callable[[Sample], float]) -> Series:
    """Give what a value was over time."""
    return [(sample.time, value(sample)) for sample in samples]


def rates(samples: Sequence[Sample], value: Callable[[Sample], float]) -> Series:
    """Give by how much a second a value grew up to each sample but the first."""
    return [
        (new.time, (value(new) - value(old)) / (new.time - old.time))
        for old, new in pairwise(samples)
        if new.time > old.time
    ]
