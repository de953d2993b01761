"""The backlog: what happened in a room of late."""

from collections import deque

from chatd.events import Record
from chatd.ids import in_epoch, make_id, number_of
from chatd.limits import Limits


class Backlog:
    """The last records of one room, bounded in number and in bytes. Guarded by the hub's lock."""

    __slots__ = ("_limits", "_records", "_size", "_sizes", "forgotten")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._records: deque[Record] = deque()
        self._sizes: deque[int] = deque()  # of the records, which cost time to find out
        self._size = 0
        self.forgotten = 0
        """The id of the last record that is not remembered any more; 0 when there is none."""

    def add(self, record: Record) -> None:
        """Remember a record, and forget the oldest ones that do not fit any more."""
        self._records.append(record)
        self._sizes.append(size := record.size)
        self._size += size
        limits = self._limits
        while len(self._records) > limits.backlog or self._size > limits.backlog_bytes:
            gone = self._records.popleft()
            self._size -= self._sizes.popleft()
            self.forgotten = gone.id

    def renumber(self, epoch: int) -> None:
        """Put all records into another epoch."""
        self._records = deque(in_epoch(record, epoch) for record in self._records)
        self.forgotten = self.forgotten and make_id(epoch, number_of(self.forgotten))

    def records(self) -> tuple[Record, ...]:
        """Give what is remembered, oldest first."""
        return tuple(self._records)
