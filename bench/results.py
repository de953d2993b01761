"""The figures of all rounds, their medians, and what must not have happened."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cases import CASES, Case, Figure

#: Counts of the generator that must be 0; anything else makes the run fail.
MUST_BE_ZERO = ("lost", "duplicated", "out_of_order", "strayed", "died", "errors")

Run = dict[str, float]
#: A case's name, and a contestant's.
Place = tuple[str, str]


@dataclass
class Results:
    """What has been measured: `runs[case name][contestant name]`, one entry per run.

    `absent` tells for each contestant that could not take part why not.
    """

    cases: list[Case]
    contestants: list[str]
    absent: dict[str, str] = field(default_factory=dict)
    runs: dict[str, dict[str, list[Run]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, case: str, contestant: str, run: Run) -> None:
        """Keep one run's figures, and note what it got wrong."""
        self.runs.setdefault(case, {}).setdefault(contestant, []).append(run)
        wrong = [f"{key} {run[key]:.0f}" for key in MUST_BE_ZERO if run.get(key)]
        if wrong:
            self.problems.append(f"{case}, {contestant}: {', '.join(wrong)}")

    def values(self, case: str, contestant: str, figure: Figure) -> list[float]:
        """List one figure of all runs; empty if there is none."""
        runs = self.runs.get(case, {}).get(contestant, [])
        return [run[figure.key] for run in runs if figure.key in run]

    def median(self, case: str, contestant: str, figure: Figure) -> float | None:
        """Take the median of the runs, or None if there is none."""
        values = self.values(case, contestant, figure)
        return statistics.median(values) if values else None

    def ratio(self, figure: Figure, above: Place, below: Place) -> float | None:
        """Divide two figures round by round, and take the median: a drifting machine divides out.

        None if they were not both measured.
        """
        return self._paired(divide, figure, above, below)

    def difference(self, figure: Figure, whole: Place, part: Place) -> float | None:
        """Subtract two figures in the same way."""
        return self._paired(lambda one, other: one - other, figure, whole, part)

    def _paired(
        self,
        combine: Callable[[float, float], float | None],
        figure: Figure,
        one: Place,
        other: Place,
    ) -> float | None:
        pairs = zip(self.values(*one, figure), self.values(*other, figure), strict=False)
        found = [each for pair in pairs if (each := combine(*pair)) is not None]
        return statistics.median(found) if found else None

    def medians(self, case: Case, contestant: str) -> dict[str, float | None]:
        """Take the medians of all figures of a case, by their keys."""
        return {figure.key: self.median(case.name, contestant, figure) for figure in case.figures}

    def as_json(self) -> dict[str, Any]:
        """Give everything, for `latest.json`."""
        return {
            "contestants": self.contestants,
            "absent": self.absent,
            "problems": self.problems,
            "medians": {
                case.name: {name: self.medians(case, name) for name in self.runs[case.name]}
                for case in self.cases
                if case.name in self.runs
            },
            "runs": self.runs,
        }


def from_json(kept: Mapping[str, Any]) -> Results:
    """Read what as_json wrote; cases that exist no more are left out."""
    cases = [case for case in CASES if case.name in kept["runs"]]
    return Results(cases, kept["contestants"], kept["absent"], kept["runs"], kept["problems"])


def divide(above: float, below: float) -> float | None:
    """Give a ratio, or None where one of the two is too small to be seen."""
    return above / below if below else None


def describe_machine() -> dict[str, str]:
    """Say what the figures depend on; `load` is the load average before the run, 1 minute."""
    return {
        "cpu": cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load": f"{os.getloadavg()[0]:.2f}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "date": datetime.now().astimezone().isoformat(timespec="minutes"),
    }


def cpu_model() -> str:
    """Read the processor's name from /proc/cpuinfo."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
