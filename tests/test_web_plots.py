"""Plots of the last hour: points for SVG, and what is said of them in words."""

import pytest

from chatd.metrics import Sample
from chatd.web.plots import HEIGHT, WIDTH, make_plots, size_text


def plots(*samples):
    return {plot.key: plot for plot in make_plots([Sample(*each) for each in samples])}


def points(plot):
    return [tuple(map(float, point.split(","))) for point in plot.points.split()]


def test_before_anything_was_sampled():
    for plot in make_plots(()):
        assert plot.points == ""
        assert (plot.now, plot.most) in {("0", "0"), ("0.0", "0.0"), ("0 B", "0 B")}


def test_the_newest_is_at_the_right_and_the_highest_at_the_top():
    drawn = plots((0.0, 4, 0, 0, 0), (1800.0, 8, 2048, 900, 0), (3600.0, 2, 0, 45_900, 90))
    assert points(drawn["users"]) == [(0, 40), (WIDTH / 2, 1), (WIDTH, HEIGHT - 1 - 19.5)]
    assert (drawn["users"].now, drawn["users"].most) == ("2", "8")
    assert points(drawn["messages"])[-1] == (WIDTH, 1)
    assert (drawn["messages"].now, drawn["messages"].most) == ("25", "25")
    assert (drawn["deliveries"].now, drawn["deliveries"].most) == ("0.1", "0.1")
    assert (drawn["unsent"].now, drawn["unsent"].most) == ("0 B", "2.0 KiB")


def test_what_is_older_than_an_hour_is_not_drawn():
    drawn = plots((0.0, 4, 0, 0, 0), (3700.0, 8, 0, 0, 0))
    assert points(drawn["users"]) == [(WIDTH, 1)]


def test_an_hour_has_no_more_points_than_places_and_keeps_its_peaks():
    samples = [(5.0 * n, 9 if n == 301 else 1, 0, 0, 0) for n in range(720)]
    drawn = points(plots(*samples)["users"])
    assert len(drawn) == WIDTH + 1
    assert [y for _, y in drawn].count(1.0) == 1


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (10_240, "10 KiB"), (3 << 40, "3072 GiB")],
)
def test_sizes_are_written_for_people(size, text):
    assert size_text(size) == text
