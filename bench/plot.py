"""The picture: CPU per delivery, a group of bars per case."""

from __future__ import annotations

from pathlib import Path

from cases import CPU
from report import number
from results import Results

#: Colours that colour-blind readers can tell apart, and grey prints too.
COLOURS = {"baseline": "#999999", "threads": "#0072b2", "select": "#e69f00"}
NAMES = {"baseline": "baseline (tutorial server)", "threads": "chatd, threads engine"}
NAMES["select"] = "chatd, select engine"


def draw(results: Results, machine: dict[str, str], target: Path) -> None:
    """Write the PNG. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")  # no display needed
    from matplotlib import pyplot

    measured = [case for case in results.cases if case.name in results.runs]
    cases = [case for case in measured if CPU in case.figures and case.mode != "paced"]
    if not cases:
        return
    figure, axes = pyplot.subplots(figsize=(13, 6.5), layout="constrained")
    contestants = [name for name in results.contestants if name in NAMES]  # not those that store
    width = 0.8 / len(contestants)
    for i, contestant in enumerate(contestants):
        heights = [results.median(case.name, contestant, CPU) or 0.0 for case in cases]
        left = [group + (i - (len(contestants) - 1) / 2) * width for group in range(len(cases))]
        bars = axes.bar(left, heights, width, color=COLOURS[contestant], label=NAMES[contestant])
        labels = [number(height) if height else "" for height in heights]
        axes.bar_label(bars, labels, padding=2, fontsize=8)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.02, y=0.12)
    axes.set_xticks(range(len(cases)), [case.title.replace(", ", "\n") for case in cases])
    axes.tick_params(axis="x", labelsize=8, length=0)
    axes.set_ylabel("server CPU µs per delivery (log scale, lower is better)")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left", ncols=len(contestants))
    about = (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['python']}, {machine['date'][:10]}"
    )
    axes.set_title(f"Server CPU per delivered message\n{about}", fontsize=11)
    figure.savefig(target, dpi=130)
    pyplot.close(figure)
