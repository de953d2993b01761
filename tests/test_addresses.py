"""Where people come from: told to nobody who need not know it."""

import json

import pytest

import chatd.events
from chat import LineClient, RawClient, chatd_process
from chatd.banfile import BanFile
from chatd.bans import Kept, Sanction
from chatd.config import Listen
from chatd.console import describe, without_addresses
from chatd.events import Connected, Disconnected, Inspected, LoggedIn, Moderated, Promoted, Refused
from chatd.testing import running_server
from piped import run
from plugging import logged

HERE = "127.0.0.1"


def heard(client):
    """What a json client is told next."""
    data = json.loads(client.line())["data"]
    return f"{data['source']}: {data['message']}"


def test_whoever_enters_json_without_a_nick_is_a_guest(engine):
    """S2-10, if the operator says so; a number that somebody took as a nick is passed over."""
    settings = {"engine": engine, "guest_names": True, "listen": (Listen("json", HERE),)}
    with running_server(**settings) as server, RawClient(server.port, nick="Guest-0002") as ala:
        with LineClient(server.ports["json"]) as one, LineClient(server.ports["json"]) as other:
            assert heard(one) == "[Server]: guest-0001 has entered the chat"
            told = {heard(other), heard(one)}
            assert told == {"[Server]: guest-0003 has entered the chat"}
            other.send('{"type":"message","data":"hello"}')
            assert heard(one) == "guest-0003: hello"
            assert ala.line() == "PUB_MSG hello"
            assert ala.ask("LIST") == "USERS Guest-0002 guest-0001 guest-0003"
            one.send('{"type":"history"}')
            assert all(HERE not in heard(one) for _ in range(3))


def test_no_guest_gets_a_name_that_is_banned_or_muted(tmp_path):
    bans = tmp_path / "bans.json"
    kept = Kept((Sanction("Guest-0001", "eva"),), (Sanction("guest-0002", "eva"),))
    BanFile(bans).write(lambda: kept)
    with running_server(dialect="json", guest_names=True, bans=bans) as server:
        with LineClient(server.port) as one:
            assert heard(one) == "[Server]: guest-0003 has entered the chat"


def test_chatcli_learns_what_it_is_called():
    with running_server(dialect="json", guest_names=True) as server:
        status, shown, errors = run(server.port, "--dialect", "json", typed="hello\n")
    assert (status, errors) == (0, "")
    assert "guest-0001: hello" in shown


EVENTS = [
    Connected("192.0.2.7:1"),
    LoggedIn("ala", "192.0.2.7:1"),
    Disconnected("192.0.2.7:1", "connection closed"),
    Refused("192.0.2.7:1", "nick ala is taken"),
    Inspected(("192.0.2.7:1", "192.0.2.7:2"), ("ala",)),
    Promoted("root", "ala", "192.0.2.7:1"),
    Moderated("ala", "bans", address="192.0.2.7/32"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_the_log_can_do_without(event):
    assert "192.0.2.7" in "".join(describe(event))
    lines = without_addresses(describe)(event)
    assert lines
    assert "192.0.2.7" not in "".join(lines)


def test_no_event_with_an_address_was_forgotten():
    known = {type(event) for event in EVENTS}
    kinds = [kind for kind in vars(chatd.events).values() if hasattr(kind, "__struct_fields__")]
    fields = {kind: set(kind.__struct_fields__) & {"address", "addresses"} for kind in kinds}
    assert {kind for kind, found in fields.items() if found} == known


def test_a_log_without_addresses(tmp_path):
    options = ("--host", HERE, "--no-log-addresses", "--guest-names")
    with logged(tmp_path, *options) as (port, lines), RawClient(port, nick="ala") as ala:
        with RawClient(port) as eve:
            assert eve.ask("LOGIN ala") == "ERROR nick ala is taken"
        ala.send("PUB hello")
        ala.ask("LIST")
    assert not [line for line in lines if HERE in line and not line.startswith("listening")]
    assert "connected" in lines
    assert "logged in ala" in lines


def test_a_log_with_addresses(tmp_path):
    with chatd_process(tmp_path, "-v") as process, RawClient(process.port, nick="ala") as ala:
        address = ala.address
        assert any(f"logged in ala from {address}" in line.decode() for line in process.stdout)
