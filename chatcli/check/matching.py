"""Find what is expected in what was seen. Lenient: line ends and everything else are left open.

In crlf and json a text is a line, whatever it ends in. White space around it is nothing in crlf
(S0-09). json is compared as values, with further keys allowed and whatever is between them; of
what only says what people see (see `spoken`), some text in a value has to be the words. In slash,
words and rooms a text may be anywhere in the stream, since the programs they come from send chunks
that run together.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chatcli.check.text import Text

Find = Callable[[bytes, int], int | None]
"""Find a text in what was seen, from a place on: the place behind it, or None."""

_WHITE_SPACE = " \t\r"
_decoder = json.JSONDecoder()
_FIRST_MARK = 0xE000  # private use: no document has these characters


def strict(text: Text, addresses: Mapping[str, str], end: str = "") -> re.Pattern[str]:
    """Give a pattern of exactly what chatd says, for bytes decoded with surrogateescape."""
    return re.compile((text + end).regex(addresses, strict=True))


def lenient(text: Text, dialect: str, addresses: Mapping[str, str]) -> Find:
    """Give what finds the text in a stream of a dialect."""
    if dialect not in ("crlf", "json"):
        words = text.regex(addresses, strict=False).replace("\\\n", "\r?\n")
        return _anywhere(re.compile(words))
    if dialect == "json":
        return _in_values(_value_fits(text, addresses) or _words_fit(text, addresses))
    fits = line_fits(text, addresses)
    return _in_lines(lambda line: fits(line) or fits(line.strip(_WHITE_SPACE)))


def exactly(text: Text, addresses: Mapping[str, str]) -> Find:
    """Give what finds the bytes of the text right at a place."""
    pattern = re.compile(text.regex(addresses, strict=False))

    def find(seen: bytes, start: int) -> int | None:
        found = pattern.match(decoded(seen[start:]))
        return start + len(_encoded(found[0])) if found else None

    return find


def directly(text: Text, dialect: str, addresses: Mapping[str, str]) -> Find:
    """Give what finds the text as the next thing: a line, a value in json, else line ends apart."""
    find = lenient(text, dialect, addresses)
    pattern = re.compile(r"[\r\n]*" + text.regex(addresses, strict=False))

    def next_line(seen: bytes, start: int) -> int | None:
        things = values if dialect == "json" else lines
        end = next((end for end, _ in things(seen, start)), None)
        return end and find(seen[:end], start)

    def next_text(seen: bytes, start: int) -> int | None:
        found = pattern.match(decoded(seen[start:]))
        return start + len(_encoded(found[0])) if found else None

    return next_line if dialect in ("crlf", "json") else next_text


def line_fits(text: Text, addresses: Mapping[str, str]) -> Callable[[str], bool]:
    """Give what says whether a line, without its end, is the text."""
    pattern = re.compile(text.regex(addresses, strict=False))
    return lambda line: pattern.fullmatch(line) is not None


def json_fits(text: Text, addresses: Mapping[str, str]) -> Callable[[str], bool] | None:
    """Give what says whether a line is the same JSON value; None if the text is no JSON."""
    same = _value_fits(text, addresses)

    def fits(line: str) -> bool:
        try:
            return same is not None and same(json.loads(line))
        except (ValueError, RecursionError):
            return False

    return fits if same else None


def _value_fits(text: Text, addresses: Mapping[str, str]) -> Callable[[Any], bool] | None:
    """Give what says whether a value is the same as the text; None if that is no JSON."""
    pieces = list(text.pieces)
    source = "".join(
        piece.value if piece.kind == "is" else chr(_FIRST_MARK + number)
        for number, piece in enumerate(pieces)
    )
    try:
        wanted = json.loads(source)
    except ValueError:
        return None

    def pattern(words: str) -> re.Pattern[str]:
        parts = (
            Text((pieces[ord(letter) - _FIRST_MARK],)).regex(addresses, strict=False)
            if 0 <= ord(letter) - _FIRST_MARK < len(pieces)
            else re.escape(letter)
            for letter in words
        )
        return re.compile("".join(parts))

    def same(want: Any, got: Any) -> bool:
        if isinstance(want, dict):
            return isinstance(got, dict) and all(
                key in got and same(value, got[key]) for key, value in want.items()
            )
        if isinstance(want, str):
            return isinstance(got, str) and bool(pattern(want).fullmatch(_one_line(got)))
        return bool(want == got)

    return lambda value: same(wanted, value)


def _words_fit(text: Text, addresses: Mapping[str, str]) -> Callable[[Any], bool]:
    """Give what says whether some text in a value is the words of this one."""
    words = Text(tuple(piece for piece in text.pieces if piece.kind != "form"))
    fits = line_fits(words, addresses)

    def somewhere(value: Any) -> bool:
        if isinstance(value, dict):
            return any(map(somewhere, value.values()))
        return isinstance(value, str) and fits(_one_line(value))

    return somewhere


def _one_line(words: str) -> str:
    """Make a text of some lines one, as others may show a list."""
    return re.sub(r"[\r\n]+", " ", words)


def lines(seen: bytes, start: int) -> Iterator[tuple[int, str]]:
    """Give each whole line from start on without its end, and the place behind it."""
    while (end := seen.find(b"\n", start)) >= 0:
        yield end + 1, decoded(seen[start:end].removesuffix(b"\r"))
        start = end + 1


def values(seen: bytes, start: int) -> Iterator[tuple[int, Any]]:
    """Give each JSON object from start on, and the place behind it."""
    text = decoded(seen[start:])
    place = text.find("{")
    while place >= 0:
        try:
            value, end = _decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = text.find("\n", place)  # of a line that is no JSON, if it has come to its end
        else:
            yield start + len(_encoded(text[:end])), value
        place = text.find("{", end) if end >= 0 else -1


def _in_values(fits: Callable[[Any], bool]) -> Find:
    return lambda seen, start: next((end for end, one in values(seen, start) if fits(one)), None)


def _in_lines(fits: Callable[[str], bool]) -> Find:
    return lambda seen, start: next((end for end, line in lines(seen, start) if fits(line)), None)


def _anywhere(pattern: re.Pattern[str]) -> Find:
    def find(seen: bytes, start: int) -> int | None:
        rest = decoded(seen[start:])
        found = pattern.search(rest)
        return start + len(_encoded(rest[: found.end()])) if found else None

    return find


def decoded(data: bytes) -> str:
    """Decode what was seen; bytes that are no UTF-8 become lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
