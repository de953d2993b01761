"""What pages say and hear: by the documents, with clients of all dialects, and nothing else."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from chat import PATIENCE, RawClient
from chatd.config import Listen
from memory_world import MemoryClient
from webtalk import Browser, MemoryPage, WebMemory, asking, codes, frame, web_server

DOCUMENT = Path(__file__).parent.parent / "docs" / "wire" / "web.md"

# -- as documented ---------------------------------------------------------------------------------


def until_said(page):
    while (message := page.message())["event"] != "said":
        pass
    return message


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
