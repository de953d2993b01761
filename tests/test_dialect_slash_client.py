"""The client's end of slash: what it sends, and what it makes of what comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd import GENERAL
from chatd.dialects.slash import Slash, SlashClient
from chatd.events import (
    Done,
    Event,
    Failed,
    Identity,
    Joined,
    LoggedIn,
    LoggedOut,
    Notice,
    Parted,
    Request,
    Rooms,
    Said,
    Told,
    Users,
)
from slash_chat import HELP, NO_SUCH_USER, TAKEN, entered, full, memory_chat

NICKS = st.sampled_from(["Ala", "ola", "127.0.0.1:57354", "x"])
GROUPS = st.sampled_from(["", "3", "lab 4"])
LINES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)


@given(
    st.one_of(
        st.builds(Said, st.sampled_from([GENERAL, "tea"]), NICKS, LINES, GROUPS),
        st.builds(Told, NICKS, st.just(""), LINES, GROUPS),
        st.builds(LoggedIn, NICKS, st.just(""), st.just(""), GROUPS),
        st.builds(LoggedOut, NICKS, st.just(""), GROUPS),
        st.builds(Joined, st.just("tea"), NICKS, GROUPS),
        st.builds(Parted, st.just("tea"), NICKS, GROUPS),
        st.just(Failed("no-such-user", NO_SUCH_USER)),
        st.just(Notice("a line that is nothing else")),
    )
)
def test_the_client_understands(event):
    """S1-09, S1-13, S1-16, S1-19: what the server shows of an event is that event again."""
    assert list(SlashClient().feed(Slash.encode(event, False))) == [(event, None)]


def test_the_client_says_what_it_is_asked_to_say():
    """S1-06, S1-17: nothing that is said becomes a command."""
    client = SlashClient()
    for text in ("hello  all", "a /msg", "//x"[2:]):
        assert client.encode(Request("say", (GENERAL, text))) == f"{text}\n".encode()
    for text in ("/msg", "/msg x", "/pomoc", "/x", " /changename", "\t/wyjdz"):
        said = client.encode(Request("say", (GENERAL, text)))
        assert said == f"/say General {text}".encode().rstrip() + b"\n"


@pytest.mark.parametrize(
    "request_, sent",
    [
        (Request("users"), "/online"),
        (Request("quit"), "/wyjdz"),
        (Request("tell", ("Ola", "hi  there")), "/tell Ola hi  there"),
        (Request("say", ("tea", "hi")), "/say tea hi"),
        (Request("roll", ("6",)), "/roll 6"),
        (Request("say", (GENERAL, "two\nlines")), "two lines"),
    ],
)
def test_the_client_asks(request_, sent):
    """D-6, S1-06: other requests are the lines that a person would type."""
    assert SlashClient().encode(request_) == f"{sent}\n".encode()


class Program:
    """A client dialect at work in a chat."""

    def __init__(self, chat):
        self.person = chat.come(asked=False)
        self.client = SlashClient()

    def asks(self, *requests):
        """Ask, and give what came, up to the answer to the barrier if there is one."""
        for request in requests:
            self.person.send(self.client.encode(request))
        return list(self.client.feed(self.person.receive()))


def test_the_clients_login():
    """S1-07, S1-08, S1-11: both questions are answered at once, then the nick alone."""
    with memory_chat("lines") as chat:
        chat.enter("3 Ala")
        program = Program(chat)
        taken, bad, right = (Request("login", (n,)) for n in ("2 ala", "a/b", "Ola"))
        assert program.asks(taken)[-1] == (Failed("nick-taken", TAKEN), taken)
        refused = program.asks(bad)
        assert refused[-1] == (Failed("bad-name", "nick must not contain /"), bad)
        assert program.asks(right) == [
            (LoggedIn("Ola", group="2"), right),
            (LoggedIn("Ola", group="2"), None),
        ]
        chat.people[0].sees(entered("2 Ola"))
        renamed = Request("login", ("Eva",))
        assert program.asks(renamed) == [(Done(), renamed)]


def test_the_clients_login_is_refused_at_once():
    """S1-12: full is full; a nick without a group gets one."""
    with memory_chat("lines", clients=0) as chat:
        program = Program(chat)
        login = Request("login", ("Ola",))
        assert program.asks(login)[-1] == (Failed("full", full("0 Ola")), login)
        program.person.leave()


def test_the_clients_answers():
    """S1-06, S1-15, S1-16, D-6: answers are matched to requests; the barrier closes the list."""
    with memory_chat("lines") as chat:
        program = Program(chat)
        program.asks(Request("login", ("3 Ala",)))
        tell, nobody, users = (
            Request("tell", ("Ala", "hi")),
            Request("tell", ("Eva", "hi")),
            Request("users"),
        )
        assert program.asks(tell, nobody, users) == [
            (Done(), tell),
            (Told("Ala", "", "hi", "3"), None),
            (Failed("no-such-user", NO_SUCH_USER), nobody),
            (Users(("Ala",), ("3",)), users),
        ]
        create, join, rooms, who, leave, lost = (
            Request("create", ("tea",)),
            Request("join", ("tea",)),
            Request("rooms"),
            Request("whoami"),
            Request("leave", ("tea",)),
            Request("join", ("coffee",)),
        )
        assert program.asks(create, join, rooms, who, leave, lost) == [
            (Done(), create),
            (Done(), join),
            (Rooms((GENERAL, "tea")), rooms),
            (Identity("Ala"), who),
            (Done(), leave),
            (Notice("there is no room coffee"), None),
        ]
        client = program.client
        asked = client.encode(Request("pomoc"))
        program.person.send(asked + client.barrier() + client.encode(Request("users")))
        assert not client.settled
        assert [event for event, _ in client.feed(program.person.receive())] == [
            Notice(HELP),
            Users(("Ala",), ("3",)),
        ]
        assert client.settled


def test_nobody_can_forge_an_answer():
    """S1-06: what looks like an answer is a message as long as nothing was asked."""
    client = SlashClient()
    client.barrier()
    forged = f"Dostepni uzytkownicy: x\n3 Ala: {HELP}\n".encode()
    assert [event for event, _ in client.feed(forged)] == [
        Said(GENERAL, "uzytkownicy", "x", "Dostepni"),
        Said(GENERAL, "Ala", HELP, "3"),
    ]
    assert not client.settled
    assert not list(client.feed(f"{HELP}\n".encode()))
    assert client.settled


@given(st.lists(st.binary(), max_size=5))
def test_the_client_takes_anything(pieces):
    """S1-06: a server that talks nonsense is shown, and ends the conversation at worst."""
    client = SlashClient()
    client.encode(Request("login", ("Ala",)))
    client.encode(Request("users"))
    for piece in pieces:
        for event, _ in client.feed(piece):
            assert isinstance(event, Event)
