"""The server's end of words and rooms: any bytes are understood or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.dialects import Setting
from chatd.dialects.rooms import RoomsDialect
from chatd.dialects.words import Words
from chatd.events import (
    Created,
    Failed,
    Found,
    History,
    Hit,
    Identity,
    Joined,
    LoggedIn,
    LoggedOut,
    Notice,
    Parted,
    Renamed,
    Rooms,
    Said,
    Told,
    Users,
)
from chatd.limits import Limits
from fakes import remembered
from talk import cut, understood

SERVERS = [Words, RoomsDialect]
VERBS = frozenset({"login", "rename", "say", "tell", "rooms", "history", "join", "dance"})
SMALL = Limits(line=40, endless=100)

# -- what clients send -----------------------------------------------------------------------

WORDS = ["login", "msg", "msgall", "logout", "whoami", "userlist", "debug", "GET", "POST", "Host:"]
WORDS += ["create", "join", "leave", "groups", "users", "public", "private", "exit", "dance"]
WORDS += ["rename", "say", "tell", "history", "ada", "General", "", "\t", "\x00", "żółw", "a\rb"]
words = st.one_of(st.sampled_from(WORDS), st.text(max_size=5)).map(
    lambda word: word.encode(errors="surrogatepass")
)
lines = st.builds(
    lambda parts, end: b" ".join(parts) + end,
    st.lists(words, max_size=4),
    st.sampled_from([b"\n", b"\n", b"\r\n", b"", b"\n\n"]),
)
streams = st.lists(st.one_of(lines, st.binary(max_size=60)), max_size=12).map(b"".join)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("framing", ["auto", "line", "chunk"])
@given(data=streams, places=st.lists(st.integers(0, 1000), max_size=10), quiet=st.integers(0, 3))
def test_any_bytes_are_understood_or_refused(server, framing, data, places, quiet):
    """S3-02, S4-02: by errors that are the client's, however its bytes come."""
    dialect = server(Setting(SMALL, "1.2.3.4:5", VERBS, framing))
    for number, piece in enumerate(cut(data, places)):
        dialect.feed(piece)
        if dialect.patience is not None and number % 4 < quiet:
            dialect.quiet_passed()
        understood(dialect)


@pytest.mark.parametrize("server", SERVERS)
@given(data=streams, places=st.lists(st.integers(0, 1000), max_size=10))
def test_any_split_gives_the_same_requests(server, data, places):
    """S3-02, S4-02: of lines, however the stream is cut; one byte at a time, too."""

    def requests(pieces):
        dialect = server(Setting(SMALL, "1.2.3.4:5", VERBS, "line"))
        found = []
        for piece in pieces:
            dialect.feed(piece)
            found += understood(dialect)
            if found[-1:] in (["endless"], ["refused"]):
                break
        return found

    whole = requests([data])
    assert requests(cut(data, places)) == whole
    assert requests([data[i : i + 1] for i in range(len(data))]) == whole


# -- what servers send -----------------------------------------------------------------------

any_text = st.text(st.characters(exclude_categories=()), max_size=12)
names = st.lists(any_text, max_size=3).map(tuple)
events = st.one_of(
    st.builds(LoggedIn, any_text, any_text, any_text),
    st.builds(LoggedOut, any_text, any_text),
    st.builds(Renamed, any_text, any_text),
    *(st.builds(kind, any_text, any_text) for kind in (Created, Joined, Parted, Failed)),
    *(st.builds(kind, any_text, any_text, any_text) for kind in (Said, Told)),
    *(st.builds(kind, names) for kind in (Users, Rooms)),
    *(st.builds(kind, any_text) for kind in (Identity, Notice)),
)
records = st.lists(events, max_size=3).map(lambda some: remembered(*some))
hits = st.lists(st.builds(lambda some: Hit(some[0], some[1:], some), records.filter(bool)))
events = st.one_of(
    events,
    st.builds(History, any_text, records, st.booleans(), any_text),
    st.builds(Found, any_text, any_text, hits.map(tuple)),
)


@pytest.mark.parametrize("server", SERVERS)
@given(event=events, own=st.booleans())
def test_any_event_is_rendered(server, event, own):
    """D-8: as whole lines of UTF-8 without control characters, whatever is in it."""
    data = server.encode(event, own)
    assert not data or data.endswith(b"\n")
    assert all(c.isprintable() or c in "\n\t" or ord(c) > 159 for c in data.decode())
    if isinstance(event, Said | Told | Identity | Notice):
        assert data.count(b"\n") <= 1


def test_the_end_of_the_server():
    """D-8: it is told in the form that each has for notices."""
    failed = Failed("shutdown", "the server is shutting down")
    assert Words.encode(failed, True) == b"[ServerMessage] - the server is shutting down\n"
    assert RoomsDialect.encode(failed, True) == b"the server is shutting down\n"
