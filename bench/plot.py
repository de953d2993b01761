"""The pictures: cost per delivery, its growth, and latency."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cases import CASES, CPU, P50, P99, SIZES, Case, Figure
from report import number
from results import Results

#: Colours that colour-blind readers can tell apart.
COLOURS = {
    "baseline": "#999999",
    "floor": "#000000",
    "ngircd": "#cc79a7",
    "threads": "#0072b2",
    "select": "#e69f00",
    "asyncio": "#009e73",
}
NAMES = {
    "baseline": "baseline (tutorial server)",
    "floor": "floor (C relay)",
    "ngircd": "ngircd (C, IRC)",
    "threads": "chatd, threads",
    "select": "chatd, select",
    "asyncio": "chatd, asyncio",
}
#: What the first picture shows, of all that is measured.
FANOUT = ("fanout-100x1", "fanout-100x10", "talk-100", "fanout-500x10", "unpipelined")
LATENCY = ("paced", "slow")
ROOM_COUNTS = (1, 10, 100)
#: The panels of the picture of growth, from left to right: over what, and in which cases.
PANELS: dict[str, tuple[tuple[int, ...], str]] = {
    "1 sender, 8 in flight": (SIZES, "fanout-{}x1"),
    "10 senders, 8 in flight": ((*SIZES, 5000), "fanout-{}x10"),
    "all talk, 1 in flight": (SIZES, "talk-{}"),
    "rooms of 10, 1 sender each": (ROOM_COUNTS, "rooms-{}"),
}
GROWTH = tuple(pattern.format(count) for counts, pattern in PANELS.values() for count in counts)


def draw(results: Results, machine: dict[str, str], directory: Path) -> None:
    """Write the PNG files. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")  # no display needed
    from matplotlib import pyplot

    about = (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['python']}, {machine['date'][:10]}"
    )
    for name, (paint, needed) in PICTURES.items():
        if not any(case in results.runs for case in needed):
            continue
        figure = pyplot.figure(figsize=(12, 5.5), layout="constrained")
        title = paint(figure, results)
        figure.suptitle(f"{title}\n{about}", fontsize=11)
        figure.savefig(directory / f"{name}.png", dpi=130)
        pyplot.close(figure)


def drawn(results: Results) -> list[str]:
    """Name those who have a colour; engines with a variant are left out."""
    return [name for name in COLOURS if name in results.contestants]


def cases_called(names: Sequence[str]) -> list[Case]:
    by_name = {case.name: case for case in CASES}
    return [by_name[name] for name in names]


def bars(axes: Any, results: Results, groups: Sequence[tuple[Case, Figure]]) -> None:
    """Draw a group of bars for each case and figure, one for each contestant that has it."""
    contestants = drawn(results)
    width = 0.85 / max(len(contestants), 1)
    for i, name in enumerate(contestants):
        heights = [results.median(case.name, name, figure) or 0.0 for case, figure in groups]
        left = [group + (i - (len(contestants) - 1) / 2) * width for group in range(len(groups))]
        drawn_bars = axes.bar(left, heights, width, color=COLOURS[name], label=NAMES[name])
        labels = [number(height) if height else "" for height in heights]
        axes.bar_label(drawn_bars, labels, padding=2, fontsize=7)
    axes.set_xticks(range(len(groups)))
    axes.tick_params(axis="x", labelsize=8, length=0)
    logarithmic(axes)
    axes.legend(frameon=False, fontsize=8, loc="upper left", ncols=3)


def logarithmic(axes: Any) -> None:
    """Give the axes what all pictures have."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.02, y=0.2)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def fanout(figure: Any, results: Results) -> str:
    """Compare the costs of one delivery."""
    cases = cases_called(FANOUT)
    axes = figure.subplots()
    bars(axes, results, [(case, CPU) for case in cases])
    axes.set_xticklabels([case.title.replace(", ", "\n") for case in cases])
    axes.set_ylabel("CPU µs per delivery (log scale)")
    return "Server CPU per delivered message, lower is better"


def latency(figure: Any, results: Results) -> str:
    """Compare p50 and p99, without and with a client that does not read."""
    groups = [(case, share) for case in cases_called(LATENCY) for share in (P50, P99)]
    axes = figure.subplots()
    bars(axes, results, groups)
    with_slow = {"paced": "", "slow": "\none client reads nothing"}
    axes.set_xticklabels([share.label + with_slow[case.name] for case, share in groups])
    axes.set_ylabel("µs from due to arrived (log scale)")
    return "Latency at 200 messages a second among 100 clients"


def growth(figure: Any, results: Results) -> str:
    """Show the cost per delivery over the size of the room, and over the number of rooms."""
    row = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (title, (counts, pattern)) in zip(row, PANELS.items(), strict=True):
        for name in drawn(results):
            line(axes, results, name, counts, pattern)
        axes.set_title(title, fontsize=9)
        axes.set_xscale("log")
        axes.set_xticks(counts, [str(count) for count in counts], fontsize=7, rotation=45)
        axes.minorticks_off()
        axes.set_xlabel("rooms" if counts is ROOM_COUNTS else "members of the room")
        logarithmic(axes)
    row[0].set_ylabel("CPU µs per delivery (log scale)")
    row[0].legend(frameon=False, fontsize=8)
    return "Growth of the cost of one delivery"


def line(axes: Any, results: Results, name: str, counts: Sequence[int], pattern: str) -> None:
    """Draw one contestant's costs, where it was measured."""
    measured = [count for count in counts if results.median(pattern.format(count), name, CPU)]
    costs = [results.median(pattern.format(count), name, CPU) for count in measured]
    axes.plot(measured, costs, marker="o", color=COLOURS[name], label=NAMES[name])


#: Who paints each picture, and of which cases; without any of them there is none.
PICTURES = {"fanout": (fanout, FANOUT), "growth": (growth, GROWTH), "latency": (latency, LATENCY)}
