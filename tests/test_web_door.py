"""Who of the pages enters when: by a nick that can be had, as a guest, or not at all."""

import pytest

from chatd.admins import make_admins
from chatd.moderation import Moderation
from webtalk import WebMemory, asking, codes, frame

SECRET = "open sesame"


def words(messages):
    """What is told, by event and words."""
    return [(each["event"], each["message"]) for each in messages]


def test_whoever_says_something_else_first_is_a_guest():
    """W-02, W-04: and what they said is carried out then, and concluded once."""
    page = WebMemory().page()
    page.send(frame(asking("message", "hi", "1")) + frame(asking("whoami", tag="2")))
    assert words(page.messages()) == [
        ("entered", "guest-0001 has entered the chat"),
        ("said", "hi"),
        ("done", ""),
        ("you", "You are guest-0001"),
        ("done", ""),
    ]


def test_whoever_says_nothing_is_a_guest():
    """W-02: after a second; who has asked for a nick is waited for."""
    world = WebMemory()
    silent, named = world.page(), world.page()
    assert named.ask("set-name", "[Server]")[0]["code"] == "bad-name"
    assert silent.session.patience == world._limits.web_silence == 1.0
    assert named.session.patience is None
    silent.wait_until_taken()
    assert words(silent.messages()) == [("entered", "guest-0001 has entered the chat")]
    assert silent.session.patience is None
    assert named.messages() == []


def test_a_guest_concludes_nothing_twice():
    """W-02, W-04: what was asked at the door has had its end there."""
    page = WebMemory().page()
    (failed,) = page.ask("oper", "root wrong", "1")
    assert (failed["code"], failed["tag"]) == ("wrong-secret", "1")
    page.wait_until_taken()
    assert words(page.messages()) == [("entered", "guest-0001 has entered the chat")]


def test_a_refused_nick_can_be_asked_for_again():
    """W-03: each refusal has its code and its tag; nothing else is done meanwhile."""
    world = WebMemory()
    world.page("ala")
    page = world.page()
    told = []
    for number, nick in enumerate(["ALA", "a:b", "", "x" * 40, "192.0.2.7:4000", "bob"]):
        told += page.ask("set-name", nick, str(number))
    assert codes(told) == [
        *("nick-taken", "bad-name", "missing-argument", "bad-name", "bad-name"),
        *("entered", "done"),
    ]
    assert [each["tag"] for each in told if "tag" in each] == list("012345")


def test_before_a_nick_that_is_had_nothing_is_done():
    """W-03: who has asked for one gets no other."""
    world = WebMemory()
    world.page("ala")
    page = world.page()
    told = page.ask("set-name", "ala", "1") + page.ask("message", "hi", "2")
    assert codes(told) == ["nick-taken", "not-logged-in"]
    assert [each["tag"] for each in told] == ["1", "2"]
    assert page.ask("set-name", "bob", "3")[-1]["event"] == "done"


def test_half_a_minute_at_the_door():
    """W-03, W-11: from accept, whatever is asked meanwhile."""
    world = WebMemory()
    page = world.page()
    for _ in range(29):
        world.later(1)
        page.ask("set-name", "a:b")
    world.later(1)
    messages, code, _ = page.farewell()
    assert (codes(messages), code) == (["login-deadline"], 1000)


@pytest.mark.parametrize("first", [("set-name", "bob"), ("message", "hi"), None])
def test_a_full_server(first):
    """W-03, W-11: it says so and closes, whatever comes first; a tag is concluded."""
    world = WebMemory({"limits.clients": "1"})
    world.page("ala")
    page = world.page()
    if first:
        page.send(frame(asking(*first, "1")))
    else:
        page.wait_until_taken()
    messages, code, _ = page.farewell()
    assert (codes(messages), code) == (["full"], 1000)
    assert [each.get("tag") for each in messages] == ["1" if first else None]


def test_a_full_server_has_places_for_moderators():
    """W-03: for who says so before."""
    world = WebMemory({"limits.clients": "1"})
    world.page("ala")
    world._dispatcher.moderation = Moderation(
        world.hub, world._limits, admins=make_admins(["root"], SECRET)
    )
    page = world.page()
    assert codes(page.ask("oper", "root wrong", "1")) == ["wrong-secret"]
    assert codes(page.ask("oper", f"root {SECRET}", "2")) == ["notice", "done"]
    assert codes(page.ask("set-name", "bob", "3")) == ["entered", "done"]
