"""Play scenarios with somebody's server, leniently: what no scenario forbids is left open."""

import random
import time
from collections.abc import Iterable, Iterator, Mapping

from chatcli.check.connections import Patience
from chatcli.check.outcome import Outcome, Problem
from chatcli.check.performance import Performance, Server
from chatcli.check.scenario import Scenario

_SPEECHLESS = 3
"""Scenarios without a byte from the server after which it is not waited for any longer."""


class Player:
    """Plays scenarios, one after the other, with the server at host and port.

    settings are what the server is known to have been started with. With chunks, messages are
    sent without a line end. tag is a part of all names, so that no run meets another one's.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        patience: Patience | None = None,
        settings: Mapping[str, str] | None = None,
        chunks: bool = False,
        tag: str = "",
    ) -> None:
        self._server = Server(host, port, chunks)
        self._settings = settings or {}
        self._tag = tag or "".join(random.choices("bcdfghjkmnpqrstvwxz", k=2))
        self._count = 0
        self._patience = patience or Patience()
        self._works: dict[str, bool] = {}

    def play_all(self, scenarios: Iterable[Scenario]) -> Iterator[Outcome]:
        """Play scenarios; give what came of each as soon as it is certain."""
        last = None
        for scenario in sorted(scenarios, key=_rank):
            was_down = self._server.down
            outcome = self.play(scenario)
            if last is not None:
                died = self._server.down and not was_down and last.status == "passed"
                yield _deadly(last) if died else last
            last = outcome
        if last is not None:
            yield last

    def play(self, scenario: Scenario) -> Outcome:
        """Play one scenario."""
        begun = time.monotonic()
        outcome = Outcome(
            scenario.requirement, scenario.level, scenario.title, scenario.place, "passed"
        )
        if reason := self._not_applicable(scenario):
            return outcome._replace(status="not applicable", reason=reason)
        problem = self._perform(scenario, self._patience)
        if problem is not None and self._server.heard and not self._server.down:
            # Only what is wrong twice is wrong: the first time somebody may have been too slow.
            again = self._perform(scenario, self._patience.more())
            problem = problem if self._server.down else again
        if scenario.shows:
            self._works[scenario.shows] = problem is None
        status = outcome.status if problem is None else "failed"
        seconds = time.monotonic() - begun
        return outcome._replace(status=status, problem=problem, seconds=seconds)

    def _perform(self, scenario: Scenario, patience: Patience) -> Problem | None:
        self._count += 1
        if self._count > _SPEECHLESS and not self._server.heard:
            patience = patience._replace(answer=patience.quiet)
        return Performance(self._server, scenario, f"{self._tag}{self._count}", patience).run()

    def _not_applicable(self, scenario: Scenario) -> str:
        if scenario.takes_time:
            return "needs a clock that can be set"
        for name, value in scenario.settings.items():
            if self._settings.get(name, "") != value:
                needed = f"{name}={value}" if value else f"no {name}"
                return f"needs a server started with {needed}"
        for name in self._settings:
            if name.startswith("limits.") and name not in scenario.settings:
                return f"the server was started with {name}={self._settings[name]}"
        for needed in scenario.needs:
            if not self._works.get(needed, True):
                return f"needs {needed}, which did not work"
        return ""


def _rank(scenario: Scenario) -> tuple[bool, int]:
    """Order scenarios: those that others need go first, and the less they need themselves."""
    return not scenario.shows, len(set(scenario.needs))


def _deadly(outcome: Outcome) -> Outcome:
    text = "behind this scenario the server takes no connections any more"
    return outcome._replace(status="failed", problem=Problem(outcome.place, "", text, ""))
