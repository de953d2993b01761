"""chatcli speaking json: every byte that it sends, and every line that it shows."""

import json
import socket

import pytest

from chat import LineClient, threads_of, wait_until
from chatcli.commands import JSON_COMMANDS
from chatcli.dialects import JsonChat
from chatd.dialects.jsonl import JsonClient
from chatd.testing import running_server
from foreign import foreign_server
from piped import Piped, run
from terminal import CTRL_D, ENTER, TAB, Terminal

JSON = ("--dialect", "json")


class Student(LineClient):
    """A client of the json document, named ola."""

    def __init__(self, port):
        super().__init__(port)
        self.hear()
        self.say("set-name", "ola")
        self.hear()

    def say(self, kind, data):
        self.send(json.dumps({"type": kind, "data": data}))

    def hear(self):
        message = json.loads(self.line())
        assert message["type"] == "message"
        return f"{message['data']['source']}: {message['data']['message']}"


def from_server(source, text):
    return json.dumps({"type": "message", "data": {"source": source, "message": text}}) + "\n"


TYPED = """\
hello  "all" \\ of you
/setname basia
/history
/users
/priv ola hi  there
//list is a command
/shout it "loud"
/rename ela
/list
 /list
zażółć
"""

ON_THE_WIRE = [
    ("message", 'hello  "all" \\ of you'),
    ("set-name", "basia"),
    ("history", ""),
    ("users", ""),
    ("tell", "ola hi  there"),
    ("message", "/list is a command"),
    ("shout", 'it "loud"'),
    ("set-name", "ela"),
    ("users", ""),
    ("message", " /list"),
    ("message", "zażółć"),
    ("users", ""),  # to know that all has been taken
]

ANSWERS = [
    ("127.0.0.1:7", 'hello  "all" \\ of you'),
    ("[Server]", "127.0.0.1:7 renamed to basia"),
    ("[Server]", "Connected users: basia, ola"),
    ("ola", "  hi  basia"),
    ("[Server]", "basia renamed to ela"),
    ("[Server]", "Connected users: ela, ola"),
]


def test_every_byte_on_the_wire(client_engine):
    """S2-03 to S2-05, S2-18, S2-22, D-5, D-6: one object a line, and no set-name unasked."""
    received = []

    def serve(peer):
        peer.sock.sendall(from_server("[Server]", "127.0.0.1:7 has entered the chat").encode())
        received.extend(peer.line() for _ in ON_THE_WIRE)
        for answer in ANSWERS:
            peer.sock.sendall(from_server(*answer).encode())
        peer.sock.sendall(from_server("[Server]", "Connected users: ela, ola").encode())
        received.append(peer.line())

    with foreign_server(serve) as port:
        status, shown, errors = run(port, *JSON, "--engine", client_engine, typed=TYPED)
    assert received.pop() == b""
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in received)
    objects = [json.loads(line) for line in received]
    assert objects == [{"type": kind, "data": data} for kind, data in ON_THE_WIRE]
    entered = "[Server]: 127.0.0.1:7 has entered the chat\n"
    assert shown == entered + "".join(f"{source}: {text}\n" for source, text in ANSWERS)
    assert (status, errors) == (0, "")


def test_a_name_is_set_before_anything_is_said():
    """S2-04: and a name that is refused ends a pipe."""
    with running_server(dialect="json") as server, Student(server.port) as ola:
        status, _, errors = run(server.port, *JSON, "-l", "ala", typed="hello\n")
        assert (status, errors) == (0, "")
        heard = [ola.hear() for _ in range(3)]
        assert heard[0].endswith(" has entered the chat")
        assert heard[1].endswith(" renamed to ala")
        assert heard[2] == "ala: hello"
        status, shown, errors = run(server.port, *JSON, "-l", "OLA", typed="hello\n")
        assert (status, errors) == (1, "chatcli: nick OLA is taken\n")
        assert "hello" not in shown


def test_a_conversation(client_engine):
    """S2-04, S2-05, S2-09, S2-18: `source: message`, whoever the source is."""
    with running_server(dialect="json", greeting="Hej hej") as server:
        with Student(server.port) as ola:
            ola.hear()  # the greeting came before the new name
            with Piped(server.port, *JSON, "--engine", client_engine) as ala:
                entered = ola.hear()
                assert ala.line() == entered
                address = entered.removeprefix("[Server]: ").removesuffix(" has entered the chat")
                assert ala.line() == "[Server]: Hej hej"
                ala.type('hello "ola"\n')
                assert ala.line() == ola.hear() == f'{address}: hello "ola"'
                ola.say("message", "  hi")
                assert ala.line() == "ola:   hi"
                ala.type("/users\n")
                assert ala.line() == f"[Server]: Connected users: ola, {address}"
                ala.type("/setname basia\n")
                assert ala.line() == f"[Server]: {address} renamed to basia"
                ala.type("/setname ola\n")
                assert ala.line() == "[Server]: nick ola is taken"
                ala.type("/history\n")
                history = []
                while not history or history[-1] != f"[Server]: {address} renamed to basia":
                    history.append(ala.line())
                assert "ola:   hi" in history
                ala.type("/whoami\n//users\n")
                assert ala.line() == "[Server]: You are basia"
                assert ala.line() == "basia: /users"
                assert ala.finish() == (1, "", "")  # for the nick that was taken


def test_ignoring_others(client_engine):
    """D-9: -i hides what others say, by its source; one's own words and notices are shown."""
    with running_server(dialect="json") as server, Student(server.port) as ola:
        with Piped(server.port, *JSON, "-i", "--engine", client_engine) as ala:
            entered = ala.line()
            ola.say("message", "hello")
            ala.type("hi\n/setname ala\nhi again\n/nosuch\n")
            address = entered.removeprefix("[Server]: ").removesuffix(" has entered the chat")
            assert ala.line() == f"{address}: hi"
            assert ala.line() == f"[Server]: {address} renamed to ala"
            assert ala.line() == "ala: hi again"
            assert ala.line() == "[Server]: unknown command nosuch"
            assert ala.finish()[1] == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_it_knows_the_name_that_the_server_gives(host):
    """D-9: so that its own words are not hidden."""
    with running_server(dialect="json") as server:
        status, shown, _ = run(server.port, *JSON, "-s", host, "-i", typed="hello\n")
    assert (status, len(shown.splitlines())) == (0, 2)
    assert shown.endswith(": hello\n")


def go_away(peer):
    peer.line()
    peer.sock.sendall(from_server("[Server]", "bye").encode())


def test_the_server_goes_away(client_engine):
    """S2-20: it says so and ends, on a pipe..."""
    with foreign_server(go_away) as port, Piped(port, *JSON, "--engine", client_engine) as ala:
        ala.type("hello\n")
        assert ala.finish(end_input=False) == (1, "[Server]: bye\nServer disconnected\n", "")


def test_the_server_goes_away_at_a_terminal(client_engine):
    """S2-20: ...and at a terminal."""
    with foreign_server(go_away) as port, Terminal(port, *JSON, "--engine", client_engine) as ala:
        ala.type("hello", ENTER)
        assert ala.finish() == 1
        ala.shows("[Server]: bye", "Server disconnected")


def test_the_server_is_cut_off():
    """S2-20: then it says on stderr what broke."""

    def serve(peer):
        peer.line()
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer._file.close()
        peer.sock.close()

    with foreign_server(serve) as port, Piped(port, *JSON) as ala:
        ala.type("hello\n")
        result = ala.finish(end_input=False)
    complaint = "chatcli: the connection is lost: Connection reset by peer\n"
    assert result == (1, "Server disconnected\n", complaint)


@pytest.mark.parametrize(
    ("engine_name", "threads"), [("select", 1), ("asyncio", 1), ("threads", 2)]
)
def test_at_a_terminal(engine_name, threads):
    """S2-09, S2-04, D-6: the prompt shows the name that the server knows; notices are its own."""
    with running_server(dialect="json") as server, Student(server.port) as ola:
        with Terminal(server.port, *JSON, "--engine", engine_name) as ala:
            address = ola.hear().removeprefix("[Server]: ").removesuffix(" has entered the chat")
            ala.shows(f"[Server]: {address} has entered the chat", f"{address}>")
            ola.say("message", "hello ala")
            ala.shows("ola: hello ala", f"{address}>")
            ala.type("/setn", TAB, "ola", ENTER)
            ala.shows("[Server]: nick ola is taken", f"{address}>")
            ala.type("/setname basia", ENTER)
            ala.shows(f"[Server]: {address} renamed to basia", "* you are now basia", "basia>")
            ala.type("/whoami", ENTER)
            ala.shows("basia> /whoami", "[Server]: You are basia", "basia>")
            ala.type("/help", ENTER)
            wait_until(lambda: "Any other line is said to everybody." in ala.lines())
            shown = "\n".join(ala.lines())
            assert all(f"\n{command.usage} " in shown for command in JSON_COMMANDS.values())
            assert threads_of(ala.process.pid) == threads
            ala.type(CTRL_D)
            assert ala.finish() == 0
            assert "Server disconnected" not in ala.lines()


def test_a_nick_that_is_taken_at_a_terminal():
    """S2-04: it asks for another, and the server's words are shown as its words."""
    with running_server(dialect="json") as server, Student(server.port):
        with Terminal(server.port, *JSON, "-l", "ola") as ala:
            ala.shows("[Server]: nick ola is taken", "another nick:")
            ala.type("ala", ENTER)
            wait_until(lambda: ala.lines()[-1] == "ala>", "the prompt")


def test_what_a_hostile_server_says_is_clean():
    """S2-09: control characters hide in JSON's escapes."""
    chat = JsonChat(JsonClient(), "ala", login=False)
    chat.received(from_server("o\x1b[2Jla", "a\x1b]0;title\x07b\r\nc").encode())
    chat.received(from_server("[Server]", "Connected users: a\x1b[A, b\u202e").encode())
    chat.received(b'{"type":"message","data":{"source":"x\n')
    assert [line.text for line in chat.lines] == [
        "ola: ab\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}c",
        "[Server]: Connected users: a, b\N{REPLACEMENT CHARACTER}",
        '[Server]: {"type":"message","data":{"source":"x',
    ]
