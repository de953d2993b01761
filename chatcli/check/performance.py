"""Play one scenario with somebody's server, leniently: what it does not forbid is left open."""

from chatcli.check.connections import CannotConnect, Connection, Connections, Patience
from chatcli.check.logins import greeting, last_notice, login_parts, login_refused
from chatcli.check.matching import Find, decoded, directly, exactly, lenient
from chatcli.check.outcome import Problem, Unmet, shown
from chatcli.check.scenario import Scenario, Step


class Server:
    """Where a server is, and what is known of it. With chunks it wants messages without an end."""

    def __init__(self, host: str, port: int, chunks: bool = False) -> None:
        self.host = host
        self.port = port
        self.chunks = chunks
        self.down = False
        """Whether it took no connection last time."""
        self.heard = False
        """Whether it has ever said anything."""
        self.answers_logins = True


class Performance:
    """One scenario on its way. Names are made unique by suffix."""

    def __init__(self, server: Server, scenario: Scenario, suffix: str, patience: Patience) -> None:
        self._server = server
        self._scenario = scenario
        self._steps = scenario.renamed(suffix)
        self._connections = Connections(server.host, server.port, patience)
        self._patience = patience
        self._people: dict[str, Connection] = {}
        self._addresses: dict[str, str] = {}
        self._last: Connection | None = None  # who acted
        self._verbs = {
            ">": self._send,
            ">>": self._send,
            "<": self._see,
            "<<": self._see,
            "next <": self._see,
            "<?": lambda step: None,
            "never <": lambda step: None,
            "logged in": self._log_in,
            "connects": self._connect,
            "closes": self._leave,
            "resets": self._leave,
            "stops sending": self._leave,
            "closed": self._closed,
            "closed?": self._closed_or_silent,
            "hears nothing": self._hear_nothing,
        }

    def run(self) -> Problem | None:
        """Play it; give the step that went wrong."""
        step = self._steps[0]
        try:
            for step in self._steps:
                self._give_way(step)
                self._verbs[step.verb](step)
            for step in self._quiet_steps():
                self._check_never(step)
        except (Unmet, CannotConnect) as error:
            place = f"{self._scenario.path.name}:{step.line}"
            seen = error.seen if isinstance(error, Unmet) else ""
            talk = tuple(self._connections.talk)
            return Problem(place, _shown(step), str(error), seen, talk)
        finally:
            self._connections.close()
            self._server.heard |= any(one.seen for one in self._connections.all)
        return None

    # -- who comes, acts and leaves --------------------------------------------------------------

    def _person(self, who: str) -> Connection:
        if who not in self._people:
            try:
                one = self._connections.open(who, *([0.0] if self._server.down else []))
            except CannotConnect:
                self._server.down = True
                raise
            self._server.down = False
            self._people[who] = one
            self._addresses[who] = one.address
        return self._people[who]

    def _connect(self, step: Step) -> None:
        """Connect, and hear what the server says first."""
        one = self._person(step.who)
        words = greeting(step, self._scenario.dialect)
        if words and not one.seen:
            self._await_answer(words)

    def _give_way(self, step: Step) -> None:
        """Have the server take what was sent last before anybody acts, be it the same person.

        Else two messages would run together: that is for the scenarios of framing to try. The
        first message takes longest, as a server may have to find out whether it is a chunk.
        """
        last = self._last
        if last is None or step.verb.endswith(("<", "<<", "<?", "closed", "closed?")):
            return
        patience = self._patience.quiet if last.said == 1 else self._patience.pause
        self._connections.wait(lambda: not last.unanswered, patience)
        last.unanswered = False

    def _send(self, step: Step) -> None:
        one = self._person(step.who)
        self._last = one
        data = step.text.data(self._addresses)
        if step.verb == ">" and self._server.chunks:
            data = data.removesuffix(b"\n")
        self._connections.send(one, data)

    def _leave(self, step: Step) -> None:
        one = self._person(step.who)
        self._connections.talk.append(_shown(step))
        if step.verb != "resets":
            one.stop_sending()
            self._connections.wait(lambda: one.ended, self._patience.quiet)
        if step.verb != "stops sending":
            one.close(reset=step.verb == "resets")
            del self._people[step.who]
        if step.verb == "resets":  # it cannot be seen whether the server has noticed
            self._connections.wait(lambda: False, self._patience.pause)

    def _closed(self, step: Step) -> None:
        one = self._person(step.who)
        if not self._connections.wait(lambda: one.ended, self._patience.answer):
            raise Unmet("the server has not closed the connection", shown(one.unread))
        del self._people[step.who]

    def _closed_or_silent(self, step: Step) -> None:
        one = self._person(step.who)
        self._connections.wait_for_quiet(self._patience.quiet)
        if one.unread.strip():
            raise Unmet("something has come", shown(one.unread))
        del self._people[step.who]

    # -- what is seen ----------------------------------------------------------------------------

    def _see(self, step: Step) -> None:
        one = self._person(step.who)
        find = self._finder(step)
        self._connections.wait(lambda: _found(find, one) or one.ended, self._patience.answer)
        place = find(one.seen, one.place)
        if place is None:
            late = f"this has not come within {self._patience.answer:g} s"
            end = "this has not come: the server has closed the connection"
            raise Unmet(end if one.ended else late, shown(one.unread))
        one.place = place

    def _hear_nothing(self, step: Step) -> None:
        one = self._person(step.who)
        self._connections.wait_for_quiet(self._patience.quiet)
        if one.unread.strip():
            raise Unmet("something has come", shown(one.unread))
        if one.ended:
            raise Unmet("the server has closed the connection")

    def _finder(self, step: Step) -> Find:
        if step.verb == "<<":
            return exactly(step.text, self._addresses)
        if step.verb == "next <":
            return directly(step.text, self._scenario.dialect, self._addresses)
        return lenient(step.text, self._scenario.dialect, self._addresses)

    def _quiet_steps(self) -> list[Step]:
        """Give what must not have come, once nothing more comes."""
        never = [step for step in self._steps if step.verb == "never <"]
        if never:
            self._connections.wait_for_quiet(self._patience.quiet)
        return never

    def _check_never(self, step: Step) -> None:
        find = self._finder(step)
        for one in self._connections.all:
            if one.who == step.who and find(one.seen, one.start) is not None:
                raise Unmet("this has come", shown(one.seen[one.start :]))
        here = self._people.get(step.who)
        if here is not None and here.ended and not here.seen[here.start :]:
            raise Unmet("the server has closed the connection", shown(here.unread))

    # -- logging in ------------------------------------------------------------------------------

    def _log_in(self, step: Step) -> None:
        """Register, and look only whether the server refuses that."""
        self._connect(step)
        one = self._person(step.who)
        for doing, answer in login_parts(step, self._scenario.dialect, decoded(one.seen)):
            self._send(doing)
            self._await_answer(answer)
        words = login_refused(self._scenario.dialect)
        refused = words.pieces and _found(lenient(words, self._scenario.dialect, {}), one)
        if one.ended or refused:
            raise Unmet("cannot log in", shown(one.seen))
        one.start = len(one.seen)
        self._consume(step)

    def _await_answer(self, step: Step) -> None:
        """Wait for what chatd says, or for any other answer and a pause behind it."""
        one = self._person(step.who)
        size = len(one.seen)
        right = self._finder(step)
        wait = self._connections.wait
        patience = self._patience
        patient = patience.answer if self._server.answers_logins else patience.pause
        if not wait(lambda: len(one.seen) > size or one.ended, patient):
            self._server.answers_logins = False
        elif not wait(lambda: right(one.seen, size) or one.ended, patience.pause):
            self._connections.wait_for_quiet(patience.pause)
        one.unanswered = False

    def _consume(self, step: Step) -> None:
        """Skip what a newcomer's login has told everybody."""
        notice = last_notice(step, self._scenario.dialect)
        if notice.pieces:
            find = lenient(notice, self._scenario.dialect, self._addresses)
            others = [one for one in self._people.values() if one.who != step.who]
            self._connections.wait(
                lambda: all(_found(find, one) for one in others), self._patience.pause
            )
        for one in self._people.values():
            one.place = len(one.seen)


def _found(find: Find, one: Connection) -> bool:
    return find(one.seen, one.place) is not None


def _shown(step: Step) -> str:
    """Give a step as its file has it, with names made unique."""
    if step.verb == "logged in":
        return f"{step.verb}: {step.who}"
    return f"{step.who} {step.verb} {shown(str(step.text))}".rstrip()
