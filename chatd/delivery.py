"""The delivery log: who hears what, in one order for all.

Hub operations append entries; nothing else ever reaches a client. One drainer at a time takes
a batch, encodes each event once per dialect, joins the batch once per audience and makes one
send per client. The drainer alone owns the delivery membership and applies joins and leaves in
log order, so that an append costs the same whatever a room's size.
"""

import logging
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from enum import Enum
from itertools import accumulate
from typing import Protocol

from chatd.events import Event, Record, Said
from chatd.limits import Limits
from chatd.meter import Meter

_log = logging.getLogger(__name__)

Heard = frozenset[str]
"""Keys of the rooms that a client hears."""


class Encoder(Protocol):
    """The part of a dialect that delivery needs; one per dialect, usable as a key."""

    def encode(self, event: Event, own: bool) -> bytes: ...

    def encode_record(self, record: Record, own: bool) -> bytes: ...


class Recipient(Protocol):
    """A client as delivery sees it."""

    @property
    def encoder(self) -> Encoder: ...

    def deliver(self, data: bytes) -> None:
        """Send what can be sent and keep the rest; never wait."""

    def finish(self) -> None:
        """End the session once all its bytes are out."""

    def drop(self, reason: str) -> None:
        """End the session at once."""


class Change(Enum):
    """What an entry does to the delivery membership of its actor."""

    ENTER = "enter"
    LEAVE = "leave"
    END = "end"


class Entry:
    """One event and who gets it.

    The members of room get the others' view, target (of a private message) too, and actor gets
    its own view, by the encoder it has now. change takes effect for the actor right behind this
    entry. record is the event as it is remembered, if it is.
    """

    __slots__ = ("actor", "change", "encoder", "event", "record", "room", "size", "target")

    def __init__(
        self,
        event: Event,
        room: str | None = None,
        actor: Recipient | None = None,
        target: Recipient | None = None,
        change: Change | None = None,
        record: Record | None = None,
    ) -> None:
        self.event = event
        self.record = record
        self.room = room
        self.actor = actor
        self.encoder = actor.encoder if actor else None
        self.target = target
        self.change = change
        self.size = event.size


class _Group:
    """The clients of one dialect that hear exactly the same rooms."""

    __slots__ = ("encoder", "members", "rooms")

    def __init__(self, encoder: Encoder, rooms: Heard) -> None:
        self.encoder = encoder
        self.rooms = rooms
        self.members: dict[Recipient, None] = {}


class Membership:
    """Who hears which rooms, as far as the log has been delivered. The drainer's alone."""

    def __init__(self) -> None:
        self._group_of: dict[Recipient, _Group] = {}
        self._groups: dict[tuple[Encoder, Heard], _Group] = {}
        self._by_room: dict[str, dict[_Group, None]] = {}

    def rooms(self, recipient: Recipient) -> Heard:
        group = self._group_of.get(recipient)
        return group.rooms if group else frozenset()

    def groups(self, rooms: Iterable[str]) -> Iterable[_Group]:
        """Give the groups that hear any of rooms, each once."""
        found: dict[_Group, None] = {}
        for room in rooms:
            found.update(self._by_room.get(room, {}))
        return found

    def apply(self, change: Change, recipient: Recipient, room: str | None) -> None:
        rooms = self.rooms(recipient)
        if change is Change.END or room is None:
            self._move(recipient, frozenset())
        elif change is Change.ENTER:
            self._move(recipient, rooms | {room})
        else:
            self._move(recipient, rooms - {room})

    def _move(self, recipient: Recipient, rooms: Heard) -> None:
        old = self._group_of.pop(recipient, None)
        if old is not None:
            del old.members[recipient]
            if not old.members:
                self._forget(old)
        if rooms:
            key = (recipient.encoder, rooms)
            group = self._groups.get(key) or self._found(key)
            group.members[recipient] = None
            self._group_of[recipient] = group

    def _found(self, key: tuple[Encoder, Heard]) -> _Group:
        group = self._groups[key] = _Group(*key)
        for room in group.rooms:
            self._by_room.setdefault(room, {})[group] = None
        return group

    def _forget(self, group: _Group) -> None:
        del self._groups[group.encoder, group.rooms]
        for room in group.rooms:
            groups = self._by_room[room]
            del groups[group]
            if not groups:
                del self._by_room[room]


class _Stream:
    """What a batch says to one audience: one bytes object, and where each entry lies in it."""

    __slots__ = ("_indexes", "_offsets", "data")

    def __init__(self, indexes: Sequence[int], parts: Sequence[bytes]) -> None:
        self._indexes = indexes
        self._offsets = [0, *accumulate(map(len, parts))]
        self.data = b"".join(parts)

    def __len__(self) -> int:
        return len(self._indexes)

    def between(self, start: int, end: int) -> bytes:
        """Give what the entries from start up to, not including, end say."""
        first = bisect_left(self._indexes, start)
        last = bisect_left(self._indexes, end, first)
        return self.data[self._offsets[first] : self._offsets[last]]


class _Batch:
    """One pass over a piece of the log: what everybody gets, worked out once."""

    def __init__(self, entries: Sequence[Entry], membership: Membership) -> None:
        self._entries = entries
        self._membership = membership
        self._by_room: dict[str, list[int]] = {}
        self._encoded: dict[tuple[Encoder, int], bytes] = {}
        self._streams: dict[tuple[Encoder, Heard], _Stream] = {}
        # What only one client gets, by index, and since when it hears other rooms than before.
        self._personal: dict[Recipient, list[tuple[int, bytes]]] = {}
        self._spans: dict[Recipient, list[tuple[int, Heard]]] = {}
        self.ended: list[Recipient] = []
        self.talkers: set[Recipient | None] = set()
        self.deliveries = 0
        for index, entry in enumerate(entries):
            self._read(index, entry)

    def _read(self, index: int, entry: Entry) -> None:
        event, actor = entry.event, entry.actor
        if entry.room is not None:
            self._by_room.setdefault(entry.room, []).append(index)
            if type(event) is Said:
                self.talkers.add(actor)
        if actor is not None and entry.encoder is not None:
            own = _render(entry.encoder, entry, True)
            self._personal.setdefault(actor, []).append((index, own))
            if entry.change is not None:
                self._change(index, entry, actor)
        if entry.target is not None:
            self.deliveries += 1
            view = _render(entry.target.encoder, entry, False)
            self._personal.setdefault(entry.target, []).append((index, view))

    def _change(self, index: int, entry: Entry, actor: Recipient) -> None:
        assert entry.change is not None
        spans = self._spans.setdefault(actor, [(0, self._membership.rooms(actor))])
        self._membership.apply(entry.change, actor, entry.room)
        spans.append((index + 1, self._membership.rooms(actor)))
        if entry.change is Change.END:
            self.ended.append(actor)

    def send(self) -> None:
        """Make one delivery to everybody who gets anything."""
        for group in self._membership.groups(self._by_room):
            stream = self._stream(group.encoder, group.rooms)
            if stream.data:
                self.deliveries += len(stream) * len(group.members)
                _deliver(stream.data, group.members, self._personal)
        for recipient in self._personal:
            if data := self._compose(recipient):
                _deliver(data, (recipient,))
        for recipient in self.ended:
            try:
                recipient.finish()
            except Exception:
                _cut_off(recipient)

    def _compose(self, recipient: Recipient) -> bytes:
        """Put together the rooms' entries and the recipient's own ones, in order."""
        if not self._by_room:
            return b"".join(view for _, view in self._personal[recipient])
        spans = self._spans.get(recipient) or [(0, self._membership.rooms(recipient))]
        ends = [start for start, _ in spans[1:]] + [len(self._entries)]
        own = iter(self._personal[recipient])
        index, view = next(own, (len(self._entries), b""))
        pieces: list[bytes] = []
        for (position, rooms), end in zip(spans, ends, strict=True):
            stream = self._stream(recipient.encoder, rooms)
            while index < end:
                if position < index:
                    pieces.append(stream.between(position, index))
                pieces.append(view)
                position = index + 1
                index, view = next(own, (len(self._entries), b""))
            pieces.append(stream.between(position, end))
        return b"".join(pieces)

    def _stream(self, encoder: Encoder, rooms: Heard) -> _Stream:
        heard = rooms.intersection(self._by_room)
        stream = self._streams.get((encoder, heard))
        if stream is None:
            indexes = sorted(index for room in heard for index in self._by_room[room])
            parts = [self._encode(encoder, index) for index in indexes]
            stream = self._streams[encoder, heard] = _Stream(indexes, parts)
        return stream

    def _encode(self, encoder: Encoder, index: int) -> bytes:
        data = self._encoded.get((encoder, index))
        if data is None:
            data = _render(encoder, self._entries[index], False)
            self._encoded[encoder, index] = data
        return data


def _deliver(data: bytes, recipients: Iterable[Recipient], but: Container[Recipient] = ()) -> None:
    for recipient in recipients:
        if recipient not in but:
            try:
                recipient.deliver(data)
            except Exception:
                _cut_off(recipient)


def _cut_off(recipient: Recipient) -> None:
    """End one client whose delivery is broken by a mistake of ours; the others get theirs."""
    _log.exception("cannot deliver to %r", recipient)
    try:
        recipient.drop("internal error")
    except Exception:
        _log.exception("cannot drop %r", recipient)


def _render(encoder: Encoder, entry: Entry, own: bool) -> bytes:
    """Encode an event; a dialect that cannot must not take the others' messages with it."""
    try:
        if entry.record is not None:
            return encoder.encode_record(entry.record, own)
        return encoder.encode(entry.event, own)
    except Exception:
        _log.exception("%r cannot encode %r", encoder, type(entry.event).__name__)
        return b""


Observer = Callable[[Sequence[Event]], None]
"""Gets the public events of each batch; must neither wait nor raise."""


class Delivery:
    """The log and its drainer.

    append is called under the hub's lock; drain from wherever the engine does, by one thread
    at a time.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._log: deque[Entry] = deque()
        # Two counters with one writer each need no lock: appenders hold the hub's, the drainer
        # is alone.
        self._appended = 0
        self._taken = 0
        self._draining = threading.Lock()
        self._membership = Membership()
        self._flow = Meter(limits.free_rate, clock)
        self.observers: list[Observer] = []
        self.congested: set[object] = set()
        """Users whose outbox is above half; kept by the sessions themselves."""
        self.wake: Callable[[], None] = lambda: None
        """Tell the drainer that the log has entries. Set by the engine; needs no lock held."""
        self.several_talk = False
        """Whether the last batch had messages of two or more senders."""
        self.deliveries = 0
        """How many events reached somebody, ever: one in a room counts once for each member."""

    def append(self, entry: Entry) -> None:
        """Put an entry at the end of the log. The caller holds the hub's lock."""
        self._log.append(entry)
        self._appended += entry.size
        self._flow.add(entry.size)

    @property
    def pending(self) -> bool:
        """Whether anything waits for a drain."""
        return bool(self._log)

    @property
    def waiting(self) -> int:
        """How many entries wait for a drain."""
        return len(self._log)

    @property
    def full(self) -> bool:
        """Whether the log is at its bound, in bytes or in entries."""
        return (
            self._appended - self._taken >= self._limits.log_bytes
            or len(self._log) >= self._limits.log_entries
        )

    @property
    def crowded(self) -> bool:
        """Whether fast senders have to wait for their listeners."""
        return self.full or (bool(self.congested) and self._flow.high)

    def drain(self) -> bool:
        """Deliver one batch, if no other thread is at it; say whether there was one."""
        if not self._log or not self._draining.acquire(blocking=False):
            return False
        try:
            entries = self._take()
            batch = _Batch(entries, self._membership)
            batch.send()
            self.several_talk = len(batch.talkers) > 1
            self.deliveries += batch.deliveries
            if self.observers:
                self._show([e.event for e in entries if e.event.public])
        finally:
            self._draining.release()
        return True

    def _take(self) -> list[Entry]:
        entries = []
        size = 0
        while self._log and size < self._limits.batch:
            entry = self._log.popleft()
            size += entry.size
            entries.append(entry)
        self._taken += size
        return entries

    def _show(self, events: Sequence[Event]) -> None:
        if events:
            for observer in self.observers:
                observer(events)
