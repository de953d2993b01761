"""Tables: the figures with their ratios, and the goals."""

from __future__ import annotations

from cases import GOALS, Case, Figure
from results import Results, Run

#: Ratios shown, where both were measured: (above, below).
RATIOS = (("threads", "baseline"), ("select", "baseline"), ("select", "threads"))


def number(value: float | None) -> str:
    """Three significant digits, thousands set apart; a dash for nothing."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    if value == int(value):
        return f"{value:.0f}"
    return f"{value:.3g}"


def one_line(case: Case, run: Run) -> str:
    """A run's figures, to follow the benchmark by."""
    return ", ".join(f"{number(run[figure.key])} {figure.label}" for figure in case.figures)


def table(rows: list[list[str]]) -> str:
    """Markdown, the columns padded so that it reads in a terminal too."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for cells in rows:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        lines.append("| " + " | ".join(padded) + " |")
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def figures_table(results: Results) -> str:
    """Every case's figures, medians of the rounds, and the ratios of the medians."""
    measured = results.contestants
    ratios = [pair for pair in RATIOS if set(pair) <= set(measured)]
    rows = [["case", "figure", *measured, *(f"{above} ÷ {below}" for above, below in ratios)]]
    for case in results.cases:
        for figure in case.figures:
            first = f"{case.name}: {case.title}" if figure is case.figures[0] else ""
            medians = [number(results.median(case.name, name, figure)) for name in measured]
            divided = [number(results.ratio(case.name, figure, *pair)) for pair in ratios]
            rows.append([first, figure.label, *medians, *divided])
    return table(rows)


def goals_table(results: Results) -> str:
    """The goals whose cases were run; empty if there is none."""
    rows = [["goal", "to reach", "measured", "met"]]
    for goal in GOALS:
        reached = results.reached(goal)
        if reached is not None:
            met = "yes" if reached <= goal.limit else "NO"
            rows.append([goal.text, f"≤ {number(goal.limit)}", number(reached), met])
    return table(rows) if len(rows) > 1 else ""


def spread(results: Results, case: Case, contestant: str, figure: Figure) -> str:
    """Lowest and highest round, to judge the noise by."""
    values = results.values(case.name, contestant, figure)
    return f"{number(min(values))} – {number(max(values))}" if values else "–"


def spread_table(results: Results) -> str:
    """How far the rounds lie apart, for each case's first figure."""
    rows = [["lowest – highest round", *results.contestants]]
    for case in results.cases:
        figure = case.figures[0]
        cells = [spread(results, case, name, figure) for name in results.contestants]
        rows.append([f"{case.name}, {figure.label}", *cells])
    return table(rows)


def remarks(results: Results) -> list[str]:
    """What a reader must know about these very figures."""
    found = []
    for case in results.cases:
        for contestant, runs in results.runs.get(case.name, {}).items():
            if any(run["clients"] < case.clients for run in runs):
                held = f"{runs[0]['clients']:.0f} clients instead of {case.clients}"
                found.append(f"{case.name}: {contestant} was given {held}.")
    return found


def problems_text(results: Results) -> str:
    """What went wrong, hard to overlook; empty if nothing did."""
    if not results.problems:
        return ""
    return "\n".join(["!!! WRONG RESULTS !!!", *(f"!!! {line}" for line in results.problems)])


def markdown(results: Results, machine: dict[str, str]) -> str:
    """The whole of `table.md`."""
    rounds = max((len(runs) for case in results.runs.values() for runs in case.values()), default=0)
    setting = (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['python']}, {machine['kernel']}, "
        f"{machine['date']}, load before the run {machine['load']}. "
        f"Medians of {rounds} alternating rounds; ratios are of these medians."
    )
    checked = problems_text(results) or "Nothing was lost, duplicated or out of order; none died."
    parts = ["# Benchmark results", setting, checked, figures_table(results)]
    parts += remarks(results)
    goals = goals_table(results)
    if goals:
        parts += ["## Goals", goals]
    parts += ["## Noise", spread_table(results)]
    return "\n\n".join(parts) + "\n"
