"""The recorder: nothing waits for the store, and what is not stored is told."""

import pytest

from chat import PATIENCE, wait_until
from chatd.config import Retention
from chatd.events import GENERAL, Said
from chatd.ids import make_id
from chatd.ledger import Ledger
from chatd.limits import Limits
from chatd.recorder import Recorder
from memory_store import MemoryStore, ids

EPOCH = 7
NO_BOUNDS = Retention()


class Recording:
    """A recorder that writes into a store in memory."""

    def __init__(self, store, retention=NO_BOUNDS, **limits):
        self.store = store
        self.told = []
        self.now = 1000.0
        self.recorder = Recorder(
            store, Limits(**limits), self.told.append, retention, self.pause, lambda: self.now
        )
        self.ledger = Ledger(lambda: self.now)

    def start(self):
        epoch = self.recorder.start(EPOCH)
        self.ledger.keep_in(self.recorder.keep, epoch, private=False)

    def pause(self, action, epoch=None):
        if epoch is not None:
            self.ledger.epoch = epoch
        action()

    def say(self, *texts):
        for text in texts:
            self.last = self.ledger.enter("general", Said(GENERAL, "ala", text))

    def settled(self):
        return self.recorder.settle(self.last.id, PATIENCE)


@pytest.fixture
def recording(monkeypatch):
    """A function that makes one; all are closed at the end."""
    monkeypatch.setattr(Recorder, "RETRY", 0.01)
    made = []

    def make(store=None, start=True, **settings):
        made.append(Recording(store or MemoryStore(), **settings))
        if start:
            made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.store.broken = ""
        one.store.may_go_on.set()
        if one.recorder._thread.is_alive():
            one.recorder.close(PATIENCE)


def test_what_happens_is_stored_in_order(recording):
    one = recording()
    one.say("a", "b", "c")
    assert one.settled()
    assert ids(one.store.records) == [1, 2, 3]
    assert one.recorder.stored_id == one.last.id
    assert (one.recorder.waiting, one.recorder.missed, one.told) == (0, 0, [])


def test_it_is_stored_without_being_asked_for(recording):
    one = recording()
    one.say("a")
    wait_until(lambda: ids(one.store.records) == [1], "a commit")


def test_many_records_are_one_commit_and_no_commit_is_too_large(recording):
    one = recording()
    one.store.may_go_on.clear()
    one.say(*map(str, range(1200)))
    one.store.may_go_on.set()
    assert one.settled()
    assert ids(one.store.records) == list(range(1, 1201))
    assert max(one.store.commits) <= Recorder.BATCH
    assert len(one.store.commits) <= 10


def test_nobody_waits_for_a_store_that_hangs(recording):
    """R-18, R-20: nor is anything confirmed before it is there."""
    one = recording()
    one.store.may_go_on.clear()
    one.say("a", "b")  # would wait for ever
    assert not one.recorder.settle(one.last.id, 0.01)
    assert one.recorder.stored_id == make_id(EPOCH, 0)
    one.store.may_go_on.set()
    assert one.settled()


def test_what_finds_no_place_is_counted_and_a_gap_is_stored_in_its_place(recording):
    """R-17, R-20: the queue is bounded, and so is what is noted of the rest."""
    one = recording(start=False, store_queue=3)
    one.store.broken = "the disk is full"
    one.start()
    one.say(*"abcde")
    assert one.recorder.missed == 2
    assert one.recorder.waiting == 3
    one.store.broken = ""
    wait_until(lambda: one.recorder.stored_id == one.last.id, "the queue is stored, and the gap")
    one.say("f")
    assert one.settled()
    assert ids(one.store.records) == [1, 2, 3, (4, 5), 6]
    assert one.store.records[3].event.count == 2
    assert one.recorder.stored_id == one.last.id


def test_the_queue_is_bounded_in_bytes(recording):
    """R-17, R-20: long messages are as many as fit."""
    one = recording(start=False, store_queue_bytes=5000)
    one.store.broken = "the disk is full"
    one.start()
    one.say(*["x" * 1000] * 10)
    assert one.recorder.missed == 5


def test_a_gap_that_is_open_at_the_end_is_stored(recording):
    one = recording(start=False, store_queue=1)
    one.store.broken = "locked"
    one.start()
    one.say("a", "b")
    one.store.broken = ""
    one.recorder.close(PATIENCE)
    assert ids(one.store.records) == [1, (2, 2)]


def test_the_operator_is_told_once_and_on_recovery(recording):
    """R-19: however often it is tried meanwhile."""
    one = recording()
    one.store.broken = "the disk is full"
    one.say("a")
    assert not one.settled()
    assert one.recorder.trouble == "the disk is full"
    one.say("b")
    wait_until(lambda: one.store.failed > 2, "more tries")
    begun = one.store.begun
    one.store.broken = ""
    wait_until(lambda: len(one.told) == 2, "recovery is told")
    assert one.told == [
        "nothing is stored for now, the chat goes on: the disk is full",
        "the store works again",
    ]
    assert one.store.begun > begun
    assert one.settled()
    assert ids(one.store.records) == [1, 2]


def test_a_store_that_cannot_be_opened_is_no_reason_not_to_start(recording):
    store = MemoryStore()
    store.broken = "no such host"
    one = recording(store)
    assert one.told == ["nothing is stored for now, the chat goes on: no such host"]
    one.say("a")
    store.broken = ""
    wait_until(lambda: ids(store.records) == [1], "what was said meanwhile is stored")


def test_an_epoch_that_the_store_has_seen_is_not_used_again(recording):
    store = MemoryStore()
    store.seen = EPOCH + 5
    one = recording(store)
    one.say("a")
    assert one.last.id == make_id(EPOCH + 5, 1)


def test_an_epoch_that_somebody_else_used_meanwhile_is_left_to_them(recording):
    """Else what was said here would have the ids of what was said there, and be taken for it."""
    store = MemoryStore()
    store.broken, store.seen = "used by another", EPOCH + 1
    one = recording(store, store_queue=2)
    one.say("a", "b", "c")
    store.broken = ""
    wait_until(lambda: not one.recorder.waiting, "the queue is stored")
    one.say("d")
    assert one.settled()
    first, second, gap, last = store.records
    assert [first.id, second.id, gap.id, last.id] == [make_id(EPOCH + 1, n) for n in (1, 2, 3, 4)]
    assert gap.event.until == gap.id


def test_what_the_store_has_to_say_is_told(recording):
    store = MemoryStore()
    store.notices = ["history.db was damaged, it is set aside"]
    assert recording(store).told == store.notices


def test_a_mistake_of_the_store_does_not_end_the_thread(recording, caplog):
    one = recording()
    append, one.store.append = one.store.append, None
    one.say("a")
    wait_until(lambda: one.told, "the failure is told")
    assert "TypeError" in one.told[0]
    one.store.append = append
    wait_until(lambda: ids(one.store.records) == [1], "it goes on")
    assert caplog.text.count("the store failed") == 1


def test_the_end_commits_and_says_so_to_the_store(recording):
    one = recording()
    one.say("a", "b")
    one.recorder.close(PATIENCE)
    assert ids(one.store.records) == [1, 2]
    assert (one.store.ended, one.store.closed) == (1, True)


def test_what_cannot_be_stored_at_the_end_is_told(recording):
    one = recording()
    one.store.broken = "the disk is full"
    one.say("a", "b")
    one.recorder.close(PATIENCE)
    assert one.told[-1] == "2 events could not be stored: the disk is full"
    assert (one.store.ended, one.store.closed) == (0, True)


def test_what_is_too_old_is_forgotten_once_a_minute(recording):
    one = recording(retention=Retention(100.0, 20))
    one.say("a")
    assert one.settled()
    wait_until(lambda: one.store.pruned, "the first look")
    one.say("b")
    assert one.settled()
    assert one.store.pruned == [(900.0, 20)]
    one.now += Recorder.PRUNING
    one.say("c")
    wait_until(lambda: len(one.store.pruned) == 2, "the second look")


def test_other_bounds_hold_at_once(recording):
    one = recording(retention=Retention(100.0, 20))
    one.say("a")
    wait_until(lambda: one.store.pruned, "the first look")
    one.recorder.retain(Retention(50.0, 10))
    one.say("b")
    wait_until(lambda: one.store.pruned[1:], "a look by the other bounds")
    assert one.store.pruned[1] == (950.0, 10)


def test_without_bounds_nothing_is_forgotten(recording):
    one = recording()
    one.say("a")
    assert one.settled()
    one.recorder.close(PATIENCE)
    assert one.store.pruned == []
