"""The words dialect on the wire: in memory, and over sockets on each engine."""

import pytest

from chatd.dialects import Setting
from chatd.dialects.words import Words
from chatd.limits import Limits
from talk import place, play_documented, server

LOG_IN = "Please log in!"


# -- framing and grammar ---------------------------------------------------------------------


def test_a_session(where):
    """S3-02 to S3-15: what docs/wire/words.md shows."""
    play_documented("words", where)


def test_the_server_never_speaks_first(where):
    """S3-02: a client that only connects is told nothing; replies end in LF and nothing else."""
    with place(where, "words") as chat:
        ada = chat.connect()
        ada.sees_nothing()
        ada.send("login ada")
        ada.sees_bytes(b"[ServerMessage] - [ada] log in.\n")


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_in_any_pieces(where, bytewise, end):
    """S3-02: a command may be a line; how the stream is cut makes no difference."""
    with place(where, "words") as chat:
        bob = chat.login("bob")
        ada = chat.connect()
        commands = [b"login ada", b"msgall hi there", b"msg bob psst", b"userlist"]
        ada.send_bytes(b"".join(command + end for command in commands), bytewise)
        heard = [server("[ada] log in."), "[ada]: hi there", "[ada(*)]: psst"]
        ada.sees(*heard, "bob,ada")
        bob.sees(*heard)


def test_chunks_that_nothing_ends(where):
    """S3-02, D-2: one send is one command; the session stays what it was found to be."""
    with place(where, "words") as chat:
        bob = chat.login("bob")
        ada = chat.connect()
        ada.chunk("login ada")
        ada.sees(server("[ada] log in."))
        for text in ("hi  there", "żółw"):
            ada.chunk(f"msgall {text}")
            ada.sees(f"[ada]: {text}")
        ada.chunk("login")
        ada.sees("require username")
        ada.chunk(b"msgall \xff")
        ada.sees(server("this is not UTF-8"))
        bob.sees(server("[ada] log in."), "[ada]: hi  there", "[ada]: żółw")


def test_a_chunk_of_forced_framing():
    """S3-02, D-2: framing and quiet come from the listener."""
    dialect = Words(Setting(Limits(), framing="chunk"))
    dialect.feed(b"whoami")
    assert dialect.patience is None
    assert dialect.next_request().verb == "whoami"
    dialect = Words(Setting(Limits(), quiet=7.0))
    dialect.feed(b"whoami")
    assert dialect.patience == 7.0
    assert dialect.next_request() is None
    dialect.quiet_passed()
    assert dialect.next_request().verb == "whoami"
    assert dialect.patience is None


@pytest.mark.parametrize("command", ["LOGIN ada", "Whoami", "WHOAMI", "whoami\t", " whoami", "\tx"])
def test_words_are_lower_case_and_split_on_spaces(where, command):
    """S3-03: other spellings are no commands, nor is what other white space separates."""
    with place(where, "words") as chat:
        ada = chat.login("bob")
        ada.asks(command, "unknown command")


def test_each_single_space_splits(where):
    """S3-03: two spaces have an empty word between them."""
    with place(where, "words") as chat:
        ada = chat.login("ada")
        ada.asks("msg ada  two  spaces ", "[ada(*)]:  two  spaces ")
        ada.asks("msg  ada hi", "overage info")
        ada.asks("logout ", "overage info")
        bob = chat.connect()
        bob.asks("login  bob", "overage info")
        bob.asks("login bob ", "overage info")
        bob.asks("login ", "require username")


SYNTAX = [
    ("", "unknown command"),
    (" ", "unknown command"),
    ("dance", "unknown command"),
    ("dance with me", "unknown command"),
    ("login", "require username"),
    ("login a b", "overage info"),
    ("msg", "overage info"),
    ("msg bob", "empty message"),
    ("msg bob ", "empty message"),
    ("msg bob   ", "empty message"),
    ("msgall", "empty message"),
    ("msgall ", "empty message"),
    ("msgall  \t ", "empty message"),
    ("logout x", "overage info"),
]


@pytest.mark.parametrize(("command", "reply"), SYNTAX)
def test_syntax_replies(where, command, reply):
    """S3-04, S3-05: the same before login and behind it, with nothing around the text."""
    with place(where, "words") as chat:
        ada = chat.connect()
        ada.asks(command, reply)
        ada.asks("login ada", server("[ada] log in."))
        ada.asks(command, reply)
        ada.asks("userlist", "ada")


def test_extra_words_are_ignored(where):
    """S3-05: behind whoami, userlist and debug."""
    with place(where, "words") as chat:
        ada, _bob = chat.login("ada", "bob")
        ada.asks("whoami am i", "ada")
        ada.asks("userlist all  of them", "ada,bob")
        ada.send("debug this")


def test_an_empty_chunk_of_a_line_session(where):
    """S3-05: a line without anything is a command without a word."""
    with place(where, "words") as chat:
        ada = chat.connect()
        ada.send_bytes(b"\r\n\n")
        ada.sees("unknown command", "unknown command")


# -- registration ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    ["msg bob hi", "msg ada hi", "msgall hi", "logout", "whoami", "whoami x", "userlist"]
    + ["rename eva", "rooms", "create tea", "join General", "leave General", "history"]
    + ["say General hi", "tell bob hi", "users"],
)
def test_valid_commands_need_a_login(where, command):
    """S3-06, D-4: so do those that the grammar does not know."""
    with place(where, "words") as chat:
        _bob = chat.login("bob")
        ada = chat.connect()
        ada.asks(command, LOG_IN)
        ada.asks("login ada", server("[ada] log in."))
        _bob.sees(server("[ada] log in."))


def test_nobody_at_the_door_hears_anything(where):
    """S3-06, D-4: neither messages nor who comes and goes."""
    with place(where, "words") as chat:
        door = chat.connect()
        door.asks("whoami", LOG_IN)
        ada, bob = chat.login("ada", "bob")
        ada.asks("msgall hi", "[ada]: hi")
        bob.sees("[ada]: hi")
        bob.closes()
        ada.sees(server("[bob] log out."))
        door.sees_nothing()


def test_login_is_told_to_all_users(where):
    """S3-07: and to the new one."""
    with place(where, "words") as chat:
        ada, bob = chat.login("ada", "bob")
        eva = chat.connect()
        eva.send("login eva")
        for one in (ada, bob, eva):
            one.sees(server("[eva] log in."))


def test_the_greeting_follows_the_login(where):
    """S3-07, D-9: for the new user only, and not again behind a rename."""
    with place(where, "words", greeting="have fun") as chat:
        ada, bob = chat.connect(), chat.connect()
        ada.asks("login ada", server("[ada] log in."), server("have fun"))
        bob.asks("login bob", server("[bob] log in."), server("have fun"))
        ada.sees(server("[bob] log in."))
        ada.asks("rename eva", server("[ada] is now [eva]."))


def test_a_name_in_use_is_refused(where):
    """S3-07: whoever has it, and in any case; the next attempt may succeed."""
    with place(where, "words") as chat:
        ada = chat.login("Ada")
        eva = chat.connect()
        eva.asks("login Ada", server("login failed."))
        eva.asks("login ADA", server("login failed."))
        eva.asks("whoami", LOG_IN)
        eva.asks("login eva", server("[eva] log in."))
        ada.sees(server("[eva] log in."))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a,b", "nick must not contain ,."),
        ("#ada", "nick must not begin with #."),
        ("a\tb", "nick must not contain white space."),
        ("a\x07", "control characters are not allowed."),
        ("a" * 33, "nick is longer than 32 characters."),
        ("ServerMessage", "nick is reserved."),
        ("1.2.3.4:5", "nick must not contain :."),
    ],
)
def test_a_bad_name_is_refused_with_the_reason(where, name, reason):
    """S3-07, D-3: it is not in use, so it is said what is wrong with it."""
    with place(where, "words") as chat:
        ada = chat.connect()
        ada.asks(f"login {name}", server("login failed."), server(reason))
        ada.asks("login ada", server("[ada] log in."))


def test_a_full_server(where):
    """S3-07, D-4: told so and closed; nobody else sees anything."""
    with place(where, "words", **{"limits.clients": 1}) as chat:
        _ada = chat.login("ada")
        bob = chat.connect()
        bob.asks("login bob", server("the server is full, try again later"))
        bob.sees_the_end()


def test_a_second_login_is_refused(where):
    """S3-08: nothing changes, and nothing comes twice."""
    with place(where, "words") as chat:
        ada, bob = chat.login("ada", "bob")
        refused = server("you are logged in already.")
        ada.asks("login eva", refused)
        ada.asks("login ada", refused)
        ada.asks("login bob", refused)
        ada.asks("login a,b", refused)
        ada.asks("userlist", "ada,bob")
        bob.asks("msgall once", "[bob]: once")
        ada.sees("[bob]: once")


def test_rename(where):
    """S3-08, D-6: the new name is told to its owner, and is the one that speaks."""
    with place(where, "words") as chat:
        ada, bob = chat.login("ada", "bob")
        ada.asks("rename eva", server("[ada] is now [eva]."))
        ada.asks("whoami", "eva")
        ada.asks("msg nobody hi", "[eva(*)]: hi", server("no such user."))
        ada.asks("rename bob", server("nick bob is taken"))
        ada.asks("rename a b", server("nick must not contain white space"))
        ada.asks("rename", server("nick is missing"))
        ada.asks("msg nobody hi", "[eva(*)]: hi", server("no such user."))
        bob.asks("msg ada hi", "[bob(*)]: hi", server("no such user."))
        bob.asks("msg eva hi", "[bob(*)]: hi")
        ada.sees("[bob(*)]: hi")
