"""Many threads at the hub alone: what is heard is what was logged."""

import random
import threading
import time
from contextlib import suppress

import pytest

from chatd.delivery import Delivery
from chatd.events import GENERAL, CommandError, LoggedIn, LoggedOut, Renamed, Users
from chatd.hub import Hub
from chatd.limits import Limits
from fakes import Hearer, Model, Wording
from racing import ROOMS, at_once


class RecordedDelivery(Delivery):
    """Remembers all that was appended, in order."""

    def __init__(self, limits):
        super().__init__(limits)
        self.appended = []

    def append(self, entry):
        self.appended.append(entry)
        super().append(entry)


def roam(hub, wordings, seed, steps):
    """Do anything with clients of one's own; give them back."""
    dice = random.Random(seed)
    clients = []

    def newcomer():
        clients.append(Hearer(f"client {seed} {len(clients)}", dice.choice(wordings), hub))
        hub.open(clients[-1])
        return clients[-1]

    deeds = [
        lambda one: hub.login(one, f"nick{dice.randrange(12)}"),
        lambda one: hub.login(one, f"nick{dice.randrange(12)}"),
        lambda one: hub.say(one, dice.choice([GENERAL, *ROOMS]), f"{one} {dice.random()}"),
        lambda one: hub.say(one, GENERAL, f"{one} {dice.random()}"),
        lambda one: hub.tell(one, f"nick{dice.randrange(12)}", f"{one} {dice.random()}"),
        lambda one: hub.join(one, dice.choice(ROOMS)),
        lambda one: hub.leave(one, dice.choice(ROOMS)),
        lambda one: hub.create(one, dice.choice(ROOMS)),
        hub.users,
    ]
    present = [newcomer(), newcomer()]
    for _ in range(steps):
        one = dice.choice(present)
        if dice.random() < 0.02:
            hub.end(one, "quit")
            present[present.index(one)] = newcomer()
        with suppress(CommandError):
            dice.choice(deeds)(one)
    return clients


def check_answers(entries):
    """Compare each list of users with what the log said before."""
    users = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, LoggedIn):
            assert event.nick not in users.values()
            users[entry.actor] = event.nick
        elif isinstance(event, Renamed):
            assert users[entry.actor] == event.old
            users[entry.actor] = event.nick
        elif isinstance(event, LoggedOut):
            assert users.pop(entry.actor) == event.nick
        elif isinstance(event, Users):
            assert event.nicks == tuple(users.values())


@pytest.mark.parametrize(
    ("threads", "steps"),
    [(4, 300), pytest.param(16, 5000, marks=[pytest.mark.stress, pytest.mark.timeout(600)])],
)
def test_what_many_threads_do_to_the_hub_is_heard_as_it_was_logged(restless, threads, steps):
    delivery = RecordedDelivery(Limits(batch=4096))
    hub = Hub(delivery, Limits())
    wordings = [Wording("loud"), Wording("terse", silent=(Renamed, LoggedOut))]
    over = threading.Event()

    def drain():
        while delivery.drain() or not over.is_set():
            if not delivery.pending:
                time.sleep(0.0001)  # gives way to the others

    drainer = threading.Thread(target=drain)
    drainer.start()
    try:
        roaming = [lambda seed=seed: roam(hub, wordings, seed, steps) for seed in range(threads)]
        clients = [client for some in at_once(*roaming) for client in some]
    finally:
        over.set()
        drainer.join(60)
    assert not drainer.is_alive()
    assert not delivery.pending
    assert len(delivery.appended) > threads * steps / 8

    check_answers(delivery.appended)
    model = Model(clients)
    for entry in delivery.appended:
        model.deliver(entry)
    for client in clients:
        assert client.heard == model.heard[client]
        assert len(client.finished_after) == (client in model.finished)
