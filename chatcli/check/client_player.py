"""Play scenarios with somebody's client; each starts it anew."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing

from chatcli.check.client_command import Command
from chatcli.check.client_manners import MANNERS
from chatcli.check.client_performance import Performance, Times
from chatcli.check.client_scenario import ClientScenario
from chatcli.check.client_stage import Stage
from chatcli.check.outcome import Outcome
from chatcli.check.scenario import ENDS

_SHORT_GRACE = 0.3


class Player:
    """Plays scenarios with one client, one after the other."""

    def __init__(self, dialect: str, command: Command, times: Times | None = None) -> None:
        self._dialect = dialect
        self._command = command
        self._times = times or Times()
        self._failed: set[str] = set()

    def try_out(self) -> list[str]:
        """Start the client once; give what happened if it does not connect, else nothing.

        Raises CannotStart.
        """
        with closing(self._stage()) as stage:
            return [] if stage.connect(self._times.answer) else stage.report()

    def play_all(self, scenarios: Iterable[ClientScenario]) -> Iterator[Outcome]:
        """Play scenarios; give what came of each. Raises CannotStart."""
        for scenario in scenarios:
            outcome = self.play(scenario)
            if outcome.status == "failed":
                self._failed.add(scenario.requirement)
            yield outcome

    def play(self, scenario: ClientScenario) -> Outcome:
        """Play one scenario. Raises CannotStart."""
        begun = time.monotonic()
        outcome = Outcome(
            scenario.requirement, scenario.level, scenario.title, scenario.place, "passed"
        )
        if reason := self._not_applicable(scenario):
            return outcome._replace(status="not applicable", reason=reason)
        with closing(self._stage(scenario)) as stage:
            performance = Performance(scenario, stage, self._command.fill, self._times)
            problem = performance.run()
        if not performance.entered:  # nor will it in the other scenarios
            self._times = self._times._replace(grace=_SHORT_GRACE)
        status = outcome.status if problem is None else "failed"
        seconds = time.monotonic() - begun
        return outcome._replace(status=status, problem=problem, seconds=seconds)

    def _stage(self, scenario: ClientScenario | None = None) -> Stage:
        """Start the client, without waiting for it."""
        return Stage(
            self._command.launch(scenario),
            MANNERS[self._dialect],
            ENDS[self._dialect],
            port=self._command.port,
            terminal=self._command.terminal,
        )

    def _not_applicable(self, scenario: ClientScenario) -> str:
        before = scenario.settings.get("if passed", "").split()
        if failed := [each for each in before if each in self._failed]:
            return f"cannot be told, since {failed[0]} has failed"
        return self._command.unsuited(scenario)
