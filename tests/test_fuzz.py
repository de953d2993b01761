"""What is fuzzed holds for a few examples, and for whatever was once found to break it.

make test ARGS='-k fuzz --hypothesis-profile thorough'     for 200 times as many
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.run import FOUND
from fuzz.targets import CUT, QUIET, TARGETS, examples, steps

FEW = settings.default.max_examples // 20


def conversations(name):
    """Pieces of the scenarios, and bytes that mean nothing, cut anywhere."""
    known = {step for example in examples(name) for step in steps(example) if step}
    pieces = st.one_of(st.sampled_from(sorted(known)), st.binary(max_size=40))
    ends = st.sampled_from([b"", b"", CUT, CUT, QUIET, b"x" * 70, b"\n"])
    return st.lists(st.tuples(pieces, ends).map(b"".join), max_size=12).map(b"".join)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=FEW)
@given(data=st.data())
def test_fuzz(name, data):
    """R-06, R-07, R-08, R-30, R-36, D-2, D-8, S3-02, S4-02: any bytes, in any pieces."""
    TARGETS[name](data.draw(conversations(name)))


@pytest.mark.parametrize(
    "path", sorted(FOUND.glob("*/*")), ids=lambda p: f"{p.parent.name}-{p.name}"
)
def test_what_fuzzing_once_found(path):
    TARGETS[path.parent.name](path.read_bytes())
