"""Whatever bytes a client sends: one error in its dialect's form, and nobody else notices."""

import json
import re
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import LineClient, reset, wait_until
from chatd.config import Listen
from chatd.dialects.table import DIALECTS
from chatd.events import LoggedIn
from chatd.taps import Tap
from chatd.testing import running_server
from conversation import PEERS, conversation
from memory_world import MemoryWorld

SAY, RENAME, CREATE = range(3)
FORMS = {
    "crlf": (b"PUB %s", b"LOGIN %s", b"CREATE %s"),
    "json": tuple(
        b'{"type":"%s","data":"%%s"}' % kind for kind in (b"message", b"set-name", b"create")
    ),
    "slash": (b"%s", b"/rename %s", b"/create %s"),
    "words": (b"msgall %s", b"rename %s", b"create %s"),
    "rooms": (b"public General %s", b"rename %s", b"create %s"),
}
"""How a text is said, how a nick and how a room is asked for."""

LOGINS = {
    "crlf": b"LOGIN %s\n",
    "json": b'{"type":"set-name","data":"%s"}\n',
    "slash": b"3\n%s\n",
    "words": b"login %s\n",
    "rooms": b"%s\n",
}

NO_UTF_8 = [b"a\xff\xfe", b"a\xe2\x82", b"a\xc0\x80", b"a\xed\xa0\x80"]
"""Bytes that are never used, a character that is cut, one too long by half, half a surrogate."""

CONTROLS = ["a\x00b", "a\rb", "\x07a", "a\x08", "a\x7fb", "a\u0085b"]

ESCAPES = [
    "a\x1b[2Jb",  # clears the screen
    "\x1b]0;title\x07a",
    "\x1b]52;c;YQ==\x1b\\a",  # writes to the clipboard
    "a\x1bPq\x1b\\",
    "a\u009b2Jb",  # the same by C1 controls
    "\u009d0;title\u009ca",
]


@contextmanager
def table(engine):
    """Have one of each dialect at a table; at the end each of them is heard by all, to the byte."""
    with conversation(engine, *PEERS) as talk:
        for dialect in PEERS:
            talk.enter(dialect, f"user-{dialect}")
        yield talk
        for peer in talk.peers:
            talk.say(peer, "still here")
        talk.shut_down()


def text_of(peer, text):
    """Write a text as the dialect does: JSON has escapes for what is no character of its own."""
    return json.dumps(text)[1:-1].encode() if peer.dialect == "json" else text.encode()


def refused(peer, lines, error):
    """Send lines, each of which costs one error."""
    for line in lines:
        peer.sock.sendall(line + peer.line_end)
        peer.error(error)
    peer.settle()


def everywhere(peer, texts):
    """Put each text in each place."""
    return [form % text for form in FORMS[peer.dialect] for text in texts]


# -- lines -----------------------------------------------------------------------------------------


def test_a_line_that_is_too_long(engine):
    """R-05: by a byte, or as long as a line may be that is thrown away; the next one counts."""
    with table(engine) as talk:
        for peer in talk.peers:
            for form in FORMS[peer.dialect]:
                long = [form % (b"x" * (size - len(form % b""))) for size in (4097, 2**16)]
                refused(peer, long, "line is longer than 4096 bytes")
        refused(peer, [b"x" * 1_000_000], "line is longer than 4096 bytes")


def test_a_line_without_an_end(engine):
    """R-06: its sender is told why, and gone; the others see somebody leave."""
    with table(engine) as talk:
        for dialect in PEERS:
            bad = talk.enter(dialect, f"bad-{dialect}")
            bad.sock.sendall(b"x" * (2**20 + 1))
            bad.error("line is longer than 4096 bytes")
            bad.error("this line never ends")
            gone(talk, bad)
            bad.finish()
            bad.close()


def gone(talk, peer):
    """Expect what is told of somebody who left."""
    talk.peers.remove(peer)
    for other in talk.peers:
        other.left(peer.nick)
    talk.settle()


def test_a_reset_in_the_middle_of_a_message(engine):
    """R-04: nobody hears of it, and the nick is free for the next one."""
    with table(engine) as talk:
        for dialect in PEERS:
            for form in FORMS[dialect]:
                bad = talk.enter(dialect, f"bad-{dialect}")
                bad.sock.sendall(form % b"half a")
                reset(bad)
                gone(talk, bad)


@pytest.mark.parametrize(("dialect", "login"), [("words", b"login bad"), ("rooms", b"bad")])
def test_a_reset_behind_what_may_be_a_message(engine, dialect, login):
    """R-04: what waits for the quiet that ends a message has no end, for none can follow."""
    seen = []
    listen = (Listen(dialect, "127.0.0.1", quiet=60.0),)
    with running_server(engine=engine, listen=listen, taps=(Tap(seen.append),)) as server:
        bad = LineClient(server.ports[dialect])
        bad.send(login)
        (session,) = wait_until(lambda: server.server._engine.sessions)
        wait_until(lambda: session.patience is not None, "the bytes")
        reset(bad)
        wait_until(lambda: not server.server._engine.sessions, "the end")
    assert not [event for event in seen if isinstance(event, LoggedIn)]


# -- characters ------------------------------------------------------------------------------------


def test_what_is_no_utf_8(engine):
    """R-07: in a text, a nick, a room."""
    with table(engine) as talk:
        for peer in talk.peers:
            refused(peer, everywhere(peer, NO_UTF_8), "this is not UTF-8")


def test_control_characters(engine):
    """R-08: in a text, a nick, a room."""
    with table(engine) as talk:
        for peer in talk.peers:
            texts = [text_of(peer, text) for text in CONTROLS]
            refused(peer, everywhere(peer, texts), "control characters are not allowed")


def test_a_line_break_in_json(engine):
    """R-08: its strings may hold one, and lines can not."""
    with table(engine) as talk:
        (speaker,) = [peer for peer in talk.peers if peer.dialect == "json"]
        speaker.send("message", "hi\n[Server]: bye")
        for peer in talk.peers:
            peer.said(speaker.nick, "hi [Server]: bye")
        talk.settle()


def spoken(dialect):
    """Make up what somebody sends who is in: text anywhere, and bytes that are none."""
    anything = st.one_of(
        st.binary(max_size=8),
        st.text(st.sampled_from("a \t\0\r\n\x1b\x85\u2028"), max_size=8).map(
            lambda text: text_of(PEERS[dialect], text)
        ),
    )
    forms = st.sampled_from((*FORMS[dialect], b"%s"))
    line = st.builds(lambda form, text: form % text + b"\n", forms, anything)
    return st.tuples(st.just(dialect), st.lists(line, max_size=6).map(b"".join))


@settings(max_examples=25)
@given(st.sampled_from(sorted(PEERS)).flatmap(spoken))
def test_what_one_user_says_is_one_line_for_each_other(said):
    """R-08: whatever is spoken on either side, without a control character for anybody."""
    dialect, data = said
    world = MemoryWorld()
    listeners = [enter(world, each, b"user-" + each.encode()) for each in PEERS]
    speaker = enter(world, dialect, b"ala")
    for one in listeners:
        one.receive()
    world.appended.clear()
    speaker.send(data)
    lines_of(speaker)
    for one in listeners:
        assert len(lines_of(one)) == sum(heard_by(one, entry) for entry in world.appended)


def lines_of(client):
    """Give the lines that arrived, which must be whole ones of plain text."""
    *lines, rest = received(client).decode().replace("\r\n", "\n").split("\n")
    assert not rest
    assert not any(re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", line) for line in lines)
    return lines


def enter(world, dialect, nick):
    world.dialect = DIALECTS[dialect]
    client = world.connect()
    client.send(LOGINS[dialect] % nick)
    return client


def received(client):
    try:
        return client.receive()
    except TimeoutError:
        return b""


def heard_by(client, entry):
    """Whether an entry of the log shows with a client in General."""
    session = client.session
    concerns = entry.target is session or (entry.room == "general" and entry.actor is not session)
    return concerns and bool(session.encoder.encode(entry.event, False))


def test_escape_sequences(engine):
    """R-09: in a text, a nick, a room."""
    with table(engine) as talk:
        for peer in talk.peers:
            texts = [text_of(peer, text) for text in ESCAPES]
            refused(peer, everywhere(peer, texts), "control characters are not allowed")


@pytest.mark.parametrize(
    ("nick", "error"),
    [(b"a\xff", "this is not UTF-8"), (b"\x1b[31ma", "control characters are not allowed")],
)
@pytest.mark.parametrize("dialect", ["crlf", "slash", "words", "rooms"])
def test_a_first_nick(dialect, nick, error):
    """R-07, R-09: a bad one is refused; a good one is taken then, but rooms asks only once."""
    world = MemoryWorld()
    watch = enter(world, "crlf", b"watch")
    client = enter(world, dialect, nick)
    assert client.receive().count(error.encode()) == 1
    client.send(LOGINS[dialect].removeprefix(b"3\n") % b"ala")
    watch.send(b"LIST\r\n")
    users = b"USERS watch\r\n" if dialect == "rooms" else b"USERS watch ala\r\n"
    assert watch.receive().endswith(users)
