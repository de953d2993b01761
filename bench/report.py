"""Tables: the goals, the figures and their noise."""

from __future__ import annotations

from collections.abc import Iterator

from cases import CPU, CPU_LOGIN, ENGINES, OPPONENTS, P50, P99, VARIANTS, Case, Figure
from goals import GOALS, Goal
from results import Results, Run

#: What stands in front of the table of figures is the short form, which README.md shows.
FIGURES_HEADING = "## Figures"
#: Figures of which it makes sense to say how many times the floor's they are.
COMPARED = (CPU, CPU_LOGIN, P50, P99)
PICTURES = {
    "fanout": "CPU time per delivery",
    "growth": "Growth of the cost with the room and with the number of rooms",
    "latency": "Latency",
}


def number(value: float | None) -> str:
    """Write three significant digits, thousands set apart; a dash for nothing."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    if value == int(value):
        return f"{value:.0f}"
    return f"{value:.3g}"


def one_line(case: Case, run: Run) -> str:
    """Write a run's figures, to follow the benchmark by."""
    return ", ".join(f"{number(run[figure.key])} {figure.label}" for figure in case.figures)


def table(rows: list[list[str]]) -> str:
    """Write Markdown, the columns padded so that it reads in a terminal too."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for cells in rows:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        lines.append("| " + " | ".join(padded) + " |")
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


# -- the figures -----------------------------------------------------------------------------------


def columns(results: Results) -> list[str]:
    """Name those that have a column; with a variant, an engine has a row of its own there."""
    return [name for name in (*OPPONENTS, *ENGINES) if name in results.contestants]


def variants_of(case: Case, results: Results) -> Iterator[tuple[str, str]]:
    """List what the case was measured with: how the row says it, and how the names end."""
    yield "", ""
    for variant, words in VARIANTS.items():
        if any(engine + variant in results.runs.get(case.name, {}) for engine in ENGINES):
            yield words, variant


def figures_row(results: Results, case: Case, figure: Figure, variant: str) -> list[str]:
    names = [name + variant if name in ENGINES else name for name in columns(results)]
    shown = [name if name.endswith(variant) else "" for name in names]
    medians = [results.median(case.name, name, figure) for name in shown]
    floor = (case.name, "floor" if figure in COMPARED else "")
    ratios = [results.ratio(figure, (case.name, one + variant), floor) for one in ENGINES]
    return [*map(number, medians), *map(number, ratios)]


def figures_table(results: Results) -> str:
    """Write every case's figures, medians of the runs, and of the engines' ratios to the floor."""
    rows = [["case", "figure", *columns(results), *(f"{name} ÷ floor" for name in ENGINES)]]
    for case in results.cases:
        for words, variant in variants_of(case, results):
            for figure in case.figures:
                first = f"{case.name}: {case.title}{words}" if figure is case.figures[0] else ""
                row = figures_row(results, case, figure, variant)
                rows.append([first, figure.label, *row])
    return table(rows)


def spread(results: Results, case: Case, contestant: str, figure: Figure) -> str:
    """Write the lowest and the highest run, to judge the noise by."""
    values = results.values(case.name, contestant, figure)
    return f"{number(min(values))} – {number(max(values))}" if values else "–"


def spread_table(results: Results) -> str:
    """Show how far the runs lie apart, for each case's first figure."""
    rows = [["lowest – highest run", *columns(results)]]
    for case in results.cases:
        figure = case.figures[0]
        cells = [spread(results, case, name, figure) for name in columns(results)]
        rows.append([f"{case.name}, {figure.label}", *cells])
    return table(rows)


# -- the goals -------------------------------------------------------------------------------------


def verdict(goal: Goal, results: Results) -> str:
    met = goal.met(results)
    return "not measured" if met is None else "yes" if met else "NO"


def goals_table(results: Results) -> str:
    """Write the goals of the cases; those whose contestants are absent are not measured."""
    chosen = {case.name for case in results.cases}
    rows = [["goal", "to reach", "measured", "met"]]
    for goal in (one for one in GOALS if set(one.cases) <= chosen):
        limit = f"{'≥' if goal.at_least else '≤'} {number(goal.limit)}"
        rows.append([goal.text, limit, number(goal.measure(results)), verdict(goal, results)])
    return table(rows)


def goals_json(results: Results) -> list[dict[str, object]]:
    return [
        {
            "goal": goal.text,
            "limit": goal.limit,
            "at_least": goal.at_least,
            "measured": goal.measure(results),
            "met": goal.met(results),
        }
        for goal in GOALS
    ]


# -- what else a reader must know ------------------------------------------------------------------


def remarks(results: Results) -> Iterator[str]:
    """Say who was absent, and what is special in these very figures."""
    for name, reason in results.absent.items():
        yield f"Absent: {name}: {reason}."
    for case in results.cases:
        for contestant, runs in results.runs.get(case.name, {}).items():
            held = min(run["clients"] for run in runs)
            if held < case.clients:
                yield f"{case.name}: {contestant} was given {held:.0f} clients."
            if dropped := sum(run.get("dropped", 0) for run in runs):
                yield f"{case.name}: {contestant} dropped {dropped:.0f} clients that did not read."


def problems_text(results: Results) -> str:
    """Say what went wrong, hard to overlook; nothing if nothing did."""
    if not results.problems:
        return ""
    return "\n".join(["!!! WRONG RESULTS !!!", *(f"!!! {line}" for line in results.problems)])


def told(machine: dict[str, str]) -> str:
    """Describe the machine, and the date."""
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['python']}, {machine['kernel']}, "
        f"{machine['date']}, load before the run {machine['load']}"
    )


def setting(results: Results, machine: dict[str, str]) -> str:
    """Describe the machine, the date and how often was measured."""
    rounds = [
        len(results.runs[case.name][name]) // case.times
        for case in results.cases
        for name in results.runs.get(case.name, {})
    ]
    return (
        f"{told(machine)}. Medians of {max(rounds, default=0)} rounds of alternation; "
        "ratios are medians of each round's ratio."
    )


def markdown(results: Results, machine: dict[str, str]) -> str:
    """Write the whole of `table.md`."""
    checked = problems_text(results) or "Nothing was lost, duplicated or out of order; none died."
    parts = ["# Benchmark results", setting(results, machine), checked]
    parts += [f"![{title}]({name}.png)" for name, title in PICTURES.items()]
    parts += ["## Goals", goals_table(results), *remarks(results)]
    parts += [FIGURES_HEADING, figures_table(results), "## Noise", spread_table(results)]
    return "\n\n".join(parts) + "\n"
