"""Plots of the last hour, as points of SVG polylines."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from chatd.metrics import Sample, Series, levels, rates

SPAN = 3600.0
"""Seconds that a plot shows."""

WIDTH = 360
"""Units of a plot's own; each shows ten seconds at least."""

HEIGHT = 80


class Plot(Struct, frozen=True):
    """One curve, and what is said of it in words."""

    key: str
    title: str
    now: str
    most: str
    points: str
    """For the attribute of a polyline, in a view box of WIDTH by HEIGHT."""


def make_plots(samples: Sequence[Sample]) -> list[Plot]:
    """Draw what was sampled."""
    messages = rates(samples, lambda sample: sample.messages)
    deliveries = rates(samples, lambda sample: sample.deliveries)
    users = levels(samples, lambda sample: sample.users)
    unsent = levels(samples, lambda sample: sample.unsent)
    end = samples[-1].time if samples else 0.0
    return [
        _plot("messages", "Messages a second", messages, end, _rate),
        _plot("deliveries", "Deliveries a second", deliveries, end, _rate),
        _plot("users", "Users", users, end, "{:.0f}".format),
        _plot("unsent", "Bytes not taken yet", unsent, end, size_text),
    ]


def _plot(key: str, title: str, series: Series, end: float, text: Callable[[float], str]) -> Plot:
    most = max((value for _, value in series), default=0.0)
    now = series[-1][1] if series else 0.0
    return Plot(key, title, text(now), text(most), _points(series, end, most))


def _points(series: Series, end: float, most: float) -> str:
    """Place the values, of those in one place the highest: a peak is what one looks for."""
    highest: dict[int, float] = {}
    for time, value in series:
        if (x := WIDTH - round((end - time) / SPAN * WIDTH)) >= 0:
            highest[x] = max(value, highest.get(x, 0.0))
    scale = (HEIGHT - 2) / (most or 1.0)  # a line at the edge keeps its width
    return " ".join(f"{x},{HEIGHT - 1 - value * scale:.1f}" for x, value in highest.items())


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def size_text(size: float) -> str:
    """Write bytes for people."""
    unit, *larger = "B", "KiB", "MiB", "GiB"
    while size >= 1024 and larger:
        size /= 1024
        unit, *larger = larger
    return f"{size:.1f} {unit}" if size < 10 and unit != "B" else f"{size:.0f} {unit}"
