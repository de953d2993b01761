"""The figures of all rounds, their medians, and what must not have happened."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cases import GOALS, Case, Figure, Goal

#: Counts of the generator that must be 0; anything else makes the run fail.
MUST_BE_ZERO = ("lost", "duplicated", "out_of_order", "died", "errors")

Run = dict[str, float]


@dataclass
class Results:
    """What has been measured: `runs[case name][contestant name]`, one entry per round."""

    cases: list[Case]
    contestants: list[str]
    runs: dict[str, dict[str, list[Run]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, case: str, contestant: str, run: Run) -> None:
        """Keep one run's figures, and note what it got wrong."""
        if run.get("sent"):
            per_message = run["deliveries"] / run["sent"]
            run["cpu_us_per_message"] = run["cpu_us_per_delivery"] * per_message
        self.runs.setdefault(case, {}).setdefault(contestant, []).append(run)
        wrong = [f"{key} {run[key]:.0f}" for key in MUST_BE_ZERO if run.get(key)]
        if wrong:
            self.problems.append(f"{case}, {contestant}: {', '.join(wrong)}")

    def values(self, case: str, contestant: str, figure: Figure) -> list[float]:
        """One figure over the rounds; empty if there is none."""
        runs = self.runs.get(case, {}).get(contestant, [])
        return [run[figure.key] for run in runs if figure.key in run]

    def median(self, case: str, contestant: str, figure: Figure) -> float | None:
        """The median of the rounds, or None if there is none."""
        values = self.values(case, contestant, figure)
        return statistics.median(values) if values else None

    def ratio(self, case: str, figure: Figure, contestant: str, reference: str) -> float | None:
        """`contestant`'s median divided by `reference`'s, both of this run."""
        return divide(self.median(case, contestant, figure), self.median(case, reference, figure))

    def reached(self, goal: Goal) -> float | None:
        """What was measured for a goal, or None."""
        measured = self.median(goal.case, goal.contestant, goal.figure)
        if goal.without:
            return subtract(measured, self.median(goal.case, goal.without, goal.figure))
        if not (goal.reference or goal.reference_case):
            return measured
        case, contestant = goal.reference_case or goal.case, goal.reference or goal.contestant
        return divide(measured, self.median(case, contestant, goal.figure))

    def as_json(self) -> dict[str, object]:
        """Everything, for `latest.json`."""
        goals = [
            {"goal": goal.text, "limit": goal.limit, "measured": self.reached(goal)}
            for goal in GOALS
        ]
        medians = {
            case.name: {
                contestant: {
                    figure.key: self.median(case.name, contestant, figure)
                    for figure in case.figures
                }
                for contestant in self.contestants
            }
            for case in self.cases
        }
        return {"medians": medians, "goals": goals, "problems": self.problems, "rounds": self.runs}


def divide(above: float | None, below: float | None) -> float | None:
    """A ratio, or None where one of the two was not measured."""
    return above / below if above is not None and below else None


def subtract(whole: float | None, part: float | None) -> float | None:
    """A difference, or None where one of the two was not measured."""
    return whole - part if whole is not None and part is not None else None


def describe_machine() -> dict[str, str]:
    """What the figures depend on; `load` is the load average before the run, 1 minute."""
    return {
        "cpu": cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load": f"{os.getloadavg()[0]:.2f}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "date": datetime.now().astimezone().isoformat(timespec="minutes"),
    }


def cpu_model() -> str:
    """The processor's name from /proc/cpuinfo."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
