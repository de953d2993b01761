"""The pace itself: when what is asked for is carried out, at such a burst and rate."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.flood import UNBOUND, Bucket, Flow, Pace


def times(pace, askings):
    """When requests are carried out that are made at such times, each as early as it may be."""
    flow = Flow(pace, Bucket(UNBOUND))
    free_at, carried_out = 0.0, []
    for asked in askings:
        now = max(asked, free_at)
        carried_out.append(now)
        free_at = flow.take(now)
    return carried_out


def test_ten_at_once_then_two_a_second():
    """R-16: at the pace that there is by default."""
    carried_out = times(Pace(10, 2.0), [100.0] * 60)
    assert carried_out[:10] == [100.0] * 10
    assert [later - earlier for earlier, later in pairwise(carried_out[9:])] == [0.5] * 50


@given(
    st.builds(Pace, st.integers(1, 20), st.floats(0.1, 1000.0)),
    st.lists(st.floats(0.0, 100.0), max_size=60).map(sorted),
)
def test_no_stretch_of_time_has_more_than_its_share(pace, askings):
    carried_out = times(pace, askings)
    for first, start in enumerate(carried_out):
        for last, end in enumerate(carried_out[first:], start=first):
            assert last - first + 1 <= pace.burst + (end - start) * pace.rate + 1e-6


@given(st.lists(st.floats(0.0, 100.0), min_size=11, max_size=60).map(sorted))
def test_who_keeps_to_the_pace_never_waits(askings):
    slow = [asked + 0.5 * number for number, asked in enumerate(askings)]
    assert times(Pace(1, 2.0), slow) == pytest.approx(slow)


def test_without_a_bound_nobody_waits():
    assert times(UNBOUND, [1.0] * 1000) == [1.0] * 1000
