"""How the past is told: by servers, and by the clients that show it."""

import re
import time

import pytest

from chatd.dialects.crlf import Crlf, CrlfClient
from chatd.dialects.jsonl import Json, JsonClient
from chatd.dialects.past import as_shown, found_text, missed_text
from chatd.dialects.rooms import RoomsDialect
from chatd.dialects.slash import Slash
from chatd.dialects.words import Words
from chatd.events import GENERAL, Found, History, Hit, Missed, Notice, Record, Said, Told
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


def test_a_page_in_json_and_how_the_client_shows_it():
    client = JsonClient()
    assert [event for event, _ in client.feed(Json.encode(PAGE, True))] == [
        Said(GENERAL, "ala", f"[7-41 {LOCAL}] cake?"),
        Said(GENERAL, "ala", f"[7-42 {LOCAL}] (private) psst"),
        Notice(f"[7-43 {LOCAL}] 4 events were not stored"),
        Notice(f"[7-47 {LOCAL}] {missed_text(KILLED.event)}"),
        Notice("there is more: before 7-41"),
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


def test_the_client_shows_what_comes_in_crlf():
    client = CrlfClient()
    shown = [event for event, _ in client.feed(Crlf.encode(FOUND, True))]
    assert [one.text for one in shown[:3]] == [
        "1 message with cake",
        "[0-1 2001-09-09 03:46] General bob: x",
        f"-> [7-41 {LOCAL}] General ala: cake?",
    ]


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
    assert re.fullmatch(
        r"-> \[1-2 \d{4}-\d\d-\d\d \d\d:\d\d\] x",
        as_shown("1-2", "2026-01-01T00:00:00Z", "x", True),
    )
