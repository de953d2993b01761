"""One scenario with one run of somebody's client."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from chatcli.check.client_scenario import ClientScenario, ClientStep
from chatcli.check.client_stage import Stage
from chatcli.check.client_wire import Peer
from chatcli.check.matching import json_fits, line_fits
from chatcli.check.outcome import Problem, Unmet, shown
from chatcli.check.text import expected, sent

_NUDGE_AFTER = 1.0
_NUDGE = "hm"
"""What is typed to a client that may wait for its user before it looks at what has come."""

_MOST_SEEN = 2000
"""Characters of a screen's end that are told of."""

_TIMES = {"{time}": r"\d?\d[:.]\d\d(?:[:.]\d\d)?", "{HH:MM:SS}": r"\d\d:\d\d:\d\d"}
_TIME = re.compile("(" + "|".join(map(re.escape, _TIMES)) + ")")

Fits = Callable[[str], bool]


class Times(NamedTuple):
    """How long it is waited, in seconds."""

    answer: float = 5.0
    """For whatever the client has to do."""
    quiet: float = 0.3
    """Until it is believed that nothing more happens."""
    grace: float = 2.0
    """For a client to ask to be let in, before it is made to."""


class Performance:
    """One scenario on its way. fill puts values for placeholders: of a text, for host and port."""

    def __init__(
        self,
        scenario: ClientScenario,
        stage: Stage,
        fill: Callable[[str, str, int], str],
        times: Times,
    ) -> None:
        self.entered = True
        """Whether the client asked to be let in of its own accord, where clients do."""
        self._scenario = scenario
        self._stage = stage
        self._fill_in = fill
        self._times = times
        self._shown_to = 0
        self._verbs: Mapping[str, Callable[[str], None]] = {
            "client connects": self._connect,
            "client logs in": self._log_in,
            "client types": lambda text: stage.type(self._sent(text)),
            "client ends input": lambda text: stage.end_input(),
            "client shows": self._shows,
            "client shows at once": self._shows_at_once,
            "client then shows": self._then_shows,
            "client never shows": self._never_shows,
            "client ends": self._ends,
            "client closed": self._closed,
            "server <": self._hears,
            "server <<": self._hears_bytes,
            "server never <": self._never_hears,
            "server >": lambda text: stage.say(self._sent(text)),
            "server >>": lambda text: stage.send(self._sent(text).encode(errors="surrogateescape")),
            "server closes": lambda text: stage.hang_up(),
        }

    def run(self) -> Problem | None:
        """Play it; give the step that went wrong. What must never happen is looked at last."""
        for step in self._in_order():
            try:
                self._verbs[step.verb](step.text)
            except Unmet as error:
                place = f"{self._scenario.path.name}:{step.line}"
                talk = tuple(self._stage.report())
                return Problem(place, str(step), str(error), error.seen, talk)
        return None

    def _in_order(self) -> Iterator[ClientStep]:
        yield from (step for step in self._scenario.steps if not step.never)
        if never := [step for step in self._scenario.steps if step.never]:
            self._stage.calm(self._times.quiet, self._times.answer)
            yield from never

    # -- the client comes ------------------------------------------------------------------------

    def _connect(self, text: str = "") -> None:
        if not self._stage.connect(self._times.answer):
            self._fail("the client has not connected", self._screen)

    def _log_in(self, text: str) -> None:
        """Let the client in, whether or not it goes about that in the right way."""
        self._connect()
        stage, manners = self._stage, self._stage.manners
        stage.polite = True
        for line in manners.greeting:
            stage.say(line.replace("{}", self._peer.address))
        if manners.entry is not None:
            self._enter(manners.entry, manners.way_in)
        for line in manners.welcome:
            stage.say(line)

    def _enter(self, entry: str, way_in: str) -> None:
        def asks(seconds: float) -> bool:
            fits = self._tolerant(lambda message: message.startswith(entry))
            return self._stage.wait(lambda: self._peer.find(fits), seconds)

        self.entered = asks(min(self._times.grace, self._times.answer))
        if not self.entered and way_in:
            self._stage.type(self._fill(way_in))
            while asks(self._times.quiet):  # perhaps more than once
                pass

    # -- what it shows ---------------------------------------------------------------------------

    def _shows(self, text: str) -> None:
        seen = self._on_screen(text)
        if not self._stage.wait(seen, min(_NUDGE_AFTER, self._times.answer)):
            if not self._stage.hung_up:
                self._stage.type(_NUDGE)
            self._await(seen, "the client has not shown this", self._screen)

    def _shows_at_once(self, text: str) -> None:
        complaint = "the client has not shown this while nothing was typed"
        self._await(self._on_screen(text), complaint, self._screen)

    def _then_shows(self, text: str) -> None:
        seen = self._on_screen(text, self._shown_to)
        self._await(seen, "the client has not shown this behind that", self._screen)

    def _never_shows(self, text: str) -> None:
        if self._on_screen(text)():
            self._fail("the client has shown this", self._screen)

    def _on_screen(self, text: str, start: int = 0) -> Callable[[], bool]:
        """Give what looks for a text on the screen, from a place on, and remembers where it is."""
        alternatives = map(self._screen_regex, self._fill(text).split(" {or} "))
        pattern = re.compile("|".join(alternatives))

        def seen() -> bool:
            found = pattern.search(self._stage.program.screen, start)
            if found:
                self._shown_to = found.end()
            return found is not None

        return seen

    def _screen_regex(self, text: str) -> str:
        return "".join(
            _TIMES.get(part) or expected(part).regex(self._addresses, strict=False)
            for part in _TIME.split(text)
        )

    def _screen(self) -> str:
        return shown(self._stage.program.screen[-_MOST_SEEN:])

    # -- what it sends ---------------------------------------------------------------------------

    def _hears(self, text: str) -> None:
        fits = self._fits(text)
        self._await(lambda: self._peer.find(fits), "the client has not sent this", self._unread)

    def _hears_bytes(self, text: str) -> None:
        pattern = re.compile(expected(self._fill(text)).regex(self._addresses, strict=False))

        def size(rest: str) -> int | None:
            found = pattern.match(rest)
            return found.end() if found else None

        complaint = "the next bytes that the client has sent are not these"
        self._await(lambda: self._peer.take(size), complaint, self._unread)

    def _never_hears(self, text: str) -> None:
        if any(map(self._fits(text), (message for _, message in self._peer.messages(0)))):
            self._fail("the client has sent this", lambda: shown(self._peer.received))

    def _fits(self, text: str) -> Fits:
        wanted = expected(self._fill(text))
        fits = json_fits(wanted, self._addresses) if self._scenario.dialect == "json" else None
        return self._tolerant(fits or line_fits(wanted, self._addresses))

    def _tolerant(self, fits: Fits) -> Fits:
        """In crlf, disregard white space around a message and the case of its first word."""

        def tolerant(message: str) -> bool:
            kind, space, rest = message.strip().partition(" ")
            return fits(kind.upper() + space + rest)

        return tolerant if self._scenario.dialect == "crlf" else fits

    def _unread(self) -> str:
        return shown(self._peer.received[self._peer.place :])

    # -- how it ends -----------------------------------------------------------------------------

    def _ends(self, text: str) -> None:
        self._await(lambda: self._stage.program.ended, "the client has not ended", self._screen)

    def _closed(self, text: str) -> None:
        complaint = "the client has not closed the connection"
        self._await(lambda: self._peer.ended, complaint, self._unread)

    # -- inside ----------------------------------------------------------------------------------

    def _await(self, done: Callable[[], bool], complaint: str, seen: Callable[[], str]) -> None:
        if not self._stage.wait(done, self._times.answer):
            self._fail(complaint, seen)

    def _fail(self, complaint: str, seen: Callable[[], str]) -> None:
        ended = " and has ended" if self._stage.program.ended else ""
        raise Unmet(complaint + ended, seen())

    def _fill(self, text: str) -> str:
        return self._fill_in(text, self._stage.host, self._stage.port)

    def _sent(self, text: str) -> str:
        return sent(self._fill(text)).data(self._addresses).decode(errors="surrogateescape")

    @property
    def _peer(self) -> Peer:
        if self._stage.peer is None:
            raise ValueError(f"{self._scenario.place}: the client has not been started")
        return self._stage.peer

    @property
    def _addresses(self) -> Mapping[str, str]:
        return {"client": self._stage.peer.address} if self._stage.peer else {}
