"""The ledger: numbers what happens, in the one order that all see."""

import secrets
import time
from collections.abc import Callable

from chatd.events import Event, Record
from chatd.ids import make_id


class Ledger:
    """Makes records of events. Guarded by the hub's lock.

    now gives seconds since 1970; it is only for display, as order is by id.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        # Nothing is left of an epoch without a store: chance sees to it that a later one, for
        # which somebody kept an id, is not taken for it.
        self.epoch = secrets.randbelow(1 << 31)
        self._keep: Callable[[Record], None] | None = None
        self._now = now
        self._n = 0
        self.private = False
        """Whether private messages are entered."""

    def keep_in(self, keep: Callable[[Record], None], epoch: int, *, private: bool) -> None:
        """Hand each record to keep from now on, which must neither wait nor raise.

        Before the first event.
        """
        self._keep = keep
        self.epoch = epoch
        self.private = private

    @property
    def first_id(self) -> int:
        """The id before that of the first event."""
        return make_id(self.epoch, 0)

    @property
    def last_id(self) -> int:
        """The id of the last event."""
        return make_id(self.epoch, self._n)

    def enter(self, room: str, event: Event, parties: tuple[str, ...] = ()) -> Record:
        """Number an event in the room of that key, or between the parties."""
        self._n += 1
        record = Record(make_id(self.epoch, self._n), self._now(), room, event, parties)
        if self._keep is not None:
            self._keep(record)
        return record
