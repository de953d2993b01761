"""The backlog: the last events of a room, within both bounds."""

from hypothesis import given
from hypothesis import strategies as st

from chatd.backlog import Backlog
from chatd.events import GENERAL, History, LoggedIn, Said
from chatd.limits import Limits
from fakes import World


@given(st.lists(st.text(max_size=30)), st.integers(1, 5), st.integers(100, 400))
def test_the_newest_events_that_fit_are_remembered(texts, count, size):
    backlog = Backlog(Limits(backlog=count, backlog_bytes=size))
    events = [Said(GENERAL, "ala", text) for text in texts]
    for event in events:
        backlog.add(event)
    kept = list(backlog.events())
    assert kept == events[len(events) - len(kept) :]
    assert len(kept) <= count
    assert sum(event.size for event in kept) <= size
    if len(kept) < min(count, len(events)):
        assert sum(event.size for event in events[-len(kept) - 1 :]) > size


def test_history_is_what_the_members_of_the_room_heard():
    world = World()
    ala, ola = world.connect("ala"), world.connect("ola")
    world.hub.say(ala.session, GENERAL, "hello")
    world.hub.create(ala.session, "tea")
    world.hub.tell(ala.session, "ola", "psst")
    answers = []
    world.delivery.append, append = lambda e: (answers.append(e), append(e)), world.delivery.append
    world.hub.history(ola.session, "general")
    (entry,) = answers
    assert entry.event == History(
        GENERAL,
        (
            LoggedIn("ala", ala.session.address),
            LoggedIn("ola", ola.session.address),
            Said(GENERAL, "ala", "hello"),
        ),
    )
