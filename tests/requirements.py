"""What chatd promises by number, and which tests name each promise."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import mutants
from chatcli.check.scenario import ENDS, read, read_all

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"
WIRE = DOCS / "wire"

LISTED = re.compile(r"^- \*\*(?P<number>[SDRW][\d-]+)\*\* \((?P<tags>[^)]*)\)", re.MULTILINE)


def listed():
    """The numbers of docs/wire and of docs/reliability.md, with what stands in parentheses."""
    pages = [*sorted(WIRE.glob("*.md")), DOCS / "reliability.md"]
    found = [match for page in pages for match in LISTED.finditer(_text(page))]
    numbers = [match["number"] for match in found]
    assert len(set(numbers)) == len(numbers), "a number is used twice"
    return {match["number"]: match["tags"] for match in found}


def required():
    """The same without what is open or comes later."""
    return {number: tags for number, tags in listed().items() if tags not in ("later", "open")}


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
