"""Nicks and room names: what is allowed, and which two are the same name (SPEC D-3)."""

import unicodedata
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from confusable_homoglyphs.categories import unique_aliases
from precis_i18n import get_profile

from chatd.events import CommandError

MAX_LENGTH = 32
FORBIDDEN = ",:!@*/"

# Written together by everybody who reads them, hence one script each (Unicode TS 39, 5.1).
_SCRIPTS_WRITTEN_TOGETHER = (
    {"HAN", "HIRAGANA", "KATAKANA"},
    {"HAN", "HANGUL"},
    {"HAN", "BOPOMOFO"},
)
_NEUTRAL_SCRIPTS = {"COMMON", "INHERITED"}
_ZERO_WIDTH_NON_JOINER = "\u200c"

_precis = get_profile("UsernameCaseMapped")


class Name(NamedTuple):
    """A nick or a room name: as typed, and the key by which names are compared."""

    shown: str
    key: str


@lru_cache(maxsize=8192)
def parse_name(text: str, kind: str = "nick") -> Name:
    """Check a nick or room name. kind is how the error calls it.

    Raises CommandError("bad-name") that says what is wrong with it.
    """
    _check_characters(text, kind)
    if text.isascii():
        return Name(text, text.lower())  # as the profile does, which takes 8 times as long
    if not _one_script(text):
        raise _bad(kind, "mixes letters of several scripts")
    try:
        key = _precis.enforce(text)
    except UnicodeEncodeError as error:
        raise _bad(kind, f"is not allowed: {_explain(error.reason)}") from None
    _check_characters(key, kind)  # a full-width comma is a comma by now
    return Name(text, key)


def name_key(text: str) -> str:
    """Give the key of a name to look up, or a key that nothing has if it is no valid name."""
    return _name_key(text) if len(text) <= MAX_LENGTH else ""


@lru_cache(maxsize=8192)
def _name_key(text: str) -> str:
    try:
        return parse_name(text).key
    except CommandError:
        return ""


_RESERVED_KEYS = {_precis.enforce(name) for name in ("Server", "ServerMessage", "[Server]")}


def parse_new_name(text: str, kind: str = "nick") -> Name:
    """Check a nick or room name that a user wants to have.

    Raises CommandError("bad-name"), also for the names by which servers speak, and for addresses.
    """
    name = parse_name(text, kind)
    if name.key in _RESERVED_KEYS:
        raise _bad(kind, "is reserved")
    if _is_address(name.key):
        raise _bad(kind, "must not be an address")  # of which a ban would be
    return name


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _check_characters(text: str, kind: str) -> None:
    if not text:
        raise _bad(kind, "is empty")
    if len(text) > MAX_LENGTH:
        raise _bad(kind, f"is longer than {MAX_LENGTH} characters")
    if text.startswith("#"):
        raise _bad(kind, "must not begin with #")
    for character in text:
        if character.isspace():
            raise _bad(kind, "must not contain white space")
        if character in FORBIDDEN:
            raise _bad(kind, f"must not contain {character}")
        category = unicodedata.category(character)
        if category[0] == "C" and character != _ZERO_WIDTH_NON_JOINER:
            raise _bad(kind, "must not contain control or invisible characters")


def _one_script(text: str) -> bool:
    letters = (c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c)[0] in "LM")
    scripts = set(unique_aliases("".join(letters))) - _NEUTRAL_SCRIPTS
    return len(scripts) <= 1 or any(scripts <= together for together in _SCRIPTS_WRITTEN_TOGETHER)


def _explain(reason: str) -> str:
    """Turn the profile's reason, such as DISALLOWED/symbols, into words."""
    return {
        "symbols": "it contains a symbol",
        "bidi_rule": "it mixes writing directions",
        "precis_ignorable_properties": "it contains invisible characters",
    }.get(reason.rpartition("/")[2], reason.rpartition("/")[2].replace("_", " "))


def _bad(kind: str, problem: str) -> CommandError:
    return CommandError("bad-name", f"{kind} {problem}")
