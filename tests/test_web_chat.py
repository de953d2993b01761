"""What pages say and hear: every event with its keys, who enters when, one end for each tag."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from chat import PATIENCE, RawClient
from chatd.admins import make_admins
from chatd.commands import Command
from chatd.config import Listen
from chatd.dialects.webchat import WebChat
from chatd.events import Found, History, Hit, LoggedIn, Missed, Record, Said
from chatd.flood import Pace
from chatd.limits import Limits
from chatd.moderation import Moderation
from fakes import Pool
from transcript import MemoryClient
from webtalk import (
    Browser,
    MemoryPage,
    WebMemory,
    asking,
    frame,
    read_frames,
    read_message,
    web_server,
)

SECRET = "open sesame"
DOCUMENT = Path(__file__).parent.parent / "docs" / "wire" / "web.md"


def words(messages):
    """What is told, by event and words."""
    return [(each["event"], each["message"]) for each in messages]


def codes(messages):
    return [each.get("code", each["event"]) for each in messages]


# -- all of it -------------------------------------------------------------------------------------


def session_of_the_page():
    """The steps of the session in web.md: who, what, and the text behind it."""
    block = DOCUMENT.read_text(encoding="utf-8").split("```session\n")[1].split("```")[0]
    return [line.split(" ", 2) for line in block.splitlines()]


def test_the_session_in_the_document():
    """W-01, W-02, W-03, W-04, W-05, W-06, W-07, W-08, W-09: to the byte, but for times."""
    world = WebMemory()
    epoch = world.hub.last_id >> 32
    people, unread = {}, {}
    for who, what, text in session_of_the_page():
        page = people.get(who) or people.setdefault(who, world.page())
        seen = unread.setdefault(who, [])
        if what == ">":
            assert not seen
            page.send(frame(text.replace("28066112-", f"{epoch}-")))
        elif what == "<":
            seen.extend([] if page._transport.ended else page.frames())
            _, payload = seen.pop(0)
            told = payload.decode().replace(f"{epoch}-", "28066112-")
            told = re.sub(r'"time":"[\d:TZ-]+"', '"time":"2026-11-21T19:20:11Z"', told)
            assert told == f'{{"type":"message","data":{text}}}'
        else:
            assert page.farewell() == ([], int(text), "")
    assert not any(unread.values())


def test_the_program_in_the_document(capsys):
    """W-01: it says what it says it does, and ends when the server does."""
    program = DOCUMENT.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    with web_server() as server:
        program = program.replace("localhost:5000", f"localhost:{server.port}")
        with ThreadPoolExecutor() as pool, Browser(server.port) as witness:
            witness.open_socket()
            witness.ask_page("set-name", "eva")
            running = pool.submit(exec, program, {})
            assert until_said(witness)["message"] == "hello from Python"
            server.server.stop()
            running.result(PATIENCE)
    assert capsys.readouterr().out.splitlines() == [
        "[Server]: ala has entered the chat",
        "ala: hello from Python",
        "[Server]: the server is shutting down",
    ]


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


# -- entering --------------------------------------------------------------------------------------


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


# -- tags ------------------------------------------------------------------------------------------


def test_each_tag_has_one_end_behind_its_answers():
    """W-04: in the order of the requests, whatever becomes of them, also where some wait."""
    slow = Command("slowly", lambda ctx: ctx.reply("slow"), blocks=True)
    world = WebMemory(commands=[slow])
    pool = world._dispatcher._pool = Pool()
    page = world.page("ala")
    asked = [
        ("users", None),
        ("slowly", None),
        ("dance", "x"),
        ("message", "hi"),
        ("message", "a\x07"),
        ("join", "nowhere"),
        ("slowly", None),
        ("message", ""),
        ("kick", "ala"),
        ("set-name", "ala"),
        ("whoami", None),
    ]
    page.send(b"".join(frame(asking(*each, str(n))) for n, each in enumerate(asked)))
    pool.jobs.popleft().run()
    page.send(b"")
    pool.jobs.popleft().abandon()  # it took too long
    page.send(b"")
    told = page.messages()
    ends = [each for each in told if "tag" in each]
    assert [each["tag"] for each in ends] == [str(n) for n in range(len(asked))]
    assert codes(ends) == [
        *("done", "done", "unknown-command", "done", "bad-text", "no-such-room"),
        *("timeout", "missing-argument", "not-a-moderator", "done", "done"),
    ]
    assert codes(told)[:4] == ["users", "done", "notice", "done"]


def test_what_cannot_be_understood_has_no_tag():
    """W-04, W-10: one error, and the next message counts; what went before keeps its tag."""
    page = WebMemory().page("ala")
    for nonsense, code in (
        ("", "bad-json"),
        ("{", "bad-json"),
        ("[]", "bad-message"),
        ('"message"', "bad-message"),
        ("{}", "bad-message"),
        ('{"type":5,"tag":"1"}', "bad-message"),
        ('{"type":"message","data":["x"],"tag":"1"}', "bad-message"),
        ('{"type":"message","data":"x","tag":1}', "bad-message"),
        ('{"type":"message","data":"\\ud800","tag":"1"}', "bad-json"),
        ("[" * 4000, "bad-message"),
        ("x" * 4097, "line-too-long"),
    ):
        page.send(frame(asking("whoami", tag="0")) + frame(nonsense))
        told = page.messages()
        assert codes(told) == ["you", "done", code]
        assert [each.get("tag") for each in told] == [None, "0", None]
    assert codes(page.ask("message", "hi", "2")) == ["said", "done"]


# -- what others see -------------------------------------------------------------------------------


def test_nobody_is_shown_an_address():
    """W-02: neither of pages nor of users of crlf, at the door, in the chat, when they go."""
    world = WebMemory()
    page = world.page("eva")
    heard = []
    ala = MemoryClient(world, "198.51.100.7:5001")
    ala.send(b"LOGIN ala\r\nPUB hello\r\nPRIV eva psst\r\nLOGIN ola\r\n")
    guest = MemoryPage(world, "198.51.100.8:5002")
    guest.send(frame(asking("users")))
    heard.append(world.hear(page))
    ala.close()
    guest.close()
    page.send(frame(asking("history", "General 50")) + frame(asking("users")))
    heard.append(world.hear(page))
    assert b"ala" in b"".join(heard)
    assert b"guest-0001" in b"".join(heard)
    assert b"198.51.100" not in b"".join(heard)


def test_private_messages_have_two_parties():
    """W-08: a third user hears nothing, and there is no id without a store."""
    world = WebMemory()
    ala, bob, eva = (world.page(nick) for nick in ("ala", "bob", "eva"))
    for each in (ala, bob, eva):
        each.messages()
    (own,) = ala.ask("tell", "bob a\nb")
    (other,) = bob.messages()
    assert eva.messages() == []
    assert {**other, "own": True} == own
    assert own["message"] == "a\nb"
    assert not {"id", "time"} & set(own)
    (both,) = ala.ask("tell", "ala to myself")
    assert (both["source"], both["to"], both["own"]) == ("ala", "ala", True)
    assert codes(eva.ask("history", "@ala")) == ["not-kept"]


def test_all_five_and_two_pages_at_one_table(engine):
    """W-05, W-07, S2-21: each hears each, and one line for a text of two."""
    dialects = ("json", "slash", "words", "rooms")
    listen = tuple(Listen(dialect, "127.0.0.1") for dialect in dialects)
    logins = {
        "crlf": "LOGIN u-crlf\r\n",
        "json": '{"type":"set-name","data":"u-json"}\n',
        "slash": "1\nu-slash\n",
        "words": "login u-words\n",
        "rooms": "u-rooms\n",
    }
    says = {
        "crlf": "PUB from crlf\r\n",
        "json": '{"type":"message","data":"from json"}\n',
        "slash": "from slash\n",
        "words": "msgall from words\n",
        "rooms": "public General from rooms\n",
    }
    with web_server(engine=engine, listen=listen) as server, ExitStack() as stack:
        pages = [stack.enter_context(Browser(server.port)) for _ in range(2)]
        for number, page in enumerate(pages):
            page.open_socket()
            page.ask_page("set-name", f"page-{number}")
        clients = {}
        for name, login in logins.items():
            port = server.ports.get(name, server.port)
            clients[name] = client = stack.enter_context(RawClient(port))
            client.end = b"\r\n" if name == "crlf" else b"\n"
            client.send(login.encode())
            while (told := pages[0].message()).get("nick") != f"u-{name}":
                pass
        for name, client in clients.items():
            client.send(says[name].encode())
            heard = [until_said(page) for page in pages]
            assert heard[0] == heard[1]
            assert (heard[0]["source"], heard[0]["message"]) == (f"u-{name}", f"from {name}")
        pages[0].send(frame(asking("message", "two\nlines")))
        heard = [until_said(page) for page in pages]
        assert heard[0].pop("own") is True
        assert heard[0] == heard[1]
        assert heard[1]["message"] == "two\nlines"
        for client in clients.values():
            while "two lines" not in (line := client.line()):
                assert "lines" not in line
        told = [page.ask_page("users") for page in pages]
        assert [len(each["users"]) for each in told] == [7, 7]


def until_said(page):
    while (message := page.message())["event"] != "said":
        pass
    return message


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


# -- the same bounds as for all --------------------------------------------------------------------


def test_moderators_and_pages(engine):
    """W-11: a page is told why it is muted, kicked or banned, and closed by 1000."""
    admins = make_admins(["root"], SECRET)
    with web_server(engine=engine, admins=admins) as server, Browser(server.port) as eva:
        eva.open_socket()
        eva.ask_page("set-name", "eva")
        eva.send(frame(asking("oper", f"root {SECRET}", "1")))
        until_tag(eva, "1")

        def come():
            page = Browser(server.port)
            page.open_socket()
            page.ask_page("set-name", "bob")
            return page

        for verb, code, text in (
            ("kick", "kicked", "you have been kicked by eva: no shouting"),
            ("ban", "banned", "you have been banned by eva: no shouting"),
        ):
            with come() as bob:
                eva.send(frame(asking(verb, "bob no shouting", verb)))
                while (left := eva.message())["event"] != "left":
                    pass
                assert not {*left} - {"source", "message", "event", "nick", "id", "time"}
                assert until_tag(eva, verb)["event"] == "done"
                told = bob.message()
                assert (told["event"], told["code"], told["message"]) == ("failed", code, text)
                assert bob.farewell() == 1000
        with Browser(server.port) as bob:
            bob.open_socket()
            assert bob.ask_page("set-name", "bob", "1")["code"] == "banned"
            assert bob.ask_page("set-name", "bill", "2")["event"] == "entered"
            assert bob.message()["event"] == "done"
            eva.send(frame(asking("mute", "bill", "mute")))
            assert until_tag(eva, "mute")["event"] == "done"
            assert bob.ask_page("message", "hello?", "3")["code"] == "muted"


def until_tag(page, tag):
    while (message := page.message()).get("tag") != tag:
        pass
    return message


def test_the_pace_of_all():
    """W-12: ten at once, and two a second from then on; a notice tells, and nothing is lost."""
    world = WebMemory(pace=Pace(10, 2.0))
    page = world.page()
    page.send(frame(asking("set-name", "ala")))
    page.send(b"".join(frame(asking("message", str(n), str(n))) for n in range(12)))
    told = page.messages()
    done = [each["tag"] for each in told if each["event"] == "done"]
    assert 8 <= len(done) < 12
    assert [each["code"] for each in told if each["event"] == "notice"] == ["slow-down"]
    for _ in range(8):
        world.now += 0.5
        page.send(b"")
        done += [each["tag"] for each in page.messages() if each["event"] == "done"]
    assert done == [str(n) for n in range(12)]


def test_connections_of_an_address(engine):
    """W-11, R-13: a page too many is told by what it speaks, once that is known."""
    settings = {"limits": Limits(per_address=1), "exempt": (), "engine": engine}
    listen = (Listen("web", "127.0.0.1"),)
    with web_server(listen=listen, **settings) as server, Browser(server.ports["web"]) as page:
        page.open_socket()
        page.ask_page("set-name", "ala")
        with Browser(server.ports["web"]) as other:
            assert other.rest().startswith(b"HTTP/1.1 503 ")
        assert page.ask_page("message", "hi")["message"] == "hi"


def test_a_plugin_that_fails_costs_one_error():
    """W-04: with its tag."""
    world = WebMemory()
    page = world.page("ala")
    world._dispatcher.run = lambda session, request: (_ for _ in ()).throw(KeyError("x"))
    (failed,) = page.ask("users", tag="1")
    assert (failed["code"], failed["tag"]) == ("internal", "1")
    assert failed["message"].startswith("internal error E")
