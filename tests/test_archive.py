"""The archive: pages of the past, from memory and from the store, each message once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import PATIENCE
from chatd.archive import Archive
from chatd.config import Retention
from chatd.events import GENERAL, CommandError, History, Missed, Record, Said, Told
from chatd.ids import id_text, make_id, parse_id
from chatd.recorder import Recorder
from fakes import World
from memory_store import MemoryStore

EPOCH = 7


class Past:
    """A world with ala in it, and a store in memory if there is one."""

    def __init__(self, store=None, **limits):
        self.world = World(**limits)
        self.ala = self.world.connect("ala").session
        self.recorder = None
        if store is not None:
            self.recorder = Recorder(
                store,
                self.world.limits,
                print,
                Retention(),
                self.world.hub.pause,
                lambda: 1000.0,
            )
            self.world.hub._ledger.keep_in(
                self.recorder.keep, self.recorder.start(EPOCH), private=False
            )
        self.archive = Archive(self.world.hub, self.world.limits, self.recorder)

    def say(self, *texts, room=GENERAL):
        for text in texts:
            self.world.hub.say(self.ala, room, text)

    def ask(self, count=None, before="", after="", room=GENERAL):
        """Give what is told, texts of messages and names of other events."""
        *notices, page = self.archive.history(self.ala, room, count, before, after)
        assert isinstance(page, History)
        self.page = page
        return [n.text for n in notices] + [
            r.event.text if isinstance(r.event, Said | Told) else type(r.event).__name__
            for r in page.records
        ]

    def id(self, position):
        return id_text(self.page.records[position].id)


@pytest.fixture(params=["memory", "store"])
def past(request, monkeypatch):
    """Make one, without a store or with one; with a store memory holds two events only."""
    made = []

    def make(**limits):
        if request.param == "store":
            limits = {"backlog": 2} | limits
            made.append(Past(MemoryStore(), **limits))
        else:
            made.append(Past(**limits))
        return made[-1]

    yield make
    for one in made:
        if one.recorder:
            one.recorder.close(PATIENCE)


def test_the_last_messages(past):
    one = past()
    one.say(*"abcdef")
    assert one.ask(3) == ["d", "e", "f"]
    assert one.page.more == f"before {one.id(0)}"
    assert one.page.stamped
    assert one.ask(3, before=one.id(0)) == ["a", "b", "c"]


def test_reading_on_to_the_beginning(past):
    one = past()
    one.say(*"abcdef")
    seen = one.ask(2)
    while one.page.more:
        seen = one.ask(2, before=one.page.more.removeprefix("before ")) + seen
    assert [text for text in seen if len(text) == 1] == list("abcdef")


def test_what_came_after(past):
    one = past()
    one.say(*"abcdef")
    one.ask(6)
    assert one.ask(2, after=one.id(-5)) == ["c", "d"]
    assert one.page.more == f"after {one.id(1)}"
    assert one.ask(2, after=one.id(1)) == ["e", "f"]
    assert one.page.more == ""
    assert one.ask(2, after=one.id(1)) == []


def test_events_between_messages_are_told_and_not_counted(past):
    one = past(backlog=100)
    one.say("a")
    one.world.hub.login(one.ala, "eva")
    one.say("b")
    assert one.ask(2) == ["a", "Renamed", "b"]
    assert one.ask(1) == ["b"]


def test_a_bare_question_is_not_stamped(past):
    one = past()
    one.say("a")
    assert one.ask()[-1] == "a"
    assert not one.page.stamped


def test_a_page_is_bounded_in_bytes(past):
    """R-39: but for one message, however long."""
    one = past(backlog_bytes=1000)
    one.say(*["x" * 300] * 8)
    assert len(one.ask(8)) == 2
    assert bool(one.page.more) == bool(one.recorder)  # memory has no more
    one.say("x" * 3000)
    assert len(one.ask(8)) == (1 if one.recorder else 0)  # which is more than memory holds


@pytest.mark.parametrize("count", [0, 501, 10**8])
def test_a_count_has_bounds(past, count):
    """R-39: 500 messages are a page."""
    one = past()
    with pytest.raises(CommandError, match="count must be 1 to 500"):
        one.ask(count)


@pytest.mark.parametrize("text", ["", "7", "7-", "-7", "a-b", "7-1-2", "99999999999-1", "²-1"])
def test_what_is_no_id(past, text):
    one = past()
    with pytest.raises(CommandError, match="is no id of a message"):
        one.ask(before=text or "x")


def test_rooms_of_others_are_closed(past):
    one = past()
    one.world.hub.create(one.ala, "tea")
    with pytest.raises(CommandError, match="not in room tea"):
        one.ask(room="tea")
    with pytest.raises(CommandError, match="there is no room coffee"):
        one.ask(room="coffee")
    with pytest.raises(CommandError, match="private messages are not kept here"):
        one.ask(room="@bob")


def test_each_room_has_its_own(past):
    """D-6"""
    one = past()
    one.world.hub.create(one.ala, "tea")
    one.world.hub.join(one.ala, "TEA")
    one.say("a", "b")
    one.say("c", room="tea")
    assert one.ask(3, room="Tea") == ["Joined", "c"]
    assert one.page.room == "tea"
    assert one.ask(2) == ["a", "b"]


def test_an_id_of_nobody_is_told(past):
    """Whoever resumes learns that it cannot know what is missing."""
    one = past()
    one.say("a")
    one.ask(1)
    last = parse_id(one.id(0))
    for unknown in (last + 1, make_id(3, 1), make_id(2**31 - 1, 5)):
        told, *_ = one.ask(after=id_text(unknown))
        assert told == f"some of what came after {id_text(unknown)} is not kept any more"
    assert one.ask(after=id_text(last)) == []


def test_what_memory_forgot_without_a_store_is_told():
    one = Past(backlog=3)
    one.say(*"abc")
    one.ask(3)
    first, last = one.id(0), one.id(2)
    one.say(*"de")
    assert one.ask(after=last) == ["d", "e"]
    assert one.ask(after=first)[0].startswith("some of what came after")


def test_a_store_that_fails_is_told_and_memory_answers():
    store = MemoryStore()
    one = Past(store, backlog=2)
    one.say(*"abc")
    assert one.ask(3) == ["a", "b", "c"]
    store.broken = "the disk is full"
    one.say("d")
    assert one.ask(3)[1:] == ["c", "d"]
    assert one.ask(3)[0].startswith("the store does not work")
    with pytest.raises(CommandError, match="the store does not work"):
        one.archive.search(one.ala, "a", "", "")
    assert dict(one.archive.stats())["store"] == "failing"
    store.broken = ""
    one.recorder.close(PATIENCE)


def test_there_is_no_hole_between_the_store_and_memory():
    """However much happened between two messages: what is left out is asked for by `more`."""
    one = Past(MemoryStore(), backlog=2)
    one.say("a")
    one.ask(1)
    start = one.id(0)
    for n in range(120):
        one.world.hub.login(one.ala, f"ala{n}")
    one.say("b", "c")
    told = []
    while more := start:
        told += one.ask(1, after=more)
        start = one.page.more.removeprefix("after ")
    assert [what for what in told if what != "Renamed"] == ["b", "c"]
    assert told.count("Renamed") == 120
    one.recorder.close(PATIENCE)


def test_a_gap_is_told_at_its_place():
    store = MemoryStore()
    one = Past(store, backlog=1)
    one.say("a")
    one.ask(1)
    a = parse_id(one.id(0))
    store.records.append(Record(a + 1, 1e9, "", Missed(4, a + 4)))
    one.world.hub._ledger._n += 4
    one.say("b")
    assert one.ask(2) == ["a", "Missed", "b"]
    one.recorder.close(PATIENCE)


def test_nothing_can_be_searched_without_a_store():
    one = Past()
    with pytest.raises(CommandError, match="nothing is stored here"):
        one.archive.search(one.ala, "a", "", "")


def test_the_state_of_the_store():
    one = Past(MemoryStore())
    one.say("a")
    one.ask(1)
    stats = dict(one.archive.stats())
    assert list(stats) == ["store", "last_id", "stored_id", "waiting", "not_stored"]
    assert stats["store"] == "ok"
    assert stats["last_id"] == stats["stored_id"] == one.id(0)
    one.recorder.close(PATIENCE)
    none = Past()
    assert none.archive.stats()[0] == ("store", "none")


@given(st.integers(0, 2**31 - 2), st.integers(0, 2**32 - 2))
def test_ids_can_be_read_again_and_keep_their_order(epoch, n):
    id = make_id(epoch, n)
    assert parse_id(id_text(id)) == id < 2**63
    assert make_id(epoch, n + 1) > id
    assert make_id(epoch + 1, 0) > id
