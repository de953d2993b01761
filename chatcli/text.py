"""Text on its way to a screen, and on its way to a server: what may pass."""

import unicodedata

from wcwidth import strip_sequences

from chatd.dialects import CONTROL

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# What changes the direction of writing, and so what a reader takes for whose words.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Controls, surrogates, and what has no meaning that everybody knows.
_UNSAFE = frozenset({"Cc", "Cs", "Cn", "Co"})


def clean(text: str) -> str:
    """Make text from others harmless for a terminal, whoever sent it.

    Escape sequences are left out; other control characters, except TAB, and what reorders
    writing become U+FFFD. The result holds no line break.
    """
    if text.isprintable():  # then there is nothing of all that
        return text
    return "".join(c if _is_safe(c) else REPLACEMENT for c in strip_sequences(text))


def _is_safe(character: str) -> bool:
    if character == "\t":
        return True
    return character not in _BIDI and unicodedata.category(character) not in _UNSAFE


def unsendable(text: str) -> str:
    """Say why no server can be sent text as it is; empty when one can."""
    if "\n" in text or CONTROL.search(text):
        return "control characters are not allowed"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "this is not UTF-8"
    return ""
