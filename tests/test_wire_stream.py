"""Properties of the byte streams: any split is the same, both ends understand each other."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from chatd.dialects import Setting
from chatd.dialects.crlf import Crlf, CrlfClient
from chatd.events import (
    GENERAL,
    ChatError,
    Done,
    Failed,
    Identity,
    LoggedIn,
    Notice,
    Request,
    Rooms,
    Said,
    Told,
    Users,
)
from chatd.limits import Limits
from chatd.plugins import Plugins
from memory_world import MemoryWorld

COMMANDS = {command.name: command for _, command in Plugins().commands}

# -- what people send ------------------------------------------------------------------------

NICKS = ["ala", "ola", "ALA", "eva", "General", "nobody"]
KINDS = ["LOGIN", "PRIV", "LIST", "PUB", "SAY", "JOIN", "LEAVE", "CREATE", "HELP", "WHOAMI", "Pub"]
words = st.one_of(
    st.sampled_from(NICKS),
    st.sampled_from(KINDS),
    st.sampled_from(["\t", "\x00", "\x1b[2J", "\r", "\x85", "\u2028", "\u202e", "żółw", ""]),
    st.text(max_size=8),
).map(lambda word: word.encode(errors="surrogatepass"))
line = st.builds(
    lambda kind, rest, end: b" ".join((kind.encode(), *rest)) + end,
    st.sampled_from(KINDS),
    st.lists(words, max_size=3),
    st.sampled_from([b"\r\n", b"\r\n", b"\n", b"\r", b"", b" \r\r\n", b"\n\n"]),
)
streams = st.lists(st.one_of(line, st.binary(max_size=20)), max_size=12).map(b"".join)


def cut(data, places):
    """Cut data in pieces at places."""
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in zip(places, places[1:], strict=False)]


def requests(pieces, limits=Limits()):  # noqa: B008  # frozen
    """All that the server's end understands, errors included."""
    dialect = Crlf(Setting(limits))
    found = []
    for piece in pieces:
        dialect.feed(piece)
        while True:
            try:
                request = dialect.next_request()
            except ChatError as error:
                request = error.code
            if request is None:
                break
            found.append(request)
    return found


@given(streams, st.lists(st.integers(0, 10_000), max_size=10))
def test_any_split_gives_the_same_requests(data, places):
    """S0-12, D-2: however the stream is cut; one byte at a time, too."""
    whole = requests([data])
    assert requests(cut(data, places)) == whole
    assert requests([data[i : i + 1] for i in range(len(data))]) == whole


@given(streams, st.lists(st.integers(0, 10_000), max_size=10))
def test_any_split_gives_the_same_long_lines(data, places):
    """S0-12, D-8: what is too long, or endless, is so in any split."""
    limits = Limits(line=10, endless=30)
    assert requests(cut(data, places), limits) == requests([data], limits)


@given(streams, st.integers(0, 3))
def test_white_space_at_the_ends_changes_nothing(data, number):
    """S0-09, S0-13: nor do empty lines."""
    padded = b"".join(b" \t" * number + one + b" \r\t\n\n" for one in data.split(b"\n"))
    assert requests([padded]) == requests([data + b"\n"])


# -- both ends -------------------------------------------------------------------------------

# A text as it is after the ends are cut off, without what a message may not hold.
texts = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)
    .map(lambda text: text.strip(" \t\r"))
    .filter(bool)
)
some_words = st.from_regex(r"[^\s\x00-\x1f\x7f-\x9f]{1,12}", fullmatch=True).filter(
    lambda word: word.isprintable()
)
spoken = st.one_of(
    st.builds(lambda nick: Request("login", (nick,)), some_words),
    st.builds(lambda nick, text: Request("tell", (nick, text)), some_words, texts),
    st.builds(lambda text: Request("say", (GENERAL, text)), texts),
    st.builds(lambda room, text: Request("say", (room, text)), some_words, texts),
    st.builds(lambda room: Request("join", (room,)), some_words),
    st.sampled_from([Request("users"), Request("rooms"), Request("whoami"), Request("help")]),
)


@given(st.lists(spoken, max_size=5))
def test_the_server_understands_the_client(asked):
    """S0-08, S0-14 to S0-17, D-6: what one end sends is what the other one decodes."""
    client = CrlfClient()
    pieces = [client.encode(request) for request in asked]
    for piece in pieces:
        assert re.fullmatch(rb"[A-Z]+( [^\r\n]+)?\r\n", piece)
    bound = [(one.verb, list(COMMANDS[one.verb].bind(one.args))) for one in requests(pieces)]
    assert bound == [(one.verb, list(one.args)) for one in asked]


@given(st.text())
@example("two\nlines")
def test_whatever_is_typed_the_client_sends_one_line(text):
    """S0-08: one terminator, at the end."""
    data = CrlfClient().encode(Request("say", (GENERAL, text)))
    assert data.endswith(b"\r\n")
    assert data.count(b"\n") == 1


heard = st.one_of(
    st.builds(lambda text: (Said(GENERAL, "ala", text), Said(GENERAL, "", text)), texts),
    st.builds(lambda *a: (Said(*a), Said(*a)), some_words, some_words, texts),
    st.builds(lambda a, b, t: (Told(a, b, t), Told(a, "", t)), some_words, some_words, texts),
)
answered = st.one_of(
    st.builds(lambda text: (Failed("any", text), Failed("error", text)), texts),
    st.builds(lambda nicks: (Users(nicks), Users(nicks)), st.lists(some_words).map(tuple)),
    st.builds(lambda names: (Rooms(names), Rooms(names)), st.lists(some_words).map(tuple)),
    st.builds(lambda nick: (Identity(nick), Identity(nick)), some_words),
    st.builds(lambda text: (Notice(text), Notice(text)), texts),
    st.builds(lambda nick: (LoggedIn(nick), Done()), some_words),
)


@given(
    st.lists(st.one_of(heard.map(lambda p: (*p, False)), answered.map(lambda p: (*p, True)))),
    st.lists(st.integers(0, 10_000), max_size=5),
)
def test_the_client_understands_the_server(events, places):
    """S0-08, S0-18 to S0-22: the same the other way, in any split."""
    data = b"".join(Crlf.encode(event, own) for event, _, own in events)
    client = CrlfClient()
    understood = [event for piece in cut(data, places) for event, _ in client.feed(piece)]
    assert understood == [meant for _, meant, _ in events]


@given(
    st.sampled_from([b"", b" ", b"\t", b"\r", b" \r\t "]), st.sampled_from([b"", b" ", b"\r \t"])
)
def test_the_client_ignores_white_space_at_the_ends(before, behind):
    """S0-09, S0-12: and takes a bare LF, like the server."""
    data = b"".join(before + line + behind + b"\n" for line in (b"PUB_MSG a  b", b"", b"USERS ala"))
    events = [event for event, _ in CrlfClient().feed(data)]
    assert events == [Said(GENERAL, "", "a  b"), Users(("ala",))]


def test_a_line_of_users_has_no_limit():
    """D-8, S0-19: limits on lines are for input; USERS is never split."""
    world = MemoryWorld()
    nicks = [f"{number:032}" for number in range(500)]
    for nick in nicks:
        client = world.connect()
        client.send(f"LOGIN {nick}\r\n".encode())
        assert client.receive() == b"OK\r\n"
    client.send(b"LIST\r\n")
    assert client.receive() == f"USERS {' '.join(nicks)}\r\n".encode()


verbs = st.sampled_from(["barrier", "users", "rooms", "whoami", "help", "login", "join", "dance"])
asked = st.builds(Request, verbs, st.sampled_from([(), ("ala",), ("General",), ("a", "b")]))


@given(st.lists(asked, max_size=5), st.integers(0, 5))
def test_a_barrier_is_answered_whatever_was_asked(requests, place):
    """S0-18: each end keeps track of what the other one owes it."""
    server = MemoryWorld().connect()
    client = CrlfClient()
    server.send(client.encode(Request("login", ("ala",))))
    for request in requests[:place]:
        server.send(client.encode(request))
    server.send(client.barrier())
    assert not client.settled
    for request in requests[place:]:
        server.send(client.encode(request))
    list(client.feed(server.receive()))
    assert client.settled


# -- nobody can break anybody else's stream --------------------------------------------------

KNOWN = re.compile(
    r"(OK|USERS|ROOMS|WHOAMI|NOTICE|PUB_MSG|ROOM_MSG|PRIV_FROM|ERROR)"
    r"( [^\x00-\x08\x0a-\x1f\x7f-\x9f]*)?"
)


def lines_of(data):
    """Take a stream apart; all of it must be whole lines of known kinds in plain text."""
    *lines, rest = data.decode().split("\r\n")
    assert rest == ""
    for one in lines:
        assert KNOWN.fullmatch(one), one
    return lines


def received(client):
    try:
        return client.receive()
    except TimeoutError:
        return b""


def means(event, entry, client):
    """Whether an entry of the log is something that client hears of others."""
    if entry.actor is client.session:
        return False
    return isinstance(event, Said) or (isinstance(event, Told) and entry.target is client.session)


@given(streams, st.lists(st.integers(0, 10_000), max_size=5), st.booleans())
def test_nobody_can_break_a_stream(data, places, prompt):
    """D-8, S0-08, S0-11: for any bytes in, the others get one line for each event."""
    world = MemoryWorld(prompt=prompt)
    ala, ola, door = world.connect(), world.connect(), world.connect()
    ala.send(b"LOGIN ala\r\nCREATE games\r\nJOIN games\r\n")
    ola.send(b"LOGIN ola\r\nJOIN games\r\n")
    assert received(ala) == b"OK\r\nOK\r\nOK\r\n"
    assert received(ola) == b"OK\r\nOK\r\n"
    world.appended.clear()
    for piece in cut(data, places):
        ala.send(piece)
    lines_of(received(ala))
    heard = [entry.event for entry in world.appended if means(entry.event, entry, ola)]
    lines = lines_of(received(ola))
    assert len(lines) == len(heard)
    for one, event in zip(lines, heard, strict=True):
        assert one.endswith(event.text)
        assert one.startswith(("PUB_MSG ", "ROOM_MSG games ", "PRIV_FROM "))
    assert received(door) == b""
    ola.send(b"PUB still here\r\n")
    lines_of(received(ala))
