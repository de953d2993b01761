"""What chatcli makes of text: of others' before it is shown, of one's own before it is sent."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatcli.commands import Action, Mistake, understand
from chatcli.text import clean, unsendable
from chatd.dialects.crlf import CrlfClient
from chatd.events import GENERAL, Request

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

# Text as somebody would write it who wants something of the terminal.
hostile = st.lists(
    st.one_of(
        st.text(),
        st.sampled_from(["\x1b", "\x1b[", "\x1b]", "\x9b", "\x9d", "\x07", "\x1b\\", "[", "2J"]),
        st.sampled_from(
            [*BIDI, "\x00", "\r", "\n", "\t", "\x7f", "\ud800", "\ue000", "\U000e0fff"]
        ),
    )
).map("".join)


@given(hostile)
@example("\x1b\x1b[2J[2J")  # what remains without the inner sequence is one
@example("\x1b]0;title")
@example("\u2028")
def test_clean_text_cannot_drive_a_terminal(text):
    """R-09: whatever a server sends."""
    result = clean(text)
    assert not set(result) & set(BIDI)
    bad = {c for c in result if c != "\t" and unicodedata.category(c) in ("Cc", "Cs", "Cn", "Co")}
    assert not bad
    assert clean(result) == result
    result.encode()  # there is no surrogate that could not be written


@given(st.text().filter(str.isprintable))
def test_clean_leaves_printable_text_as_it_is(text):
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("zażółć 漢字 🎉 \u00ad\u200d", "zażółć 漢字 🎉 \u00ad\u200d"),
        ("a\tb  c", "a\tb  c"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "red link"),
        ("a\x1bPq\x1b\\b\x1b(0c", "abc"),
        ("bell\x07 back\x08 csi\x9b2J nul\x00", "bell� back� csi�2J nul�"),
        ("one\rtwo\nthree\x85four", "one�two�three�four"),
        ("".join(BIDI), "�" * len(BIDI)),
        ("\ud800 \ue000 \U0010ffff", "� � �"),
    ],
)
def test_clean(text, shown):
    assert clean(text) == shown


def test_a_megabyte_of_escapes_is_cleaned_quickly():
    """A hostile line must not hold up the client: some patterns take quadratic time."""
    for piece in ("\x1b", "\x1b]", "\x1b[", "\x1bP0", "\x1b[1;", "\x1b  "):
        clean(piece * (2**20 // len(piece)))


SAID = [
    ("hello  all ", (GENERAL, "hello  all ")),
    (" /list", (GENERAL, " /list")),
    ("//list", (GENERAL, "/list")),
    ("//", (GENERAL, "/")),
    ("tab\there", (GENERAL, "tab\there")),
]


@pytest.mark.parametrize(("line", "args"), SAID)
def test_what_is_said(line, args):
    """S0-30, D-6: a line that is no command is said; a text may begin with / after another /."""
    assert understand(line) == Request("say", args)


ASKED = [
    ("/list", Request("users"), b"LIST\r\n"),
    ("/LIST ", Request("users"), b"LIST\r\n"),
    ("/rename basia", Request("login", ("basia",)), b"LOGIN basia\r\n"),
    ("/priv ola hi  there", Request("tell", ("ola", "hi  there")), b"PRIV ola hi  there\r\n"),
    ("/priv  ola  hi", Request("tell", ("ola", " hi")), b"PRIV ola  hi\r\n"),
    ("/shout it loud", Request("shout", ("it loud",)), b"SHOUT it loud\r\n"),
    ("/rooms", Request("rooms"), b"ROOMS\r\n"),
    ("/help roll", Request("help", ("roll",)), b"HELP roll\r\n"),
    ("/help server", Request("help"), b"HELP\r\n"),
]


@pytest.mark.parametrize(("line", "request_", "data"), ASKED)
def test_what_is_asked(line, request_, data):
    """S0-30, D-6, S0-08 to S0-11: commands, and other verbs as the server knows them."""
    assert understand(line) == request_
    assert CrlfClient().encode(request_) == data


def test_what_the_client_does_itself():
    assert understand("/help") is Action.HELP
    assert understand("/quit") is Action.QUIT
    assert understand("") is understand(" \t") is None


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("/priv", "usage: /priv NICK TEXT"),
        ("/priv ola", "usage: /priv NICK TEXT"),
        ("/priv ola  ", "usage: /priv NICK TEXT"),
        ("/rename", "usage: /rename NICK"),
        ("/rename  ", "usage: /rename NICK"),
        ("/list ola", "usage: /list"),
        ("/quit now", "usage: /quit"),
        ("/", "a command's name must follow the / at once; to say it, type //"),
        ("/ list", "a command's name must follow the / at once; to say it, type //"),
        ("bell\x07", "control characters are not allowed: not sent"),
        ("/priv ola a\rPUB b", "control characters are not allowed: not sent"),
        ("half a letter \udcc5", "this is not UTF-8: not sent"),
    ],
)
def test_mistakes(line, text):
    with pytest.raises(Mistake) as caught:
        understand(line)
    assert str(caught.value) == text


@given(st.text())
def test_what_may_be_sent_is_sent_unaltered(text):
    if not unsendable(text):
        assert CrlfClient().encode(Request("say", (GENERAL, text))) == b"PUB %b\r\n" % text.encode()
