"""The rooms dialect on the wire: in memory, and over sockets on each engine."""

from socket import create_connection

import pytest

from chatd.config import Listen
from chatd.dialects.rooms import RoomsDialect
from chatd.events import History, Renamed
from chatd.testing import running_server
from fakes import remembered
from talk import place, play_documented

WELCOME = "You joined the room 'General'"


# -- connecting ------------------------------------------------------------------------------


def test_a_session(where):
    """S4-02 to S4-14, S4-17: what docs/wire/rooms.md shows."""
    play_documented("rooms", where)


def test_the_first_message_is_the_name(where):
    """S4-02: even if it is a command's; the client speaks first, and texts end in LF."""
    with place(where, "rooms") as chat:
        users = chat.connect()
        users.send("users")
        users.sees_bytes(b"You joined the room 'General'\n")
        users.asks("users", "online users:", "users")


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_in_any_pieces(where, bytewise, end):
    """S4-02: how the stream is cut makes no difference, and the connection stays."""
    with place(where, "rooms") as chat:
        sara = chat.login("Sara")
        bob = chat.connect()
        messages = [b"Bob", b"public General hi", b"private Sara psst", b"users"]
        bob.send_bytes(b"".join(message + end for message in messages), bytewise)
        bob.sees(WELCOME, "online users:", "Sara", "Bob")
        sara.sees("Bob joined the room 'General'", "In group General, Bob: hi")
        sara.sees("Private message from Bob: psst")


def test_chunks_that_nothing_ends(where):
    """S4-02, D-2: one send is one message."""
    with place(where, "rooms") as chat:
        sara = chat.login("Sara")
        bob = chat.connect()
        bob.chunk("Bob")
        bob.sees(WELCOME)
        bob.chunk("private Bob żółw  x")
        bob.sees("Private message from Bob: żółw  x")
        bob.chunk("users")
        bob.sees("online users:", "Sara", "Bob")
        bob.chunk(b"public General \xff")
        bob.sees("this is not UTF-8")
        sara.sees("Bob joined the room 'General'")


def test_everybody_enters_general(where):
    """S4-04: who comes is told so, and the members, in the words of the document."""
    with place(where, "rooms") as chat:
        sara = chat.connect()
        sara.send("Sara")
        sara.sees_bytes(b"You joined the room 'General'\n")
        michael = chat.connect()
        michael.send("Michael")
        michael.sees_bytes(b"You joined the room 'General'\n")
        sara.sees_bytes(b"Michael joined the room 'General'\n")
        michael.send("public General hi")
        sara.sees("In group General, Michael: hi")


def test_the_greeting_follows(where):
    """S4-04, D-9: as a line of its own, for the new user only."""
    with place(where, "rooms", greeting="have fun") as chat:
        sara, bob = chat.connect(), chat.connect()
        sara.asks("Sara", WELCOME, "have fun")
        bob.asks("Bob", WELCOME, "have fun")
        sara.sees("Bob joined the room 'General'")


# -- refused at the door ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Sara", "User name 'Sara' is already taken!"),
        ("SARA", "User name 'SARA' is already taken!"),
        ("", "nick is missing"),
        ("Ann Lee", "nick must not contain white space"),
        (" Ann", "nick must not contain white space"),
        ("a,b", "nick must not contain ,"),
        ("Server", "nick is reserved"),
        ("a\x07", "control characters are not allowed"),
        ("y" * 5000, "line is longer than 4096 bytes"),
        ("use\rrs", "control characters are not allowed"),
    ],
)
def test_a_refused_name(where, name, reason):
    """S4-17: it is said why, and the connection is closed, whatever else was sent."""
    with place(where, "rooms") as chat:
        sara = chat.login("Sara")
        other = chat.connect()
        other.send(name, "Other", "public General hi")
        other.sees(reason)
        other.sees_the_end()
        sara.asks("users", "online users:", "Sara")


def test_a_name_that_is_no_text(where):
    """S4-17: as any other that is not allowed."""
    with place(where, "rooms") as chat:
        other = chat.connect()
        other.send_bytes(b"\xff\nOther\n")
        other.sees("this is not UTF-8")
        other.sees_the_end()


def test_a_refused_chunk(where):
    """S4-17: of a client that ends its messages with nothing."""
    with place(where, "rooms") as chat:
        _sara = chat.login("Sara")
        other = chat.connect()
        other.chunk("Sara")
        other.sees("User name 'Sara' is already taken!")
        other.sees_the_end()


def test_a_full_server(where):
    """S4-17, D-4: told so and closed; nobody else sees anything."""
    with place(where, "rooms", **{"limits.clients": 1}) as chat:
        _sara = chat.login("Sara")
        other = chat.connect()
        other.asks("Bob", "the server is full, try again later")
        other.sees_the_end()


def test_nobody_at_the_door_hears_anything(where):
    """S4-02, D-4: what is said in General is for those who have given a name."""
    with place(where, "rooms") as chat:
        door = chat.connect()
        sara, bob = chat.login("Sara", "Bob")
        sara.send("public General hi")
        bob.sees("In group General, Sara: hi")
        door.asks("Door", WELCOME)
        for one in (sara, bob):
            one.sees("Door joined the room 'General'")


def test_the_time_at_the_door():
    """S4-02, D-4: programs speak first here, and have 30 seconds for it."""
    with place("memory", "rooms") as chat:
        door = chat.connect()
        chat.world.later(30.0)
        door.sees("no login within 30 seconds")
        door.sees_the_end()


# -- mistakes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("dance", "dance"),
        ("dance with me", "dance"),
        ("", ""),
        (" users", ""),
        ("Users", "Users"),
        ("EXIT", "EXIT"),
        ("users\t", "users\t"),
        ("hello everybody", "hello"),
    ],
)
def test_unknown_commands(where, line, word):
    """S4-17: are told; commands are lower case, and single spaces separate words."""
    with place(where, "rooms") as chat:
        sara, _bob = chat.login("Sara", "Bob")
        sara.asks(line, f"Unknown command '{word}'!")


@pytest.mark.parametrize(
    ("line", "usage"),
    [
        ("create", "create GROUP"),
        ("create ", "create GROUP"),
        ("join", "join GROUP"),
        ("leave", "leave GROUP"),
        ("public", "public GROUP TEXT"),
        ("public General", "public GROUP TEXT"),
        ("public General ", "public GROUP TEXT"),
        ("public  hi", "public GROUP TEXT"),
        ("private", "private NAME TEXT"),
        ("private Bob", "private NAME TEXT"),
        ("private Bob ", "private NAME TEXT"),
        ("groups of mine", "groups"),
        ("users x", "users"),
        ("exit now", "exit"),
    ],
)
def test_misused_commands(where, line, usage):
    """S4-17: whoever leaves out a word, or adds one, is told how it is done."""
    with place(where, "rooms") as chat:
        sara, _bob = chat.login("Sara", "Bob")
        sara.asks(line, f"Usage: {usage}")


def test_names_have_no_spaces(where):
    """S4-17: neither of a group that is created, nor of one that is looked for."""
    with place(where, "rooms") as chat:
        sara = chat.login("Sara")
        sara.asks("create my tea", "room must not contain white space")
        sara.asks("create #tea", "room must not begin with #")
        sara.asks("join my tea", "Group chat 'my tea' does not exist!")
        sara.asks("leave my tea", "Group chat 'my tea' does not exist!")
        sara.asks("groups", "available groups:", "General")


# -- beyond the grammar ----------------------------------------------------------------------


def test_other_verbs(where):
    """S4-17, D-6: what the server has besides is no unknown command."""
    with place(where, "rooms") as chat:
        sara, bob = chat.login("Sara", "Bob")
        sara.asks("whoami", "You are 'Sara'")
        sara.asks("rename Ann", "You are now known as 'Ann'!")
        sara.asks("login Eva", "You are now known as 'Eva'!")
        sara.asks("rename Bob", "User name 'Bob' is already taken!")
        sara.asks("rename a b", "nick must not contain white space")
        sara.asks("rename", "nick is missing")
        sara.asks("help join", "join ROOM: Join a room.")
        sara.asks("help dance", "unknown command dance")
        sara.asks("rooms", "available groups:", "General")
        sara.asks("rooms x", "Usage: groups")
        sara.asks("say tea hi you", "Group chat 'tea' does not exist!")
        sara.asks("tell Tom hi you", "User 'Tom' does not exist!")
        sara.send("say General hi", "tell Bob psst", "debug")
        bob.sees("In group General, Eva: hi", "Private message from Eva: psst")
        sara.send("quit")
        sara.sees_the_end()


def test_history(where):
    """S4-12, D-6: what was told to the others, as it was; what they were not told is left out."""
    with place(where, "rooms", greeting="hej") as chat:
        sara = chat.connect()
        sara.asks("Sara", WELCOME, "hej")
        sara.send("public General hi")
        sara.asks("rename Ann", "You are now known as 'Ann'!")
        sara.asks("history", "Sara joined the room 'General'", "In group General, Sara: hi")
        sara.asks("history tea", "Group chat 'tea' does not exist!")
        nothing = History("General", remembered(Renamed("Sara", "Ann")))
        assert RoomsDialect.encode(nothing, True) == b"no messages yet\n"


def test_one_chat_for_three_dialects(engine):
    """S4-04, S4-14, S3-10, D-1: each tells of the others what its document has a form for."""
    listen = (Listen("words", "127.0.0.1"), Listen("crlf", "127.0.0.1"))
    settings = {"dialect": "rooms", "host": "127.0.0.1", "listen": listen}
    with running_server(engine=engine, **settings) as running:

        def connect(index, first, answer):
            address = running.server.listeners[index].address
            sock = create_connection(address[:2], timeout=10.0)
            sock.sendall(first)
            assert sock.recv(1000) == answer
            return sock

        sara = connect(0, b"Sara\n", b"You joined the room 'General'\n")
        ada = connect(1, b"login ada\n", b"[ServerMessage] - [ada] log in.\n")
        assert sara.recv(1000) == b"ada joined the room 'General'\n"
        ola = connect(2, b"LOGIN ola\r\n", b"OK\r\n")
        assert sara.recv(1000) == b"ola joined the room 'General'\n"
        assert ada.recv(1000) == b"[ServerMessage] - [ola] log in.\n"
        with ada, ola:
            with sara:
                sara.sendall(b"public General hi\n")
                assert ada.recv(1000) == b"[Sara]: hi\n"
                assert ola.recv(1000) == b"PUB_MSG hi\r\n"
                ada.sendall(b"msg Sara psst\n")
                assert sara.recv(1000) == b"Private message from ada: psst\n"
                assert ada.recv(1000) == b"[ada(*)]: psst\n"
                sara.sendall(b"exit\n")
                assert sara.recv(1000) == b""
            assert ada.recv(1000) == b"[ServerMessage] - [Sara] log out.\n"
            ola.sendall(b"LIST\r\n")
            assert ola.recv(1000) == b"USERS ada ola\r\n"


def test_what_no_plugin_may_be_called():
    """S4-17, D-6: words of the grammar that are no verbs are nobody's verbs."""
    assert RoomsDialect.reserved == {"groups", "public", "private", "exit"}
