"""What a session tells its dialect, and when; what a dialect costs that fails."""

from collections import deque

import pytest

from chatd.commands import Command
from chatd.dialects import Dialect
from chatd.dialects.crlf import Crlf
from chatd.events import CommandError, Notice, Request
from fakes import World
from sessions import COMMANDS, notices


class Diary(Dialect):
    """One request a byte; it notes what it is told."""

    name = "diary"

    def __init__(self, setting):
        super().__init__(setting)
        self.bytes = deque()
        self.notes = []

    def opened(self):
        return [Notice("who are you?")]

    def feed(self, data):
        self.bytes.extend(data.decode())

    def next_request(self):
        if not self.bytes:
            return None
        self.notes.append(self.bytes[0])
        return Request({"e": "echo", "f": "fail", "s": "slow"}[self.bytes.popleft()], ("x",))

    def done(self, request, error):
        self.notes.append((request.verb, error and error.code))
        return super().done(request, error)

    @staticmethod
    def encode(event, own):
        return Crlf.encode(event, own)


def diary_world(*commands):
    world = World([*COMMANDS, *commands], dialect=Diary)
    client = world.connect()
    return world, client, client.session._dialect.notes


def test_a_dialect_may_speak_first(world):
    _, client, _ = diary_world()
    assert client.read() == notices("who are you?")


@pytest.mark.parametrize(
    ("error", "code"), [(CommandError("odd", "odd"), "odd"), (KeyError("x"), "internal")]
)
def test_a_dialect_learns_each_outcome_before_the_next_request(error, code):
    def fail(ctx, text):
        raise error

    _, client, notes = diary_world(Command("fail", fail, before_login=True))
    client.session.receive(b"efe")
    assert notes == ["e", ("echo", None), "f", ("fail", code), "e", ("echo", None)]


def test_a_dialect_learns_the_outcome_of_a_job_before_the_next_request():
    world, client, notes = diary_world()
    client.session.receive(b"se")
    assert notes == ["s"]
    world.pool.jobs.popleft().run()
    client.session.receive(b"")
    assert notes == ["s", ("slow", None), "e", ("echo", None)]


def test_what_arrives_behind_the_end_is_not_kept():
    _, client, notes = diary_world()
    client.session.end("quit")
    client.session.receive(b"e" * 1000)
    assert notes == []
    assert not client.session._dialect.bytes


@pytest.mark.parametrize("where", ["opened", "feed", "next_request", "done"])
def test_a_dialect_that_fails_costs_its_own_client_only(where, caplog):
    def fail(*args):
        raise ZeroDivisionError("secret")

    class Failing(Diary):
        pass

    setattr(Failing, where, fail)
    world = World(COMMANDS, dialect=Failing)
    ala = world.connect()
    if where != "opened":
        ala.session.receive(b"ee")
    told = ala.read()[-1]
    assert told.startswith("ERROR internal error E")
    assert caplog.records[-1].getMessage() in told
    assert ala.wire.calls["end_output"] == 1
    ala.session.eof()
    assert ala.wire.closed
    assert world.hub.at_the_door == 0
