"""A hub without a server: who is in its house hears what is logged."""

import pytest

from chatd.delivery import Delivery
from chatd.events import CommandError
from chatd.hub import Hub
from chatd.limits import Limits
from fakes import Hearer, Wording


class Unlocked(Wording):
    """An encoder that is never asked while the hub's lock is held."""

    hub = None

    def encode(self, event, own):
        assert not self.hub._lock.locked()
        return super().encode(event, own)


class House:
    """A hub with its log; it remembers the public events."""

    def __init__(self, greeting="", **limits):
        self.limits = Limits(**limits)
        self.delivery = Delivery(self.limits)
        self.hub = Hub(self.delivery, self.limits, greeting)
        self.public = []
        self.delivery.observers.append(self.public.extend)
        self.wording = Unlocked("plain")
        self.wording.hub = self.hub

    def client(self, nick=None):
        """Give somebody at the door, or logged in under nick."""
        client = Hearer(f"10.0.0.1:{nick or 1}", self.wording, self.hub)
        self.hub.open(client)
        if nick:
            self.hub.login(client, nick)
            self.heard(client)
        return client

    def drain(self):
        while self.delivery.drain():
            pass

    def heard(self, client):
        """Give what client heard since the last time."""
        self.drain()
        data = client.heard
        client.deliveries.clear()
        return data

    def own(self, *events):
        return b"".join(self.wording.form(event, True) for event in events)

    def others(self, *events):
        return b"".join(self.wording.form(event, False) for event in events)

    def users(self, client):
        self.heard(client)
        self.hub.users(client)
        return self.heard(client)


def refused(code, operation, *args):
    with pytest.raises(CommandError) as caught:
        operation(*args)
    assert caught.value.code == code
    assert caught.value.text.isprintable()
    return caught.value


BAD_NAMES = [
    "", " ", "two words", "a\xa0b", "#ala", "a" * 33, "a\x07", "a\u200bb", "a\u202eb", "\ue000",
    "a,b", "a\uff0cb", "\uff03ala", "a:b", "a!b", "a@b", "a*b", "a/b",
    "a\u0430",  # a Latin and a Cyrillic one
    "\u2603",  # a symbol
    "\u05d01a",  # both directions
    "a\u200cb",  # a joiner where nothing is joined
]  # fmt: skip
