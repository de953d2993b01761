"""One port for several dialects: a client's first word tells which it speaks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import LineClient, RawClient
from chatd.commands import Command
from chatd.dialects.auto import Auto
from chatd.dialects.crlf import Crlf
from chatd.dialects.jsonl import Json
from chatd.dialects.words import Words
from chatd.plugins import Plugins
from chatd.testing import running_server
from fakes import World

COMMANDS = [
    *(command for _, command in Plugins().commands),
    Command("echo", lambda ctx, text: ctx.reply(text), before_login=True),
]


class Caller:
    """A client of a server without engine, whose port is for all."""

    def __init__(self):
        self.world = World(COMMANDS, dialect=Auto)
        self.caller = self.world.connect()

    def send(self, data):
        self.caller.session.receive(data)

    def quiet(self):
        assert self.caller.session.patience is not None
        self.caller.session.quiet_passed()

    @property
    def patient(self):
        return self.caller.session.patience is not None

    @property
    def heard(self):
        self.world.deliver()
        data = bytes(self.caller.wire.taken)
        self.caller.wire.taken.clear()
        return data

    @property
    def dialect(self):
        return self.caller.session.encoder


FIRST = [
    (b"LOGIN ala\r\n", Crlf, b"OK\r\n"),
    (b"LOGIN ala\n", Crlf, b"OK\r\n"),
    (b"LIST\r\n", Crlf, b"ERROR log in first\r\n"),
    (b"PUB hello\r\n", Crlf, b"ERROR log in first\r\n"),
    (b"PRIV ala hello\r\n", Crlf, b"ERROR "),
    (b"login ala\n", Words, b"[ServerMessage] - [ala] log in.\n"),
    (b"msg ala hello\n", Words, b"Please log in!\n"),
    (b"msgall hello\n", Words, b"Please log in!\n"),
    (b"logout\n", Words, b"Please log in!\n"),
    (b"whoami\n", Words, b"Please log in!\n"),
    (b"userlist\n", Words, b"Please log in!\n"),
    (b"oper root secret\n", Words, b"[ServerMessage] - this is no moderator's"),
    (b"debug\n", Words, b""),
    (b"login\n", Words, b"require username\n"),
    (b'{"type":"users","data":""}\n', Json, b'{"type":"message","data":{"source":"[Server]"'),
    (b"{\n", Json, b'{"type":"message","data":{"source":"[Server]"'),
]


@pytest.mark.parametrize("pieces", ["whole", "bytes"])
@pytest.mark.parametrize("before", [b"", b"\r\n", b" \t\n\n "], ids=["", "line", "white"])
@pytest.mark.parametrize(("line", "dialect", "answer"), FIRST)
def test_the_first_word_tells(line, dialect, answer, before, pieces):
    """D-2, D-5: white space in front is skipped, and bytes may come one by one."""
    client = Caller()
    data = before + line
    for piece in [data] if pieces == "whole" else [bytes([byte]) for byte in data]:
        client.send(piece)
    assert client.dialect is dialect
    heard = client.heard
    assert heard.startswith(answer)
    assert answer or not heard


@pytest.mark.parametrize(
    ("chunk", "dialect", "answer"),
    [
        (b"login ala", Words, b"[ServerMessage] - [ala] log in.\n"),
        (b"whoami", Words, b"Please log in!\n"),
        (b"  msg", Words, b"overage info\n"),
        (b"msgall", Words, b"empty message\n"),
    ],
)
def test_a_chunk_may_be_the_first_word(chunk, dialect, answer):
    """D-2: the real programs of words send no line end."""
    client = Caller()
    client.send(chunk)
    assert client.heard == b""
    client.quiet()
    assert client.dialect is dialect
    assert client.heard == answer


@pytest.mark.parametrize("begun", [b"L", b"LOGI", b"P", b"PU", b"l", b"lo", b"msga", b"debu", b" "])
def test_what_may_become_a_known_word_waits_for_the_rest(begun):
    client = Caller()
    client.send(begun)
    assert client.dialect is Auto
    assert not client.patient
    assert client.heard == b""


def test_a_known_word_may_still_become_another():
    """msg is one, msgall another: the quiet decides."""
    client = Caller()
    client.send(b"msg")
    assert client.patient
    client.send(b"all hello")
    client.quiet()
    assert client.heard == b"Please log in!\n"


def test_an_unknown_first_line_is_answered_as_in_crlf_and_settles_nothing():
    """S0-13, D-6: and a verb beyond the grammar is carried out."""
    client = Caller()
    client.send(b"hello there\nECHO hi\nSHOUT\n\xff\n")
    assert client.dialect is Auto
    assert client.heard.decode().splitlines() == [
        "ERROR unknown command: a message begins with its kind",
        "NOTICE hi",
        "ERROR unknown command shout",
        "ERROR this is not UTF-8",
    ]
    client.send(b"login ala\n")
    assert client.dialect is Words
    assert client.heard == b"[ServerMessage] - [ala] log in.\n"


def test_an_unknown_first_chunk_is_answered_as_in_words_and_settles_nothing():
    """S3-05: unknown command; the line end that comes late is nothing."""
    client = Caller()
    client.send(b"hello")
    client.quiet()
    assert client.heard == b"unknown command\n"
    client.send(b"\n")
    assert client.heard == b""
    client.send(b"LOGIN ala\r\n")
    assert client.dialect is Crlf
    assert client.heard == b"OK\r\n"


def test_a_chunk_is_not_ended_inside_a_character():
    """D-2: never inside a UTF-8 sequence."""
    client = Caller()
    client.send("żó".encode()[:-1])
    assert not client.patient
    client.send("żó".encode()[-1:])
    client.quiet()
    assert client.heard == b"unknown command\n"


def test_what_came_with_the_first_word_is_carried_out_too():
    client = Caller()
    client.send(b"nonsense\nLOGIN ala\r\nLIST\r\nPUB hello\r\nLI")
    assert client.heard.decode().splitlines() == [
        "ERROR unknown command: a message begins with its kind",
        "OK",
        "USERS ala",
    ]
    client.send(b"ST\r\n")
    assert client.heard == b"USERS ala\r\n"


@pytest.mark.parametrize("data", [b"x" * 5000, b"x" * 5000 + b"\nLOGIN ala\r\n"])
def test_a_first_line_without_end_is_thrown_away(data):
    client = Caller()
    client.send(data)
    assert client.heard.startswith(b"ERROR line is longer than 4096 bytes\r\n")


@given(st.lists(st.binary(max_size=20) | st.just(None), max_size=12))
def test_nobody_can_break_it(steps):
    client = Caller()
    for step in steps:
        if step is not None:
            client.send(step)
        elif client.patient:
            client.quiet()
    assert b"internal error" not in client.heard


def test_all_kinds_meet_on_one_port(engine):
    """D-1, D-5: port 5000 is for crlf, json and words."""
    with (
        running_server(engine=engine, dialect="auto") as server,
        RawClient(server.port) as crlf,
        LineClient(server.port) as words,
        LineClient(server.port) as chunks,
        LineClient(server.port) as objects,
    ):
        crlf.login("ala")
        assert words.ask("login bob") == "[ServerMessage] - [bob] log in."
        chunks.send(b"login cid")
        assert words.line() == chunks.line() == "[ServerMessage] - [cid] log in."
        objects.send('{"type":"set-name","data":"dan"}')
        address = objects.address
        for client in (words, chunks):
            assert client.line() == f"[ServerMessage] - [{address}] log in."
        for text in (f"{address} has entered the chat", f"{address} renamed to dan"):
            assert json.loads(objects.line())["data"]["message"] == text
        crlf.send("PUB hello")
        assert words.line() == chunks.line() == "[ala]: hello"
        assert json.loads(objects.line())["data"] == {"source": "ala", "message": "hello"}
        assert crlf.ask("LIST") == "USERS ala bob cid dan"
