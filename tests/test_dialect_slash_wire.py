"""slash on the wire: the door, chunks and lines, IPv6, other dialects, and nonsense."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import PATIENCE, RawClient, has_ipv6
from chatd import GENERAL, Command, Tap
from chatd.config import Listen
from chatd.dialects import Setting
from chatd.dialects.slash import Slash, SlashClient, clean_group
from chatd.events import (
    CommandError,
    Created,
    Event,
    Failed,
    History,
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
    WireError,
)
from chatd.limits import Limits
from chatd.testing import running_server
from fakes import remembered
from slash_chat import (
    GROUP,
    HELP,
    LEFT,
    NICK,
    RECIPIENT,
    RENAMED,
    TAKEN,
    TEXT,
    WELCOME,
    entered,
    gone,
    memory_chat,
    registered,
    socket_chat,
)

# -- the door, and what is no command ---------------------------------------------------------


@pytest.mark.parametrize(
    "typed, group",
    [
        ("lab  3", "lab 3"),
        ("3a_-.", "3a_-."),
        ("za\u017c\u00f3\u0142\u0107", "za\u017c\u00f3\u0142\u0107"),
        ("3\u202e4\u200b5\u20666", "3456"),
        ("[prywatna] 3", "prywatna 3"),
        ("3 Antoni: hi,", "3 Antoni hi"),
        ("\uff13\uff1a", "3"),
        ("x" * 40, "x" * 32),
        ("x" * 31 + " y", "x" * 31),
        ("a\x1bb\x00\u2003c", "ab c"),
    ],
)
def test_the_group_is_cleaned(typed, group):
    """R-09, S1-09, D-3: nothing in a group can be taken for more than a part of a name."""
    with memory_chat("lines") as chat:
        ala = chat.come()
        ala.ask(typed, NICK)
        ala.ask("Ala", registered(f"{group} Ala"), entered(f"{group} Ala"))


@pytest.mark.parametrize("typed", ["::", "\u200b", "[]", "\x07", "\u3000"])
def test_a_group_of_nothing(typed):
    """S1-07, D-3: what leaves nothing is asked for again."""
    with memory_chat("lines") as chat:
        chat.come().ask(typed, GROUP)


def test_time_at_the_door():
    """D-4: people who type have 120 seconds; users have all the time in the world."""
    with memory_chat("lines") as chat:
        ala, ola = chat.come(), chat.enter("2 Ola")
        chat.later(119.9)
        ala.ask("3", NICK)
        chat.later(0.2)
        ala.sees("no login within 120 seconds")
        ala.sees_the_end()
        chat.later(1000)
        ola.ask("hello", "2 Ola: hello")


def test_who_is_refused_before_the_door(engine):
    """S1-12, D-4: connections that are not registered have a bound of their own."""
    with socket_chat(engine, "lines", door=1) as chat:
        chat.come()
        other = chat.come(asked=False)
        other.sees("too many connections are not logged in, try again later")
        other.sees_the_end()


@pytest.mark.parametrize(
    "text",
    ["/msg Ola hi", "/changename Ola", "/online x", "/pomoc x", "/wyjdz x", "/Msg", "/POMOC", "/x"]
    + ["/", "//online", "/Help", "/msgs", "x /online", "help", "quit now"],
)
def test_not_quite_a_command(text):
    """S1-17, D-6: a command is the whole line, in lower case; anything else is said in public."""
    with memory_chat("lines") as chat:
        ala, ola = chat.enter("3 Ala", "2 Ola")
        ala.ask(text, f"3 Ala: {text}")
        ola.sees(f"3 Ala: {text}")


def test_an_endless_line():
    """S1-23: who sends a line without an end is told so, and removed."""
    with memory_chat("lines", line=64, endless=1000) as chat:
        ala, ola = chat.enter("3 Ala", "2 Ola")
        ola.send(b"x" * 1002)
        ola.sees("line is longer than 64 bytes", "this line never ends")
        ola.sees_the_end()
        ala.sees(gone("2 Ola"))


# -- how messages are cut --------------------------------------------------------------------


def test_chunks_and_lines_talk_to_each_other(engine):
    """S1-04, S1-05: a chunk and a line mean the same, and what the server says ends in LF."""
    with socket_chat(engine, "chunks") as chat:
        ala = chat.enter("3 Ala")
        ola = chat.come()
        ola.send(b"2\r\n")
        ola.sees(NICK)
        ola.send(b"Ola\n")
        ola.sees(registered("2 Ola"), entered("2 Ola"))
        ala.sees(entered("2 Ola"))
        ala.send(b"/onl")  # each send of a chunk session is a message
        ala.sees("3 Ala: /onl")
        ola.sees("3 Ala: /onl")
        ola.send(b"/onl")  # a line goes on until it ends
        ala.ask("hi", "3 Ala: hi")
        ola.send(b"ine\n")
        ola.sees("3 Ala: hi", "Dostepni uzytkownicy: 2 Ola, 3 Ala")


def test_many_lines_at_once(engine):
    """S1-05: a whole conversation in one send, answered in order."""
    with socket_chat(engine, "lines") as chat:
        ala = chat.come()
        ala.send(b"3\nAla\nhi\n/msg\nAla\nyou\n/pomoc\n/changename\n4\nEva\n/online\n/wyjdz\nno\n")
        ala.sees(NICK, registered("3 Ala"), entered("3 Ala"), "3 Ala: hi", RECIPIENT, TEXT)
        ala.sees("Wysylasz do 3 Ala prywatna wiadomosc: you", "[prywatna] 3 Ala: you", HELP)
        ala.sees("Rozpoczeto zmiane nazwy uzytkownika", GROUP, NICK, RENAMED)
        ala.sees("Dostepni uzytkownicy: 4 Eva", LEFT)
        ala.sees_the_end()


def test_a_chunk_may_come_in_pieces_of_a_character():
    """S1-01, S1-04: a chunk does not end inside a character."""
    with memory_chat("chunks") as chat:
        ala = chat.enter("3 Ala")
        data = "za\u017c".encode()
        ala.send(data[:3])
        ala.send(data[3:])
        ala.sees("3 Ala: za\u017c")


def test_texts_of_the_server_coalesce():
    """S1-04, S1-05, S1-07: what is said at once may arrive at once; each text ends in one LF."""
    with memory_chat("lines") as chat:
        ala = chat.come(asked=False)
        assert ala.receive() == (
            b"Witaj w pokoju rozmow!\nPodaj numer swojej grupy laboratoryjnej: \n"
        )


def test_ipv4_and_ipv6(engine):
    """S1-01: clients of ::1 and of 127.0.0.1 are in the same room; text is UTF-8."""
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with socket_chat(engine, "chunks") as chat:
        ala = chat.come(host="::1")
        assert ala.sock.family == socket.AF_INET6
        ala.ask("3", NICK)
        ala.ask("Ala", registered("3 Ala"), entered("3 Ala"))
        ola = chat.enter("2 Ola")
        ala.sees(entered("2 Ola"))
        ala.ask("za\u017c\u00f3\u0142\u0107", "3 Ala: za\u017c\u00f3\u0142\u0107")
        ola.sees("3 Ala: za\u017c\u00f3\u0142\u0107")


def test_what_is_no_utf8(engine):
    """S1-01, S1-07: it is refused, and an open question is asked again."""
    with socket_chat(engine, "lines") as chat:
        ala = chat.come()
        ala.send(b"\xff\n")
        ala.sees("this is not UTF-8", GROUP)
        ala.ask("3", NICK)
        ala.send(b"\xff\n")
        ala.sees("this is not UTF-8", NICK)
        ala.ask("Ala", registered("3 Ala"), entered("3 Ala"))
        ala.send(b"\xff\n")
        ala.sees("this is not UTF-8")
        ala.ask("hi", "3 Ala: hi")


def test_a_broken_connection(engine):
    """S1-19, S1-23: the others are told as if the user had left, and the nick is free."""
    with socket_chat(engine, "lines") as chat:
        ala, ola = chat.enter("3 Ala", "2 Ola")
        ola.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        ola.leave()
        ala.sees(gone("2 Ola"))
        chat.enter("5 Ola")
        ala.sees(entered("5 Ola"))


def test_one_end_of_the_input_is_enough(engine):
    """S1-04, S1-23: what came before the end is taken, and the end is not waited behind."""
    with socket_chat(engine, "chunks") as chat:
        ala, ola = chat.enter("3 Ala", "2 Ola")
        ola.send(b"bye")
        ola.sock.shutdown(socket.SHUT_WR)
        ola.sees("2 Ola: bye")
        ola.sees_the_end()
        ala.sees("2 Ola: bye", gone("2 Ola"))


# -- with the others -------------------------------------------------------------------------


def test_with_users_of_crlf(engine):
    """D-1, S1-09, S1-13, S1-16: one chat; users of other dialects have no group."""
    seen = []
    listen = (Listen("crlf", "127.0.0.1", 0),)
    with running_server(
        engine=engine, dialect="slash", listen=listen, taps=(Tap(seen.append),)
    ) as server:
        port = server.server.listeners[-1].address[1]
        with RawClient(port, nick="Bob") as bob, server.connect() as sock:
            ala = sock.makefile("rw", encoding="utf-8", newline="\n")

            def sees(*lines):
                assert [ala.readline() for _ in lines] == [f"{line}\n" for line in lines]

            def types(text):
                ala.write(f"{text}\n")
                ala.flush()

            sock.settimeout(PATIENCE)
            types("3\nbob\nAla")
            sees(WELCOME, GROUP, NICK, TAKEN, registered("3 Ala"), entered("3 Ala"))
            bob.send("PUB hello")
            sees("Bob: hello")
            types("hi")
            sees("3 Ala: hi")
            assert bob.line() == "PUB_MSG hi"
            types("/online\n/msg\n3 bob\nSECRET")
            sees("Dostepni uzytkownicy: 3 Ala, Bob", RECIPIENT, TEXT)
            sees("Wysylasz do Bob prywatna wiadomosc: SECRET")
            assert bob.line() == "PRIV_FROM Ala SECRET"
            assert bob.ask("PRIV ala SECRET") == "OK"
            sees("[prywatna] Bob: SECRET")
            assert bob.ask("LIST") == "USERS Bob Ala"
            assert bob.ask("LOGIN Rob") == "OK"
            assert bob.ask("QUIT") is None
            sees(gone("Rob"))
            types("/wyjdz")
            sees(LEFT)
            assert not ala.readline()
    assert [event.nick for event in seen if isinstance(event, Said)] == ["Bob", "Ala"]  # S1-16
    assert "SECRET" not in repr(seen)


def test_the_port():
    """D-5: 5001 for both ends."""
    assert (Slash.name, Slash.port, SlashClient.port) == ("slash", 5001, 5001)


@pytest.mark.parametrize("word", ["msg", "changename", "online", "pomoc", "wyjdz"])
def test_words_with_a_meaning_of_their_own(word):
    """S1-17, D-6: no command can take them away."""
    assert word in Slash.reserved
    Command(word, lambda ctx: None)  # it could be one, were it not reserved
    slash = inside({word, "help"})
    slash.feed(f"/{word} x\n/help x\n".encode())
    assert slash.next_request() == Request("say", (GENERAL, f"/{word} x"))
    assert slash.next_request() == Request("help", ("x",))


def inside(verbs=()):
    """The server's end for somebody who is registered."""
    slash = Slash(Setting(Limits(), "127.0.0.1:1", frozenset(verbs)))
    slash.feed(b"3\nAla\n")
    assert slash.next_request() == Notice(NICK)
    assert slash.group == "3"
    assert slash.done(slash.next_request(), None) == ()
    return slash


# -- nothing raises but errors of the chat ---------------------------------------------------

CODES = ["bad-name", "nick-taken", "full", "no-such-user", "empty-message", "bad-text", "internal"]
TYPED = st.sampled_from(["/msg", "/changename", "/online", "/pomoc", "/wyjdz", "/help x", "3 Ala"])
STREAM = st.lists(st.one_of(st.binary(max_size=30), TYPED.map(str.encode)), max_size=30).map(
    b"\n".join
)
OUTCOMES = st.lists(st.one_of(st.none(), st.sampled_from(CODES)), max_size=40)


def converse(pieces, outcomes, quiet=False):
    """Feed pieces; give all that was asked, told and raised."""
    slash = Slash(Setting(Limits(line=40, endless=200), "127.0.0.1:1", frozenset({"help"})))
    outcomes = iter(outcomes)
    said = []
    for piece in pieces:
        slash.feed(piece)
        if quiet and slash.patience is not None:
            slash.quiet_passed()
        while True:
            try:
                request = slash.next_request()
            except CommandError as error:
                said.append(str(error))
                continue
            except WireError as error:
                return [*said, str(error)]
            if request is None:
                break
            said.append(request)
            if isinstance(request, Request):
                code = next(outcomes, None)
                told = slash.done(request, code and CommandError(code, code))
                assert code is None or told
                said += told
    return said


@given(stream=STREAM, outcomes=OUTCOMES)
def test_bytes_one_by_one(stream, outcomes):
    """S1-05: however lines arrive, the same is asked and told."""
    stream += b"\n"
    assert converse([stream], outcomes) == converse([bytes([b]) for b in stream], outcomes)


@given(pieces=st.lists(STREAM, max_size=10), outcomes=OUTCOMES)
def test_chunks_never_raise(pieces, outcomes):
    """S1-04, S1-23: whatever a client sends costs it an error at most."""
    for event in converse(pieces, outcomes, quiet=True):
        assert isinstance(event, str | Request | Event)


TEXTS = st.text(st.characters(codec=None), max_size=40)  # surrogates too
EVENTS = st.one_of(
    st.builds(LoggedIn, TEXTS, TEXTS, TEXTS, TEXTS),
    st.builds(LoggedOut, TEXTS, st.one_of(st.just("quit"), TEXTS), TEXTS),
    st.builds(Renamed, TEXTS, TEXTS, TEXTS),
    st.builds(Said, st.one_of(st.just(GENERAL), TEXTS), TEXTS, TEXTS, TEXTS),
    st.builds(Told, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS),
    st.builds(Created, TEXTS, TEXTS),
    st.builds(Joined, TEXTS, TEXTS, TEXTS),
    st.builds(Parted, TEXTS, TEXTS, TEXTS),
    st.builds(Rooms, st.lists(TEXTS).map(tuple)),
    st.builds(Identity, TEXTS),
    st.builds(Notice, TEXTS),
    st.builds(Failed, TEXTS, TEXTS),
    st.lists(TEXTS).map(lambda nicks: Users(tuple(nicks), tuple(nicks[::-1]))),
)


@given(event=st.one_of(EVENTS, st.lists(EVENTS).map(lambda e: History("tea", remembered(*e)))))
def test_whatever_happens_can_be_shown(event):
    """D-8, S1-05: in whole lines of UTF-8 without control characters, TAB excepted."""
    for own in (False, True):
        shown = Slash.encode(event, own).decode()
        assert not shown or shown.endswith("\n")
        assert all(char in "\t\n" or char >= " " for char in shown)


def test_a_history_of_nothing():
    """D-6: one line says so; also when nothing in it has a form."""
    for events in ((), (Renamed("Ala", "Eva"),)):
        assert Slash.encode(History("tea", remembered(*events)), True) == b"no messages yet\n"


@given(TEXTS)
def test_a_clean_group(text):
    """S1-09, D-3: letters, digits, -_. and single spaces, 32 at most; cleaning it again is idle."""
    group = clean_group(text)
    assert len(group) <= 32
    assert group == " ".join(group.split(" ")).strip()
    assert not set(group) & set(",:!@*/[]\t\n") and group.isprintable()
