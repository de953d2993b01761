"""Properties of the json dialect's streams: any bytes, any split, both ends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.dialects import Setting, one_line
from chatd.dialects.jsonl import Json, JsonClient, said_as
from chatd.events import (
    GENERAL,
    ChatError,
    Created,
    Done,
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
    Request,
    Rooms,
    Said,
    Told,
    Users,
)
from chatd.limits import Limits
from fakes import remembered
from jsonchat import Chat, JsonMemory, asking, entered, line, notice, open_chat, said

# -- what clients send -----------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
TYPES = ["message", "set-name", "history", "users", "tell", "say", "join", "create", "dance"]
DATA = ["", "ala", "ola hi", "General", "tea hi", "\x00", "a\nb", "\ud800", "\u202e", "[Server]"]
objects = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES) | anything},
    optional={"data": st.sampled_from(DATA) | st.text() | anything, "more": anything},
)
lines = st.builds(
    lambda value, escape, end: (
        json.dumps(value, ensure_ascii=escape).encode(errors="surrogatepass") + end
    ),
    objects | anything,
    st.booleans(),
    st.sampled_from([b"\n", b"\r\n", b"", b" \n", b"\n\n"]),
)
streams = st.lists(lines | st.binary(max_size=20), max_size=10).map(b"".join)
places = st.lists(st.integers(0, 10_000), max_size=10)


def cut(data, places):
    """Cut data in pieces at places."""
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in zip(places, places[1:], strict=False)]


def requests(pieces, limits=Limits()):  # noqa: B008  # frozen
    """All that the server's end understands, errors included; without the login."""
    dialect = Json(Setting(limits, "1.2.3.4:5"))
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
    assert not pieces or found.pop(0) == Request("login", ("1.2.3.4:5",))
    return found


@given(streams, places)
def test_any_split_gives_the_same_requests(data, places):
    """S2-02, S2-18, D-2: and nothing else than requests and complaints comes of any bytes."""
    whole = requests([data])
    assert requests(cut(data, places) or [b""]) == whole
    assert requests([data[i : i + 1] for i in range(len(data))] or [b""]) == whole
    assert len(whole) == data.count(b"\n")


@given(streams, places)
def test_any_split_gives_the_same_long_lines(data, places):
    """S2-02, S2-17: what is too long, or endless, is so in any split."""
    limits = Limits(line=20, endless=60)
    assert requests(cut(data, places) or [b""], limits) == requests([data], limits)


@pytest.mark.parametrize("size", [1, 256, 512, 1000])
def test_sizes_of_pieces(engine, size):
    """S2-02: as the document has them, over sockets."""
    messages = [asking("message", f"{number} ż {'x' * number}") for number in range(60)]
    data = b"".join(map(line, messages))
    with open_chat(engine) as chat:
        ala, ola = chat.join("ala", "ola")
        for start in range(0, len(data), size):
            ala.sends(data[start : start + size])
        for one in (ala, ola):
            one.sees(*(said("ala", each["data"]) for each in messages))


@given(st.lists(st.sampled_from("[{"), min_size=1, max_size=50), st.integers(1, 5000))
def test_deep_nesting(brackets, times):
    """S2-18: of any kind, closed or not, in data or elsewhere."""
    deep = "".join("[" if one == "[" else '{"a":' for one in brackets * times)
    limits = Limits(line=10**7)
    for text in (deep, f'{{"type":"message","data":{deep}', f'{{"type":"message","x":{deep}'):
        (found,) = requests([text.encode() + b"\n"], limits)
        assert found in ("bad-json", "bad-message")


@given(streams, places, st.booleans())
def test_nobody_can_break_a_stream(data, places, prompt):
    """S2-07, S2-18, D-8: for any bytes in, all that anybody gets is whole messages."""
    world = JsonMemory(prompt=prompt)
    chat = Chat(world)
    ala, ola = chat.join("ala", "ola")
    for piece in cut(data, places):
        ala.sends(piece)
    ala.sends(b"\n", asking("message", "still here"))
    for one in (ala, ola):
        one.read_until(lambda unread: b'"still here"' in unread)
        *messages, rest = bytes(one.unread).decode().split("\n")
        assert rest == ""
        for message in map(json.loads, messages):
            assert message["type"] == "message"
            assert {*message["data"]} <= {"source", "message", "room"}
            assert one_line(message["data"]["message"]) == message["data"]["message"]
        one.unread.clear()


words = st.text()
events = st.one_of(
    st.builds(Said, words, words, words, words),
    st.builds(Told, words, words, words),
    st.builds(LoggedIn, words, words, words),
    st.builds(LoggedOut, words, words),
    st.builds(Renamed, words, words),
    *(st.builds(kind, words, words) for kind in (Created, Joined, Parted, Failed)),
    *(st.builds(kind, words) for kind in (Identity, Notice)),
    *(st.builds(kind, st.lists(words).map(tuple)) for kind in (Users, Rooms)),
)


records = st.lists(events).map(lambda some: remembered(*some))
hits = st.lists(st.builds(lambda some: Hit(some[0], some[1:], some), records.filter(bool)))
answers = st.builds(History, words, records, st.booleans(), words) | st.builds(
    Found, words, words, hits.map(tuple)
)


@given(events | answers, st.booleans())
def test_every_event_is_messages_of_the_only_kind(event, own):
    """S2-07, S2-08, S2-02: whatever text there is in it, lone surrogates too."""
    *messages, rest = Json.encode(event, own).decode().split("\n")
    assert rest == ""
    for message in messages:
        found = json.loads(message)
        assert list(found) == ["type", "data"]
        assert found["type"] == "message"
        assert list(found["data"])[:2] == ["source", "message"]
        assert found["data"].pop("private", True) is True
        assert found["data"].pop("found", True) is True
        assert all(isinstance(value, str) for value in found["data"].values())
        found = json.loads(message)
        assert message == line(found).decode().removesuffix("\n")


def test_what_nobody_hears_of():
    """S2-14: who leaves is not told; what has no form is silence."""
    assert Json.encode(LoggedOut("ala", "quit"), True) == b""
    assert Json.encode(LoggedOut("ala", "quit"), False) == notice("ala has left the chat")
    assert Json.encode(Done(), True) == b""


# -- the client's end ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_, wire",
    [
        (Request("say", (GENERAL, 'a "b" ż')), '{"type":"message","data":"a \\"b\\" ż"}\n'),
        (Request("say", ("tea", "a  b")), '{"type":"say","data":"tea a  b"}\n'),
        (Request("login", ("ala",)), '{"type":"set-name","data":"ala"}\n'),
        (Request("history"), '{"type":"history","data":""}\n'),
        (Request("users"), '{"type":"users","data":""}\n'),
        (Request("tell", ("ola", "a b")), '{"type":"tell","data":"ola a b"}\n'),
        (Request("join", ("tea",)), '{"type":"join","data":"tea"}\n'),
        (Request("dance"), '{"type":"dance","data":""}\n'),
        (Request("say", (GENERAL, "\ud800")), '{"type":"message","data":"?"}\n'),
    ],
)
def test_what_the_client_sends(request_, wire):
    """S2-03, S2-04, S2-05, S2-02, D-6: exactly these bytes."""
    assert JsonClient().encode(request_) == wire.encode()


names = st.from_regex(r"[^\s\x00-\x1f\x7f-\x9f,]{1,12}", fullmatch=True).filter(
    lambda word: word.isprintable()
)
texts = st.text(st.characters(codec="utf-8"), min_size=1)
spoken = st.one_of(
    st.builds(lambda nick: Request("login", (nick,)), names),
    st.builds(lambda text: Request("say", (GENERAL, text)), texts),
    st.builds(lambda verb, text: Request(verb, (text,)), st.sampled_from(["join", "tell"]), texts),
    st.sampled_from([Request("users"), Request("history"), Request("rooms"), Request("help")]),
)


@given(st.lists(spoken, max_size=5), places)
def test_the_server_understands_the_client(asked, places):
    """S2-02 to S2-05: what one end sends is what the other one decodes."""
    client = JsonClient()
    data = b"".join(client.encode(request) for request in asked)
    assert data.count(b"\n") == len(asked)
    assert requests(cut(data, places) or [b""]) == asked


plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]))
inline = plain.filter(lambda text: text.isprintable())
heard = st.one_of(
    st.builds(lambda a, t: (Said(GENERAL, a, t), Said(GENERAL, a, t)), names, plain),
    st.builds(lambda r, a, t: (Said(r, a, t), Said(r, a, t)), names, names, plain),
    st.builds(lambda a, t: (Told(a, "ala", t), Told(a, "", t)), names, inline),
    st.builds(lambda text: (Notice(text), Notice(text)), plain),
    st.builds(lambda nicks: (Users(nicks), Users(nicks)), st.lists(names, min_size=1).map(tuple)),
    st.builds(lambda rooms: (Rooms(rooms), Rooms(rooms)), st.lists(names, min_size=1).map(tuple)),
    *(
        st.builds(lambda event: (event, event), event)
        for event in (
            st.builds(Identity, names),
            st.builds(LoggedIn, names),
            st.builds(Renamed, names, names),
            st.builds(LoggedOut, names, st.just("")),
            st.builds(Joined, names, names),
            st.builds(Parted, names, names),
        )
    ),
    st.builds(lambda text: (Failed("any", text), Notice(text)), plain),
)


@given(st.lists(heard), places)
def test_the_client_understands_the_server(events, places):
    """S2-02, S2-07, S2-08, S2-16, D-6: the same the other way, in any split."""
    data = b"".join(Json.encode(event, False) for event, _ in events)
    client = JsonClient()
    understood = [pair for piece in cut(data, places) for pair in client.feed(piece)]
    assert understood == [(meant, None) for _, meant in events]


@given(st.lists(lines | st.binary(max_size=20)).map(b"".join), places)
def test_the_client_survives_any_server(data, places):
    """S2-08: what it does not know is shown as it came."""
    client = JsonClient()
    client.encode(Request("login", ("ala",)))
    found = [event for piece in cut(data, places) for event, _ in client.feed(piece)]
    assert len(found) == data.count(b"\n")


def answers(client, *lines):
    return list(client.feed(b"".join(lines)))


def test_foreign_servers():
    """S2-08, R-37: other types and shapes are notices, source and all."""
    other = b'{"type":"users","data":["a"]}'
    assert answers(JsonClient(), other + b"\n") == [(Notice(other.decode()), None)]
    deep = b'{"type":"message","more":' + b"[" * 100_000
    assert answers(JsonClient(), deep + b"\n") == [(Notice(deep.decode()), None)]
    assert answers(JsonClient(), b"\xff\r\n") == [(Notice("\ufffd"), None)]


ALA = Request("login", ("ala",))


def test_a_name_is_set():
    """S2-12: the notice is shown, and answers the oldest set-name for that name."""
    client = JsonClient()
    assert client.encode(ALA) == line(asking("set-name", "ala"))
    mine, renamed = "1.2.3.4:5 has entered the chat", "1.2.3.4:5 renamed to ala"
    assert answers(client, notice(mine), notice("nice to see you"), notice(renamed)) == [
        (LoggedIn("1.2.3.4:5"), None),
        (Notice("nice to see you"), None),
        (Renamed("1.2.3.4:5", "ala"), None),
        (Done(), ALA),
    ]
    eva = Request("login", ("eva",))
    client.encode(eva)
    assert answers(client, notice("ola renamed to ela"))[1:] == []
    assert answers(client, notice("ala renamed to eva"))[1:] == [(Done(), eva)]
    assert answers(client, notice("eva renamed to ala"))[1:] == []


def test_what_is_told_is_shown_in_the_same_words():
    """S2-09, S2-16, D-6: whatever it is understood as; and own answers are understood, too."""
    created = Created("tea", "ala")
    for event, own in [
        (LoggedIn("ala"), False),
        (LoggedOut("ala", ""), False),
        (Renamed("ala", "ola"), False),
        (created, True),
        (Joined("tea", "ala"), True),
        (Parted("tea", "ala"), True),
        (Identity("ala"), True),
        (Users(("ala", "ola")), True),
        (Rooms((GENERAL, "tea")), True),
        (Notice("a  b"), True),
        (Said("tea", "ala", "hi"), False),
        (Told("ala", "ola", "psst"), True),
        (Told("ala", "", "psst"), False),
    ]:
        wire = Json.encode(event, own)
        spoken = json.loads(wire)["data"]
        ((understood, _),) = JsonClient().feed(wire)
        assert understood == event
        assert said_as(understood) == (spoken["source"], spoken["message"])
    assert said_as(Done()) == ("", "")


def test_a_name_is_refused():
    """S2-12, S2-19: somebody else may have got it; complaints about nicks answer set-name."""
    client = JsonClient()
    client.encode(ALA)
    answers(client, entered("1.2.3.4:5"), entered("6.7.8.9:5"))
    assert answers(client, notice("6.7.8.9:5 renamed to ala"))[1:] == []
    taken = notice("nick ala is taken")
    assert answers(client, taken) == [(Failed("error", "nick ala is taken"), ALA)]
    assert answers(client, taken) == [(Notice("nick ala is taken"), None)]


def test_a_name_on_a_server_that_does_not_introduce_us():
    """S2-12: the new name has to do."""
    client = JsonClient()
    client.encode(ALA)
    assert answers(client, notice("me renamed to ala"))[1:] == [(Done(), ALA)]


def test_users_and_barriers():
    """S2-16: are answered in turn, and the barrier's answer is not shown."""
    client = JsonClient()
    assert client.settled
    client.encode(Request("users"))
    assert client.barrier() == line(asking("users"))
    assert not client.settled
    listed = notice("Connected users: ala, 1.2.3.4:5")
    users = Users(("ala", "1.2.3.4:5"))
    assert answers(client, said("ala", "Connected users: eva")) == [
        (Said(GENERAL, "ala", "Connected users: eva"), None)
    ]
    assert answers(client, listed) == [(users, Request("users"))]
    assert not client.settled
    assert answers(client, listed) == []
    assert client.settled
    assert answers(client, listed) == [(users, None)]


verbs = st.sampled_from(["users", "history", "rooms", "whoami", "help", "login", "join", "dance"])
asked = st.builds(Request, verbs, st.sampled_from([(), ("ala",), ("General",), ("a", "b")]))


@given(st.lists(asked, max_size=5), st.integers(0, 5))
def test_a_barrier_is_answered_whatever_was_asked(requests, place):
    """S2-16: each end keeps track of what the other one owes it."""
    client, server = JsonClient(), JsonMemory().connect()
    for request in requests[:place]:
        server.send(client.encode(request))
    server.send(client.barrier())
    assert not client.settled
    for request in requests[place:]:
        server.send(client.encode(request))
    list(client.feed(server.receive()))
    assert client.settled
    assert not any(request.verb == "users" for request in client._lists if request)


@pytest.mark.parametrize("nick", ["ola", "OLA", "", "a b", "a\x00b", "[Server]", "#a", "x" * 33])
def test_each_refusal_is_recognised(nick):
    """S2-19: what this server says of a name that cannot be had."""
    world = JsonMemory()
    chat = Chat(world)
    chat.join("ola")
    client, server = JsonClient(), world.connect()
    request = Request("login", (nick,))
    server.send(client.encode(request))
    *_, (event, answered) = client.feed(server.receive())
    assert answered is request
    assert type(event) is Failed
