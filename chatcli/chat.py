"""One conversation: typed lines and received bytes in; bytes to send and lines to show out.

Nothing here knows a keyboard, a screen, a socket or a thread. Its clock counts seconds.
"""

import time
from collections.abc import Callable
from enum import Enum, auto
from math import inf

from chatcli.commands import HELP, Action, Mistake, understand
from chatcli.display import Kind, Line, describe, said_by_others
from chatcli.text import clean, unsendable
from chatd.dialects import ClientDialect
from chatd.events import ChatError, Done, Event, Failed, Request, Said, Told, Users

WINDOW = 128 * 1024
"""Bytes after which the server must show that it took them before more are read: a long paste
then waits in the pipe, and a silent server is noticed while it goes on."""

GOODBYE = 2.0
"""Seconds that a person who leaves waits at most for the server to take the last line."""

_SECOND_LOOK = 0.5
_MOST_NICKS = 10_000


class Phase(Enum):
    """How far the conversation is."""

    LOGIN = auto()
    CHOOSING = auto()
    """The login was refused, and a person is asked for another nick."""
    CHATTING = auto()
    LEAVING = auto()


class Chat:
    """The client's part of a conversation.

    interactive: a person sits at a terminal, who can be asked, and who leaves when they like.
    Otherwise the status tells whether all that was typed was taken and nothing was refused.
    timeout: seconds that the server has for an answer.
    """

    def __init__(
        self,
        dialect: ClientDialect,
        nick: str,
        *,
        ignore: bool = False,
        interactive: bool = False,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dialect = dialect
        self._ignore = ignore
        self._interactive = interactive
        self._timeout = timeout
        self._clock = clock
        self._phase = Phase.LOGIN
        self._held: list[str] = []  # typed before the login was answered
        self._unconfirmed = 0
        self._failed = False
        self._patient = True
        self.nick = nick
        self.nicks: dict[str, None] = {}
        """Nicks that were seen, for completion."""
        self.output = bytearray()
        """To be sent; the sender deletes what it has sent."""
        self.lines: list[Line] = []
        """To be shown; who shows them takes them out."""
        self.deadline = inf
        """When tick is due, on clock's scale."""
        self.status: int | None = None
        """The exit status, once the conversation is over."""
        self.complaint = ""
        """Why it ended, when it ended badly: one line."""
        self._login(nick)

    # -- what engines and screens ask --------------------------------------------------------

    @property
    def wants_input(self) -> bool:
        """Whether typed lines may be read now: no answer is awaited that they must wait for."""
        return self.status is None and self.deadline == inf

    @property
    def prompt(self) -> str:
        """What a person is asked for; empty while the login is not answered."""
        if self._phase is Phase.LOGIN:
            return ""
        return "another nick: " if self._phase is Phase.CHOOSING else f"{clean(self.nick)}> "

    def wait(self) -> float | None:
        """Seconds until tick is due; None for never."""
        return None if self.deadline == inf else max(0.0, self.deadline - self._clock())

    # -- what happens ------------------------------------------------------------------------

    def typed(self, line: str) -> None:
        """Take a line from the keyboard, without its end."""
        if self._phase is Phase.LOGIN:
            self._held.append(line)
        elif self._phase is Phase.CHOOSING:
            self._choose(line.strip())
        elif self._phase is Phase.CHATTING:
            self._carry_out(line)

    def mistake(self, text: str) -> None:
        """Tell that something typed was not sent, and why."""
        self._failed = True
        self._show(Kind.ERROR, f"error: {text}")

    def leave(self) -> None:
        """Take the end of the input: go once the server has taken everything."""
        if self._phase is Phase.CHATTING:
            self._phase = Phase.LEAVING
            self._await_barrier(GOODBYE if self._interactive else self._timeout)
        else:
            self.finish(0)

    def received(self, data: bytes) -> None:
        """Take bytes from the server."""
        try:
            for event, request in self._dialect.feed(data):
                self._take(event, request)
        except ChatError as error:
            self.finish(1, f"the server talks nonsense: {error}")
        if self._phase is not Phase.LOGIN and self.deadline != inf and self._dialect.settled:
            self._confirmed()

    def closed(self, reason: str) -> None:
        """Take note that the connection is over."""
        self._end_early(reason)

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

    def _end_early(self, complaint: str) -> None:
        if self._interactive and self._phase is Phase.LEAVING:
            self.finish(0)
        else:
            self.finish(1, complaint)

    def _show(self, kind: Kind, text: str) -> None:
        self.lines.append(Line(kind, clean(text)))

    def _note(self, text: str) -> None:
        if self._interactive:
            self._show(Kind.NOTE, text)

    def _ask(self, request: Request) -> None:
        data = self._dialect.encode(request)
        self.output += data
        self._unconfirmed += len(data)
        if self._unconfirmed >= WINDOW and self.deadline == inf:
            self._await_barrier(self._timeout)

    def _await_barrier(self, seconds: float) -> None:
        self.output += self._dialect.barrier()
        self._await(seconds)

    def _await(self, seconds: float) -> None:
        self.deadline = self._clock() + seconds
        self._patient = True

    def _confirmed(self) -> None:
        """The server has taken all that was sent so far."""
        self._unconfirmed = 0
        self.deadline = inf
        if self._phase is Phase.LEAVING:
            self.finish(0 if self._interactive else int(self._failed))

    def _login(self, nick: str) -> None:
        self.nick = nick
        self._phase = Phase.LOGIN
        self._ask(Request("login", (nick,)))
        self._await(self._timeout)

    def _choose(self, nick: str) -> None:
        if nick.lower() == "/quit":
            self.finish(0)
        elif nick.startswith("/"):
            self.mistake("first choose a nick, or /quit")
        elif problem := unsendable(nick):
            self.mistake(problem)
        elif nick:
            self._login(nick)

    def _carry_out(self, line: str) -> None:
        try:
            wanted = understand(line)
        except Mistake as mistake:
            self.mistake(str(mistake))
            return
        if wanted is Action.QUIT:
            self.leave()
        elif wanted is Action.HELP:
            self.lines += [Line(Kind.ANSWER, line) for line in HELP]
        elif isinstance(wanted, Request):
            self._ask(wanted)

    def _take(self, event: Event, request: Request | None) -> None:
        if self._phase is Phase.LOGIN and request is not None and request.verb == "login":
            self._login_answered(event)
            return
        if isinstance(event, Done):
            self._done(request)
        elif isinstance(event, Failed):
            self._failed = True
        self._remember_nicks(event)
        if self._ignore and said_by_others(event, self.nick):
            return
        if line := describe(event):
            self.lines.append(line)

    def _login_answered(self, event: Event) -> None:
        if isinstance(event, Failed):
            if not self._interactive:
                self.finish(1, event.text)
                return
            self._show(Kind.ERROR, f"error: {event.text}")
            self._phase = Phase.CHOOSING
            self.deadline = inf
            return
        self._phase = Phase.CHATTING
        self._note(f"you are in the chat as {self.nick}; /help lists the commands")
        self._confirmed()
        held, self._held = self._held, []
        for line in held:
            self.typed(line)

    def _done(self, request: Request | None) -> None:
        if request is None or not request.args:
            return  # some servers acknowledge what others take in silence
        if request.verb == "login":
            self.nick = request.args[0]
            self._note(f"you are now {self.nick}")
        elif request.verb == "tell":
            nick = request.args[0].partition(" ")[0]
            self._note(f"delivered to {nick}")
        else:
            self._note("done")

    def _remember_nicks(self, event: Event) -> None:
        if isinstance(event, Users):
            self.nicks = dict.fromkeys(event.nicks)
        elif isinstance(event, Said | Told) and len(self.nicks) < _MOST_NICKS:
            nick = event.nick if isinstance(event, Said) else event.sender
            if nick:
                self.nicks[nick] = None
