"""The parts of chatcheck client: scenarios, command lines, the wire."""

import socket
import time

import pytest

from chatcli.check.client_command import Command, login_name
from chatcli.check.client_manners import MANNERS
from chatcli.check.client_scenario import ClientScenario, ClientStep, read, read_all
from chatcli.check.client_wire import Door, can_listen
from chatcli.check.report import DOCUMENTS, titles
from chatcli.check.scenario import Paragraph
from chatcli.check.text import expected

# -- scenarios -------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", MANNERS)
def test_scenarios_that_come_with_it(dialect):
    """Each blames a requirement of its document, and depends only on what comes before it."""
    before = set()
    for scenario in read_all(dialect):
        assert scenario.requirement in titles(), scenario.place
        assert scenario.requirement.startswith((DOCUMENTS[dialect], "D-")), scenario.place
        assert scenario.level and scenario.title, scenario.place
        assert scenario.steps, scenario.place
        assert set(scenario.settings.get("if passed", "").split()) <= before, scenario.place
        before.add(scenario.requirement)
        for step in scenario.steps:
            expected(step.text)  # or it says what is wrong with it


def test_a_scenario(tmp_path):
    path = tmp_path / "crlf.txt"
    path.write_text(
        "# S0-30 [S] /list asks\n# also S0-10\noptions: -i\nclient logs in\nclient types \n"
        "server < LIST\n\n# no title\nclient ends\n"
    )
    first, second = read(path, "crlf")
    assert (first.requirement, first.level, first.title) == ("S0-30", "S", "/list asks")
    assert (first.place, first.settings) == ("crlf.txt:1", {"options": "-i"})
    assert first.steps == [
        ClientStep(4, "client logs in"),
        ClientStep(5, "client types", ""),
        ClientStep(6, "server <", "LIST"),
    ]
    assert (second.requirement, second.steps) == ("", [ClientStep(9, "client ends")])


@pytest.mark.parametrize("line", ["client dances", "server <<< x", "ala > hi", "option: -i"])
def test_lines_that_are_none(tmp_path, line):
    path = tmp_path / "crlf.txt"
    path.write_text(f"# title\n{line}\n")
    with pytest.raises(ValueError, match=r"crlf\.txt:2: what is"):
        read(path, "crlf")


# -- command lines ---------------------------------------------------------------------------


def scenario(dialect="crlf", **settings):
    made = ClientScenario(Paragraph(titles, 1), dialect)
    made.settings = {name.replace("_", " "): value for name, value in settings.items()}
    return made


def started(command, port=7, **settings):
    launch = command.launch(scenario(**settings))
    return launch.arguments(port), launch.keyboard(port)


@pytest.mark.parametrize(
    ("dialect", "arguments", "keyboard"),
    [
        ("crlf", "-s 127.0.0.1 -p 7 -l janek", []),
        ("json", "127.0.0.1 7", []),
        ("slash", "", ["localhost", "7"]),
        ("words", "127.0.0.1", []),
        ("rooms", "127.0.0.1 7 janek", []),
    ],
)
def test_without_placeholders_a_client_is_started_as_documented(dialect, arguments, keyboard):
    command = Command(dialect, ("client", "-x"))
    assert started(command) == (["client", "-x", *arguments.split()], keyboard)
    assert command.port == (10000 if dialect == "words" else 0)
    assert command.unsuited(scenario(needs="document")) == ""


def test_placeholders():
    command = Command("crlf", ("sh", "-c", "x {host}:{port} {nick} {options}", "{options}", "{x}"))
    arguments, keyboard = started(command, options="-i '-k v'")
    assert arguments == ["sh", "-c", "x 127.0.0.1:7 janek -i '-k v'", "-i", "-k v", "{x}"]
    assert keyboard == []
    assert started(command)[0][2:] == ["x 127.0.0.1:7 janek ", "{x}"]


def test_what_is_typed_first():
    command = Command("json", ("client",), host="::1", type_first=r"{host}\n{port}\n\n{nick}\n")
    assert started(command) == (["client"], ["::1", "7", "", "janek"])
    assert command.port == 0


def test_nicks():
    assert Command("crlf", ("client", "{port}")).nick == login_name()
    assert Command("crlf", ("client", "{nick}")).nick == "janek"
    assert Command("rooms", ("client", "{port}")).nick == "janek"
    assert Command("crlf", ("client", "{nick}"), nick="ala").nick == "ala"


@pytest.mark.parametrize(
    ("words", "settings", "reason"),
    [
        ("client {port}", {"options": "-i"}, "the command has no {options}"),
        ("client {port}", {"arguments": "{host}"}, "only for a command without placeholders"),
        ("client {port}", {"needs": "document"}, "only for a command without placeholders"),
        ("client {port}", {"host": "127.0.0.1"}, "the command has no {host}"),
        ("client {host}", {"host": "192.0.2.1"}, "there is no address 192.0.2.1 here"),
        ("client", {"needs": "terminal"}, "for terminals: --pty"),
        ("client", {"arguments": "{host}", "options": "-i", "needs": "document"}, ""),
        ("client {host} {options}", {"host": "127.0.0.1", "options": "-i"}, ""),
    ],
)
def test_clients_that_do_not_suit_a_scenario(words, settings, reason):
    assert Command("crlf", words.split()).unsuited(scenario(**settings)).startswith(reason)


# -- the wire --------------------------------------------------------------------------------


@pytest.fixture
def wire():
    """A client's socket, and the server's end of it."""
    door = Door("127.0.0.1")
    with socket.create_connection(("127.0.0.1", door.port)) as sock:
        peer = None
        while peer is None:
            peer = door.accept(door.listeners[0])
        yield sock, peer
        peer.close()
    door.close()


def arrive(wire, *pieces):
    """Send pieces, each of which is received apart."""
    sock, peer = wire
    for piece in pieces:
        wanted = len(peer.received) + len(piece)
        sock.sendall(piece)
        while len(peer.received) < wanted:
            peer.receive()


def messages(peer):
    return [message for _, message in peer.messages(0)]


def let_it_be_quiet(peer, count):
    deadline = time.monotonic() + 10
    while len(messages(peer)) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(messages(peer)) == count


def test_lines_and_what_is_left(wire):
    arrive(wire, b"one\r\ntwo\nthr", b"ee")
    assert messages(wire[1])[:2] == ["one", "two"]
    let_it_be_quiet(wire[1], 3)
    assert messages(wire[1])[2] == "three"


def test_nothing_is_a_message_twice(wire):
    peer = wire[1]
    arrive(wire, b"one\r\none\r\n")
    assert peer.find("one".__eq__)
    assert peer.find("one".__eq__)
    assert not peer.find("one".__eq__)


def test_an_end_that_comes_late_is_no_message(wire):
    peer = wire[1]
    arrive(wire, b"one")
    let_it_be_quiet(peer, 1)
    assert peer.find("one".__eq__)
    arrive(wire, b"\r\n", b"two\r\n")
    assert peer.take(lambda rest: 3 if rest.startswith("two") else None)
    assert peer.received[peer.place :] == b"\r\n"


def test_chunks_that_ran_together(wire):
    peer = wire[1]
    arrive(wire, b"groups", b"users")
    let_it_be_quiet(peer, 1)
    assert peer.find("users".__eq__)


def test_bytes_that_are_no_text(wire):
    peer = wire[1]
    arrive(wire, b"a\xff\xc5\x82\r\n\r\n")
    assert peer.take(lambda rest: 3)
    assert peer.received[peer.place :] == b"\r\n\r\n"


def test_the_end(wire):
    sock, peer = wire
    arrive(wire, b"last")
    sock.shutdown(socket.SHUT_WR)
    while peer.wants_more:
        peer.receive()
    assert peer.ended
    assert messages(peer) == ["last"]


def test_a_door_on_localhost_is_open_by_all_protocols():
    """S1-01: there are clients for each."""
    door = Door("localhost")
    hosts = ["127.0.0.1", *(["::1"] if can_listen("::1") else [])]
    assert len(door.listeners) == len(hosts)
    for host in hosts:
        socket.create_connection((host, door.port)).close()
    door.close()
