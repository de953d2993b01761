"""Nicks and names of rooms: which are allowed, what a refusal says, which are the same."""

import pytest

from chatd.engines import peer_name
from chatd.events import Connected, LoggedIn
from chatd.taps import Tap
from chatd.testing import running_server
from memory_world import MemoryWorld

SPACE = "must not contain white space"
INVISIBLE = "must not contain control or invisible characters"
CONTROL = "control characters are not allowed"
SCRIPTS = "mixes letters of several scripts"
DIRECTIONS = "is not allowed: it mixes writing directions"
SYMBOL = "is not allowed: it contains a symbol"
LONG = "is longer than 32 characters"

GOOD = [
    "a",
    "ala",
    "Ala-2_x.y",
    "żółw",
    "z\u0307o\u0301\u0142w",  # the same with combining accents
    "Ωμέγα",
    "Алла",
    "李小龍",
    "ひらカタ漢字",
    "한국漢字",
    "שלום",
    "می\u200cخواهم",  # Persian: the joiner stands where the profile allows it
    "ala3",
    "a#b",
    "<b>",
    "%n{}",
    "[Ala]",
    "-",
    "1",
    "x" * 32,
    "漢" * 32,
]

BAD = {
    "a\tb": SPACE,
    "a b": SPACE,
    "a\u00a0b": SPACE,
    "a\u2003b": SPACE,
    "a\u3000b": SPACE,
    "a\u2028b": SPACE,
    "a,b": "must not contain ,",
    "a:b": "must not contain :",
    "a!b": "must not contain !",
    "a@b": "must not contain @",
    "a*b": "must not contain *",
    "a/b": "must not contain /",
    "#": "must not begin with #",
    "#a": "must not begin with #",
    "a\u00adb": INVISIBLE,  # soft hyphen
    "a\u200bb": INVISIBLE,  # zero width space
    "a\u200db": INVISIBLE,  # zero width joiner
    "a\u200eb": INVISIBLE,  # left-to-right mark
    "a\u202eb": INVISIBLE,  # right-to-left override
    "a\u2066b": INVISIBLE,  # left-to-right isolate
    "a\ufeffb": INVISIBLE,  # byte order mark
    "a\U000e0041": INVISIBLE,  # tag
    "a\ue000": INVISIBLE,  # private use
    "a\ufe0f": "is not allowed: it contains invisible characters",  # variation selector
    "a\u200cb": "is not allowed: zero width nonjoiner",
    "аla": SCRIPTS,  # the first letter is Cyrillic
    "al\u0430": SCRIPTS,
    "Ωmega": SCRIPTS,
    "שa": SCRIPTS,
    "漢字한ひ": SCRIPTS,
    "1ש": DIRECTIONS,
    "ا١۱": DIRECTIONS,
    "😀": SYMBOL,
    "ﬁn": "is not allowed: has compat",
    "x" * 33: LONG,
    "漢" * 33: LONG,
    "e\u0301" * 17: LONG,
}

CONTROLS = ["a\x00b", "a\x07", "\x1b[31ma", "a\x7f", "a\u0085b", "a\u009bm", "a\rb", "a\x0cb"]

RESERVED = [
    "Server",
    "server",
    "SERVER",
    "ServerMessage",
    "servermessage",
    "[Server]",
    "[SERVER]",
    "Ｓｅｒｖｅｒ",
    "［Server］",
]

ADDRESSES = ["127.0.0.1:50001", "10.0.0.1:5000", "[::1]:5000", "::1", "192.0.2.99"]

FULL_WIDTH = [
    "a，b",
    "a：b",
    "a！b",
    "a＠b",
    "a＊b",
    "a／b",
    "＃a",
    "127.0.0.1：50001",
    "１９２.０.２.９９",
]

SAME = [
    ("ala", "ALA"),
    ("ala", "ａｌａ"),
    ("Ala", "ＡＬＡ"),
    ("żółw", "ŻÓŁW"),
    ("żółw", "z\u0307o\u0301łw"),
    ("Ω", "\u2126"),  # the letter and the sign of the unit
    ("ア", "ｱ"),
    ("𐐀", "𐐨"),  # case beyond the first 65536 characters
]

DIFFERENT = [("ala", "a1a"), ("strasse", "straße"), ("rn", "m"), ("a.b", "ab"), ("ala", "alá")]


def ask(client, text):
    """Send a line and give the one that answers it."""
    client.send(text.encode() + b"\r\n")
    answer = client.receive().decode()
    assert answer.endswith("\r\n") and answer.count("\n") == 1
    return answer.removesuffix("\r\n")


@pytest.fixture
def world():
    return MemoryWorld()


@pytest.fixture
def client(world):
    return world.connect()


@pytest.mark.parametrize("nick", GOOD, ids=ascii)
def test_good_nick(client, nick):
    """D-3: it is taken, and shown as typed."""
    assert ask(client, f"LOGIN {nick}") == "OK"
    assert ask(client, "LIST") == f"USERS {nick}"
    assert ask(client, f"LOGIN {nick}") == "OK"


@pytest.mark.parametrize("nick, problem", BAD.items(), ids=ascii)
def test_bad_nick(client, nick, problem):
    """D-3, S0-14, S0-22, R-10: it is refused, and the refusal says what is wrong with it."""
    assert ask(client, f"LOGIN {nick}") == f"ERROR nick {problem}"
    assert ask(client, "LOGIN ala") == "OK"
    assert ask(client, f"LOGIN {nick}") == f"ERROR nick {problem}"
    assert ask(client, "LIST") == "USERS ala"


@pytest.mark.parametrize("nick", CONTROLS, ids=ascii)
def test_control_characters_in_a_nick(client, nick):
    """D-3, D-8: they are refused like anywhere else."""
    assert ask(client, f"LOGIN {nick}x") == f"ERROR {CONTROL}"
    assert ask(client, "LOGIN ala") == "OK"


@pytest.mark.parametrize("nick", RESERVED)
def test_reserved_nick(client, nick):
    """D-3: nobody can be taken for the server, in whatever case or width."""
    assert ask(client, f"LOGIN {nick}") == "ERROR nick is reserved"


@pytest.mark.parametrize("nick", ADDRESSES)
def test_addresses(client, nick):
    """D-3: nobody can have the name by which somebody at another address is known."""
    assert ask(client, f"LOGIN {nick}").startswith("ERROR nick ")


@pytest.mark.parametrize("nick", FULL_WIDTH)
def test_full_width_is_no_way_around(client, nick):
    """D-3: a nick that equals a forbidden one is forbidden."""
    assert ask(client, f"LOGIN {nick}").startswith("ERROR nick ")


@pytest.mark.parametrize("one, other", [*SAME, *(pair[::-1] for pair in SAME)], ids=ascii)
def test_same_nick(world, one, other):
    """D-3, S0-28, R-10: two writings of one nick clash, and find the same user."""
    ala, ola = world.connect(), world.connect()
    assert ask(ala, f"LOGIN {one}") == "OK"
    assert ask(ola, f"LOGIN {other}") == f"ERROR nick {other} is taken"
    assert ask(ola, "LOGIN ola") == "OK"
    assert ask(ola, f"LOGIN {other}") == f"ERROR nick {other} is taken"
    assert ask(ola, f"PRIV {other} hello") == "OK"
    assert ala.receive() == b"PRIV_FROM ola hello\r\n"
    assert ask(ala, f"LOGIN {other}") == "OK"
    assert ask(ola, "LIST") == f"USERS {other} ola"


@pytest.mark.parametrize("one, other", DIFFERENT)
def test_different_nicks(world, one, other):
    """D-3, R-10: what only looks alike, or is only sorted alike, is two nicks."""
    assert ask(world.connect(), f"LOGIN {one}") == "OK"
    assert ask(world.connect(), f"LOGIN {other}") == "OK"


@pytest.mark.parametrize(
    "room, problem", [*BAD.items(), *((room, None) for room in FULL_WIDTH)], ids=ascii
)
def test_rooms_follow_the_same_rules(client, room, problem):
    """D-3, R-10: what is no nick is no room either."""
    assert ask(client, "LOGIN ala") == "OK"
    answer = ask(client, f"CREATE {room}")
    assert answer.startswith("ERROR room ")
    assert problem is None or answer == f"ERROR room {problem}"
    assert ask(client, "ROOMS") == "ROOMS General"


@pytest.mark.parametrize("one, other", [*SAME, ("General", "GENERAL")], ids=ascii)
def test_rooms_are_the_same_like_nicks(client, one, other):
    """D-3: two writings of one name are one room, shown as its creator typed it."""
    assert ask(client, "LOGIN ala") == "OK"
    if one != "General":
        assert ask(client, f"CREATE {one}") == "OK"
        assert ask(client, f"JOIN {other}") == "OK"
    assert ask(client, f"CREATE {other}") == f"ERROR room {other} exists already"
    assert ask(client, "ROOMS").split()[-1] == one


def test_a_room_may_be_called_like_a_nick(client):
    """D-3: nicks and rooms are two lists."""
    assert ask(client, "LOGIN ala") == "OK"
    assert ask(client, "CREATE ala") == "OK"


@pytest.mark.parametrize(
    "address, name",
    [
        (("127.0.0.1", 5000), "127.0.0.1:5000"),
        (("::ffff:127.0.0.1", 5000, 0, 0), "127.0.0.1:5000"),
        (("::1", 5000, 0, 0), "[::1]:5000"),
        (("fe80::1%eth0", 5000, 0, 2), "[fe80::1%eth0]:5000"),
    ],
)
def test_addresses_are_written(address, name):
    """D-3: an IPv4 address that came in over IPv6 is written as IPv4."""
    assert peer_name(address) == name


def test_addresses_of_real_connections(engine):
    """D-3: over a listener for both, IPv4 clients have IPv4 addresses."""
    events = []
    with running_server(engine=engine, taps=(Tap(events.append),)) as server:
        for host in ("127.0.0.1", "::1"):
            with server.connect(host) as sock:
                sock.sendall(b"LOGIN ala\r\n")
                assert sock.recv(100) == b"OK\r\n"
                sock.sendall(b"QUIT\r\n")
                assert sock.recv(100) == b""
    ends = [event.address for event in events if isinstance(event, Connected | LoggedIn)]
    assert [end.rpartition(":")[0] for end in ends] == ["127.0.0.1"] * 2 + ["[::1]"] * 2


@pytest.mark.parametrize("room", ["Server", "[server]", "SERVERMESSAGE"])
def test_rooms_cannot_have_the_servers_names(room):
    """D-3: what is reserved for the server is reserved in rooms too."""
    client = MemoryWorld().connect()
    client.send(f"LOGIN ala\r\nCREATE {room}\r\n".encode())
    assert client.receive() == b"OK\r\nERROR room is reserved\r\n"
