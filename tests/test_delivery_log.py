"""The delivery log as engines see it: batches, when it is crowded, who drains it, who talks."""

import threading

import pytest

from chatd.delivery import Change, Delivery, Entry
from chatd.events import Failed, Joined, Notice, Said, Told, Users
from chatd.limits import Limits
from deliveries import entered, said
from fakes import Clock, Hearer


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
