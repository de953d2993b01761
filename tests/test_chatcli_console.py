"""The conversation in which the server does the understanding, without keyboard and socket."""

from math import inf

import pytest

from chatcli.console import ANSWER, LONG_QUIET, QUIET, SPACING, Console
from chatcli.conversation import GOODBYE
from chatcli.dialects import CONSOLES, SlashConsole
from consoles import CLOSING

TIMEOUT = 10.0

FAREWELLS = {"slash": "/wyjdz", "words": "logout", "rooms": "exit"}


class Talk:
    """A conversation whose server is the test, with a clock that the test moves."""

    def __init__(self, kind=Console, name="", **settings):
        self.now = 0.0
        self.chat = kind(name, timeout=TIMEOUT, clock=lambda: self.now, **settings)

    def sent(self):
        data = bytes(self.chat.output)
        self.chat.output.clear()
        return data

    def shown(self):
        lines, self.chat.lines = self.chat.lines, []
        return [line.text for line in lines]

    def after(self, seconds):
        """Let time pass as an engine would: tick comes when it is due."""
        end = self.now + seconds
        while (wait := self.chat.wait()) is not None and self.now + wait <= end:
            self.now += wait
            self.chat.tick()
            if self.chat.status is not None:
                return
        self.now = end
        self.chat.tick()


# -- what goes out ---------------------------------------------------------------------------

TYPED = ["hello  all", "/msg", "//x", " /help ", "", "\tq", "zażółć", "/quit"]


@pytest.mark.parametrize("kind", CONSOLES.values())
def test_lines_go_out_as_typed(kind):
    """S1-06, S3-18: there are no commands of the client's own."""
    talk = Talk(kind)
    for line in TYPED:
        talk.chat.typed(line)
    assert talk.sent().decode() == "".join(line + "\n" for line in TYPED)
    assert talk.chat.status is None


def test_chunks_are_spaced():
    """D-2: each is a send of its own, and the next one waits until a server has received it."""
    talk = Talk(unterminated=True)
    for line in ("one", "", "two", "three"):
        talk.chat.typed(line)
    assert talk.sent() == b"one"
    assert not talk.chat.wants_input
    talk.after(SPACING * 0.9)
    assert talk.sent() == b""
    talk.after(SPACING * 0.2)
    assert talk.chat.output == b"two"
    talk.after(SPACING * 2)
    assert talk.sent() == b"two", "the system had not taken it"
    talk.chat.leave()
    assert not talk.chat.said_all
    talk.chat.tick()
    assert talk.sent() == b"three"
    assert talk.chat.said_all
    talk.chat.closed("")
    assert (talk.chat.status, talk.chat.complaint) == (0, "")


def test_what_cannot_be_sent_is_told():
    talk = Talk()
    talk.chat.typed("bell\x07")
    talk.chat.typed("\ud800")
    assert talk.sent() == b""
    assert talk.shown() == [
        "error: control characters are not allowed: not sent",
        "error: this is not UTF-8: not sent",
    ]
    talk.chat.leave()
    talk.chat.closed("")
    assert talk.chat.status == 1


def test_a_name_is_sent_first():
    """S4-02, S1-06: where the protocol has a form for that; slash asks for more than a name."""
    for unterminated, end in ((False, b"\n"), (True, b"")):
        first = {
            dialect: Talk(kind, "a{}la", unterminated=unterminated).sent()
            for dialect, kind in CONSOLES.items()
        }
        assert first == {"slash": b"", "words": b"login a{}la" + end, "rooms": b"a{}la" + end}


def test_a_name_can_be_refused_before_anything_follows_it():
    """S4-02, S4-17: a script that was not let in must not believe that it was heard."""
    for said, seconds in ((b"no such luck\n", SPACING), (b"", ANSWER)):
        talk = Talk(CONSOLES["rooms"], "ala")
        if said:
            talk.chat.received(said)
        talk.after(seconds * 0.9)
        assert not talk.chat.wants_input
        talk.after(seconds * 0.2)
        assert talk.chat.wants_input
    talk = Talk(CONSOLES["rooms"], "ala")
    assert talk.sent() == b"ala\n"
    talk.chat.received(b"no such luck\n")
    talk.chat.closed("")
    assert talk.chat.status == 1


def test_a_long_paste_waits_in_the_pipe():
    talk = Talk()
    while talk.chat.wants_input:
        talk.chat.typed("x" * 1000)
    assert 2**16 <= len(talk.sent()) < 2**16 + 1001
    assert talk.chat.wants_input


# -- what comes in ---------------------------------------------------------------------------


def test_lines_are_shown_one_by_one():
    """R-09: without what would drive the terminal."""
    talk = Talk()
    talk.chat.received(b"one\r\ntwo\n\n  three")
    assert talk.shown() == ["one", "two", ""]
    talk.chat.received(b" \x1b[2J\n")
    assert talk.shown() == ["  three "]


def test_a_rest_without_a_line_end_is_shown_after_a_while():
    """D-2: nothing else may ever come behind it."""
    talk = Talk()
    talk.chat.received(b"name")
    talk.after(QUIET * 0.9)
    talk.chat.received(b": ")
    talk.after(QUIET * 0.9)
    assert talk.shown() == []
    talk.after(QUIET * 0.2)
    assert talk.shown() == ["name: "]
    assert talk.chat.wait() is None


def test_a_line_is_not_torn_lightly():
    """D-2: where there was a line end, another one is likely to be under way."""
    talk = Talk()
    talk.chat.received(b"hello\nname: ")
    talk.after(LONG_QUIET * 0.9)
    assert talk.shown() == ["hello"]
    talk.after(LONG_QUIET * 0.2)
    assert talk.shown() == ["name: "]


@pytest.mark.parametrize("late", [b"\n", b"\r\n", b"\nmore\n"])
def test_a_line_end_that_comes_late(late):
    """D-2: it is no line of its own."""
    talk = Talk()
    talk.chat.received(b"text")
    talk.after(QUIET)
    talk.chat.received(late)
    assert talk.shown() == (["text", "more"] if b"more" in late else ["text"])
    talk.chat.received(b"\n")
    assert talk.shown() == [""]


def test_a_rest_is_not_shown_in_the_middle_of_a_character():
    """D-2: but it is at the end, for what it is worth."""
    talk = Talk()
    talk.chat.received("zażółć".encode()[:-1])
    assert talk.chat.wait() is None
    talk.after(10)
    assert talk.shown() == []
    talk.chat.received("ć".encode()[1:])
    talk.after(QUIET)
    assert talk.shown() == ["zażółć"]
    talk.chat.received("abć".encode()[:-1])
    talk.chat.closed("")
    assert talk.shown() == ["ab\N{REPLACEMENT CHARACTER}"]


def test_chunks_are_shown_at_once():
    """D-2: one chunk is one text; what belongs to one character is not torn."""
    talk = Talk(unterminated=True)
    talk.chat.received(b"Podaj: ")
    talk.chat.received(b"a\nb\n")
    talk.chat.received("ć".encode()[:1])
    assert talk.shown() == ["Podaj: ", "a", "b"]
    talk.chat.received("ć".encode()[1:])
    assert talk.shown() == ["ć"]
    assert talk.chat.wait() is None


def test_a_line_that_never_ends_is_the_end():
    talk = Talk()
    for _ in range(3):
        talk.chat.received(b"x" * 2**19)
    talk.chat.closed("")
    assert talk.chat.status == 1
    assert talk.chat.complaint.startswith("the server talks nonsense: ")


# -- the end ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", CONSOLES)
def test_the_end_of_the_input_is_told(dialect):
    """S3-18: then the server has taken everything when it closes."""
    talk = Talk(CONSOLES[dialect])
    talk.shown()
    talk.chat.typed("hello")
    talk.chat.leave()
    assert not talk.chat.said_all
    assert talk.sent() == b"hello\n"
    assert talk.chat.said_all
    talk.chat.typed("too late")
    assert talk.sent() == b""
    assert not talk.chat.wants_input
    assert talk.chat.status is None
    talk.chat.closed("")
    assert (talk.chat.status, talk.chat.complaint) == (0, "")


@pytest.mark.parametrize("dialect", CONSOLES)
@pytest.mark.parametrize("farewell", [False, True])
def test_the_server_closes_first(dialect, farewell):
    """S1-24, S3-18: all is well if one has asked for it."""
    talk = Talk(CONSOLES[dialect])
    talk.shown()
    talk.chat.typed("hello")
    talk.chat.typed(FAREWELLS[dialect] if farewell else "bye")
    talk.sent()
    talk.chat.closed("")
    assert talk.shown() == ([CLOSING] if dialect == "slash" else [])
    assert talk.chat.status == int(not farewell)
    silent = farewell or dialect == "slash"
    assert talk.chat.complaint == ("" if silent else "the server closed the connection")


@pytest.mark.parametrize("broken", ["reset", "unsent"])
def test_what_was_not_taken_is_lost(broken):
    """S3-18: an end is a good end only behind everything."""
    talk = Talk(CONSOLES["words"])
    talk.chat.typed("hello")
    talk.chat.leave()
    if broken == "reset":
        talk.sent()
    talk.chat.closed("the connection is lost" if broken == "reset" else "")
    assert talk.chat.status == 1
    assert (
        talk.chat.complaint
        == {
            "reset": "the connection is lost",
            "unsent": "the server closed the connection",
        }[broken]
    )


def test_a_server_that_takes_nothing():
    talk = Talk()
    talk.chat.typed("x" * 100)
    talk.after(TIMEOUT)
    assert talk.chat.status is None, "one more look at what may have happened meanwhile"
    talk.after(1)
    assert talk.chat.status == 1
    assert talk.chat.complaint == "no answer from the server within 10 seconds"


def test_a_server_that_takes_its_time():
    """As long as it takes something, or says something, it is there."""
    talk = Talk()
    talk.chat.typed("x" * 100)
    for _ in range(10):
        talk.after(TIMEOUT * 0.9)
        del talk.chat.output[:5]
    talk.sent()
    talk.after(1000)
    assert talk.chat.deadline == inf, "nobody has to answer while one may go on typing"
    talk.chat.leave()
    for _ in range(10):
        talk.after(TIMEOUT * 0.9)
        talk.chat.received(b"I am here\n")
    assert talk.chat.status is None
    talk.after(TIMEOUT + 1)
    assert talk.chat.status == 1


def test_a_person_who_leaves_does_not_wait_long():
    talk = Talk(interactive=True)
    talk.chat.typed("hello")
    talk.sent()
    talk.chat.leave()
    talk.after(GOODBYE)
    talk.chat.received(b"bla\n")
    talk.after(1)
    assert (talk.chat.status, talk.chat.complaint) == (0, "")
    for _ in range(2):  # and not at all who leaves twice
        talk = Talk(interactive=True)
        talk.chat.leave()
        talk.chat.leave()
        assert talk.chat.status == 0


@pytest.mark.parametrize("answer", [lambda chat: chat.typed(""), lambda chat: chat.leave()])
def test_enter_closes_the_application(answer):
    """S1-24: the last words stay on the screen until then."""
    for farewell, status in (("bye", 1), ("/wyjdz", 0)):
        talk = Talk(SlashConsole, interactive=True)
        talk.chat.typed(farewell)
        talk.sent()
        assert talk.chat.prompt == "> "
        talk.chat.received(b"psst")
        talk.chat.closed("")
        assert [text[-4:] for text in talk.shown()] == ["psst", CLOSING[-4:]]
        assert talk.chat.prompt == ""
        talk.after(1000)
        assert talk.shown() == []
        assert talk.chat.status is None
        answer(talk.chat)
        assert (talk.chat.status, talk.chat.complaint) == (status, "")
