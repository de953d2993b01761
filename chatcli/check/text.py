r"""Texts of scenarios: what is sent, and patterns of what is expected.

Escapes: \r \n \t \\, \s (a space, where an editor would cut it off), \xff (a byte), \u200c and
\U0001f600 (a character); {a*32} repeats a character. {address ala} is the ip:port from which ala
has connected. In what is expected there are patterns, too:

    {any}     something, within the line
    {~TEXT}   chatd says exactly TEXT, others something
    {?TEXT}   others may say TEXT, chatd does not
    {*TEXT}   chatd says exactly TEXT, others something or nothing; {*} is that without a TEXT

TEXT may hold all of these again. Any other brace stands for itself, as in JSON.
"""

import re
import unicodedata
from collections.abc import Callable, Container, Iterator, Mapping
from typing import NamedTuple

_ESCAPE = re.compile(
    r"\\(?:(?P<short>[rnts\\])|x(?P<byte>[0-9a-f]{2})|u(?P<four>[0-9a-f]{4})"
    r"|U(?P<eight>[0-9a-f]{8}))|\{(?P<char>.)\*(?P<times>\d+)\}|(?P<bad>\\)"
)
_SHORT = {"r": "\r", "n": "\n", "t": "\t", "s": " ", "\\": "\\"}
_MARK = re.compile(r"\{(?:(?P<any>any)\}|address (?P<who>\w+)\}|(?P<kind>[~?*]))")
_WORD = re.compile(r"\w+")
_EXACT = ("~", "*", "form")


class Piece(NamedTuple):
    """A part of a text: `is`, `any`, `address`, `~`, `?`, `*` or `form`.

    value is the words of `is` and the person of `address`; inner is the text of the last four.
    `form` is what words are wrapped in (see `spoken`).
    """

    kind: str
    value: str = ""
    inner: "Text | None" = None


class Text:
    """What somebody sends or is expected to see. Bytes that are no UTF-8 are lone surrogates."""

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        self.pieces = pieces

    def __add__(self, end: str) -> "Text":
        return Text((*self.pieces, Piece("is", end)))

    def __str__(self) -> str:
        return "".join(_shown(piece) for piece in self.pieces)

    @property
    def fixed(self) -> bool:
        """Whether chatd says it in one way only."""
        return all(piece.kind != "any" and _inner_fixed(piece) for piece in self.pieces)

    def data(self, addresses: Mapping[str, str] | None = None) -> bytes:
        """Give the bytes that chatd would send; raise ValueError if they are not fixed."""
        return "".join(self._said(addresses or {})).encode("utf-8", "surrogateescape")

    def _said(self, addresses: Mapping[str, str]) -> Iterator[str]:
        for kind, value, inner in self.pieces:
            if kind == "any":
                raise ValueError(f"{self} can be many things")
            if kind in _EXACT and inner:
                yield from inner._said(addresses)
            elif kind in ("is", "address"):
                yield value if kind == "is" else addresses[value]

    def renamed(self, names: Container[str], suffix: str) -> "Text":
        """Put suffix behind each word that is one of names but for case and width."""

        def longer(found: re.Match[str]) -> str:
            word = found[0]
            known = unicodedata.normalize("NFKC", word).casefold() in names
            return word + suffix if known else word

        return Text(tuple(_renamed(piece, longer, names, suffix) for piece in self.pieces))

    def regex(self, addresses: Mapping[str, str], *, strict: bool) -> str:
        """Give a regular expression of what may be seen, as chatd (strict) or others say it.

        It is for bytes decoded with surrogateescape.
        """
        return "".join(_regex(piece, addresses, strict) for piece in self.pieces)


def plain(text: str) -> str:
    """Resolve the escapes of a text without patterns."""
    return _ESCAPE.sub(_escaped, text)


def unescape(text: str) -> bytes:
    """Resolve the escapes of a text into bytes; raise ValueError for an unknown one."""
    return plain(text).encode("utf-8", "surrogateescape")


def _escaped(found: re.Match[str]) -> str:
    if found["short"]:
        return _SHORT[found["short"]]
    if found["byte"]:
        return bytes.fromhex(found["byte"]).decode("utf-8", "surrogateescape")
    if digits := found["four"] or found["eight"]:
        return chr(int(digits, 16))
    if found["bad"]:
        raise ValueError(f"unknown escape in {found.string!r}")
    return str(found["char"]) * int(found["times"])


def sent(source: str) -> Text:
    """Read a text that is sent: escapes and addresses."""
    return Text(tuple(_pieces(source, frozenset({"address"}))))


def expected(source: str) -> Text:
    """Read a text that is expected: escapes, addresses and patterns."""
    return Text(tuple(_pieces(source, frozenset({"address", "any", "~", "?", "*"}))))


def spoken(source: str) -> Text:
    """Read what people see of a message in json, `SOURCE: WORDS`; chatd sends it in one form.

    Raises ValueError if there is no source, or something in the words that json escapes.
    """
    who, colon, rest = source.partition(": ")
    words = expected(rest)
    if not colon or any(letter in '"\\' or letter < " " for letter in str(words)):
        raise ValueError(f"{source!r} is neither an object nor SOURCE: WORDS")
    begin = sent('{"type":"message","data":{"source":"')
    middle = sent('","message":"')
    form = Text((*begin.pieces, *expected(who).pieces, *middle.pieces))
    end = Piece("form", inner=sent('"}}'))
    return Text((Piece("form", inner=form), *words.pieces, end))


def _pieces(source: str, kinds: Container[str]) -> Iterator[Piece]:
    start = 0
    for found in _MARK.finditer(source):
        kind = found["kind"] or str(found.lastgroup).replace("who", "address")
        if found.start() < start or kind not in kinds:
            continue
        if start < found.start():
            yield Piece("is", plain(source[start : found.start()]))
        start = found.end()
        if found["kind"]:
            start = _closing(source, start)
            inner = source[found.end() : start - 1]
            yield Piece(kind, inner=Text(tuple(_pieces(inner, kinds))))
        else:
            yield Piece(kind, found["who"] or "")
    if source[start:]:
        yield Piece("is", plain(source[start:]))


def _closing(source: str, start: int) -> int:
    """Find the end of the brace that was opened before start."""
    depth = 1
    for place in range(start, len(source)):
        depth += {"{": 1, "}": -1}.get(source[place], 0)
        if depth == 0:
            return place + 1
    raise ValueError(f"a brace is not closed in {source!r}")


def _inner_fixed(piece: Piece) -> bool:
    return piece.kind not in _EXACT or piece.inner is None or piece.inner.fixed


def _shown(piece: Piece) -> str:
    kind, value, inner = piece
    if kind in ("is", "form"):
        return value or str(inner)
    return {"any": "{any}", "address": f"{{address {value}}}"}.get(kind, f"{{{kind}{inner}}}")


def _renamed(
    piece: Piece, longer: Callable[[re.Match[str]], str], names: Container[str], suffix: str
) -> Piece:
    kind, value, inner = piece
    return Piece(kind, _WORD.sub(longer, value), inner and inner.renamed(names, suffix))


def _regex(piece: Piece, addresses: Mapping[str, str], strict: bool) -> str:
    kind, value, inner = piece
    if kind == "is":
        return re.escape(value)
    if kind == "address":
        return re.escape(addresses[value])
    if kind == "any" or (kind == "~" and not strict):
        return r"[^\r\n]+"
    if kind in ("*", "form") and not strict:
        return r"[^\r\n]*"
    if kind == "?" and strict:
        return ""
    text = inner.regex(addresses, strict=strict) if inner else ""
    return f"(?:{text})?" if kind == "?" else text
