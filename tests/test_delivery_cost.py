"""What the delivery log costs: encodings, steps and memory, in small and in large rooms."""

import sys
import tracemalloc

import pytest

from chatd.delivery import Delivery
from chatd.hub import Hub
from chatd.limits import Limits
from deliveries import drain, entered, said
from fakes import Hearer, Wording


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
