"""The recorder: brings records to a store, on a thread of its own.

The chat never waits for the disk. Records wait in a bounded queue, the thread commits what it
finds there a few times a second, and what finds no place is counted and noted in the store as a
gap. A store that fails is tried again once a second, for as long as it takes.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Protocol

from chatd.config import Retention
from chatd.events import Missed, Record
from chatd.ids import in_epoch, make_id, number_of
from chatd.limits import Limits
from chatd.store import Store, StoreError
from chatd.workers import start_lasting

_log = logging.getLogger(__name__)


class Pause(Protocol):
    """Runs an action while the hub's lock is held, and puts all into an epoch, if given one."""

    def __call__(self, action: Callable[[], None], epoch: int | None = None) -> None: ...


class Recorder:
    """Writes records into a store in the background, until close.

    tell gets one line for the operator: when the store stops working, when it works again, and
    what the store itself has to say. pause is `Hub.pause`. now gives seconds since 1970.
    """

    INTERVAL = 0.5
    """Seconds between commits: at most so much of the newest is lost when the process is killed,
    plus the time that one commit takes."""

    RETRY = 1.0
    """Seconds until a store that failed is tried again."""

    PRUNING = 60.0
    """Seconds between two looks for what is too old."""

    BATCH = 200
    """Records in one commit: others wait for the interpreter while rows are made of them, for
    about a millisecond."""

    BEHIND = 2000
    """Records that wait, from which on this many are committed at once: under a flood it is the
    thread that waits, at each step of a commit, and with small ones it falls behind."""

    def __init__(
        self,
        store: Store,
        limits: Limits,
        tell: Callable[[str], None],
        retention: Retention,
        pause: Pause,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._limits = limits
        self._tell = tell
        self._pause = pause
        self._now = now
        self._retention = retention
        self._queue: deque[Record] = deque()
        self._batch: list[Record] = []  # on its way into the store
        # Two counters with one writer each need no lock: keep's callers hold the hub's.
        self._appended = 0
        self._taken = 0
        self._gap: Record | None = None  # grows while the queue is full; the callers' of keep
        self._epoch = 0
        self._committed = threading.Condition()
        self._hurry = threading.Event()
        self._stopping = False
        self._pruned_at = -inf
        self.stored_id = 0
        """All up to this id is stored, or in a gap that is."""
        self.missed = 0
        """Events that were not stored since the start."""
        self._begun = False
        self.trouble = ""
        """Why the store does not work; empty while it does."""
        self._thread: threading.Thread

    def start(self, epoch: int) -> int:
        """Open the store and begin to write; return the epoch to number events with.

        It is the given one, or a later one if the store has seen that. A store that does not
        work is no reason not to start.
        """
        self._epoch = epoch
        try:
            self._epoch = self._store.begin(epoch)
            self._begun = True
            self._pass_on_notices()
        except StoreError as error:
            self._fail(error)
        self.stored_id = make_id(self._epoch, 0)
        self._thread = start_lasting("chatd-recorder", self._run, lambda: self._stopping)
        return self._epoch

    # -- what the hub calls ------------------------------------------------------------------

    def keep(self, record: Record) -> None:
        """Take a record; the caller holds the hub's lock, so this neither waits nor raises."""
        full = (
            len(self._queue) >= self._limits.store_queue
            or self._appended - self._taken >= self._limits.store_queue_bytes
        )
        if full:
            self.missed += 1
            first = self._gap or record
            count = number_of(record.id) - number_of(first.id) + 1
            self._gap = Record(first.id, first.time, "", Missed(count, record.id))
            return
        self._close_gap_locked()
        self._put(record)

    def _close_gap_locked(self) -> None:
        if self._gap is not None:
            self._put(self._gap)
            self._gap = None

    def _put(self, record: Record) -> None:
        self._appended += record.size
        self._queue.append(record)

    # -- for those who read ------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The store, to read; StoreError until it was opened, as it may be another server's."""
        if not self._begun:
            raise StoreError("it was never opened")
        return self._store

    @property
    def waiting(self) -> int:
        """How many records are on their way."""
        return len(self._queue) + len(self._batch)

    def settle(self, id: int, timeout: float) -> bool:
        """Wait until all up to id is stored; say whether it is. Gives up when the store fails."""
        with self._committed:
            if self.stored_id < id and not self.trouble:
                self._hurry.set()
                self._committed.wait_for(lambda: self.stored_id >= id or self.trouble, timeout)
            return self.stored_id >= id

    def retain(self, retention: Retention) -> None:
        """Forget other things from now on; from any thread."""
        self._retention = retention
        self._pruned_at = -inf

    def close(self, timeout: float) -> None:
        """Store what is queued, for at most timeout seconds, and let go of the store.

        Nothing may call keep any more.
        """
        self._close_gap_locked()  # as nobody calls keep any more
        self._stopping = True
        self._hurry.set()
        self._thread.join(timeout)
        if self.waiting:
            self._tell(f"{self.waiting} events could not be stored: {self.trouble or 'no time'}")

    # -- the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        last = False
        while not last:
            if self.trouble or len(self._queue) < self.BEHIND:
                self._hurry.wait(self.RETRY if self.trouble else self.INTERVAL)
            self._hurry.clear()
            last = self._stopping  # before the work: what came until then has its chance
            self._work()
        self._end()

    def _end(self) -> None:
        try:
            if not (self.trouble or self.waiting):
                self._store.end()
            self._store.close()
        except Exception:  # there is nobody left to be told but the log
            _log.exception("the store does not close")

    def _work(self) -> None:
        try:
            if self.trouble:
                self._begin_again()
            self._write()
            self._prune()
        except StoreError as error:
            self._fail(error)
        except BaseException as error:  # of a plugin, or ours: the thread must live on
            if not self.trouble:  # it is tried again and again
                _log.exception("the store failed")
            self._fail(StoreError(f"{type(error).__name__}: {error}"))
        else:
            self._recover()

    def _begin_again(self) -> None:
        epoch = self._store.begin(self._epoch)
        self._begun = True
        if epoch != self._epoch:  # it was away at the start, and has seen this one since then
            self._pause(lambda: self._renumber_locked(epoch), epoch)
        self._pass_on_notices()

    def _renumber_locked(self, epoch: int) -> None:
        """Put what waits into another epoch; by the thread."""
        self._epoch = epoch
        self._batch = [in_epoch(record, epoch) for record in self._batch]
        self._queue = deque(in_epoch(record, epoch) for record in self._queue)
        if self._gap is not None:
            self._gap = in_epoch(self._gap, epoch)
        self.stored_id = make_id(epoch, number_of(self.stored_id))

    def _write(self) -> None:
        left = self.waiting + 1  # what comes meanwhile has its turn later, as under a flood
        while left > 0 and (batch := self._next_batch()):
            self._store.append(batch)
            left -= len(batch)
            self._taken += sum(record.size for record in batch)
            last = batch[-1]
            self._batch = []
            with self._committed:
                self.stored_id = last.event.until if isinstance(last.event, Missed) else last.id
                self._committed.notify_all()

    def _next_batch(self) -> list[Record]:
        """Take records from the queue, or again those whose commit failed."""
        if self._gap is not None and not self._queue:
            self._pause(self._close_gap_locked)
        most = self.BATCH if len(self._queue) < self.BEHIND else self.BEHIND
        while self._queue and len(self._batch) < most:
            self._batch.append(self._queue.popleft())
        return self._batch

    def _prune(self) -> None:
        retention, now = self._retention, self._now()
        # Either way, as the clock may be set back.
        if not retention.limited or abs(now - self._pruned_at) < self.PRUNING:
            return
        oldest = now - retention.age if retention.age is not None else 0.0
        if not self._store.prune(oldest, retention.count or 0):  # else the rest in the next round
            self._pruned_at = now

    def _pass_on_notices(self) -> None:
        for notice in self._store.notices:
            self._tell(notice)

    def _fail(self, error: StoreError) -> None:
        with self._committed:
            known, self.trouble = self.trouble, str(error)
            self._committed.notify_all()
        if not known:
            self._tell(f"nothing is stored for now, the chat goes on: {error}")

    def _recover(self) -> None:
        if self.trouble:
            self.trouble = ""
            lost = f", {self.missed} events were not stored" if self.missed else ""
            self._tell(f"the store works again{lost}")
