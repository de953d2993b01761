"""The json dialect beyond its grammar: other dialects, private messages, rooms, plugins."""

from contextlib import ExitStack

import pytest

from chatd import Command, CommandError
from chatd.dialects import Setting
from chatd.dialects.jsonl import Json
from chatd.events import (
    GENERAL,
    Created,
    Failed,
    History,
    Identity,
    Joined,
    LoggedIn,
    Notice,
    Parted,
    Request,
    Rooms,
    Said,
    Told,
    Users,
)
from chatd.limits import Limits
from chatd.server import DIALECTS
from chatd.testing import running_server
from fakes import remembered
from jsonchat import Chat, JsonMemory, Someone, asking, entered, line, notice, open_chat, said


@pytest.fixture(params=["memory", "threads", "select", "asyncio"])
def chat_with(request):
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(open_chat(request.param, **settings))


@pytest.fixture
def chat(chat_with):
    return chat_with()


def joined_by_crlf(chat, nick):
    """Have somebody come who speaks crlf."""
    others = list(chat.people)
    one = chat.connect("crlf")
    one.sends(f"LOGIN {nick}\r\n".encode())
    one.sees(b"OK\r\n")
    for other in others:
        if not other.crlf:
            other.sees(entered(nick))
    return one


# -- one chat for all ------------------------------------------------------------------------


def test_talking_with_crlf(chat):
    """D-1, S2-11 to S2-14: users of crlf are seen to come, speak, change nick and go."""
    (ala,) = chat.join("ala")
    bob = joined_by_crlf(chat, "bob")
    bob.sends(b"PUB hello\r\n")
    ala.sees(said("bob", "hello"))
    ala.sends(asking("message", "hi"))
    ala.sees(said("ala", "hi"))
    bob.sees(b"PUB_MSG hi\r\n")
    bob.sends(b"LOGIN ben\r\n")
    bob.sees(b"OK\r\n")
    ala.sees(notice("bob renamed to ben"))
    ala.sends(asking("set-name", "eva"))  # crlf has no form for it
    ala.sees(notice("ala renamed to eva"))
    assert ala.asks("users") == notice("Connected users: eva, ben")
    bob.sends(b"LIST\r\n")
    bob.sees(b"USERS eva ben\r\n")
    chat.leaves(bob)
    ala.sees(notice("ben has left the chat"))


def test_an_address_in_crlf(chat):
    """D-1, S2-10: one who has no nick yet can be written to."""
    ala = chat.connect()
    ala.sees(entered(ala))
    bob = joined_by_crlf(chat, "bob")
    bob.sends(f"LIST\r\nPRIV {ala.name} hello\r\n".encode())
    bob.sees(f"USERS {ala.name} bob\r\nOK\r\n".encode())
    ala.sees(said("bob", "(private) hello", private=True))


def test_nobody_at_the_door_is_seen(chat):
    """D-4: a crlf client that has not logged in is no news, neither are its mistakes."""
    ala, _ = chat.join("ala", "ola")
    door = chat.connect("crlf")
    door.sends(b"PUB hi\r\n")
    door.sees(b"ERROR log in first\r\n")
    chat.leaves(door)
    assert ala.asks("users") == notice("Connected users: ala, ola")


def test_leaving_general_is_no_news(chat):
    """D-1, D-6: of General as a room this grammar knows nothing; who left it is still there."""
    ala, ola = chat.join("ala", "ola")
    bob = joined_by_crlf(chat, "bob")
    bob.sends(b"LEAVE General\r\nJOIN General\r\n")
    bob.sees(b"OK\r\nOK\r\n")
    assert ola.asks("leave", GENERAL) == notice("ola has left room General")
    ala.sends(asking("message", "hi"))
    ala.sees(said("ala", "hi"))
    bob.sees(b"PUB_MSG hi\r\n")
    assert ola.asks("join", GENERAL) == notice("ola has joined room General")


# -- private messages ------------------------------------------------------------------------


def test_a_private_message(chat):
    """D-6, D-10: for two, and nobody else; no history has it."""
    ala, ola, eva = chat.join("ala", "ola", "eva")
    ala.sends(asking("tell", "ola see  you"))
    ala.sees(said("ala", "(private to ola) see  you", private=True))
    ola.sees(said("ala", "(private) see  you", private=True))
    eva.sends(asking("history"))
    while (seen := eva.next_line()) != notice(f"{eva.was} renamed to eva"):
        assert b"private" not in seen


def test_a_private_message_to_oneself(chat):
    """D-6: one copy."""
    ala, _ = chat.join("ala", "ola")
    assert ala.asks("tell", "ALA note") == said("ala", "(private) note", private=True)


def test_private_messages_and_crlf(chat):
    """D-1, D-10: in both directions."""
    (ala,) = chat.join("ala")
    bob = joined_by_crlf(chat, "bob")
    ala.sends(asking("tell", "bob hello"))
    ala.sees(said("ala", "(private to bob) hello", private=True))
    bob.sees(b"PRIV_FROM ala hello\r\n")
    bob.sends(b"PRIV ala hi\r\n")
    bob.sees(b"OK\r\n")
    ala.sees(said("bob", "(private) hi", private=True))


@pytest.mark.parametrize(
    "data, problem",
    [("eva hi", "there is no user eva"), ("ola", "text is missing"), ("", "nick is missing")],
)
def test_a_private_message_that_fails(chat, data, problem):
    """S2-18, D-8: a notice."""
    ala, _ = chat.join("ala", "ola")
    assert ala.asks("tell", data) == notice(problem)


# -- rooms -----------------------------------------------------------------------------------


def test_rooms(chat):
    """D-6, S2-07: told to those who asked for one; what is said there has a key more."""
    ala, ola, _ = chat.join("ala", "ola", "eva")
    assert ala.asks("create", "tea") == notice("ala has created room tea")
    assert ala.asks("rooms") == notice("Rooms: General, tea")
    assert ala.asks("join", "tea") == notice("ala has joined room tea")
    ola.sends(asking("join", "Tea"))
    for one in (ala, ola):
        one.sees(notice("ola has joined room tea"))
    ala.sends(asking("say", "tea a  cup"))
    for one in (ala, ola):
        one.sees(said("ala", "a  cup", room="tea"))
    ola.sends(asking("leave", "tea"))
    for one in (ala, ola):
        one.sees(notice("ola has left room tea"))
    ala.sends(asking("history", "tea"))
    ala.sees(
        notice("ala has joined room tea"),
        notice("ola has joined room tea"),
        said("ala", "a  cup", room="tea"),
        notice("ola has left room tea"),
    )


def test_saying_it_in_general(chat):
    """D-6, S2-07: with the verb of rooms, too, it is an ordinary message."""
    ala, _ = chat.join("ala", "ola")
    ala.sends(asking("say", "general hi"))
    for one in chat.people:
        one.sees(said("ala", "hi"))


def test_mistakes_with_rooms(chat):
    """D-6, S2-18: are notices, and no traceback."""
    ala, _ = chat.join("ala", "ola")
    assert ala.asks("join", "tea") == notice("there is no room tea")
    assert ala.asks("create", "General") == notice("room General exists already")
    assert ala.asks("create") == notice("room is missing")
    assert ala.asks("say", "General") == notice("text is missing")


# -- greeting, plugins, the end --------------------------------------------------------------


def test_the_greeting(chat_with):
    """D-9, S2-08: a notice behind the entry, once and only for the one who entered."""
    chat = chat_with(greeting="Hej  hej")
    ala = chat.connect()
    ala.sees(entered(ala), notice("Hej  hej"))
    ola = chat.connect()
    ola.sees(entered(ola), notice("Hej  hej"))
    ala.sees(entered(ola))
    ala.sends(asking("set-name", "ala"))
    for one in (ala, ola):
        one.sees(notice(f"{ala.name} renamed to ala"))
    ala.sends(asking("history"))
    ala.sees(entered(ala), entered(ola), notice(f"{ala.name} renamed to ala"))


PLUGIN = '''
from chatd import Command, CommandError, hookimpl

def shout(ctx, text: str = "?") -> None:
    """Answer in capitals."""
    if text == "no":
        raise CommandError("no", "shouting is not allowed")
    ctx.reply(text.upper())

@hookimpl
def register_commands():
    return [Command("shout", shout, aliases=("yell-2",))]
'''


def test_a_plugins_verb(engine, tmp_path):
    """D-6, S2-08: is a type, and its answer a notice, for the asker alone."""
    (tmp_path / "shout.py").write_text(PLUGIN, encoding="utf-8")
    with open_chat(engine, plugins_dir=tmp_path) as chat:
        ala, _ = chat.join("ala", "ola")
        assert ala.asks("shout", "hello  all") == notice("HELLO  ALL")
        assert ala.asks("yell-2", "hello") == notice("HELLO")
        assert ala.asks("shout") == notice("?")
        assert ala.asks("shout", "no") == notice("shouting is not allowed")


def test_verbs_that_nobody_could_ask_for():
    """D-6: a plugin cannot have them."""
    assert Json.reserved == {"message", "set-name"}


@pytest.mark.parametrize("text", ["one\ntwo", "one\r", "\x1b[2J\x00", "\ud800x", ""], ids=ascii)
@pytest.mark.parametrize("fails", [False, True])
def test_whatever_a_plugin_answers(text, fails):
    """D-6, D-8, S2-02: it is one line, of characters that can be shown."""

    def answer(ctx):
        if fails:
            raise CommandError("no", text)
        ctx.reply(text)

    chat = Chat(JsonMemory(commands=[Command("answer", answer)]))
    (ala,) = chat.join("ala")
    want = text.replace("\n", " ").replace("\r", " ").replace("\x1b", " ").replace("\x00", " ")
    assert ala.asks("answer") == notice(want.replace("\ud800", "?"))
    chat.settle()


def test_a_server_that_stops(engine):
    """S2-08, S2-20: says so right before the end, and not who else goes."""
    with running_server(engine=engine, dialect="json") as server, server.connect() as sock:
        one = Someone("", Receiving(sock))
        one.read_until(lambda unread: unread.endswith(b"\n"))
        one.unread.clear()
        server.server.stop()
        one.sees(notice("the server is shutting down"))
        one.sees_the_end()


class Receiving:
    """What Someone needs of a client to see."""

    def __init__(self, sock):
        self._sock = sock

    def receive(self, timeout):
        self._sock.settimeout(timeout)
        return self._sock.recv(65536)


def test_a_long_list_is_one_message():
    """D-8, S2-16: limits on lines are for input."""
    chat = Chat(JsonMemory({"limits.line": 100}))
    people = [chat.connect() for _ in range(200)]
    for one in people:
        chat.world.deliver()
        one.read_until(lambda unread: unread.endswith(entered(people[-1])))
        one.unread.clear()
    names = ", ".join(one.name for one in people)
    assert people[0].asks("users") == notice(f"Connected users: {names}")


def test_the_port_and_the_name():
    """D-5, S2-01: what a listener for json is called, and where it is."""
    assert DIALECTS["json"] is Json
    assert Json.port == 5555


# -- each event in both views ----------------------------------------------------------------

LONG = "x" * 10_000
EVENTS = [
    (LoggedIn("ala", "", "hej"), notice("ala has entered the chat") + notice("hej"), None),
    (LoggedIn("ala"), notice("ala has entered the chat"), notice("ala has entered the chat")),
    (Said(GENERAL, "ala", LONG, "3"), said("ala", LONG), said("ala", LONG)),
    (Said("tea", "ala", "a\nb"), *[said("ala", "a b", room="tea")] * 2),
    (
        Told("ala", "ola", "x"),
        said("ala", "(private to ola) x", private=True),
        said("ala", "(private) x", private=True),
    ),
    (
        Told("ala", "ala", "x"),
        said("ala", "(private) x", private=True),
        said("ala", "(private) x", private=True),
    ),
    (Created("tea", "ala"), notice("ala has created room tea"), b""),
    (Joined("tea", "ala"), *[notice("ala has joined room tea")] * 2),
    (Parted("tea", "ala"), *[notice("ala has left room tea")] * 2),
    (Joined(GENERAL, "ala"), notice("ala has joined room General"), b""),
    (Parted(GENERAL, "ala"), notice("ala has left room General"), b""),
    (Users(("ala", "ola"), ("3", "")), notice("Connected users: ala, ola"), None),
    (Rooms(("General",)), notice("Rooms: General"), None),
    (Identity("ala"), notice("You are ala"), None),
    (Notice("a\r\nb"), notice("a  b"), None),
    (Failed("any", "a\nb"), notice("a b"), None),
    (History(GENERAL, ()), notice("No messages yet"), None),
    (History(GENERAL, remembered(Parted(GENERAL, "ala"))), notice("No messages yet"), None),
    (
        History(GENERAL, remembered(LoggedIn("ala", "", "hej"), Said(GENERAL, "ala", "x"))),
        notice("ala has entered the chat") + said("ala", "x"),
        None,
    ),
]


@pytest.mark.parametrize("event, own, others", EVENTS, ids=lambda value: type(value).__name__)
def test_how_events_look(event, own, others):
    """S2-07, S2-08, S2-11 to S2-16, D-6: None where nobody but the one concerned can see it."""
    assert Json.encode(event, True) == own
    if others is not None:
        assert Json.encode(event, False) == others


@pytest.mark.parametrize(
    "message, request_",
    [
        (asking("message", "a b"), Request("say", (GENERAL, "a b"))),
        (asking("set-name", "a b"), Request("login", ("a b",))),
        (asking("join", "tea"), Request("join", ("tea",))),
        (asking("users"), Request("users")),
        ({"type": "users"}, Request("users")),
        (asking("rooms", None), Request("rooms")),
    ],
)
def test_what_messages_ask_for(message, request_):
    """S2-03 to S2-06, D-6: data is the rest of the line."""
    dialect = Json(Setting(Limits(), "1.2.3.4:5"))
    assert dialect.next_request() == Request("login", ("1.2.3.4:5",))
    assert dialect.next_request() is None
    dialect.feed(line(message))
    assert dialect.next_request() == request_
    assert dialect.next_request() is None
