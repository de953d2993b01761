"""Every requirement of docs/wire, and every promise of docs/reliability.md, has a test."""

import re

import mutants
from requirements import TESTS, listed, naming_tests, required

TAGS = {"stated", "observed", "decided", "tested"}

REQUIREMENTS = required()
WHOLE = {"D": 10, "R": 40, "S0": 32, "S1": 25, "S2": 22, "S3": 19, "S4": 18, "W": 12}
"""How many requirements each section has."""


def test_the_list_is_whole():
    expected = {
        f"{section}-{n:02}" if section != "D" else f"D-{n}"
        for section, count in WHOLE.items()
        for n in range(1, count + 1)
    }
    assert set(listed()) == expected


def test_each_says_where_it_comes_from():
    assert not [n for n, tags in REQUIREMENTS.items() if not TAGS & set(re.findall(r"\w+", tags))]


def test_each_is_named_by_a_test():
    named = naming_tests()
    assert not [n for n in REQUIREMENTS if n not in named and n not in mutants.IMPOSSIBLE]


def test_no_test_names_what_is_not_there():
    assert not {n: tests for n, tests in naming_tests().items() if n not in REQUIREMENTS}


# -- the mutants: servers and clients broken on purpose, which these tests have to notice ------


def test_each_has_a_mutant():
    """Or a reason why it can have none."""
    broken = {mutant.requirement for mutant in mutants.MUTANTS}
    assert broken <= set(REQUIREMENTS)
    assert not broken & set(mutants.IMPOSSIBLE)
    assert set(REQUIREMENTS) <= broken | set(mutants.IMPOSSIBLE)


def test_mutants_fit_the_code():
    """What a mutant replaces is there, once. When the code changes, so does the mutant."""
    assert not [problem for mutant in mutants.MUTANTS if (problem := mutant.problem(TESTS.parent))]
