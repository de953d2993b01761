"""Each bound on what a user may take is told by one clear error, in the form of each dialect."""

import json
from contextlib import ExitStack

import pytest

from chat import LineClient, wait_until
from chatd.dialects.table import DIALECTS
from chatd.events import Failed, LoggedOut
from chatd.limits import Limits
from chatd.plugins import Plugins
from clients import chat_server
from fakes import World

COMMANDS = [command for _, command in Plugins().commands]

ENTER = {
    "crlf": ["LOGIN {}"],
    "json": ['{{"type":"set-name","data":"{}"}}'],
    "slash": ["0", "{}"],
    "words": ["login {}"],
    "rooms": ["{}"],
}

ASK = {
    "crlf": lambda verb, room: f"{verb.upper()} {room}",
    "json": lambda verb, room: json.dumps({"type": verb, "data": room}),
    "slash": lambda verb, room: f"/{verb} {room}",
    "words": lambda verb, room: f"{verb} {room}",
    "rooms": lambda verb, room: f"{verb} {room}",
}

FULL = {"slash": "Witaj 0 ola! Pokoj jest aktualnie przepelniony. Sprobuj ponownie pozniej!"}

LONG_NICK = {"words": "nick is longer than 32 characters."}


class Talk:
    """People who speak one dialect with a server in memory."""

    def __init__(self, name, **limits):
        self.name = name
        self._dialect = DIALECTS[name]
        self.world = World(COMMANDS, dialect=self._dialect, **limits)

    def enter(self, nick):
        """Let somebody try to log in; give them, and the last line that they see."""
        client = self.world.connect()
        seen = [line for step in ENTER[self.name] for line in client.ask(step.format(nick))]
        return client, seen

    def ask(self, client, verb, room):
        return client.ask(ASK[self.name](verb, room))

    def form(self, text):
        """How the dialect tells of an error."""
        return self._dialect.encode(Failed("error", text), True).decode().splitlines()


@pytest.fixture(params=ENTER)
def name(request):
    """Each dialect in turn."""
    return request.param


def test_a_nick_and_the_name_of_a_room_have_a_length(name):
    talk = Talk(name)
    _, seen = talk.enter("a" * 33)
    text = LONG_NICK.get(name, "nick is longer than 32 characters")
    assert talk.form(text)[0] in seen
    ala, _ = talk.enter("a" * 32)
    assert talk.ask(ala, "create", "x" * 33) == talk.form("room is longer than 32 characters")


def test_a_line_has_a_length(name):
    talk = Talk(name)
    ala, _ = talk.enter("ala")
    assert ala.ask("x" * 4097) == talk.form("line is longer than 4096 bytes")
    assert talk.world.seen(LoggedOut) == []


def test_a_user_is_in_so_many_rooms(name):
    talk = Talk(name, rooms_per_user=2)
    ala, _ = talk.enter("ala")
    for room in ("tea", "den"):
        talk.ask(ala, "create", room)
    talk.ask(ala, "join", "tea")
    assert talk.ask(ala, "join", "den") == talk.form("you are in too many rooms")
    talk.ask(ala, "leave", "tea")
    assert talk.ask(ala, "join", "den") != talk.form("you are in too many rooms")


def test_there_are_so_many_rooms(name):
    talk = Talk(name, rooms=2)
    ala, _ = talk.enter("ala")
    talk.ask(ala, "create", "tea")
    talk.ask(ala, "join", "tea")
    assert talk.ask(ala, "create", "den") == talk.form("there are too many rooms")
    talk.ask(ala, "leave", "tea")
    assert talk.ask(ala, "create", "den") != talk.form("there are too many rooms")


def test_there_are_so_many_users(name):
    """R-15"""
    talk = Talk(name, clients=1)
    talk.enter("ala")
    ola, seen = talk.enter("ola")
    assert seen[-1:] == talk.form(FULL.get(name, "the server is full, try again later"))
    assert ola.wire.calls["end_output"] == 1


@pytest.mark.parametrize("name", ["crlf", "slash", "words"])
def test_there_are_so_many_messages_before_login(name):
    """R-01: in the others the first message is a login, or its failure the end."""
    talk = Talk(name, door_lines=5)
    client = talk.world.connect()
    *_, last = client.ask(*["?"] * 10)
    assert [last] == talk.form("no login within 5 messages")
    assert client.wire.calls["end_output"] == 1


@pytest.mark.parametrize("name", ["slash", "words"])
def test_a_dialogue_has_time_for_mistakes(name):
    talk = Talk(name)
    for _ in range(3):
        client = talk.world.connect()
        for line in ["x", "", "?"] * 15:
            client.ask(line)
        seen = [line for step in ENTER[name] for line in client.ask(step.format("ala"))]
        assert not client.wire.calls["end_output"], seen
        assert client.session.is_user
        client.session.end("quit")


def test_too_much_unsent_is_the_end_in_each_dialect(name):
    """R-03: the log has who it was, and how much; nothing can be told to who does not read."""
    talk = Talk(name, outbox=500)
    ala, _ = talk.enter("ala")
    ala.wire.room = 0
    for _ in range(8):
        talk.world.hub.tell(ala.session, "ala", "x" * 50)
    talk.world.deliver()
    assert not ala.wire.calls["abort"]
    talk.world.hub.tell(ala.session, "ala", "x" * 500)
    talk.world.deliver()
    (left,) = talk.world.seen(LoggedOut)
    assert left.nick == "ala"
    assert left.reason.startswith("too slow: ")
    assert left.reason.endswith(" bytes wait for it")
    assert ala.wire.calls["abort"] == 1


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (Limits(per_address=1), "too many connections from your address, close one of them"),
        (Limits(arrivals=1), "too many new connections from your address, try again in a minute"),
        (Limits(door=1), "too many connections are not logged in, try again later"),
    ],
)
def test_who_is_one_too_many_is_told_in_their_dialect(limits, text):
    """R-13, R-15: before any of it is spoken."""
    with chat_server(limits=limits, exempt=()) as server, ExitStack() as stack:
        stack.enter_context(LineClient(server.ports["crlf"]))
        wait_until(lambda: server.server.hub.at_the_door == 1, "the first one")
        for name in ENTER:
            with LineClient(server.ports[name]) as client:
                told = client.rest().decode()
            assert told == DIALECTS[name].encode(Failed("full", text), True).decode()
            assert text in told
