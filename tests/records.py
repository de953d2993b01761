"""Stores for tests, and records to put into them."""

from contextlib import contextmanager, suppress

from chatd import Joined, Missed, Record, Said, StoreError, Told, make_id
from chatd_plugins.sql import open_store

EPOCH = 100
ALA, BOB, EVE = "ala@10.0.0.1", "bob@10.0.0.2", "eve@10.0.0.3"
AL = "ala@10.0.0.9"
"""Somebody else who came as ala."""
WITH_BOB, WITH_ALA = (ALA, "bob"), (BOB, "ala")
"""What ala and bob wrote to each other, as each of them asks for it."""


def said(n, text="hello", room="General", nick="ala", time=None, epoch=EPOCH):
    """A message to a room, the nth event of its epoch."""
    time = 1000.0 + n if time is None else time
    return Record(make_id(epoch, n), time, room.lower(), Said(room, nick, text, "users"))


def told(n, text="hello", sender=ALA, recipient=BOB, time=None):
    """A private message."""
    time = 1000.0 + n if time is None else time
    event = Told(sender.partition("@")[0], recipient.partition("@")[0], text, "users", "root")
    return Record(make_id(EPOCH, n), time, "", event, (sender, recipient))


def missed(n, count=3, time=None):
    time = 1000.0 + n if time is None else time
    return Record(make_id(EPOCH, n), time, "", Missed(count, make_id(EPOCH, n)))


def happened(n, event, room="general", time=None):
    time = 1000.0 + n if time is None else time
    return Record(make_id(EPOCH, n), time, room, event)


def numbers(records):
    """The n of each."""
    return [record.id & 0xFFFFFFFF for record in records]


LATEST = make_id(EPOCH + 1, 0)
"""Beyond all of them."""


@contextmanager
def opened(url, *records, begin=EPOCH):
    """Give a store that was begun and has records."""
    store = open_store(url)
    try:
        assert store.begin(EPOCH) == begin
        store.append(records)
        yield store
        with suppress(StoreError):  # somebody else may have it by now
            store.end()
    finally:
        store.close()


def all_of(store, place="general"):
    return store.before(place, LATEST, 1000, 1000).records


_JOINED = Joined("General", "eve")
MIXED = [
    *(happened(n, _JOINED) for n in (1, 5, 6, 12)),
    *(said(n) for n in (2, 4, 7, 10)),
    *(said(n, room="Den") for n in (3, 8)),
    *(missed(n) for n in (9, 13)),
    told(11),
]
"""A talk in two rooms and in private."""
