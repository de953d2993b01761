"""The archive: answers questions about what was said, from memory and from the store.

What has not reached the store yet is waited for, briefly; while the store does not work, the
answer is made of what the server remembers, and says so.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from chatd.events import (
    CommandError,
    Event,
    Found,
    History,
    Hit,
    Missed,
    Notice,
    Record,
    Said,
    Told,
)
from chatd.hub import Hub
from chatd.ids import id_text, parse_id
from chatd.limits import Limits
from chatd.names import name_key
from chatd.people import Client, Recall
from chatd.recorder import Recorder
from chatd.store import Page, Place, Store, StoreError

_Sized = TypeVar("_Sized", Record, Hit)

_BROKEN = Notice("the store does not work at the moment: this is not all there is")


class Archive:
    """Answers users' questions about the past; any method may wait for the store."""

    def __init__(self, hub: Hub, limits: Limits, recorder: Recorder | None = None) -> None:
        self._hub = hub
        self._limits = limits
        self._recorder = recorder

    def history(
        self, client: Client, room: str, count: int | None, before: str, after: str
    ) -> list[Event]:
        """Answer with a page of what was said in a room, or with @nick in private with somebody.

        It has the last count messages, before an id if one is given; or the first ones after an
        id. Raises CommandError for a room that client is not in, and for what makes no sense.
        """
        stamped = bool(count or before or after)
        count = (self._limits.backlog or 1) if count is None else count
        if not 1 <= count <= self._limits.page:
            raise CommandError("bad-value", f"count must be 1 to {self._limits.page}")
        recall, place = self._look_up(client, room)
        told: list[Event] = []
        if after:
            start = parse_id(after)
            if not self._complete(recall, place, start):
                told.append(Notice(f"some of what came after {after} is not kept any more"))
                start = start if start <= recall.last_id else 0  # of an epoch that nobody knows
            page = self._after(recall, place, start, count, told)
            more = f"after {id_text(page.records[-1].id)}" if page.more else ""
        else:
            end = min(parse_id(before), recall.last_id + 1) if before else recall.last_id + 1
            page = self._before(recall, place, end, count, told)
            more = f"before {id_text(page.records[0].id)}" if page.more else ""
        return [*told, History(recall.room, page.records, stamped, more)]

    def search(self, client: Client, words: str, room: str, nick: str) -> list[Event]:
        """Find messages in one room, or in all that client is in; or with @nick in private."""
        recorder = self._recorder
        if recorder is None:
            raise CommandError("no-store", "nothing is stored here, so nothing can be searched")
        places: list[Place]
        if room:
            places = [self._look_up(client, room)[1]]
        else:
            places = [recall.key for recall in self._hub.recall_all(client)]
        settled = recorder.settle(self._hub.last_id, self._limits.settle)
        try:
            hits = recorder.store.search(
                words, places, name_key(nick) or nick, self._limits.hits, context=1
            )
        except StoreError:
            raise CommandError("store", "the store does not work at the moment") from None
        found = Found(words, room, tuple(_fitting(hits, self._limits.backlog_bytes)))
        return [found] if settled else [_BROKEN, found]

    def stats(self) -> list[tuple[str, str]]:
        """Tell how far the store is, as names and values."""
        last_id = id_text(self._hub.last_id)
        recorder = self._recorder
        if recorder is None:
            return [("store", "none"), ("last_id", last_id)]
        return [
            ("store", "failing" if recorder.trouble else "ok"),  # why is the operator's to know
            ("last_id", last_id),
            ("stored_id", id_text(recorder.stored_id)),
            ("waiting", str(recorder.waiting)),
            ("not_stored", str(recorder.missed)),
        ]

    # -- places ------------------------------------------------------------------------------

    def _look_up(self, client: Client, room: str) -> tuple[Recall, Place]:
        if not room.startswith("@"):
            recall = self._hub.recall(client, room)
            return recall, recall.key
        nick = room.removeprefix("@")
        party, recall = self._hub.recall_private(client, room)
        return recall, (party, name_key(nick) or nick)

    # -- pages -------------------------------------------------------------------------------

    def _before(
        self, recall: Recall, place: Place, end: int, count: int, told: list[Event]
    ) -> Page:
        limit = self._limit(count)
        page = self._stored(recall, lambda store: store.before(place, end, count, limit), told)
        records = _merge(page.records, (r for r in recall.records if r.id < end))
        picked = list(_pick(reversed(records), count, self._limits.backlog_bytes))[::-1]
        rest = records[: len(records) - len(picked)]
        more = page.more or any(map(_is_message, rest))
        while not more and picked and isinstance(picked[0].event, Missed):
            del picked[0]  # from before there was anything here
        return Page(tuple(picked), more)

    def _after(
        self, recall: Recall, place: Place, start: int, count: int, told: list[Event]
    ) -> Page:
        limit = self._limit(count)
        page = self._stored(recall, lambda store: store.after(place, start, count, limit), told)
        # What memory has beyond the end of the store's page would leave a hole behind it.
        cut = page.more or len(page.records) >= limit
        end = page.records[-1].id if cut else recall.last_id
        remembered = (record for record in recall.records if record.id > start)
        records = [r for r in _merge(page.records, remembered) if r.id <= end]
        picked = list(_pick(records, count, self._limits.backlog_bytes))
        return Page(tuple(picked), cut or len(picked) < len(records))

    def _stored(self, recall: Recall, ask: Callable[[Store], Page], told: list[Event]) -> Page:
        """Ask the store once it has what was said so far; say so when it does not answer."""
        recorder = self._recorder
        if recorder is None:
            return Page(())
        if not recorder.settle(recall.last_id, self._limits.settle):
            told.append(_BROKEN)
        try:
            return ask(recorder.store)
        except StoreError:
            if _BROKEN not in told:
                told.append(_BROKEN)
            return Page(())

    def _complete(self, recall: Recall, place: Place, id: int) -> bool:
        """Say whether all that came after an id is still there."""
        if recall.since <= id <= recall.last_id:
            return True
        if self._recorder is None:
            return False
        try:
            return self._recorder.store.knows(place, id)
        except StoreError:
            return False

    @staticmethod
    def _limit(count: int) -> int:
        """How many records there may be for so many messages: people come and go between them."""
        return 2 * count + 100


def _merge(stored: Iterable[Record], remembered: Iterable[Record]) -> list[Record]:
    """Put together what is stored and what is remembered, each once, in order."""
    records = {record.id: record for record in (*stored, *remembered)}
    return [records[id] for id in sorted(records)]


def _pick(records: Iterable[Record], count: int, size: int) -> Iterator[Record]:
    """Give records until there are count messages or size bytes; one at least."""
    for record in _fitting(records, size):
        yield record
        count -= _is_message(record)
        if count == 0:
            return


def _fitting(items: Iterable[_Sized], size: int) -> Iterator[_Sized]:
    """Give items until there are size bytes; one at least."""
    for position, item in enumerate(items):
        size -= item.size
        if position and size < 0:
            return
        yield item


def _is_message(record: Record) -> bool:
    return isinstance(record.event, Said | Told)
