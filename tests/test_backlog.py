"""The backlog: the last events of a room, within both bounds."""

from hypothesis import given
from hypothesis import strategies as st

from chatd.backlog import Backlog
from chatd.events import GENERAL, LoggedIn, Said
from chatd.ids import number_of
from chatd.limits import Limits
from fakes import World, remembered


@given(st.lists(st.text(max_size=30)), st.integers(1, 5), st.integers(100, 400))
def test_the_newest_events_that_fit_are_remembered(texts, count, size):
    """R-17: of each room."""
    backlog = Backlog(Limits(backlog=count, backlog_bytes=size))
    events = [Said(GENERAL, "ala", text) for text in texts]
    records = remembered(*events)
    for record in records:
        backlog.add(record)
    kept = backlog.records()
    assert kept == records[len(records) - len(kept) :]
    assert len(kept) <= count
    assert sum(record.size for record in kept) <= size
    assert backlog.forgotten == len(records) - len(kept)
    if len(kept) < min(count, len(records)):
        assert sum(record.size for record in records[-len(kept) - 1 :]) > size


def test_history_is_what_the_members_of_the_room_heard():
    world = World()
    ala, ola = world.connect("ala"), world.connect("ola")
    world.hub.say(ala.session, GENERAL, "hello")
    world.hub.create(ala.session, "tea")
    world.hub.tell(ala.session, "ola", "psst")
    recall = world.hub.recall(ola.session, "general")
    assert recall.room == GENERAL
    assert [record.event for record in recall.records] == [
        LoggedIn("ala", ala.session.address),
        LoggedIn("ola", ola.session.address),
        Said(GENERAL, "ala", "hello"),
    ]
    assert [number_of(record.id) for record in recall.records] == [1, 2, 3]
