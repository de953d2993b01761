"""The json dialect's limits and errors: one notice each, in memory and on each engine."""

from contextlib import ExitStack

import pytest

from chatd.dialects.jsonl import Json
from chatd.events import Connected, Failed, LoggedIn, Refused
from jsonchat import Chat, JsonMemory, asking, entered, notice, open_chat, said

WORLDS = ["memory", "threads", "select", "asyncio"]


@pytest.fixture(params=WORLDS)
def chat_with(request):
    """Open a chat with settings; at the end nobody may have seen more than the test says."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(open_chat(request.param, **settings))


@pytest.fixture
def chat(chat_with):
    return chat_with()


def test_too_many_users(chat_with):
    """S2-17, D-4: one notice, then the end; nobody else is told."""
    chat = chat_with(**{"limits.clients": 2})
    ala, _ = chat.join("ala", "ola")
    eva = chat.connect()
    eva.sees(notice("the server is full, try again later"))
    eva.sees_the_end()
    assert ala.asks("users") == notice("Connected users: ala, ola")


def test_refusal_of_a_connection():
    """S2-17, S2-08: whoever does not even get to the door sees a notice too."""
    assert Json.encode(Failed("full", "come later"), True) == notice("come later")


SHAPE = "a message is an object with the keys type and data, both text"
NONSENSE = {
    b"": "this is not JSON",
    b" ": "this is not JSON",
    b"hello": "this is not JSON",
    b'{"type":"message","data":"say "hi""}': "this is not JSON",
    b'{"type":"message","data":"hi"': "this is not JSON",
    b'{"type":"message","data":"hi"}{}': "this is not JSON",
    b'{"type":"message","data":"\\ud800"}': "this is not JSON",
    b'{"type":"message","data":"\\udc00\\ud800"}': "this is not JSON",
    b"{'type':'message','data':'hi'}": "this is not JSON",
    b'{"type":"message","data":NaN}': "this is not JSON",
    b'\xef\xbb\xbf{"type":"users"}': "this is not JSON",
    b'{"type":"message","data":"a\tb"}': "this is not JSON",
    b'{"type":"message","data":"\xff"}': "this is not UTF-8",
    b'{"type":"message","data":"hi","more":"\xff"}': "this is not UTF-8",
    b"null": SHAPE,
    b"[]": SHAPE,
    b'"message"': SHAPE,
    b"17": SHAPE,
    b"[" * 4000: SHAPE,
    b"{}": SHAPE,
    b'{"data":"hi"}': SHAPE,
    b'{"TYPE":"message","DATA":"hi"}': SHAPE,
    b'{"type":null,"data":"hi"}': SHAPE,
    b'{"type":1,"data":"hi"}': SHAPE,
    b'{"type":"message","data":1}': SHAPE,
    b'{"type":"message","data":1e999}': SHAPE,
    b'{"type":"message","data":%s}' % (b"9" * 4000): SHAPE,
    b'{"type":"message","data":["hi"]}': SHAPE,
    b'{"type":"message","data":{"source":"ola","message":"hi"}}': SHAPE,
    b'{"type":"message","data":%s}' % (b"[" * 2000 + b"]" * 2000): SHAPE,
    b'{"type":"message","more":%s}' % (b"[" * 2000 + b"]" * 2000): SHAPE,
    b'{"type":"message"}': "text is missing",
    b'{"type":"message","data":null}': "text is missing",
    b'{"type":"dance","data":"x"}': "unknown command dance",
    b'{"type":"Message","data":"x"}': "unknown command Message",
    b'{"type":"\\u001b[2J","data":"x"}': "unknown command  [2J",
    b'{"type":"","data":"x"}': "unknown command ",
    b'{"type":"users","data":"x"}': "too many words",
    b'{"type":"history","data":"x"}': "there is no room x",
}


@pytest.mark.parametrize("world", WORLDS)
def test_nonsense(world):
    """S2-18, S2-08, R-37: one notice each, for that client only, and the connection stays."""
    with open_chat(world) as chat:
        ala, ola = chat.join("ala", "ola")
        for text, answer in NONSENSE.items():
            ala.sends(text + b"\n")
            ala.sees(notice(answer))
        ala.sends(asking("message", "still here"))
        ala.sees(said("ala", "still here"))
        ola.sees(said("ala", "still here"))


HARMLESS = [
    b'{"data":"hi","type":"message"}',
    b' { "type" : "message" , "data" : "hi" } ',
    b'{"type":"message","data":"hi","more":{"x":[1,null]}}',
    b'{"type":"message","data":"hi","more":1e999999}',
    b'{"type":"message","data":"hi","more":%s}' % (b"9" * 3000),
    b'{"type":"users","type":"message","data":"ho","data":"hi"}',
    b'{"type":"mess\\u0061ge","data":"\\u0068i"}',
    b'{"type":"message","data":"hi"}\r',
]


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: ascii(text[:40]))
def test_other_ways_to_write_it(chat, text):
    """S2-02, S2-18: more keys, another order, white space, a key twice."""
    (ala,) = chat.join("ala")
    ala.sends(text + b"\n")
    ala.sees(said("ala", "hi"))


def test_a_line_that_is_too_long(chat_with):
    """S2-17, S2-18, D-8, R-37: one notice, and the connection stays."""
    chat = chat_with(**{"limits.line": 100})
    ala, ola = chat.join("ala", "ola")
    room = 100 - len(b'{"type":"message","data":""}')
    ala.sends(asking("message", "x" * room), asking("message", "x" * (room + 1)))
    ala.sees(said("ala", "x" * room), notice("line is longer than 100 bytes"))
    ola.sees(said("ala", "x" * room))
    ala.sends(b"x" * 5000 + b"\n", asking("message", "hi"))
    ala.sees(notice("line is longer than 100 bytes"), said("ala", "hi"))
    ola.sees(said("ala", "hi"))


def test_a_line_that_never_ends(chat_with):
    """S2-17, S2-18, R-37: one notice more, and the end."""
    chat = chat_with(**{"limits.endless": 5000})
    ala, ola = chat.join("ala", "ola")
    ala.sends(b'{"type":"message","data":"' + b"x" * 4200)
    ala.sees(notice("line is longer than 4096 bytes"))
    ala.sends(b"x" * 2000)
    ala.sees(notice("this line never ends"))
    ala.sees_the_end()
    ola.sees(notice("ala has left the chat"))


def test_half_a_message_at_the_end(chat):
    """S2-02, S2-14, D-2: what has no line end was never said."""
    ala, ola = chat.join("ala", "ola")
    ala.sends(b'{"type":"message","data":"hi"}')
    chat.leaves(ala)
    ola.sees(notice("ala has left the chat"))


def test_nobody_waits_at_the_door():
    """D-4, S2-10: there is no deadline, since everybody is a user at once."""
    world = JsonMemory({"limits.login": 1.0})
    ala = Chat(world).connect()
    ala.sees(entered(ala))
    world.later(1000)
    assert ala.asks("users") == notice(f"Connected users: {ala.name}")
    kinds = [type(entry.event) for entry in world.appended]
    assert kinds[:2] == [Connected, LoggedIn]
    assert Refused not in kinds
