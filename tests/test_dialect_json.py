"""The json dialect: each requirement of docs/wire/json.md, in memory and on each engine."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from chatcli.check.scenario import read
from chatd.events import LoggedIn
from jsonchat import Chat, JsonMemory, asking, entered, notice, open_chat, said

WORLDS = ["memory", "threads", "select", "asyncio"]


@pytest.fixture(params=WORLDS)
def chat_with(request):
    """Open a chat with settings; at the end nobody may have seen more than the test says."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(open_chat(request.param, **settings))


@pytest.fixture
def chat(chat_with):
    return chat_with()


# -- coming, renaming, going -----------------------------------------------------------------


def test_a_client_is_a_user_at_once(chat):
    """S2-10, S2-11, S2-08: under its own ip:port, without a byte of its own; both see it."""
    ala = chat.connect()
    ala.sees(entered(ala))
    ola = chat.connect()
    ola.sees(entered(ola))
    ala.sees(entered(ola))
    assert ala.name.startswith("127.0.0.1:")
    ala.sends(asking("message", "hello"))
    for one in (ala, ola):
        one.sees(said(ala.name, "hello"))
    assert ala.asks("whoami") == notice(f"You are {ala.name}")


def test_a_client_that_sends_something_at_once(chat):
    """S2-10, S2-11: it enters before anything that it asks."""
    ala = chat.connect()
    ala.sends(asking("message", "hello"), asking("users"))
    ala.sees(entered(ala), said(ala.name, "hello"), notice(f"Connected users: {ala.name}"))


def test_an_ipv6_address_is_a_name():
    """S2-10: in brackets."""
    chat = Chat(JsonMemory())
    ala = chat.connect_from("[::1]:50001")
    ala.sees(notice("[::1]:50001 has entered the chat"))
    chat.settle()


def test_set_name(chat):
    """S2-12, S2-04, S2-08: everybody is told, the renamer too, in the same words."""
    ala, ola = chat.join("ala", "ola")
    ala.sends(asking("set-name", "Basia"))
    for one in (ala, ola):
        one.sees(notice("ala renamed to Basia"))
    ala.sends(asking("message", "hi"))
    for one in (ala, ola):
        one.sees(said("Basia", "hi"))


def test_set_name_to_what_one_has(chat):
    """S2-12, D-3: the case may change; to the same name is no news for others."""
    ala, ola = chat.join("ala", "ola")
    ala.sends(asking("set-name", "Ala"), asking("set-name", "Ala"))
    ala.sees(notice("ala renamed to Ala"), notice("Ala renamed to Ala"))
    ola.sees(notice("ala renamed to Ala"))


@pytest.mark.parametrize("how", ["close", "reset"])
def test_leaving(chat, how):
    """S2-14, S2-08: the others are told, and the name is free."""
    ala, ola = chat.join("ala", "ola")
    chat.leaves(ala, how)
    ola.sees(notice("ala has left the chat"))
    ola.sends(asking("set-name", "ala"))
    ola.sees(notice("ola renamed to ala"))
    assert ola.asks("users") == notice("Connected users: ala")


def test_leaving_without_ever_having_a_nick(chat):
    """S2-14, S2-10: it is called by its address."""
    (ola,) = chat.join("ola")
    ala = chat.connect()
    for one in (ala, ola):
        one.sees(entered(ala))
    chat.leaves(ala)
    ola.sees(notice(f"{ala.name} has left the chat"))


def test_quit(chat):
    """S2-14, D-6: the leaver is told nothing."""
    ala, ola = chat.join("ala", "ola")
    ala.sends(asking("quit"))
    ala.sees_the_end()
    ola.sees(notice("ala has left the chat"))


REFUSED = {
    "ala": "nick ala is taken",
    "ALA": "nick ALA is taken",
    "": "nick is missing",
    "a b": "nick must not contain white space",
    "[Server]": "nick is reserved",
    "1.2.3.4:5": "nick must not contain :",
    "a\nb": "nick must not contain white space",
    "a\x00b": "control characters are not allowed",
}


@pytest.mark.parametrize("nick", REFUSED, ids=ascii)
def test_refused_names(chat, nick):
    """S2-19, S2-18, D-3: one notice, for the asker alone; the name stays."""
    _, ola = chat.join("ala", "ola")
    assert ola.asks("set-name", nick) == notice(REFUSED[nick])
    assert ola.asks("whoami") == notice("You are ola")


def test_addresses_are_for_their_owners(chat):
    """S2-10, D-3: one's own ip:port can be taken back, nobody else's can be taken."""
    ala, ola = chat.connect(), None
    ala.sees(entered(ala))
    ola = chat.connect()
    for one in (ala, ola):
        one.sees(entered(ola))
    assert ala.asks("set-name", ola.name) == notice("nick must not contain :")
    ala.sends(asking("set-name", "ala"), asking("set-name", ala.name))
    for one in (ala, ola):
        one.sees(notice(f"{ala.name} renamed to ala"), notice(f"ala renamed to {ala.name}"))


def test_an_address_that_is_taken():
    """S2-10, S2-19: by a session whose end was not noticed yet; another name can be had."""
    chat = Chat(JsonMemory())
    old, new = (chat.connect_from("127.0.0.1:9") for _ in range(2))
    old.sees(entered(new))
    new.sees(notice("nick 127.0.0.1:9 is taken"))
    assert new.asks("message", "hi") == notice("log in first")
    new.sends(asking("set-name", "ala"))
    for one in (old, new):
        one.sees(entered("ala"))
    chat.settle()


# -- messages --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["hello", "  two  words ", 'quotes " and \\', "żółw \U0001f600", "a\tb", "/users", "{}", "'"],
    ids=ascii,
)
def test_a_message_comes_back_to_its_sender(chat, text):
    """S2-13, S2-03, S2-07: and reaches all others as it was."""
    people = chat.join("ala", "ola", "eva")
    people[0].sends(asking("message", text))
    for one in people:
        one.sees(said("ala", text))


@pytest.mark.parametrize("text", ["", " ", "\t", "\u3000"], ids=ascii)
def test_an_empty_message(chat, text):
    """D-8, S2-18: an error."""
    ala, _ = chat.join("ala", "ola")
    problem = "the message is empty" if text else "text is missing"
    assert ala.asks("message", text) == notice(problem)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1b[2J", "a\rb", "a\x7f", "a\x85"], ids=ascii)
def test_control_characters(chat, text):
    """D-8: one error, and the message is not delivered."""
    ala, _ = chat.join("ala", "ola")
    assert ala.asks("message", text) == notice("control characters are not allowed")


def test_a_line_break_in_a_message(chat):
    """D-8, S2-09: a space for everybody, so that nobody's line can be forged."""
    (ala,) = chat.join("ala")
    bob = chat.connect("crlf")
    bob.sends(b"LOGIN bob\r\n")
    bob.sees(b"OK\r\n")
    ala.sees(entered("bob"))
    ala.sends(asking("message", "hi\n[Server]: bye"))
    ala.sees(said("ala", "hi [Server]: bye"))
    bob.sees(b"PUB_MSG hi [Server]: bye\r\n")


# -- questions -------------------------------------------------------------------------------


def test_users(chat):
    """S2-16, S2-05, S2-08: one notice, for the asker alone, in order of registration."""
    ala, _ = chat.join("ala", "ola")
    eva = chat.connect()
    for one in chat.people:
        one.sees(entered(eva))
    assert ala.asks("users") == notice(f"Connected users: ala, ola, {eva.name}")


def test_history(chat):
    """S2-15, S2-05: messages and notices as they were, oldest first, and not stored again."""
    ala, ola = chat.join("ala", "ola")
    first = notice("ola renamed to ela")
    ola.sends(asking("set-name", "ela"))
    ala.sees(first)
    ola.sees(first)
    ala.sends(asking("message", "hello"))
    for one in (ala, ola):
        one.sees(said("ala", "hello"))
    chat.leaves(ola)
    ala.sees(notice("ela has left the chat"))
    ala.sends(asking("history"))
    addresses = [event.address for event in logins(chat)]
    stored = (
        entered(addresses[0]),
        notice(f"{addresses[0]} renamed to ala"),
        entered(addresses[1]),
        notice(f"{addresses[1]} renamed to ola"),
        first,
        said("ala", "hello"),
        notice("ela has left the chat"),
    )
    ala.sees(*stored)
    ala.sends(asking("history"))
    ala.sees(*stored)


def logins(chat):
    """Who came, from the log."""
    if isinstance(chat.world, JsonMemory):
        return [one.event for one in chat.world.appended if type(one.event) is LoggedIn]
    return [LoggedIn("", client.address) for client in chat.world._clients]


def test_history_is_bounded(chat_with):
    """S2-17, S2-15: the oldest is forgotten."""
    chat = chat_with(**{"limits.backlog": 3})
    (ala,) = chat.join("ala")
    for text in "abcd":
        ala.sends(asking("message", text))
        ala.sees(said("ala", text))
    ala.sends(asking("history"))
    ala.sees(*(said("ala", text) for text in "bcd"))


def test_no_history(chat_with):
    """S2-15: of nothing there is one notice."""
    chat = chat_with(**{"limits.backlog": 0})
    (ala,) = chat.join("ala")
    assert ala.asks("history") == notice("No messages yet")


def test_history_and_users_without_data(chat):
    """S2-06: data may be left out, be empty or be null."""
    ala = chat.connect()
    ala.sees(entered(ala))
    for kind, answer in [
        ("history", entered(ala)),
        ("users", notice(f"Connected users: {ala.name}")),
    ]:
        for message in ({"type": kind}, asking(kind), asking(kind, None)):
            ala.sends(message)
            ala.sees(answer)


# -- the session in the documentation --------------------------------------------------------


def test_the_documented_session(chat_with):
    """S2-02 to S2-19: the block in docs/wire/json.md; addresses there stand for real ones."""
    path = Path(__file__).parent.parent / "docs" / "wire" / "json.md"
    (session,) = read(path, "json")
    chat = chat_with(**session.settings)
    people = {}

    def real(data):
        for number, one in enumerate(people.values()):
            data = data.replace(f"127.0.0.1:{50000 + number}".encode(), one.name.encode())
        return data

    for step in session.steps:
        if step.who not in people:
            people[step.who] = chat.connect()
        one = people[step.who]
        if step.verb == ">":
            one.sends(real(step.text.data()))
        elif step.verb == "<":
            one.sees(real(step.text.data()) + b"\n")
        elif step.verb == "closes":
            chat.leaves(one)
        else:
            assert step.verb == "connects"
