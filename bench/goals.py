"""What is to be reached, as ratios of figures of one run wherever that is possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cases import CPU, CPU_MESSAGE, ENGINES, LOGINS, MEMORY, P99, SIZES, Figure
from results import Results, divide

#: Cost per delivery may be so much above that of the cheapest smaller room.
MOST_GROWTH = 1.3


@dataclass(frozen=True)
class Goal:
    """A figure that stays at or below `limit`, or, with `at_least`, at or above it.

    `cases` are those that `measure` needs; it gives None when one of them was not run.
    """

    text: str
    cases: tuple[str, ...]
    limit: float
    measure: Callable[[Results], float | None]
    at_least: bool = False

    def met(self, results: Results) -> bool | None:
        """Tell whether it was reached; None: not measured."""
        measured = self.measure(results)
        if measured is None:
            return None
        return measured >= self.limit if self.at_least else measured <= self.limit


def outright(case: str, figure: Figure, contestant: str, limit: float) -> Goal:
    text = f"{case}: {contestant}, {figure.label}"
    return Goal(text, (case,), limit, lambda results: results.median(case, contestant, figure))


def ratio(
    case: str, figure: Figure, above: str, below: str, limit: float, at_least: bool = False
) -> Goal:
    """Compare two contestants in one case."""
    text = f"{case}: {above} ÷ {below}, {figure.label}"

    def measure(results: Results) -> float | None:
        return results.ratio(figure, (case, above), (case, below))

    return Goal(text, (case,), limit, measure, at_least)


def of_two_cases(case: str, other: str, figure: Figure, contestant: str, limit: float) -> Goal:
    """Compare two cases of one contestant."""
    text = f"{case} ÷ {other}: {contestant}, {figure.label}"

    def measure(results: Results) -> float | None:
        return results.ratio(figure, (case, contestant), (other, contestant))

    return Goal(text, (case, other), limit, measure)


def added(case: str, figure: Figure, whole: str, part: str, limit: float) -> Goal:
    """Take what one contestant needs off what the other needs."""
    text = f"{case}: {whole} - {part}, {figure.label}"

    def measure(results: Results) -> float | None:
        return results.difference(figure, (case, whole), (case, part))

    return Goal(text, (case,), limit, measure)


def within_noise(case: str, without: str, figure: Figure, contestant: str) -> Goal:
    """Compare the difference of two cases with how far the runs of the second lie apart."""
    text = f"{case}: {contestant}, {figure.label}, rise from {without} ÷ noise of {without}"

    def measure(results: Results) -> float | None:
        values = results.values(without, contestant, figure)
        change = results.difference(figure, (case, contestant), (without, contestant))
        return None if change is None else divide(change, max(values) - min(values))

    return Goal(text, (case, without), 1.0, measure)


def growth(prefix: str, suffix: str, contestant: str) -> Goal:
    """Take the worst ratio of a room's cost per delivery to that of the cheapest smaller one."""
    cases = tuple(f"{prefix}-{size}{suffix}" for size in SIZES)
    text = f"{cases[0]} to {cases[-1]}: {contestant}, worst growth of {CPU.label}"

    def measure(results: Results) -> float | None:
        costs = [results.median(case, contestant, CPU) for case in cases]
        known = [cost for cost in costs if cost is not None]
        return worst_step(known) if len(known) == len(costs) else None

    return Goal(text, cases, MOST_GROWTH, measure)


def worst_step(costs: list[float]) -> float:
    """Divide each cost by the lowest before it, and give the highest of these ratios."""
    return max(costs[i] / min(costs[:i]) for i in range(1, len(costs)))


#: Case, and what the threads engine may cost there as a multiple of the floor.
AGAINST_THE_FLOOR = {
    "fanout-500x10": 1.25,
    "fanout-100x10": 2.5,
    "talk-100": 4.0,
    "unpipelined": 1.4,
}


def fanout_goals() -> Iterator[Goal]:
    for case, limit in AGAINST_THE_FLOOR.items():
        yield ratio(case, CPU, "threads", "floor", limit)
    for engine in ("select", "asyncio"):
        for case in AGAINST_THE_FLOOR:
            yield ratio(case, CPU, engine, "floor", 1.3)
    yield ratio("fanout-500x10", CPU, "threads", "baseline", 0.10)
    yield ratio("fanout-100x10", CPU, "threads", "baseline", 0.15)
    yield ratio("fanout-500x10", CPU, "threads", "ngircd", 0.33)
    yield ratio("fanout-100x10", CPU, "threads", "ngircd", 0.6)


def engine_goals(engine: str, idle_kib: float) -> Iterator[Goal]:
    """List what is asked of each engine, in cost first, then in latency."""
    # Not of fanout-…x1, where the floor's cost grows as much: see README.md.
    yield growth("fanout", "x10", engine)
    yield growth("talk", "", engine)
    yield of_two_cases("mixed-100x10", "fanout-100x10", CPU, engine, 2)
    yield of_two_cases("web-500x10", "fanout-500x10", CPU, engine, 2)
    yield added("stored", CPU_MESSAGE, f"{engine}+store", engine, 30)
    yield ratio("fanout-100x10", CPU, f"{engine}+tls", engine, 2)
    yield ratio("unpipelined", CPU, f"{engine}+tls", engine, 2)
    yield outright("idle", MEMORY, engine, idle_kib)
    yield ratio("paced", P99, engine, "ngircd", 1)
    yield ratio("paced", P99, engine, "floor", 3)
    yield ratio("paced", P99, f"{engine}+store", engine, 1.25)
    yield within_noise("slow", "paced", P99, engine)


def all_goals() -> Iterator[Goal]:
    yield from fanout_goals()
    for engine, idle_kib in zip(ENGINES, (40, 6, 10), strict=True):
        yield from engine_goals(engine, idle_kib)
    yield ratio("logins", LOGINS, "threads", "baseline", 1, at_least=True)
    yield ratio("logins", LOGINS, "asyncio", "ngircd", 0.5, at_least=True)
    yield ratio("private", CPU, "threads", "select", 3)


GOALS = tuple(all_goals())
