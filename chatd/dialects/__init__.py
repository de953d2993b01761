"""Dialects: how one chat looks on different wires. Bytes in, values out; no socket, no thread.

A dialect is two classes side by side: the server's end (`Dialect`) and the client's
(`ClientDialect`). Both are fed bytes as they arrive, in pieces of any size.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterator, Sequence
from typing import ClassVar

from msgspec import Struct

from chatd.events import CommandError, Event, Failed, Record, Request
from chatd.limits import Framing, Limits

# All control characters except TAB and LF; a message with one of them is refused (SPEC D-8).
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NOT_IN_A_LINE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")

FIRST = 8
"""How many of a client's first bytes tell whether it is a stranger."""

_STRANGER = re.compile(
    rb"(?P<TLS>\x16)|(?P<HTTP>(?:CONNECT|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT|TRACE) )"
)


def check_text(text: str) -> None:
    """Raise CommandError("bad-text") for control characters other than TAB and LF (SPEC D-8)."""
    if not text.isprintable() and CONTROL.search(text):  # the quicker look first
        raise CommandError("bad-text", "control characters are not allowed")


def one_line(text: str) -> str:
    """Make text fit for one line: line breaks and other control characters become spaces."""
    return text if text.isprintable() else _NOT_IN_A_LINE.sub(" ", text)  # thrice as quick


class Setting(Struct, frozen=True):
    """What a dialect object is told of its connection."""

    limits: Limits
    address: str = ""
    """The client's, as ip:port."""
    verbs: Container[str] = frozenset()
    """The verbs of all commands."""
    framing: Framing = "auto"
    quiet: float = 0.03
    """Seconds without a byte after which data without a line end is a chunk (SPEC D-2)."""
    guest: Callable[[], str] = lambda: "guest"
    """Gives a nick that is free to those who enter without one."""
    guests: bool = False
    """Whether they have it instead of their address where a protocol knows them by that."""
    origins: Container[str] | None = None
    """Whose web pages may talk to the chat, besides the server's own; None: there is no web."""
    is_full: Callable[[], bool] = lambda: False
    """Says whether only moderators may log in, at this moment."""


class Dialect(ABC):
    """The server's end of a wire format, one object per session.

    The object holds input state only and is touched by the session's reader alone. How events
    look is a pure function of the class, so that one encoding serves every client.
    """

    name: ClassVar[str]
    port: ClassVar[int]
    """The port this system's own server uses (SPEC D-5)."""
    reserved: ClassVar[frozenset[str]] = frozenset()
    """Words that are no verbs of the same name here: a command so called could not be asked for."""
    typed: ClassVar[bool] = False
    """Whether people type their way in, which takes longer than a program (SPEC D-4)."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.group = ""
        """What the client has given as its group, to be shown where that is done (SPEC S1-09)."""

    def opened(self) -> list[Event]:
        """Say what the server tells a client at the door, before the client speaks."""
        return []

    @property
    def speaks_first(self) -> bool:
        """Whether the server has something to say before the client speaks."""
        return type(self).opened is not Dialect.opened

    def stranger(self, first: bytes) -> str:
        """Name what a client speaks that begins so and is at the wrong door; empty for the others.

        first are up to FIRST bytes, without white space in front. A stranger is disconnected
        without a word, and nothing it sends counts: a web page anywhere can have a browser send
        commands in a form.
        """
        found = _STRANGER.match(first)
        return found.lastgroup or "" if found else ""

    @abstractmethod
    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""

    @abstractmethod
    def next_request(self) -> Request | Event | None:
        """Decode the next request, or return None until more bytes arrive.

        An event instead of a request is what the client alone is told: a prompt, a hint. Raises
        CommandError for one message that makes no sense, WireError when nothing can follow.
        """

    def done(self, request: Request, error: CommandError | None) -> Sequence[Event]:
        """Learn the outcome of a request before the next one is decoded.

        Return what the client is told besides, which for an error is all it is told.
        """
        return () if error is None else (Failed(error.code, error.text),)

    @property
    def patience(self) -> float | None:
        """Seconds of quiet after which quiet_passed is to be called; None for never."""
        return None

    def quiet_passed(self) -> None:  # noqa: B027  # optional
        """Take note that nothing came for that long, or that nothing more will come."""

    @property
    def heir(self) -> "Dialect | None":
        """The dialect that goes on, once next_request has nothing more; None to stay."""
        return None

    @staticmethod
    def kind_of(line: str) -> str:
        """Name the kind of message for which clients would take a bare line; empty when none."""
        return ""

    @staticmethod
    @abstractmethod
    def encode(event: Event, own: bool) -> bytes:
        """Render an event for the client that caused it (own) or for the others.

        Empty means that this dialect says nothing here.
        """

    @classmethod
    def encode_record(cls, record: Record, own: bool) -> bytes:
        """Render an event that is remembered, for a dialect that tells when it happened."""
        return cls.encode(record.event, own)


class ClientDialect(ABC):
    """The client's end of a wire format."""

    name: ClassVar[str]
    port: ClassVar[int]
    silent: ClassVar[frozenset[str]] = frozenset()
    """Verbs whose success is answered by nothing."""
    marks_errors: ClassVar[bool] = False
    """Whether every error can be told from other answers by its form."""

    barriers = 0
    """How many barriers were sent."""
    passed = 0
    """How many of them were answered."""

    @abstractmethod
    def encode(self, request: Request) -> bytes:
        """Render a request, and remember that its answer is awaited."""

    @abstractmethod
    def feed(self, data: bytes) -> Iterator[tuple[Event, Request | None]]:
        """Take bytes from the server; yield each event with the request it answers, if any."""

    @abstractmethod
    def barrier(self) -> bytes:
        """Ask the server for something whose answer proves that it took all that went before.

        The answer itself is not yielded by feed; `settled` becomes true with it.
        """

    @property
    def settled(self) -> bool:
        """Whether every barrier was answered."""
        return self.passed == self.barriers
