"""The client's end of words and rooms fits the server's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.dialects import Setting
from chatd.dialects.rooms import RoomsClient, RoomsDialect
from chatd.dialects.words import Words, WordsClient
from chatd.events import (
    GENERAL,
    Created,
    Failed,
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
from memory_world import MemoryWorld
from talk import cut, understood

SERVERS = [Words, RoomsDialect]
CLIENTS = [WordsClient, RoomsClient]
BOTH = list(zip(SERVERS, CLIENTS, strict=True))

nicks = st.sampled_from(["ada", "bob", "[x]", "You", "żółw", "127.0.0.1:50000", "In"])
rooms = st.sampled_from(["tea", "co-op", "[x]", "It's"])
some_words = ["[bob]: hi", "a ',1'", "a", "no such user.", "In group a, b: c", "online users:"]
some_words += ["You joined the room 'General'", "[ServerMessage] - [ada] log in.", "żółw", " x "]
texts = st.one_of(
    st.sampled_from(some_words),
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12),
)


def logged_in(client_class):
    client = client_class()
    client.encode(Request("login", ("ada",)))
    welcome = {"words": "[ServerMessage] - [ada] log in.", "rooms": "You joined the room 'General'"}
    data = f"{welcome[client.name]}\n".encode()
    assert list(client.feed(data)) == [(LoggedIn("ada"), Request("login", ("ada",)))]
    return client


COMMON = [
    st.builds(Said, rooms, nicks, texts),
    st.builds(Said, st.just(GENERAL), nicks, texts),
    st.builds(Joined, rooms, nicks),
    st.builds(Parted, rooms, nicks),
    st.builds(LoggedIn, nicks),
]
OTHERS = {
    "words": [*COMMON, st.builds(LoggedOut, nicks, st.just(""))],
    "rooms": COMMON,
}
TOLD = st.builds(Told, nicks, st.just("ada"), texts)


@pytest.mark.parametrize("server, client", BOTH)
@given(data=st.data())
def test_a_client_understands_what_others_do(server, client, data):
    """S3-07 to S3-11, S4-04 to S4-13: each event that is told of somebody else."""
    wanted = data.draw(st.lists(st.one_of(*OTHERS[server.name], TOLD), max_size=5))
    stream = b"".join(server.encode(event, False) for event in wanted)
    end = logged_in(client)
    pieces = cut(stream, data.draw(st.lists(st.integers(0, 500), max_size=5)))
    found = [event for piece in pieces for event in end.feed(piece)]
    for event, request in found:
        assert request is None
        if isinstance(event, Told):
            assert event.recipient in ("", "ada")
    found = [Told(e.sender, "ada", e.text) if isinstance(e, Told) else e for e, _ in found]
    assert found == wanted


REQUESTS = [
    Request("login", ("ada",)),
    Request("say", (GENERAL, "hi  there ")),
    Request("tell", ("bob", "hi  there ")),
    Request("create", ("tea",)),
    Request("join", ("tea",)),
    Request("leave", ("tea",)),
    Request("users"),
    Request("rooms"),
    Request("whoami"),
    Request("debug"),
    Request("quit"),
]


@pytest.mark.parametrize("server, client", BOTH)
def test_a_server_understands_what_a_client_asks(server, client):
    """S3-05 to S3-15, S4-02 to S4-14: the same request comes out."""
    verbs = frozenset(request.verb for request in REQUESTS)
    near, far = client(), server(Setting(Limits(), verbs=verbs))
    for request in REQUESTS:
        far.feed(near.encode(request))
        found, *barrier = understood(far)
        assert found == request
        assert barrier in ([], [Request("leave", (",1",))], [Request("leave", (",2",))])


@pytest.mark.parametrize("client", CLIENTS)
def test_a_request_is_one_line(client):
    """S3-02, S4-02: whatever is in it."""
    end = logged_in(client)
    for text in ("a\nb", "a\r\nb", "\udcff"):
        data = end.encode(Request("say", (GENERAL, text)))
        assert data.count(b"\n") == 1
        assert data.endswith(b"\n")


class Line:
    """A client's end, and its connection to a server in memory."""

    def __init__(self, world, client):
        self.client = client()
        self._connection = world.connect()
        self._world = world

    def ask(self, verb, *args):
        return self.send(self.client.encode(Request(verb, args)))

    def send(self, data=b""):
        if data:
            self._connection.send(data)
        return list(self.read())

    def read(self):
        try:
            data = self._connection.receive()
        except TimeoutError:
            return
        for i in range(len(data)):
            yield from self.client.feed(data[i : i + 1])

    def settle(self):
        data = self.client.barrier()
        assert not self.client.settled
        events = self.send(data)
        assert self.client.settled
        return events


@pytest.fixture
def lines_of():
    def connect(dialect, *nicks, **settings):
        world = MemoryWorld({"dialect": dialect, **settings})
        client = {"words": WordsClient, "rooms": RoomsClient}[dialect]
        found = []
        for nick in nicks:
            found.append(Line(world, client))
            if nick:
                request = Request("login", (nick,))
                assert (LoggedIn(nick), request) in found[-1].ask("login", nick)
        for line in found:
            line.send()
        return found

    return connect


@pytest.mark.parametrize("dialect", ["words", "rooms"])
def test_answers_find_their_requests(dialect, lines_of):
    """S3-13, S3-14, S4-10, S4-11: also when all are asked for at once."""
    ada, bob = lines_of(dialect, "ada", "bob")
    asked = [Request("users"), Request("whoami"), Request("rooms"), Request("users")]
    data = b"".join(map(ada.client.encode, asked)) + ada.client.barrier()
    answers = [Users(("ada", "bob")), Identity("ada"), Rooms((GENERAL,)), Users(("ada", "bob"))]
    assert ada.send(data) == list(zip(answers, asked, strict=True))
    assert ada.client.settled
    bob.ask("say", GENERAL, "hi")
    bob.ask("tell", "ada", "psst")
    said, told = ada.send()
    assert said == (Said(GENERAL, "bob", "hi"), None)
    assert (told[0].sender, told[0].text) == ("bob", "psst")
    assert ada.settle() == []


@pytest.mark.parametrize("dialect", ["words", "rooms"])
def test_lists_of_one(dialect, lines_of):
    """S3-13, S3-14, S4-11: a list of one name is none the less a list."""
    (ada,) = lines_of(dialect, "ada")
    assert ada.ask("whoami") == [(Identity("ada"), Request("whoami"))]
    assert ada.ask("users") == [(Users(("ada",)), Request("users"))]
    assert ada.client.settled


@pytest.mark.parametrize("dialect", ["words", "rooms"])
def test_the_second_login_of_a_client_is_a_rename(dialect, lines_of):
    """S3-08, D-6: both programs may ask for it as they do in crlf."""
    ada, _bob = lines_of(dialect, "ada", "bob")
    request = Request("rename", ("eva",))
    assert ada.ask("login", "eva") == [(Renamed("ada", "eva"), request)]
    (failed,) = ada.ask("login", "bob")
    assert "bob" in failed[0].text
    assert ada.ask("rename", "ola") == [(Renamed("eva", "ola"), Request("rename", ("ola",)))]
    assert ada.ask("whoami") == [(Identity("ola"), Request("whoami"))]


@pytest.mark.parametrize("dialect", ["words", "rooms"])
def test_a_refused_login_is_the_answer(dialect, lines_of):
    """S3-07, S4-17: whatever the reason; what explains it is shown."""
    bob, _ada = lines_of(dialect, "", "ada")
    (answer, *more) = bob.ask("login", "ada")
    assert isinstance(answer[0], Failed)
    assert answer[1] == Request("login", ("ada",))
    assert more == []
    if dialect == "words":
        (answer, why) = bob.ask("login", "a,b")
        assert answer == (Failed("login", "login failed."), Request("login", ("a,b",)))
        assert why == (Notice("nick must not contain ,."), None)
        (answer,) = bob.ask("login", "bob")
        assert answer == (LoggedIn("bob"), Request("login", ("bob",)))


@pytest.mark.parametrize("dialect", ["words", "rooms"])
def test_a_full_server_refuses_the_login(dialect, lines_of):
    """S3-07, S4-17: that is no other answer than the one that was waited for."""
    bob, _ada = lines_of(dialect, "", "ada", **{"limits.clients": 1})
    (answer,) = bob.ask("login", "bob")
    text = "the server is full, try again later"
    assert answer == (Failed("login", text), Request("login", ("bob",)))


def test_words_failures(lines_of):
    """S3-05, S3-06, S3-08, S3-09: mistakes are known as such."""
    ada, door = lines_of("words", "ada", "")
    assert door.ask("whoami") == [
        (Failed("not-logged-in", "Please log in!"), Request("whoami", ()))
    ]
    assert door.settle() == []
    (failed,) = ada.ask("dance")
    assert failed == (Failed("unknown-command", "unknown command"), None)
    echo, failed = ada.ask("tell", "eva", "hi")
    assert echo == (Told("ada", "", "hi"), None)
    assert failed == (Failed("no-such-user", "no such user."), None)
    assert ada.send(b"login eva\n") == [(Failed("logged-in", "you are logged in already."), None)]
    assert ada.ask("help", "rename") == [(Notice("rename NICK: Change your nick."), None)]
    assert ada.settle() == []


@pytest.mark.parametrize(
    ("verb", "args", "text"),
    [
        ("create", (GENERAL,), "Group chat with name 'General' already exists!"),
        ("join", ("tea",), "Group chat 'tea' does not exist!"),
        ("join", (GENERAL,), "You have already joined in group chat 'General'!"),
        ("tell", ("bob", "hi"), "User 'bob' does not exist!"),
        ("dance", (), "Unknown command 'dance'!"),
        ("join", (), "Usage: join GROUP"),
        ("leave", (",2",), "Group chat ',2' does not exist!"),
        ("leave", (",1",), "Group chat ',1' does not exist!"),
    ],
)
def test_rooms_failures(lines_of, verb, args, text):
    """S4-06 to S4-13, S4-17: mistakes are known as such, and are no answers to barriers."""
    (ada,) = lines_of("rooms", "ada")
    assert ada.ask(verb, *args) == [(Failed("error", text), None)]
    assert ada.settle() == []


def test_what_the_rooms_client_did_itself(lines_of):
    """S4-06, S4-07, S4-09: it is told in the second person."""
    (ada,) = lines_of("rooms", "ada")
    assert ada.ask("create", "tea") == [(Created("tea", "ada"), None)]
    assert ada.ask("join", "tea") == [(Joined("tea", "ada"), None)]
    assert ada.ask("leave", "tea") == [(Parted("tea", "ada"), None)]
    assert ada.ask("tell", "ada", "note") == [(Told("ada", "ada", "note"), None)]
    assert ada.ask("help", "rename") == [(Notice("rename NICK: Change your nick."), None)]
    assert ada.ask("groups") == [(Rooms((GENERAL, "tea")), None)]
    assert ada.settle() == []


def test_other_servers_of_rooms():
    """S4-12, S4-13: a space in front of the colon makes no difference."""
    client = logged_in(RoomsClient)
    stream = b"In group tea, Bob : hi\nPrivate message from Bob : psst\n"
    assert list(client.feed(stream)) == [
        (Said("tea", "Bob", "hi"), None),
        (Told("Bob", "ada", "psst"), None),
    ]


def test_the_greeting_is_a_notice(lines_of):
    """S3-07, S4-04, D-9: behind the answer to the login."""
    for dialect in ("words", "rooms"):
        (door,) = lines_of(dialect, "", greeting="hej")
        (answer, greeting) = door.ask("login", "ada")
        assert answer == (LoggedIn("ada"), Request("login", ("ada",)))
        assert greeting == (Notice("hej"), None)
