"""What every conversation is to engines and screens, whatever is spoken in it.

Nothing here knows a keyboard, a screen, a socket or a thread. Clocks count seconds.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from math import inf
from typing import ClassVar

from chatcli.commands import Command
from chatcli.display import Kind, Line
from chatcli.text import clean

GOODBYE = 2.0
"""Seconds that a person who leaves waits at most for the server to take the last line."""

CLOSED = "the server closed the connection"

_SECOND_LOOK = 0.5


class Conversation(ABC):
    """Typed lines and received bytes in; bytes to send and lines to show out.

    interactive: a person sits at a terminal, who can be asked, and who leaves when they like.
    Otherwise the status tells whether all that was typed was taken and nothing was refused.
    timeout: seconds that the server has for an answer.
    """

    commands: ClassVar[Mapping[str, Command]] = {}
    """What a person can type after a /, for completion."""
    closing: ClassVar[str] = ""
    """What this dialect's own client says when the server goes away."""

    def __init__(
        self,
        *,
        interactive: bool = False,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interactive = interactive
        self._timeout = timeout
        self._clock = clock
        self._failed = False
        self._patient = True
        self.nicks: dict[str, None] = {}
        """Nicks that were seen, for completion."""
        self.output = bytearray()
        """To be sent; the sender deletes what it has sent."""
        self.lines: list[Line] = []
        """To be shown; who shows them takes them out."""
        self.deadline = inf
        """When the server will have been silent for too long, on clock's scale."""
        self.status: int | None = None
        """The exit status, once the conversation is over."""
        self.complaint = ""
        """Why it ended, when it ended badly: one line."""

    # -- what engines and screens ask --------------------------------------------------------

    @property
    @abstractmethod
    def wants_input(self) -> bool:
        """Whether typed lines may be read now."""

    @property
    @abstractmethod
    def prompt(self) -> str:
        """What a person is asked for; empty while there is nothing to type."""

    @property
    def said_all(self) -> bool:
        """Whether the sending side may be closed: nothing will follow."""
        return False

    def wait(self) -> float | None:
        """Seconds until tick is due; None for never."""
        due = self._due()
        return None if due == inf else max(0.0, due - self._clock())

    # -- what happens ------------------------------------------------------------------------

    @abstractmethod
    def typed(self, line: str) -> None:
        """Take a line from the keyboard, without its end."""

    @abstractmethod
    def leave(self) -> None:
        """Take the end of the input: go once the server has taken everything."""

    @abstractmethod
    def received(self, data: bytes) -> None:
        """Take bytes from the server."""

    @abstractmethod
    def closed(self, reason: str) -> None:
        """Take note that the connection is over; reason says what broke, if anything did."""

    def mistake(self, text: str) -> None:
        """Tell that something typed was not sent, and why."""
        self._failed = True
        self._show(Kind.ERROR, f"error: {text}")

    def tick(self) -> None:
        """Give up if deadline has passed."""
        if self._clock() < self.deadline:
            return
        if self._patient:  # our own screen may have kept us from hearing the answer
            self._patient = False
            self.deadline = self._clock() + _SECOND_LOOK
            return
        self._end_early(f"no answer from the server within {self._timeout:g} seconds")

    def finish(self, status: int, complaint: str = "") -> None:
        """End the conversation; only the first call counts."""
        if self.status is None:
            self.status, self.complaint = status, clean(complaint)

    # -- inside ------------------------------------------------------------------------------

    def _due(self) -> float:
        return self.deadline

    def _await(self, seconds: float) -> None:
        self.deadline = self._clock() + seconds
        self._patient = True

    @property
    @abstractmethod
    def _leaving(self) -> bool:
        """Whether the input has ended."""

    @property
    def _gone(self) -> bool:
        """Whether a person has left, who does not wait."""
        return self._interactive and self._leaving

    def _end_early(self, complaint: str) -> None:
        if self._gone:
            self.finish(0)
        else:
            self.finish(1, complaint)

    def _show(self, kind: Kind, text: str) -> None:
        self.lines.append(Line(kind, clean(text)))

    def _note(self, text: str) -> None:
        if self._interactive:
            self._show(Kind.NOTE, text)
