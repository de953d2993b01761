"""The delivery log: who hears what, and in which order."""

import pytest

from chatd.delivery import Change, Entry
from chatd.events import Joined, LoggedIn, LoggedOut, Notice, Parted, Told
from deliveries import ROOM, drain, entered, said
from fakes import Hearer, Wording


@pytest.fixture
def ela():
    return Hearer("ela", Wording("other"))


def test_the_actor_gets_its_own_view_and_the_others_get_theirs(delivery, ala, ola, ela):
    entered(delivery, ala, ola, ela)
    entry = said(ala, "hi")
    delivery.append(entry)
    delivery.drain()
    assert ala.heard == ala.encoder.form(entry.event, True)
    assert ola.heard == ola.encoder.form(entry.event, False)
    assert ela.heard == ela.encoder.form(entry.event, False)


def test_everybody_hears_everything_in_the_order_of_the_log(delivery, ala, ola, ela):
    entered(delivery, ala, ola, ela)
    entries = [said(who, str(n)) for n in range(5) for who in (ala, ola, ela)]
    for entry in entries:
        delivery.append(entry)
    drain(delivery)
    for one in (ala, ola, ela):
        views = [one.encoder.form(e.event, e.actor is one) for e in entries]
        assert one.heard == b"".join(views)


def test_a_private_message_reaches_its_target_and_nobody_else(delivery, ala, ola, ela):
    entered(delivery, ala, ola, ela)
    entry = Entry(Told("ala", "ela", "psst"), actor=ala, target=ela)
    delivery.append(entry)
    drain(delivery)
    assert ala.heard == ala.encoder.form(entry.event, True)
    assert ela.heard == ela.encoder.form(entry.event, False)
    assert ola.deliveries == []


def test_a_room_is_heard_by_its_members_only(delivery, ala, ola):
    entered(delivery, ala)
    entered(delivery, ola, room="other")
    delivery.append(said(ala, "hi"))
    drain(delivery)
    assert ola.deliveries == []


def test_who_comes_and_goes_within_a_batch_hears_exactly_the_part_between(delivery, ala, ola):
    entered(delivery, ala)
    middle = [said(ala, "1"), said(ala, "2")]
    for entry in (
        said(ala, "before"),
        Entry(Joined(ROOM, "ola"), ROOM, ola, change=Change.ENTER),
        *middle,
        Entry(Parted(ROOM, "ola"), ROOM, ola, change=Change.LEAVE),
        said(ala, "after"),
    ):
        delivery.append(entry)
    delivery.drain()
    views = [
        ola.encoder.form(Joined(ROOM, "ola"), True),
        *(ola.encoder.form(entry.event, False) for entry in middle),
        ola.encoder.form(Parted(ROOM, "ola"), True),
    ]
    assert ola.deliveries == [b"".join(views)]


def test_the_end_comes_behind_the_last_bytes_and_nothing_behind_the_end(delivery, ala, ola):
    entered(delivery, ala, ola)
    bye = Entry(LoggedOut("ola", "quit"), ROOM, ola, change=Change.END)
    for entry in (said(ala, "before"), bye, said(ala, "after")):
        delivery.append(entry)
    delivery.drain()
    assert b"before" in ola.heard
    assert b"after" not in ola.heard
    assert ola.finished_after == [len(ola.heard)]
    delivery.append(said(ala, "much later"))
    delivery.drain()
    assert b"later" not in ola.heard


def test_observers_get_the_public_events_in_order_after_delivery(delivery, ala, ola):
    entered(delivery, ala, ola)
    seen = []
    delivery.observers.append(lambda events: seen.append((list(events), len(ola.deliveries))))
    public = [said(ala, "one"), Entry(LoggedIn("ela")), said(ola, "two")]
    private = [
        Entry(Told("ala", "ola", "psst"), actor=ala, target=ola),
        Entry(Notice("x"), None, ala),
    ]
    for entry in (public[0], private[0], public[1], private[1], public[2]):
        delivery.append(entry)
    delivery.drain()
    assert seen == [([entry.event for entry in public], 1)]


def test_observers_are_not_called_for_nothing(delivery, ala):
    entered(delivery, ala)
    seen = []
    delivery.observers.append(seen.append)
    delivery.append(Entry(Notice("x"), actor=ala))
    delivery.drain()
    assert seen == []
