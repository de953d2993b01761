"""What the servers of crlf, words and rooms send, whatever it tells of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.dialects.crlf import Crlf
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
from fakes import remembered
from fuzz.targets import whole_lines

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


@pytest.mark.parametrize("server", [Crlf, Words, RoomsDialect])
@given(event=events, own=st.booleans())
def test_any_event_is_rendered(server, event, own):
    """D-8: as whole lines of UTF-8 without control characters, whatever is in it."""
    data = server.encode(event, own)
    whole_lines(data)
    if isinstance(event, Said | Identity | Notice) or (isinstance(event, Told) and not own):
        assert data.count(b"\n") <= 1


def test_the_end_of_the_server():
    """D-8: it is told in the form that each has for notices."""
    failed = Failed("shutdown", "the server is shutting down")
    assert Words.encode(failed, True) == b"[ServerMessage] - the server is shutting down\n"
    assert RoomsDialect.encode(failed, True) == b"the server is shutting down\n"
