"""A store in memory, which fails and hangs when a test says so."""

import threading

from chatd.events import Missed, Said, Told
from chatd.ids import make_id
from chatd.store import Page, StoreError


class MemoryStore:
    """Keeps records in a list; broken is the text of the error that all methods raise."""

    def __init__(self):
        self.place = "memory"
        self.notices = []
        self.records = []
        self.commits = []
        self.pruned = []
        self.broken = ""
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.begun = 0
        self.failed = 0
        self.ended = 0
        self.closed = False
        self.seen = 0

    def begin(self, epoch):
        self._check()
        self.begun += 1
        return max(epoch, self.seen)

    def append(self, records):
        self._check()
        self.commits.append(len(records))
        self.records += records

    def before(self, place, id, count, limit):
        return self._page([r for r in reversed(self._of(place)) if r.id < id], count, limit, -1)

    def after(self, place, id, count, limit):
        return self._page([r for r in self._of(place) if r.id > id], count, limit, 1)

    def knows(self, place, id):
        self._check()
        return any(record.id == id for record in self.records)

    def search(self, words, places, nick, count, context):
        self._check()
        raise NotImplementedError

    def prune(self, oldest, keep):
        self._check()
        self.pruned.append((oldest, keep))
        return 0

    def check(self):
        self._check()
        return ""

    def end(self):
        self._check()
        self.ended += 1

    def close(self):
        self.closed = True

    def _check(self):
        self.may_go_on.wait(10)
        if self.broken:
            self.failed += 1
            raise StoreError(self.broken)

    def _of(self, place):
        self._check()
        return [r for r in self.records if r.room in (place, "")]

    def _page(self, records, count, limit, step):
        picked = []
        while records and count and len(picked) < limit:
            picked.append(records.pop(0))
            count -= isinstance(picked[-1].event, Said | Told)
        return Page(tuple(picked[::step]), bool(records))


def ids(records):
    """The numbers of records, a gap as (first, last)."""
    return [
        (r.id - make_id(7, 0), r.event.until - make_id(7, 0))
        if isinstance(r.event, Missed)
        else r.id - make_id(7, 0)
        for r in records
    ]
