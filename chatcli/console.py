"""A conversation that is not understood: lines go out as typed, and what arrives is shown."""

from collections import deque
from enum import Enum, auto
from math import inf
from typing import Any, ClassVar

from chatcli.conversation import CLOSED, GOODBYE, Conversation
from chatcli.display import Kind, Line
from chatcli.text import clean, unsendable
from chatd.dialects.framing import LineSplitter, ends_whole
from chatd.events import ChatError
from chatd.limits import MIB

QUIET = 0.05
"""Seconds without a byte after which text without a line end is shown: the programs that these
protocols were made for end their texts with nothing, and may wait for an answer to one."""

LONG_QUIET = 1.0
"""The same once the server has sent a line end: then it is likely to be the network's fault."""

SPACING = 0.1
"""Seconds from one unterminated line to the next: what one recv brings is one message to their
servers, so the first must have been received before the second arrives."""

ANSWER = 1.0
"""Seconds that a server has to refuse a name, before what is typed on a pipe follows it."""

_MOST = 64 * 1024
"""Unsent bytes above which what is typed waits in the pipe."""


class Phase(Enum):
    """How far the conversation is."""

    TALKING = auto()
    LEAVING = auto()
    """The input has ended: the server is told, and what it says is shown until it closes."""
    OVER = auto()
    """The connection is closed, and a person at a terminal is asked to press Enter."""


class Console(Conversation):
    """The client's part of a conversation in which the server does all the understanding.

    With a name, who has it logs in by that first, where the dialect has a form for it.
    unterminated: send each line as a chunk without an end, and show each chunk as it comes.
    """

    login: ClassVar[str] = ""
    """What is sent first, with {} for the name."""
    welcome: ClassVar[str] = ""
    """What the client says once it is connected."""
    offer: ClassVar[tuple[str, ...]] = ()
    """What a person can type."""
    farewell: ClassVar[str] = ""
    """The line by which one leaves: when the server closes the connection then, all is well."""

    def __init__(self, name: str = "", *, unterminated: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self._name = name
        self._unterminated = unterminated
        self._phase = Phase.TALKING
        self._lines = LineSplitter(MIB, MIB)
        self._tail = b""  # of what came; an unfinished UTF-8 sequence has up to 3 bytes
        self._rest_due = inf
        self._quiet = QUIET
        self._shown_early = False
        self._chunks: deque[bytes] = deque()
        self._chunk_due = -inf
        self._unsent = (0, 0)
        self._typing_due = -inf
        self._last = ""
        self._verdict = (0, "")
        for line in self.offer:
            self._note(line)
        if self.welcome:
            self._show(Kind.TEXT, self.welcome)
        if name and self.login:
            self._say(self.login.format(name))
            self._typing_due = self._clock() + ANSWER

    # -- what engines and screens ask --------------------------------------------------------

    @property
    def wants_input(self) -> bool:
        if self.status is not None or self._phase is not Phase.TALKING:
            return False
        enough = self._chunks or len(self.output) >= _MOST
        return not enough and self._clock() >= self._typing_due

    @property
    def prompt(self) -> str:
        return "" if self._phase is Phase.OVER else f"{clean(self._name)}> "

    @property
    def said_all(self) -> bool:
        return self._phase is Phase.LEAVING and not self._chunks and not self.output

    # -- what happens ------------------------------------------------------------------------

    def typed(self, line: str) -> None:
        if self._phase is Phase.OVER:
            self.finish(*self._verdict)
        elif self._phase is Phase.LEAVING:
            return
        elif problem := unsendable(line):
            self.mistake(f"{problem}: not sent")
        else:
            self._last = line
            self._say(line)

    def leave(self) -> None:
        if self._phase is Phase.TALKING:
            self._phase = Phase.LEAVING
            self._note_unsent()
            self._await(GOODBYE if self._interactive else self._timeout)
        else:
            self.finish(*self._verdict)

    def received(self, data: bytes) -> None:
        if self._phase is Phase.LEAVING and not self._interactive:
            self._await(self._timeout)
        # Behind the refusal of a name comes the end, and what was typed has not been taken.
        self._typing_due = min(self._typing_due, self._clock() + SPACING)
        if self._shown_early:  # its line end may come late, and has nothing left to end
            data = data.removeprefix(b"\r").removeprefix(b"\n")
            self._shown_early = False
        self._tail = (self._tail + data[-3:])[-3:]
        self._rest_due = inf
        if self._lines.feed(data):
            self._quiet = LONG_QUIET
        if self._lines.begun and ends_whole(self._tail):
            if self._unterminated:
                self._end_rest()
            else:
                self._rest_due = self._clock() + self._quiet
        self._show_lines()

    def closed(self, reason: str) -> None:
        if self._lines.begun:
            self._end_rest()
            self._show_lines()
        if self.closing:
            self._show(Kind.TEXT, self.closing)
        if self._gone:
            self.finish(0)
            return
        lost = bool(reason or self.output or self._chunks)
        if not lost and (self._leaving or self._last == self.farewell):
            self._verdict = (int(self._failed and not self._interactive), "")
        else:
            self._verdict = (1, reason or ("" if self.closing else CLOSED))
        if self._interactive and self.closing:
            self._phase = Phase.OVER
            self._chunks.clear()
            self.output.clear()
            self.deadline = inf
        else:
            self.finish(*self._verdict)

    def tick(self) -> None:
        if self._clock() >= self._rest_due:
            self._end_rest()
            self._show_lines()
        self._send_chunk()
        if self._clock() >= self.deadline:
            self._look_at_progress()
        super().tick()

    # -- inside ------------------------------------------------------------------------------

    @property
    def _leaving(self) -> bool:
        return self._phase is Phase.LEAVING

    def _due(self) -> float:
        chunk = self._chunk_due if self._chunks and not self.output else inf
        typing = self._typing_due if self._clock() < self._typing_due else inf
        return min(self.deadline, self._rest_due, chunk, typing)

    def _say(self, line: str) -> None:
        if not self._unterminated:
            self.output += f"{line}\n".encode()
        elif line:  # an empty chunk is none
            self._chunks.append(line.encode())
            self._send_chunk()
        if self.deadline == inf:
            self._note_unsent()
            self._await(self._timeout)

    def _send_chunk(self) -> None:
        """Send the next chunk if it will not run together with the one before."""
        if self._chunks and not self.output and self._clock() >= self._chunk_due:
            self.output += self._chunks.popleft()
            self._chunk_due = self._clock() + SPACING

    def _note_unsent(self) -> None:
        self._unsent = (len(self._chunks), len(self.output))

    def _look_at_progress(self) -> None:
        """Give the server more time if it has taken something since the last look."""
        before = self._unsent
        self._note_unsent()
        if self._phase is Phase.TALKING and self._unsent == (0, 0):
            self.deadline = inf
        elif self._unsent != before and not self._gone:
            self._await(self._timeout)

    def _end_rest(self) -> None:
        """Take what came without a line end for a line."""
        self._lines.end_line()
        self._rest_due = inf
        self._shown_early = True

    def _show_lines(self) -> None:
        try:
            while (line := self._lines.next_line()) is not None:
                self._show_line(line)
        except ChatError as error:
            self.finish(1, f"the server talks nonsense: {error}")

    def _show_line(self, line: bytes) -> None:
        self.lines.append(Line(Kind.TEXT, self._stamp() + clean(line.decode(errors="replace"))))

    def _stamp(self) -> str:
        """What is put in front of each text."""
        return ""
