"""Spans of time, as people write them: 90d, 12h, 30m."""

import re
from math import ceil

_WRITTEN = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_duration(text: str) -> float | None:
    """Give the seconds of a span such as 30m; None for what is none."""
    found = _WRITTEN.fullmatch(text)
    return float(found[1]) * _SECONDS[found[2]] if found else None


def duration_text(seconds: float) -> str:
    """Write seconds, rounded up, in the largest unit that fits and the one below: 1d 2h."""
    left = max(0, ceil(seconds))
    units = [(unit, _SECONDS[unit]) for unit in "dhms"]
    first = next((i for i, (_, size) in enumerate(units) if left >= size), len(units) - 1)
    parts: list[str] = []
    for unit, size in units[first : first + 2]:
        count, left = divmod(left, size)
        if count or not parts:
            parts.append(f"{count}{unit}")
    return " ".join(parts)
