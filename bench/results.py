"""The figures of all rounds, their medians, and what must not have happened."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cases import CASES, Case, Figure

#: Counts of the generator that must be 0; anything else makes the run fail.
MUST_BE_ZERO = ("lost", "duplicated", "out_of_order", "strayed", "died", "errors")

Run = dict[str, float]


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


def divide(above: float | None, below: float | None) -> float | None:
    """Give a ratio, or None where one of the two was not measured."""
    return above / below if above is not None and below else None


def subtract(whole: float | None, part: float | None) -> float | None:
    """Give a difference, or None where one of the two was not measured."""
    return whole - part if whole is not None and part is not None else None


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
