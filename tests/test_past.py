"""How the past is told: by servers, and by the clients that show it."""

import time

import pytest

from chatcli.chat import Chat
from chatcli.dialects import JsonChat
from chatd.dialects.crlf import Crlf, CrlfClient
from chatd.dialects.jsonl import Json, JsonClient
from chatd.dialects.past import found_text, missed_text, read_missed, recall, shown_stamp
from chatd.dialects.rooms import RoomsClient, RoomsDialect
from chatd.dialects.slash import Slash, SlashClient
from chatd.dialects.words import Words, WordsClient
from chatd.events import (
    GENERAL,
    Found,
    History,
    Hit,
    Missed,
    Notice,
    Recalled,
    Record,
    Said,
    Told,
)
from chatd.ids import make_id
from fakes import remembered


@pytest.fixture(autouse=True)
def warsaw(monkeypatch):
    """Clocks differ; the one beside the reader is what counts."""
    monkeypatch.setenv("TZ", "Europe/Warsaw")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


SAID = Record(make_id(7, 41), 1795288831.0, "general", Said(GENERAL, "ala", "cake?"))
TOLD = Record(
    make_id(7, 42), 1795288832.0, "", Told("ala", "bob", "psst"), ("ala@10.0.0.1", "bob@10.0.0.2")
)
GAP = Record(make_id(7, 43), 1795288833.0, "", Missed(4, make_id(7, 46)))
KILLED = Record(make_id(7, 47), 1795288834.0, "", Missed(0, make_id(8, 0) - 1))
PAGE = History(GENERAL, (SAID, TOLD, GAP, KILLED), True, "before 7-41")
FOUND = Found("cake", "", (Hit(SAID, remembered(Said(GENERAL, "bob", "x")), ()),))
LOCAL = "2026-11-21 20:20"


def test_a_page_in_crlf():
    assert Crlf.encode(PAGE, True).decode().split("\r\n") == [
        "HISTORY 7-41 2026-11-21T19:20:31Z General ala cake?",
        "HISTORY 7-42 2026-11-21T19:20:32Z @bob ala psst",
        "NOTICE 4 events were not stored",
        "NOTICE what was said last before the server was killed may be missing",
        "NOTICE there is more before 7-41",
        "OK",
        "",
    ]


def shown(dialect, client, event):
    """The lines that chatcli shows of an answer."""
    chat = {"crlf": Chat, "json": JsonChat}[dialect](client, "ala", login=False)
    chat.received(event)
    return [line.text for line in chat.lines]


def test_a_page_in_json_and_how_the_client_shows_it():
    client = JsonClient()
    assert [event for event, _ in client.feed(Json.encode(PAGE, True))] == [
        Recalled(Record(SAID.id, SAID.time, GENERAL, SAID.event)),
        Recalled(Record(TOLD.id, TOLD.time, GENERAL, Told("ala", "", "psst"))),
        Recalled(Record(GAP.id, GAP.time, GENERAL, Notice("4 events were not stored"))),
        Recalled(Record(KILLED.id, KILLED.time, GENERAL, Notice(missed_text(KILLED.event)))),
        Notice("there is more: before 7-41"),
    ]
    assert shown("json", client, Json.encode(PAGE, True)) == [
        f"ala: [7-41 {LOCAL}] cake?",
        f"ala: [7-42 {LOCAL}] (private) psst",
        f"[Server]: [7-43 {LOCAL}] 4 events were not stored",
        f"[Server]: [7-47 {LOCAL}] {missed_text(KILLED.event)}",
        "[Server]: there is more: before 7-41",
    ]


@pytest.mark.parametrize(
    "dialect, said, told, server",
    [
        (Words, "[ala]: cake?", "[ala(*)]: psst", "[ServerMessage] - "),
        (Slash, "ala: cake?", "[prywatna] ala: psst", ""),
        (RoomsDialect, "In group General, ala: cake?", "Private message from ala: psst", ""),
    ],
)
def test_a_page_in_plain_texts(dialect, said, told, server):
    assert dialect.encode(PAGE, True).decode().splitlines() == [
        f"[7-41 {LOCAL}] {said}",
        f"[7-42 {LOCAL}] {told}",
        f"[7-43 {LOCAL}] {server}4 events were not stored",
        f"[7-47 {LOCAL}] {server}{missed_text(KILLED.event)}",
        f"{server}there is more: before 7-41",
    ]
    assert dialect.encode(FOUND, True).decode().splitlines()[::2] == [
        f"{server}1 message with cake",
        f"-> [7-41 {LOCAL}] {said}",
    ]


def test_what_the_client_shows_of_what_comes_in_crlf():
    assert shown("crlf", CrlfClient(), Crlf.encode(FOUND, True)) == [
        "1 message with cake",
        "[0-1 2001-09-09 03:46] General bob: x",
        f"-> [7-41 {LOCAL}] General ala: cake?",
    ]
    assert shown("crlf", CrlfClient(), Crlf.encode(PAGE, True))[1] == (
        f"[7-42 {LOCAL}] @bob ala: psst"
    )


@pytest.mark.parametrize(
    "server, client",
    [(Crlf, CrlfClient), (Json, JsonClient), (Slash, SlashClient), (Words, WordsClient)]
    + [(RoomsDialect, RoomsClient)],
)
def test_every_client_understands_the_past(server, client):
    """Ids are exact in every dialect, times to the minute in plain texts."""
    end = client()
    events = [event for event, _ in end.feed(server.encode(FOUND, True))]
    before, hit = [event for event in events if isinstance(event, Recalled)]
    assert (before.found, hit.found) == (False, True)
    assert (before.record.id, hit.record.id) == (make_id(0, 1), SAID.id)
    assert hit.record.event == SAID.event
    assert abs(hit.record.time - SAID.time) < 60


def test_what_is_missing_is_read_again():
    for missed in (Missed(4, 0), Missed(0, 0)):
        assert read_missed(missed_text(missed)) == missed
    assert read_missed("many events were not stored") is None


@pytest.mark.parametrize(
    "line", ["HISTORY", "HISTORY a b c d e", "FOUND 1-1 x", "HISTORY General ala hi"]
)
def test_what_other_servers_call_so(line):
    (shown,) = [event for event, _ in CrlfClient().feed(f"{line}\r\n".encode())]
    assert shown == Notice(line.partition(" ")[2])


def test_times_of_other_servers_in_json():
    line = b'{"type":"message","data":{"source":"a","message":"b","id":"1","time":"soon"}}\n'
    assert [event for event, _ in JsonClient().feed(line)] == [Said(GENERAL, "a", "b")]


def test_what_is_found_is_counted():
    assert found_text(Found("a b", "", ())) == "0 messages with a b"
    assert found_text(Found("a", "tea", (Hit(SAID), Hit(TOLD)))) == "2 messages with a in tea"
    found = recall("1-2", "2026-01-01T00:00:00Z", GENERAL, SAID.event, True)
    assert shown_stamp(found) == "-> [1-2 2026-01-01 01:00] "
