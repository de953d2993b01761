"""A conversation that is understood: requests go out, events come in, answers are awaited."""

from enum import Enum, auto
from math import inf
from typing import Any, ClassVar

from chatcli.commands import COMMANDS, Action, Mistake, help_lines, understand
from chatcli.conversation import CLOSED, GOODBYE, Conversation
from chatcli.dialogue import Dialogue
from chatcli.display import Kind, Line, describe, said_by_others
from chatcli.text import clean, unsendable
from chatd.dialects import ClientDialect
from chatd.dialects.notices import is_slow_down
from chatd.events import ChatError, Done, Event, Failed, Request, Said, Told, Users

_MOST_NICKS = 10_000


class Phase(Enum):
    """How far the conversation is."""

    LOGIN = auto()
    CHOOSING = auto()
    """The login was refused, and a person is asked for another nick."""
    CHATTING = auto()
    LEAVING = auto()


class Chat(Conversation):
    """The client's part of a conversation.

    nick is what others see; with login it is registered first, else the server gave it. ignore:
    do not show what other users say.
    """

    commands = COMMANDS
    anonymous: ClassVar[bool] = False
    """Whether one can chat without a login."""

    def __init__(
        self,
        dialect: ClientDialect,
        nick: str,
        *,
        login: bool = True,
        ignore: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self._dialogue = Dialogue(dialect, self.output)
        self._ignore = ignore
        self._phase = Phase.LOGIN
        self._held: list[str] = []  # typed before the login was answered
        self.nick = nick
        if login:
            self._login(nick)
        else:
            self._enter()

    # -- what engines and screens ask --------------------------------------------------------

    @property
    def wants_input(self) -> bool:
        return self.status is None and self.deadline == inf

    @property
    def prompt(self) -> str:
        if self._phase is Phase.LOGIN:
            return ""
        return "another nick: " if self._phase is Phase.CHOOSING else f"{clean(self.nick)}> "

    # -- what happens ------------------------------------------------------------------------

    def typed(self, line: str) -> None:
        if self._phase is Phase.LOGIN:
            self._held.append(line)
        elif self._phase is Phase.CHOOSING:
            self._choose(line.strip())
        elif self._phase is Phase.CHATTING:
            self._carry_out(line)

    def leave(self) -> None:
        if self._phase is Phase.CHATTING:
            self._phase = Phase.LEAVING
            self._await_barrier(GOODBYE if self._interactive else self._timeout)
        else:
            self.finish(0)

    def received(self, data: bytes) -> None:
        try:
            for event, request, _ in self._dialogue.received(data):
                self._take(event, request)
        except ChatError as error:
            self.finish(1, f"the server talks nonsense: {error}")
        if self._phase is not Phase.LOGIN and self.deadline != inf and self._dialogue.settled:
            self._confirmed()

    def closed(self, reason: str) -> None:
        if self.closing and not self._gone:
            self._show(Kind.ERROR, self.closing)
            self.finish(1, reason)
        self._end_early(reason or CLOSED)

    # -- inside ------------------------------------------------------------------------------

    @property
    def _leaving(self) -> bool:
        return self._phase is Phase.LEAVING

    def _ask(self, request: Request) -> None:
        self._dialogue.send(request)
        if self.deadline == inf and not self._dialogue.settled:
            self._await(self._timeout)

    def _await_barrier(self, seconds: float) -> None:
        self._dialogue.settle()
        self._await(seconds)

    def _confirmed(self) -> None:
        """The server has taken all that was sent so far."""
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
            wanted = understand(line, self.commands)
        except Mistake as mistake:
            self.mistake(str(mistake))
            return
        if wanted is Action.QUIT:
            self.leave()
        elif wanted is Action.HELP:
            self.lines += [Line(Kind.ANSWER, line) for line in help_lines(self.commands)]
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
        elif is_slow_down(event) and self.deadline != inf and not self._gone:
            self._await(self._timeout)  # the server is at it
        self._remember_nicks(event)
        if not (self._ignore and self._is_hidden(event)):
            self._show_event(event)

    def _show_event(self, event: Event) -> None:
        if line := self._describe(event):
            self.lines.append(line)

    def _describe(self, event: Event) -> Line | None:
        return describe(event)

    def _is_hidden(self, event: Event) -> bool:
        """Whether -i keeps an event from being shown."""
        return said_by_others(event, self.nick)

    def _login_answered(self, event: Event) -> None:
        if isinstance(event, Failed):
            if not self._interactive:
                self.finish(1, event.text)
                return
            self._show_event(event)
            self._phase = Phase.CHOOSING
            self.deadline = inf
            return
        self._enter()

    def _enter(self) -> None:
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
