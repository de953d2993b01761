"""A presence of the client library whose network, server and clock are the test."""

import pytest

from chatcli.client.backoff import Backoff
from chatcli.client.habits import Habits
from chatcli.client.presence import Presence
from chatd.dialects.crlf import CrlfClient
from chatd.events import CommandError

TIMEOUT = 10.0


class Life:
    """A presence in crlf whose network and server are the test."""

    def __init__(self, dialect=CrlfClient, **settings):
        self.now = 100.0
        habits = Habits(timeout=TIMEOUT, backoff=Backoff(base=1.0, cap=4.0), **settings)
        self.presence = Presence("ala", dialect, habits, clock=lambda: self.now)

    def enter(self, *, resume=True):
        self.presence.connected()
        assert self.sent() == ["LOGIN ala"]
        self.server("OK")
        if resume:
            assert self.sent() == ["STATS", "LIST"]
            self.server("NOTICE store none", "NOTICE last_id 7-9", "USERS ala")
            assert self.sent() == ["STATS", "LIST"]
            self.server("NOTICE store none", "NOTICE last_id 7-10", "USERS ala")
        return self

    def server(self, *lines):
        self.presence.received("".join(line + "\r\n" for line in lines).encode())

    def sent(self):
        data = bytes(self.presence.output).decode().split("\r\n")[:-1]
        self.presence.output.clear()
        return data

    def told(self):
        return [self.presence.inbox.take() for _ in iter(lambda: bool(self.presence.inbox), False)]

    def call(self, call):
        done = []
        return self.presence.submit(call, lambda: done.append(1)), done

    def after(self, seconds):
        self.now += seconds
        self.presence.tick()


def stats(n, epoch=7, between=()):
    """The answers to the two questions for the last id."""
    answer = [f"NOTICE last_id {epoch}-{n}", "USERS ala"]
    return [*answer, *between, *answer]


def failure(pending):
    with pytest.raises((CommandError, OSError)) as caught:
        pending.outcome()
    return caught.value


def come_back(life):
    life.presence.connected()
    life.sent()
    life.server("OK")
    life.server(*stats(10), "OK", "USERS ala")
    assert life.presence.present
