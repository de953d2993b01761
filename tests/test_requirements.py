"""Every requirement of docs/wire is named by a test, and none is made up."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import mutants
from chatcli.check.scenario import ENDS, read, read_all

TESTS = Path(__file__).parent
WIRE = TESTS.parent / "docs" / "wire"

LISTED = re.compile(r"^- \*\*(?P<number>[SD][\d-]+)\*\* \((?P<tags>[^)]*)\)", re.MULTILINE)
TAGS = {"stated", "observed", "decided"}


def documented():
    """The requirements of docs/wire, with what stands in parentheses behind each number."""
    found = [match for path in sorted(WIRE.glob("*.md")) for match in LISTED.finditer(_text(path))]
    numbers = [match["number"] for match in found]
    assert len(set(numbers)) == len(numbers), "a number is used twice"
    return {match["number"]: match["tags"] for match in found}


def naming_tests():
    """Which tests name each requirement: by docstring, by id, or in a scenario's comments."""
    tests = defaultdict(set)
    for path in sorted(TESTS.glob("test_*.py")):
        for test, text in _functions(ast.parse(_text(path))):
            for number in mutants.named(text):
                tests[number].add(f"{path.name}::{test}")
    scenarios = [each for dialect in ENDS for each in read_all(dialect)]
    for scenario in [*scenarios, *read(WIRE / "crlf.md", "crlf")]:
        for number in mutants.named(scenario.text):
            tests[number].add(scenario.name)
    return tests


def _functions(tree):
    """Each test function, with its own docstring and decorators and those of its class."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for name, text in _functions(node):
                yield f"{node.name}::{name}", text + (ast.get_docstring(node) or "")
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            decorators = " ".join(ast.unparse(each) for each in node.decorator_list)
            yield node.name, decorators + (ast.get_docstring(node) or "")


def _text(path):
    return path.read_text(encoding="utf-8")


REQUIREMENTS = documented()
WHOLE = {"D": 10, "S0": 32, "S1": 25, "S2": 22, "S3": 19, "S4": 18}
"""How many requirements each section has."""


def test_the_list_is_whole():
    expected = {
        f"{section}-{n:02}" if section != "D" else f"D-{n}"
        for section, count in WHOLE.items()
        for n in range(1, count + 1)
    }
    assert set(REQUIREMENTS) == expected


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
