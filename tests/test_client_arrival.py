"""A client's arrival: in which order it tells what was missed and what is heard meanwhile."""

from chatcli.client import calls
from chatcli.client.news import Disconnected, Reconnected
from chatd.dialects.jsonl import JsonClient
from chatd.events import GENERAL, LoggedIn, Missed, Said
from presences import Life, stats


def test_what_is_heard_during_an_arrival_comes_behind_what_was_missed():
    life = Life().enter()
    life.server("PUB_MSG heard")
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", "PRIV_FROM ola psst", "PUB_MSG both")
    life.server(*stats(13), "PUB_MSG live")
    assert life.sent()[-2:] == ["HISTORY General 200 after 7-10", "LIST"]
    when = "2026-01-01T00:00:00Z General"
    life.server(
        f"HISTORY 7-11 {when} ola heard",
        f"HISTORY 7-12 {when} ola missed",
        f"HISTORY 7-13 {when} ola both",
        f"HISTORY 7-14 {when} ola live",
        "OK",
        "USERS ala",
    )
    told = life.told()
    assert [getattr(event, "text", type(event)) for event in told] == [
        "heard",
        Disconnected,
        "missed",
        "both",
        Reconnected,
        "psst",
        "live",
    ]


def test_what_is_heard_while_the_id_is_told_is_told_once():
    """Between the two answers nobody can tell but the history itself."""
    when = "2026-01-01T00:00:00Z General"
    for stored in ([], [16]):
        life = Life().enter()
        life.presence.lost("gone")
        life.presence.connected()
        life.server("OK")
        for n in range(11, 17):  # always there is something between
            life.server(*stats(n)[:2], f"PUB_MSG {n}")
        assert life.sent()[-2:] == ["HISTORY General 200 after 7-10", "LIST"]
        past = [f"HISTORY 7-{n} {when} ola {n}" for n in [11, 12, 13, 14, 15]]
        life.server(*past[: 4 + len(stored)], "OK", "USERS ala")
        found = [event.text for event in life.told() if isinstance(event, Said)]
        assert found == ["11", "12", "13", "14", "15", "16"]


def test_when_the_ids_are_equal_all_is_clear():
    life = Life()
    life.presence.connected()
    life.server("OK", "PUB_MSG x", *stats(11, between=["PUB_MSG x"]), "PUB_MSG x")
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", *stats(14))
    when = "2026-01-01T00:00:00Z General"
    life.server(*(f"HISTORY 7-{n} {when} ola x" for n in (12, 13, 14)), "OK", "USERS ala")
    told = [type(event) for event in life.told()]
    assert told == [Said, Said, Said, Disconnected, Said, Reconnected]


def test_an_old_message_does_not_hide_a_new_one_like_it():
    """What was heard ahead of the bookmark does not count."""
    life = Life()
    life.presence.connected()
    life.server("OK", "PUB_MSG x", *stats(11), "PUB_MSG x")
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", *stats(14))
    when = "2026-01-01T00:00:00Z General"
    life.server(*(f"HISTORY 7-{n} {when} ola x" for n in (12, 13, 14)), "OK", "USERS ala")
    assert [type(event) for event in life.told()] == [
        Said,
        Said,
        Disconnected,
        Said,
        Said,
        Reconnected,
    ]


def test_a_gap_in_the_history_is_told():
    life = Life().enter()
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", *stats(2, epoch=8))
    when = "2026-01-01T00:00:00Z General"
    life.server(
        f"HISTORY 7-12 {when} ola a",
        "NOTICE 4 events were not stored",
        f"HISTORY 8-1 {when} ola b",
        "OK",
        "USERS ala",
    )
    assert life.told()[1:-1] == [Said(GENERAL, "ola", "a"), Missed(4, 0), Said(GENERAL, "ola", "b")]


def test_the_bookmark_moves():
    life = Life().enter()
    for number in range(200):
        life.server(f"PUB_MSG {number}")
    assert life.sent() == ["STATS", "LIST"]
    life.server("PUB_MSG meanwhile", *stats(300), "PUB_MSG behind")
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", *stats(302))
    assert "HISTORY General 200 after 7-300" in life.sent()


def test_what_was_said_in_a_room_before_one_came_was_not_missed():
    life = Life().enter()
    _, done = life.call(calls.named("join", "tea"))
    assert life.sent() == ["JOIN tea", "LIST"]
    life.server("OK", "USERS ala")
    assert done
    assert life.sent() == ["STATS", "LIST"]
    _, done = life.call(calls.named("join", "coffee"))
    answer, users = stats(20)[:2]
    life.server(answer, users, "OK", users, answer, users)
    assert life.sent()[-2:] == ["STATS", "LIST"]
    life.server(*stats(30))
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", "OK", "USERS ala", "OK", "USERS ala", *stats(40))
    assert life.sent()[-2:] == ["HISTORY General 200 after 7-30", "LIST"]


def test_others_who_come_during_an_arrival_are_told():
    """The first one that json tells of is the client itself, under its address."""
    life = Life(dialect=JsonClient)
    life.presence.connected()
    notice = '{"type":"message","data":{"source":"[Server]","message":"%s"}}'
    told = ["1.2.3.4:5 has entered the chat", "ola has entered the chat"]
    life.server(*(notice % text for text in [*told, "1.2.3.4:5 renamed to ala"]))
    told = ["ela has entered the chat", *["last_id 7-10", "Connected users: ala"] * 2]
    life.server(*(notice % text for text in told))
    assert life.told() == [LoggedIn("ola"), LoggedIn("ela")]
