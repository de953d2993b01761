"""Spans of time, as people write them and as they are told."""

import pytest

from chatd.durations import duration_text, parse_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.1, "1s"), (59.5, "1m"), (1800, "30m"), (3661, "1h 1m"), (6e8, "6944d 10h")],
)
def test_spans_are_written(seconds, text):
    assert duration_text(seconds) == text


def test_spans_are_read():
    spans = ["30m", "12h", "7d", "2w", "5s", "", "m", "30", "1y", "-1m", "\u0663m"]
    assert [parse_duration(span) for span in spans] == [1800, 43200, 604800, 1209600, 5] + [
        None
    ] * 6
