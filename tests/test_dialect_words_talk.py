"""Messages, questions and goodbyes in words: in memory, and over sockets on each engine."""

import threading

import pytest

from chatd.dialects.words import Words
from chatd.events import (
    Disconnected,
    History,
    Inspected,
    Joined,
    LoggedIn,
    LoggedOut,
    Renamed,
)
from chatd.taps import Tap
from chatd.testing import running_server
from fakes import remembered
from talk import place, server

LOG_IN = "Please log in!"


# -- messages --------------------------------------------------------------------------------


def test_private_messages(where):
    """S3-09: to one user and back to the sender, in the same form; to nobody else."""
    with place(where, "words") as chat:
        ada, bob, eva = chat.login("ada", "bob", "eva")
        for text in ("hi", "two  spaces", " in front", "behind ", "[bob]: not bob", "a\tb"):
            ada.asks(f"msg bob {text}", f"[ada(*)]: {text}")
            bob.sees(f"[ada(*)]: {text}")
        eva.sees_nothing()


def test_a_private_message_to_nobody(where):
    """S3-09: the copy comes as ever, then what went wrong."""
    with place(where, "words") as chat:
        ada, bob = chat.login("ada", "bob")
        ada.asks("msg eva hi  there", "[ada(*)]: hi  there", server("no such user."))
        ada.asks("msg a,b hi", "[ada(*)]: hi", server("no such user."))
        bob.sees_nothing()


def test_a_private_message_to_oneself(where):
    """S3-09: is one copy."""
    with place(where, "words") as chat:
        ada = chat.login("ada")
        ada.asks("msg ada hi", "[ada(*)]: hi")
        ada.asks("msg ADA hi", "[ada(*)]: hi")


def test_public_messages(where):
    """S3-10: to all users, the sender included, each once."""
    with place(where, "words") as chat:
        everybody = chat.login("ada", "bob", "eva")
        for text in ("hi", "two  spaces", " in front", "behind ", "a\tb"):
            everybody[0].send(f"msgall {text}")
            for one in everybody:
                one.sees(f"[ada]: {text}")


@pytest.mark.parametrize("command", ["msgall a\x07b", "msg bob a\x1bb", "msgall a\rb"])
def test_control_characters_are_refused(where, command):
    """S3-09, S3-10, D-8: one error, and the message is not delivered."""
    with place(where, "words") as chat:
        ada, _bob = chat.login("ada", "bob")
        ada.asks(command, server("control characters are not allowed"))


# -- the end ---------------------------------------------------------------------------------


def test_logout(where):
    """S3-11: the server closes, the leaver is told nothing, the others are told; the name is
    free."""
    with place(where, "words") as chat:
        ada, bob = chat.login("ada", "bob")
        bob.send("logout")
        bob.sees_the_end()
        ada.sees(server("[bob] log out."))
        ada.asks("userlist", "ada")
        chat.login("bob")
        ada.sees(server("[bob] log in."))


def test_closing_is_a_logout(where):
    """S3-11: the same for the others."""
    with place(where, "words") as chat:
        ada, bob = chat.login("ada", "bob")
        bob.closes()
        ada.sees(server("[bob] log out."))


def test_an_unterminated_line_at_the_end_counts(where):
    """S3-11, D-2: what was sent without an end before the client closed is a command still."""
    with place(where, "words") as chat:
        ada = chat.login("ada")
        bob = chat.connect()
        bob.send_bytes(b"login bob")
        bob.closes() if where == "memory" else _close_behind(bob)
        ada.sees(server("[bob] log in."), server("[bob] log out."))


def _close_behind(person):
    person.here = False
    person.client.hang_up()


def test_who_never_registered_is_not_announced(where):
    """S3-12: nobody hears of a client that closes at the door."""
    with place(where, "words") as chat:
        ada = chat.login("ada")
        stranger = chat.connect()
        stranger.asks("whoami", LOG_IN)
        stranger.closes()
        refused = chat.connect()
        refused.asks("login ada", server("login failed."))
        refused.closes()
        ada.sees_nothing()


def test_nobody_stays_at_the_door():
    """S3-12, D-4: people who type have 120 seconds, and a notice before the end."""
    with place("memory", "words") as chat:
        ada = chat.connect()
        chat.world.later(119.9)
        ada.sees_nothing()
        chat.world.later(0.1)
        ada.sees(server("no login within 120 seconds"))
        ada.sees_the_end()


# -- questions -------------------------------------------------------------------------------


def test_whoami(where):
    """S3-13: the name as it was typed, and nothing else."""
    with place(where, "words") as chat:
        ada = chat.login("Ada")
        ada.send("whoami")
        ada.sees_bytes(b"Ada\n")


def test_userlist(where):
    """S3-14: in order of login, with commas and no spaces."""
    with place(where, "words") as chat:
        zoe, ada, bob = chat.login("zoe", "ada", "bob")
        ada.asks("userlist", "zoe,ada,bob")
        zoe.closes()
        for one in (ada, bob):
            one.sees(server("[zoe] log out."))
        bob.asks("userlist", "ada,bob")


def test_debug_is_for_the_console(where):
    """S3-15: the client gets nothing, logged in or not; the console gets the books."""
    seen = []
    if where == "memory":
        with place(where, "words") as chat:
            ada, door = chat.login("ada"), chat.connect()
            door.send("debug")
            ada.send("debug", "debug x")
            books = [e.event for e in chat.world.appended if isinstance(e.event, Inspected)]
            assert [(len(each.addresses), each.nicks) for each in books] == [(2, ("ada",))] * 3
        return
    with running_server(dialect="words", engine=where, taps=(Tap(seen.append),)) as running:
        with running.connect() as sock:
            sock.sendall(b"debug\n?\n")
            assert sock.recv(100) == b"unknown command\n"
    assert [each.nicks for each in seen if isinstance(each, Inspected)] == [()]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_browser_gets_no_reply(where, method):
    """S3-17: neither to a line, nor to a whole request, nor does that do anything."""
    with place(where, "words") as chat:
        ada = chat.connect()
        ada.asks(method, "unknown command")
        ada.asks(method.lower() + " /", "unknown command")
        ada.asks("login ada", server("[ada] log in."))
        ada.send(f"{method} me a beer")
        ada.asks("Host: a", "unknown command")
        browser = chat.connect()
        browser.send_bytes(f"{method} / HTTP/1.1\r\nHost: a\r\nX-1: b\r\n\r\n".encode())
        browser.send("login evil", "msgall from a page", "unknown")
        browser.sees_the_end()
        ada.asks("userlist", "ada")


def test_a_thread_for_each_connection_and_one_registry():
    """S3-19: with the default engine; all are in the same books."""
    seen = []
    with running_server(dialect="words", taps=(Tap(seen.append),)) as running:
        socks, threads = [], []
        for number in range(6):
            socks.append(running.connect())
            socks[-1].sendall(f"login u{number}\n".encode())
            assert socks[-1].recv(100).decode() == server(f"[u{number}] log in.\n")
            threads.append(threading.active_count())
        assert threads[-1] == threads[0] + 5
        socks[0].sendall(b"debug\nlogout\n")
        while data := socks[0].recv(1000):
            assert b"log in" in data
        for sock in socks:
            sock.close()
    (books,) = [each for each in seen if isinstance(each, Inspected)]
    addresses = {each.nick: each.address for each in seen if isinstance(each, LoggedIn)}
    assert books.nicks == tuple(addresses)
    assert books.addresses == tuple(addresses.values())
    assert len([e for e in seen if isinstance(e, LoggedOut)]) == 6
    assert not [e for e in seen if isinstance(e, Disconnected)]


# -- beyond the grammar ----------------------------------------------------------------------


def test_rooms(where):
    """S3-10, D-6: rooms are asked for by their verbs, and speak to those who joined."""
    with place(where, "words") as chat:
        ada, bob, eva = chat.login("ada", "bob", "eva")
        ada.asks("create tea", server("[ada] created tea."))
        ada.asks("create tea", server("room tea exists already"))
        ada.asks("join tea", server("[ada] joined tea."))
        bob.asks("join tea", server("[bob] joined tea."))
        ada.sees(server("[bob] joined tea."))
        ada.asks("say tea two  spaces", "[ada@tea]: two  spaces")
        bob.sees("[ada@tea]: two  spaces")
        bob.asks("leave tea", server("[bob] left tea."))
        ada.sees(server("[bob] left tea."))
        eva.asks("say tea hi", server("you are not in room tea"))
        eva.asks("rooms", server("rooms: General,tea"))
        eva.asks("join", server("room is missing"))
        eva.asks("say General hi", "[eva]: hi")
        for one in (ada, bob):
            one.sees("[eva]: hi")


def test_leaving_general_is_no_news(where):
    """S3-10, D-6: who leaves General is told so, whoever stays sees what the grammar has."""
    with place(where, "words") as chat:
        ada, bob = chat.login("ada", "bob")
        ada.asks("leave General", server("[ada] left General."))
        bob.asks("msgall hi", "[bob]: hi")
        ada.asks("msgall hi", server("you are not in room General"))
        ada.asks("join General", server("[ada] joined General."))
        bob.sees_nothing()


def test_history(where):
    """S3-10, D-6: what was told to the others, as it was."""
    with place(where, "words", greeting="hej") as chat:
        ada = chat.connect()
        ada.asks("login ada", server("[ada] log in."), server("hej"))
        ada.asks("msgall one", "[ada]: one")
        ada.asks("history", server("[ada] log in."), "[ada]: one")
        ada.asks("create tea", server("[ada] created tea."))
        ada.asks("leave General", server("[ada] left General."))
        ada.asks("history", server("you are not in room General"))
        ada.asks("join tea", server("[ada] joined tea."))
        ada.asks("history tea", server("[ada] joined tea."))
        ada.asks(
            "history tea now", server("use it as history [ROOM] [COUNT] [before ID | after ID]")
        )


def test_an_empty_history():
    """D-6: of what has no form here nothing is told, but an answer there is."""
    for events in ((), (Renamed("ada", "eva"), Joined("General", "eva"))):
        history = History("General", remembered(*events))
        assert Words.encode(history, True) == b"[ServerMessage] - no messages yet\n"


def test_other_verbs(where):
    """S3-05, D-6: what the server has besides, in this dialect's form."""
    with place(where, "words") as chat:
        ada = chat.connect()
        ada.asks("help rename", server("rename NICK: Change your nick."))
        ada.asks("help dance", "unknown command")
        ada.asks("rooms x", "overage info")
        ada.asks("login ada", server("[ada] log in."))
        ada.asks("tell bob hi  you", "[ada(*)]: hi  you", server("no such user."))
        ada.asks("tell ada hi  you", "[ada(*)]: hi  you")
        ada.asks("users", "ada")
        ada.send("quit")
        ada.sees_the_end()


def test_long_texts(where):
    """S3-14, D-8: a line that is too long is refused, a reply is one line however long."""
    with place(where, "words") as chat:
        nicks = [f"{'x' * 29}{number:03}" for number in range(150)]
        for nick in nicks:
            chat.login(nick)
            for person in chat.people[:-1]:
                person._unread.clear()
        for person in chat.people[:-1]:
            person.here = False  # they have seen a lot
        last = chat.people[-1]
        last.asks("userlist", ",".join(nicks))
        last.asks("msgall " + "y" * 5000, server("line is longer than 4096 bytes"))


def test_what_no_plugin_may_be_called():
    """S3-05, D-6: words of the grammar that are no verbs are nobody's verbs."""
    assert Words.reserved == {"msg", "msgall", "userlist", "logout"}
