"""The client's part of a conversation, without keyboard, screen and socket."""

from math import inf

import pytest

from chatcli.chat import GOODBYE, Chat
from chatcli.dialogue import WINDOW
from chatcli.display import Kind
from chatd.dialects.crlf import CrlfClient

TIMEOUT = 10.0


class Talk:
    """A conversation whose server is the test, with a clock that the test moves."""

    def __init__(self, *, logged_in=True, **settings):
        self.now = 0.0
        self.chat = Chat(CrlfClient(), "ala", timeout=TIMEOUT, clock=lambda: self.now, **settings)
        if logged_in:
            assert self.sent() == b"LOGIN ala\r\n"
            self.server("OK")
            self.shown()

    def server(self, *lines):
        self.chat.received("".join(line + "\r\n" for line in lines).encode())

    def sent(self):
        data = bytes(self.chat.output)
        self.chat.output.clear()
        return data

    def shown(self):
        lines, self.chat.lines = self.chat.lines, []
        return [line.text for line in lines]

    def after(self, seconds):
        """Let time pass as an engine would."""
        self.now += seconds
        self.chat.tick()


@pytest.fixture(params=[False, True], ids=["pipe", "terminal"])
def interactive(request):
    return request.param


# -- login -----------------------------------------------------------------------------------


def test_the_client_speaks_first(interactive):
    """S0-29: it sends LOGIN at once, and nothing else until that is answered."""
    talk = Talk(logged_in=False, interactive=interactive)
    assert not talk.chat.wants_input
    talk.chat.typed("hello")
    assert talk.sent() == b"LOGIN ala\r\n"
    talk.server("OK")
    assert talk.chat.wants_input
    assert talk.sent() == b"PUB hello\r\n"


def test_a_refused_login_ends_a_pipe():
    talk = Talk(logged_in=False)
    talk.server("ERROR nick ala is \x1b[31mtaken")
    assert (talk.chat.status, talk.chat.complaint) == (1, "nick ala is taken")
    assert talk.shown() == []


def test_a_person_is_asked_for_another_nick():
    """S0-24: the connection is still there for another attempt."""
    talk = Talk(logged_in=False, interactive=True)
    assert talk.chat.prompt == ""
    talk.sent()
    talk.chat.typed("typed too early")
    talk.server("ERROR nick ala is taken")
    assert talk.shown() == ["error: nick ala is taken"]
    assert talk.chat.prompt == "another nick: "
    for line in ("", "  ", "a\x07", "/list"):
        talk.chat.typed(line)
        assert talk.sent() == b""
    assert len(talk.shown()) == 2
    talk.chat.typed(" ola ")
    assert talk.sent() == b"LOGIN ola\r\n"
    assert talk.chat.prompt == ""
    talk.server("OK", "Hej hej")
    assert talk.chat.prompt == "ola> "
    assert talk.shown()[-1] == "Hej hej"
    assert talk.sent() == b"PUB typed too early\r\n"


@pytest.mark.parametrize("leave", [lambda chat: chat.typed("/quit"), Chat.leave])
def test_a_person_may_leave_instead_of_choosing_a_nick(leave):
    talk = Talk(logged_in=False, interactive=True)
    talk.server("ERROR nick ala is taken")
    leave(talk.chat)
    assert talk.chat.status == 0


def test_a_login_that_is_never_answered(interactive):
    talk = Talk(logged_in=False, interactive=interactive)
    talk.after(TIMEOUT - 0.1)
    assert talk.chat.status is None
    talk.after(0.2)
    talk.after(1)
    assert talk.chat.status == 1
    assert talk.chat.complaint == "no answer from the server within 10 seconds"


# -- what is shown ---------------------------------------------------------------------------

FROM_OTHERS = {
    "PUB_MSG hello  all": "hello  all",
    "PRIV_FROM ola psst": "[private] ola: psst",
    "ROOM_MSG tea ola hi": "[tea] ola: hi",
}
FROM_THE_SERVER = {
    "USERS ala ola": "users: ala ola",
    "ERROR there is no user x": "error: there is no user x",
    "ROOMS General tea": "rooms: General tea",
    "WHOAMI ala": "you are ala",
    "NOTICE you rolled 4": "you rolled 4",
    "Hej  hej": "Hej  hej",
    "JOINED ala tea": "JOINED ala tea",
    "PRIV_FROM ala to myself": "[private] ala: to myself",
}


def test_what_is_shown(interactive):
    """S0-20 to S0-22, S0-32: every kind has its form, and an unknown one is shown as it came."""
    talk = Talk(interactive=interactive)
    every = FROM_OTHERS | FROM_THE_SERVER
    talk.server(*every)
    assert talk.shown() == list(every.values())


def test_what_is_hidden(interactive):
    """S0-05, S0-06, D-9: -i hides what other users say, public or private, and nothing else."""
    talk = Talk(interactive=interactive, ignore=True)
    talk.server(*FROM_OTHERS, *FROM_THE_SERVER)
    assert talk.shown() == list(FROM_THE_SERVER.values())


def test_what_is_shown_is_clean():
    talk = Talk()
    talk.server("PUB_MSG a\x1b[2Jb\u202e", "PRIV_FROM x\x1b]0;t\x07y hi", "\x1b[31mHej\x07")
    assert talk.shown() == ["ab�", "[private] xy: hi", "Hej�"]


def test_acknowledgements_are_for_people():
    """S0-18: on a pipe an OK says nothing that the exit status does not say."""
    for interactive in (False, True):
        talk = Talk(interactive=interactive)
        for line in ("/priv ola hi", "/rename basia", "/join tea"):
            talk.chat.typed(line)
        talk.server("OK", "OK", "OK", "OK")
        notes = ["delivered to ola", "you are now basia", "done"]
        assert talk.shown() == (notes if interactive else [])
        assert talk.chat.nick == "basia"


def test_a_refused_rename_changes_nothing():
    talk = Talk(interactive=True)
    talk.chat.typed("/rename ola")
    talk.server("ERROR nick ola is taken")
    assert talk.shown() == ["error: nick ola is taken"]
    assert talk.chat.prompt == "ala> "


def test_help_is_the_clients_own():
    talk = Talk()
    talk.chat.typed("/help")
    text = "\n".join(talk.shown())
    for word in ("/list", "/rename NICK", "/priv NICK TEXT", "/quit", "/WORD", "//TEXT"):
        assert word in text
    assert talk.sent() == b""


def test_nicks_that_were_seen_are_remembered():
    talk = Talk()
    talk.server("USERS ala ola", "PRIV_FROM ela hi", "ROOM_MSG tea ula hi", "PUB_MSG x")
    assert list(talk.chat.nicks) == ["ala", "ola", "ela", "ula"]
    talk.server("USERS ala")
    assert list(talk.chat.nicks) == ["ala"]


# -- the end ---------------------------------------------------------------------------------


def test_everything_has_been_taken_before_the_end(interactive):
    talk = Talk(interactive=interactive)
    talk.chat.typed("hello")
    talk.chat.leave()
    assert talk.sent() == b"PUB hello\r\nLIST\r\n"
    assert not talk.chat.wants_input
    talk.chat.typed("too late")
    assert talk.sent() == b""
    talk.server("PUB_MSG last words")
    assert talk.chat.status is None
    talk.server("USERS ala")
    assert talk.chat.status == 0
    assert talk.shown() == ["last words"]  # and not the answer, which nobody asked for


@pytest.mark.parametrize("line", ["/priv", "/rename", "a\x07"])
def test_a_mistake_counts_on_a_pipe(line):
    talk = Talk()
    talk.chat.typed(line)
    assert talk.sent() == b""
    assert [text[:7] for text in talk.shown()] == ["error: "]
    talk.chat.leave()
    talk.server("USERS ala")
    assert talk.chat.status == 1


def test_a_refusal_counts_on_a_pipe():
    for interactive, status in ((False, 1), (True, 0)):
        talk = Talk(interactive=interactive)
        talk.chat.typed("/priv nobody hi")
        talk.chat.typed("/quit")
        talk.server("ERROR there is no user nobody", "USERS ala")
        assert talk.chat.status == status


def test_no_answer_at_the_end():
    """A pipe complains; a person who leaves does not wait long and does not care."""
    for interactive, patience, status in ((False, TIMEOUT, 1), (True, GOODBYE, 0)):
        talk = Talk(interactive=interactive)
        talk.chat.leave()
        talk.after(patience - 0.1)
        assert talk.chat.status is None
        talk.after(0.2)
        assert talk.chat.status is None, "one more look at what may have come meanwhile"
        talk.after(1)
        assert talk.chat.status == status


def test_a_person_who_leaves_twice_leaves_at_once():
    talk = Talk(interactive=True)
    talk.chat.leave()
    talk.chat.leave()
    assert talk.chat.status == 0


def test_the_server_goes_away(interactive):
    talk = Talk(interactive=interactive)
    talk.server("ERROR the server is shutting down")
    talk.chat.closed("the server closed the connection")
    assert talk.shown() == ["error: the server is shutting down"]
    assert (talk.chat.status, talk.chat.complaint) == (1, "the server closed the connection")


def test_the_server_goes_away_before_the_last_answer():
    for interactive, status in ((False, 1), (True, 0)):
        talk = Talk(interactive=interactive)
        talk.chat.leave()
        talk.chat.closed("the server closed the connection")
        assert talk.chat.status == status


def test_a_line_that_never_ends_is_the_end(interactive):
    talk = Talk(interactive=interactive)
    for _ in range(3):
        talk.chat.received(b"x" * 2**19)
    assert talk.chat.status == 1
    assert talk.chat.complaint.startswith("the server talks nonsense: ")


# -- pastes ----------------------------------------------------------------------------------


def test_a_long_paste_is_confirmed_piece_by_piece():
    talk = Talk()
    while talk.chat.wants_input:
        talk.chat.typed("x" * 1000)
    data = talk.sent()
    assert WINDOW <= len(data) < WINDOW + 2000
    assert data.endswith(b"\r\nLIST\r\n")
    talk.server("USERS ala")
    assert talk.chat.wants_input
    assert talk.chat.deadline == inf
    assert talk.shown() == []
    talk.after(100)
    assert talk.chat.status is None


def test_a_server_that_takes_no_more_of_a_paste():
    talk = Talk()
    while talk.chat.wants_input:
        talk.chat.typed("x" * 1000)
    talk.after(TIMEOUT)
    talk.after(1)
    assert talk.chat.status == 1


def test_what_a_person_types_meanwhile_is_not_lost():
    talk = Talk(interactive=True)
    while talk.chat.wants_input:
        talk.chat.typed("x" * 1000)
    talk.chat.typed("one more")
    assert talk.sent().endswith(b"LIST\r\nPUB one more\r\n")


def test_notes_are_marked():
    talk = Talk(interactive=True)
    talk.chat.typed("/priv ola hi")
    talk.server("OK")
    assert [line.kind for line in talk.chat.lines] == [Kind.NOTE]
