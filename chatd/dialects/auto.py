"""The `auto` dialect: a client's first word tells which of the others it speaks.

`{` is json; LOGIN, PRIV, LIST and PUB are crlf; login, msg, msgall, logout, whoami, userlist,
debug and oper are words; GET, HEAD and POST are web where there are pages, but only as the very
first. White space in front is skipped; what could still become one of these waits for the rest.
Any other first message is answered, a line as in crlf and a chunk as in words, and settles nothing.
"""

import re

from chatd.dialects import Dialect, Setting
from chatd.dialects.crlf import Crlf
from chatd.dialects.framing import ends_whole
from chatd.dialects.jsonl import Json
from chatd.dialects.web import FIRST_WORDS, Web, begins
from chatd.dialects.words import Words
from chatd.events import Event, Failed, Request

_DIALECTS: dict[bytes, type[Dialect]] = {
    **dict.fromkeys((b"LOGIN", b"PRIV", b"LIST", b"PUB"), Crlf),
    **dict.fromkeys(
        (b"login", b"msg", b"msgall", b"logout", b"whoami", b"userlist", b"debug", b"oper"), Words
    ),
}
_WORD = re.compile(rb"\S*")
_UNKNOWN_CHUNK = Failed("unknown-chunk", "unknown command")


class Auto(Dialect):
    """The server's end; the clients are those of the others."""

    name = "auto"
    port = 5000

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._head = b""  # what came and was neither answered nor handed over
        self._lines = Crlf(setting)  # answers lines that are not recognised
        self._inside = False  # such a line, which is too long to wait for its end
        self._unknown_chunk = False
        self._fresh = True  # nothing was answered yet
        self._heir: Dialect | None = None

    def stranger(self, first: bytes) -> str:
        return "" if self._is_web(first) else super().stranger(first)

    def _is_web(self, head: bytes) -> bool:
        return self._fresh and self.setting.origins is not None and begins(head)

    def feed(self, data: bytes) -> None:
        self._head += data

    def next_request(self) -> Request | Event | None:
        if self._unknown_chunk:
            self._unknown_chunk = False
            return _UNKNOWN_CHUNK
        while (request := self._lines.next_request()) is None and self._proceed():
            pass
        return request

    def _proceed(self) -> bool:
        """Hand over if what came settles it; say whether more of a line is to be answered."""
        if not self._inside:
            self._head = self._head.lstrip()
            word = self._word
            if self._heir is not None or self._may_grow(word):
                return False
            if kind := self._kind(word):
                self._hand_over(kind)
                return False
        line, end, rest = self._head.partition(b"\n")
        if not (end or self._inside or len(line) > self.setting.limits.line):
            return False
        self._fresh = False
        self._inside = not end
        self._lines.feed(line + end)
        self._head = rest
        return bool(line or end)

    def _kind(self, word: bytes) -> type[Dialect] | None:
        if self._is_web(self._head):
            return Web
        return Json if self._head.startswith(b"{") else _DIALECTS.get(word)

    @property
    def _word(self) -> bytes:
        word = _WORD.match(self._head)
        return word[0] if word else b""

    def _may_grow(self, word: bytes) -> bool:
        """Whether this could be the beginning of a known word, or of nothing yet."""
        known = _DIALECTS if self.setting.origins is None else (*_DIALECTS, *FIRST_WORDS)
        return word == self._head and any(each.startswith(word) for each in known)

    def _hand_over(self, dialect: type[Dialect]) -> Dialect:
        self._heir = heir = dialect(self.setting)
        heir.feed(self._head)
        self._head = b""
        return heir

    @property
    def heir(self) -> Dialect | None:
        return self._heir

    @property
    def patience(self) -> float | None:
        complete = self._word in _DIALECTS or not self._may_grow(self._word)
        chunks = self.setting.framing != "line" and self._heir is None
        return self.setting.quiet if chunks and complete and ends_whole(self._head) else None

    def quiet_passed(self) -> None:
        if self._word in _DIALECTS:
            self._hand_over(_DIALECTS[self._word]).quiet_passed()
        else:
            self._head = b""
            self._fresh = False
            self._unknown_chunk = True

    @staticmethod
    def encode(event: Event, own: bool) -> bytes:
        if event == _UNKNOWN_CHUNK:
            return Words.encode(Failed("unknown-command", _UNKNOWN_CHUNK.text), own)
        return Crlf.encode(event, own)
