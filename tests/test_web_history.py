"""The past as pages see it: each event as it was live, and found again by its id."""

import pytest

from chat import RawClient
from chatd.dialects.webchat import WebChat
from chatd.events import Found, History, Hit, LoggedIn, Missed, Record, Said
from webtalk import Browser, WebMemory, asking, frame, read_frames, read_message, web_server

# -- its form --------------------------------------------------------------------------------------

STAMPS = {"id": "1-7", "time": "2001-09-09T01:46:40Z"}
SAID = Record(2**32 + 7, 1e9, "tea", Said("tea", "ala", "a\nb"))
CAME = Record(2**32 + 7, 1e9, "general", LoggedIn("ala", "192.0.2.1:1", "welcome"))


def encoded(event, own=False):
    ((_, payload),) = read_frames(WebChat.encode(event, own))
    return read_message(payload)


def test_what_the_past_looks_like():
    """W-06, W-09: as it was live, without own; what is missing is a record of its own."""
    live = {"source": "ala", "message": "a\nb", "event": "said", "room": "tea", **STAMPS}
    gap = Record(2**32 + 7, 1e9, "", Missed(3, 2**32 + 7))
    server = {"source": "[Server]", "own": True}
    assert encoded(History("tea", (SAID, gap), True, "after 1-7"), True) == {
        **server,
        "message": "History of tea",
        "event": "history",
        "room": "tea",
        "more": "after 1-7",
        "records": [
            live,
            {
                "source": "[Server]",
                "message": "3 events were not stored",
                "event": "missed",
                "count": 3,
                **STAMPS,
            },
        ],
    }
    assert encoded(Found("a b", "tea", (Hit(SAID, (CAME,), ()),)), True) == {
        **server,
        "message": "1 message with a b in tea",
        "event": "found",
        "words": "a b",
        "room": "tea",
        "records": [
            {
                "source": "[Server]",
                "message": "ala has entered the chat",
                "event": "entered",
                "nick": "ala",
                **STAMPS,
            },
            {**live, "found": True},
        ],
    }
    assert encoded(History("General", ()), True)["message"] == "History of General"


def test_a_greeting_is_for_who_comes():
    world = WebMemory({"greeting": "have fun"})
    ala = world.page()
    (came,) = ala.ask("set-name", "ala")
    assert (came["nick"], came["greeting"]) == ("ala", "have fun")
    world.page("bob")
    assert "greeting" not in ala.messages()[0]
    records = ala.ask("history", "General 5")[0]["records"]
    assert [sorted({*each} - {"id", "time"}) for each in records] == [
        ["event", "message", "nick", "source"]
    ] * 2


# -- ids -------------------------------------------------------------------------------------------


def live(page, count):
    """Take so many events that are remembered, as the history tells them."""
    found = []
    while len(found) < count:
        message = page.message()
        if "id" in message:
            message.pop("own", None)
            message.pop("greeting", None)
            found.append(message)
    return found


def history(page, text):
    page.send(frame(asking("history", text, "h")))
    while (answer := page.message())["event"] != "history":
        pass
    assert page.message()["event"] == "done"
    return answer["records"]


@pytest.mark.parametrize(
    ("engine", "stored"),
    [("threads", False), ("select", False), ("asyncio", False), ("select", True)],
)
def test_a_page_that_comes_back_misses_nothing(engine, tmp_path, stored):
    """W-06: by the id of the last event that it has seen, also over a restart with a store."""
    store = f"sqlite:///{tmp_path}/history.db" if stored else "none"
    with web_server(engine=engine, store=store) as server, Browser(server.port) as witness:
        witness.open_socket()
        events = [witness.ask_page("set-name", "eva")]
        del events[0]["own"]
        with Browser(server.port) as page:
            page.open_socket()
            page.send(frame(asking("set-name", "ala")) + frame(asking("message", "one")))
            seen = live(page, 2)
        with RawClient(server.port, nick="bob") as bob:
            bob.send("PUB two")
            bob.send("LOGIN bill")
            assert bob.line() == "OK"
        events += live(witness, 7)  # eva, ala, one, ala, bob, two, bill, bill
        assert events[1:3] == seen
        numbers = [int(each["id"].partition("-")[2]) for each in events]
        assert numbers == list(range(numbers[0], numbers[0] + 8))
        with Browser(server.port) as page:
            page.open_socket()
            missed = history(page, f"General after {seen[-1]['id']}")
            assert missed[:-1] == events[3:]
            assert missed[-1]["nick"] == "guest-0001"
    if stored:
        with web_server(engine=engine, store=store) as server, Browser(server.port) as page:
            page.open_socket()
            again = history(page, f"General after {seen[-1]['id']}")
            assert [each for each in again if each["id"] in {e["id"] for e in events}] == events[3:]
            ids = [tuple(map(int, each["id"].split("-"))) for each in again]
            assert ids == sorted(set(ids))
            assert (again[-1]["event"], again[-1]["nick"]) == ("entered", "guest-0001")
