"""The delivery log: who hears what, in which order, at what price."""

import logging
import sys
import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.delivery import Change, Delivery, Entry
from chatd.events import (
    Failed,
    Joined,
    LoggedIn,
    LoggedOut,
    Notice,
    Parted,
    Said,
    Told,
    Users,
)
from chatd.hub import Hub
from chatd.limits import Limits
from fakes import Clock, Hearer, Model, Wording

ROOM = "general"


def entered(delivery, *clients, room=ROOM):
    """Let clients enter a room, and forget what they heard of it."""
    for client in clients:
        delivery.append(Entry(Joined(room, client.address), room, client, change=Change.ENTER))
    drain(delivery)
    for client in clients:
        client.deliveries.clear()
        client.encoder.asked.clear()


def drain(delivery):
    while delivery.drain():
        pass


def said(actor, text, room=ROOM):
    return Entry(Said(room, actor.address, text), room, actor)


@pytest.fixture
def delivery():
    return Delivery(Limits())


@pytest.fixture
def plain():
    return Wording("plain")


@pytest.fixture
def ala(plain):
    return Hearer("ala", plain)


@pytest.fixture
def ola(plain):
    return Hearer("ola", plain)


@pytest.fixture
def ela():
    return Hearer("ela", Wording("other"))


# -- who hears what --------------------------------------------------------------------------


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


CLIENTS = st.integers(0, 4)
ROOMS = st.sampled_from(["general", "tea", "coffee"])
DEEDS = st.one_of(
    st.tuples(st.just("say"), CLIENTS, ROOMS),
    st.tuples(st.just("say"), CLIENTS, ROOMS),
    st.tuples(st.just("join"), CLIENTS, ROOMS),
    st.tuples(st.just("leave"), CLIENTS, ROOMS),
    st.tuples(st.just("tell"), CLIENTS, CLIENTS),
    st.tuples(st.just("reply"), CLIENTS, st.none()),
    st.tuples(st.just("end"), CLIENTS, st.none()),
    st.tuples(st.just("record"), CLIENTS, st.none()),
    st.tuples(st.just("drain"), CLIENTS, st.none()),
)


def entry_for(deed, number, actor, other, clients):
    """Make the entry of a deed; its number makes each one different."""
    name, text = actor.address, f"text {number}"
    if deed == "say":
        return Entry(Said(other, name, text), other, actor)
    if deed == "join":
        return Entry(Joined(other, f"{name} {number}"), other, actor, change=Change.ENTER)
    if deed == "leave":
        return Entry(Parted(other, f"{name} {number}"), other, actor, change=Change.LEAVE)
    if deed == "tell":
        target = clients[other]
        return Entry(
            Told(name, target.address, text),
            actor=actor,
            target=target if target is not actor else None,
        )
    if deed == "reply":
        return Entry(Notice(text), actor=actor)
    if deed == "end":
        return Entry(LoggedOut(name, text), "general", actor, change=Change.END)
    return Entry(LoggedIn(text))


class Comparison:
    """A delivery log and its model, driven side by side."""

    def __init__(self, batch):
        self.delivery = Delivery(Limits(batch=batch))
        self.wordings = [Wording("loud"), Wording("terse", silent=(Joined, LoggedOut))]
        self.clients = [Hearer(f"client{n}", self.wordings[n % 2]) for n in range(5)]
        self.model = Model(self.clients)
        self.ended = set()
        self.shown = []
        self.delivery.observers.append(self.shown.extend)
        self.events = []  # kept, so that their ids stay theirs

    def do(self, number, deed, index, other):
        actor = self.clients[index]
        if deed == "drain":
            self.drain()
        elif actor not in self.ended and not (deed == "tell" and self.clients[other] in self.ended):
            entry = entry_for(deed, number, actor, other, self.clients)
            self.delivery.append(entry)
            self.model.deliver(entry)
            self.events.append(entry.event)
            if deed == "end":
                self.ended.add(actor)

    def drain(self):
        before = [len(client.deliveries) for client in self.clients]
        more = self.delivery.drain()
        for client, count in zip(self.clients, before, strict=True):
            assert len(client.deliveries) - count <= 1
        return more

    def compare(self):
        for client in self.clients:
            assert client.heard == self.model.heard[client]
            finished = [len(client.heard)] if client in self.model.finished else []
            assert client.finished_after == finished
        assert self.shown == [event for event in self.events if event.public]
        for wording in self.wordings:
            assert max(wording.asked.values(), default=0) <= 1


@given(st.lists(DEEDS, max_size=60), st.integers(1, 600))
def test_batches_cut_anywhere_say_what_entry_by_entry_says(deeds, batch):
    both = Comparison(batch)
    for number, deed in enumerate(deeds):
        both.do(number, *deed)
    while both.drain():
        pass
    both.compare()


# -- what it costs ---------------------------------------------------------------------------


def test_one_encoding_and_one_object_serve_all_of_a_dialect(delivery, plain):
    crowd = [Hearer(f"client{n}", plain) for n in range(50)]
    entered(delivery, *crowd)
    for text in ("one", "two", "three"):
        delivery.append(said(crowd[0], text))
    delivery.drain()
    assert sorted(plain.asked.values()) == [1, 1, 1]
    assert len({id(client.deliveries[0]) for client in crowd[1:]}) == 1
    assert all(len(client.deliveries) == 1 for client in crowd)


def steps_of(operation):
    """Count the lines of Python that an operation runs."""
    steps = 0

    def trace(frame, event, arg):
        nonlocal steps
        steps += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        operation()
    finally:
        sys.settrace(before)
    return steps


def memory_of(operation):
    """Measure the most bytes that an operation takes at a time."""
    tracemalloc.start()
    try:
        operation()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def crowded_hub(size):
    """Give a hub with so many users in General, and the first three of them."""
    delivery = Delivery(Limits())
    hub = Hub(delivery, Limits())
    wording = Wording("plain")
    crowd = [Hearer(f"client{n}", wording, hub) for n in range(size)]
    for client in crowd:
        hub.open(client)
        hub.login(client, client.address)
    drain(delivery)
    return hub, crowd[:3]


@pytest.mark.parametrize("measure", [steps_of, memory_of])
def test_an_operation_costs_the_same_in_a_small_and_a_large_room(measure):
    costs = []
    for size in (200, 200, 2000):  # the first fills caches, each a backlog
        hub, users = crowded_hub(size)

        def operations(hub=hub, users=users):
            for user in users:
                hub.say(user, "General", "hi")
                hub.leave(user, "General")
                hub.join(user, "General")
                hub.tell(user, "client1", "hi")
            hub.end(users[0], "quit")

        costs.append(measure(operations))
    _, small, large = costs
    assert large - small <= (2000 if measure is memory_of else 0)


def test_a_batch_ends_where_it_has_reached_its_bound(delivery, ala, ola):
    entered(delivery, ala, ola)
    bound = Limits().batch
    entries = [said(ala, "x" * (4096 - 64)) for _ in range(40)]
    for entry in entries:
        delivery.append(entry)
    sizes = []
    while delivery.drain():
        sizes.append(ola.deliveries[-1].count(b"\n") * 4096)
    assert sizes == [bound, bound, 40 * 4096 - 2 * bound]
    assert len(ola.deliveries) == 3


def test_a_batch_of_one_large_entry_is_taken_whole(delivery, ala):
    entered(delivery, ala)
    delivery.append(Entry(Users(("x" * 16,) * 10_000), actor=ala))
    assert delivery.drain()
    assert not delivery.pending


@pytest.mark.parametrize(
    ("text", "size"), [("x" * 1000, 1064), ("ż" * 1000, 4064), ("\U0001f600" * 10, 104)]
)
def test_an_event_weighs_at_least_what_it_takes_on_the_wire(text, size):
    for event in (Told("ala", "ola", text), Notice(text), Failed("code", text)):
        assert event.size == size >= len(text.encode())
    # ROOM_MSG carries the names of the room and of the sender as well.
    assert Said("tea", "ala", text).size == size + len("tea" + "ala")


# -- faults ----------------------------------------------------------------------------------


class Stumbling(Wording):
    """A dialect with a mistake in it."""

    def form(self, event, own):
        if getattr(event, "text", "") == "trip":
            raise KeyError("trip")
        return super().form(event, own)


def test_a_dialect_that_cannot_encode_costs_only_its_own_clients_that_text(
    delivery, ala, ola, caplog
):
    bad = [Hearer(f"bad{n}", Stumbling("stumbling")) for n in range(2)]
    entered(delivery, ala, ola, *bad)
    with caplog.at_level(logging.ERROR):
        for text in ("before", "trip", "after"):
            delivery.append(said(ala, text))
        delivery.append(Entry(Told("bad0", "ala", "trip"), actor=bad[0], target=ala))
        delivery.drain()
    assert [word in ola.heard for word in (b"before", b"trip", b"after")] == [True] * 3
    assert b"trip" in ala.heard
    for client in bad:
        assert [word in client.heard for word in (b"before", b"trip", b"after")] == [
            True,
            False,
            True,
        ]
    assert "stumbling cannot encode 'Said'" in caplog.text
    assert "trip" not in "".join(record.getMessage() for record in caplog.records)


# -- those on the side -----------------------------------------------------------------------


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


# -- what engines and sessions ask -----------------------------------------------------------


def test_it_says_whether_several_people_talked_in_the_last_batch(delivery, ala, ola):
    entered(delivery, ala, ola)
    for speakers, several in [([ala, ala], False), ([ala, ola, ala], True), ([ola], False)]:
        for speaker in speakers:
            delivery.append(said(speaker, "hi"))
        delivery.drain()
        assert delivery.several_talk is several


def test_commands_that_are_no_messages_are_not_talk(delivery, ala, ola):
    entered(delivery, ala, ola)
    for one in (ala, ola):
        delivery.append(Entry(Users(("ala", "ola")), actor=one))
        delivery.append(Entry(Joined("tea", one.address), "tea", one, change=Change.ENTER))
    delivery.drain()
    assert delivery.several_talk is False


def test_the_log_is_crowded_at_its_bound_of_bytes(ala):
    delivery = Delivery(Limits(log_bytes=3 * 164))
    for n in range(3):
        assert not delivery.crowded, n
        delivery.append(said(ala, "x" * 100))
    assert delivery.crowded
    delivery.drain()
    assert not delivery.crowded


def test_the_log_is_crowded_at_its_bound_of_entries(ala):
    delivery = Delivery(Limits(log_entries=3))
    for n in range(3):
        assert not delivery.crowded, n
        delivery.append(said(ala, ""))
    assert delivery.crowded
    delivery.drain()
    assert not delivery.crowded


def test_the_log_is_crowded_while_a_client_lags_behind_and_much_is_said(ala, ola, plain):
    clock = Clock()
    delivery = Delivery(Limits(free_rate=1000), clock)
    entered(delivery, ala, ola)

    def talk(size):
        for _ in range(size // 100):
            delivery.append(said(ala, "x" * (100 - said(ala, "").size)))
            delivery.drain()

    talk(2000)
    assert not delivery.crowded
    delivery.congested.add(ola)
    assert delivery.crowded
    clock.pass_by(1.1)
    assert not delivery.crowded  # the free rate, however many they are who talk
    talk(200)
    assert delivery.crowded
    delivery.congested.discard(ola)
    assert not delivery.crowded


def test_an_empty_log_has_nothing_to_drain(delivery, ala):
    assert not delivery.pending
    assert delivery.drain() is False
    delivery.append(said(ala, "hi"))
    assert delivery.pending
    assert delivery.drain() is True
    assert not delivery.pending


def test_two_threads_never_drain_at_a_time(delivery, ola, plain):
    """The second one leaves it to the first, and does not wait."""
    answers = []

    class Curious(Hearer):
        def deliver(self, data):
            super().deliver(data)
            if b"one" in data:
                delivery.append(said(ola, "two"))  # what comes meanwhile is for the next batch
            thread = threading.Thread(target=lambda: answers.append(delivery.drain()))
            thread.start()
            thread.join()

    curious = Curious("curious", plain)
    entered(delivery, ola, curious)
    delivery.append(said(ola, "one"))
    answers.clear()
    assert delivery.drain()
    assert answers == [False]
    assert delivery.drain()
    assert b"two" in curious.deliveries[-1]


def test_a_client_that_cannot_be_delivered_to_is_cut_off_and_the_others_get_theirs(
    delivery, ala, ola, plain, caplog
):
    class Broken(Hearer):
        dropped = ()

        def deliver(self, data):
            if b"boom" in data:
                raise RuntimeError("boom")

        def finish(self):
            raise RuntimeError("cannot finish")

        def drop(self, reason):
            self.dropped += (reason,)
            raise RuntimeError("cannot even drop")

    first, second, leaving = (Broken(name, plain) for name in ("first", "second", "leaving"))
    entered(delivery, first, ala, second, ola, leaving)
    delivery.append(said(ala, "boom"))
    delivery.append(Entry(Told("ala", "first", "boom"), actor=second, target=first))
    delivery.append(Entry(LoggedOut("ela", "quit"), actor=leaving, change=Change.END))
    delivery.append(Entry(LoggedOut("ola", "quit"), actor=ola, change=Change.END))
    assert delivery.drain()
    assert b"boom" in ola.heard
    assert ola.finished_after
    assert [c.dropped for c in (first, second)] == [("internal error",)] * 2
    assert set(leaving.dropped) == {"internal error"}
    assert sum("cannot deliver" in r.getMessage() for r in caplog.records) == 4
    delivery.append(said(second, "fine"))
    assert delivery.drain()
    assert b"fine" in ala.heard
