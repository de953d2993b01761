"""Servers and clients broken on purpose, to see that the tests of each requirement notice.

    python tests/mutants.py              all mutants, two at a time
    python tests/mutants.py S0-17 D-3    those of some requirements

A mutant is a paragraph of a file in tests/mutants/: the requirement it breaks, the file and what
goes wrong; then lines with a minus, which the file must hold exactly once, and those with a plus
that take their place. It is applied to a copy of the project, where the tests that name the
requirement are run until the first one fails. If none fails the mutant has survived: then a test
is missing, or does not test what it says.
"""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

FOLDER = Path(__file__).parent / "mutants"
ROOT = Path(__file__).parent.parent

IMPOSSIBLE: dict[str, str] = {}
"""Requirements that no mutant can break, and why."""

PARTS = ("chatd", "chatcli", "plugins", "tests", "docs", "bench", "examples", "pyproject.toml")
"""What the tests need of the project."""


class Mutant(NamedTuple):
    """One thing done wrong on purpose."""

    requirement: str
    file: str
    summary: str
    old: str
    new: str

    def __str__(self):
        return f"{self.requirement} {self.summary}"

    def problem(self, root):
        """Say why the mutant does not fit the code; None when it does."""
        path = root / self.file
        if not path.is_file():
            return f"there is no {self.file}"
        count = f"\n{path.read_text(encoding='utf-8')}".count(f"\n{self.old}\n")
        return None if count == 1 else f"{self.file} holds this {count} times:\n{self.old}"

    @contextlib.contextmanager
    def applied(self, root):
        """Break the file under root for a while."""
        path = root / self.file
        right = path.read_text(encoding="utf-8")
        wrong = f"\n{right}".replace(f"\n{self.old}\n", f"\n{self.new}\n")[1:]
        path.write_text(wrong, encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(right, encoding="utf-8")


def read(path):
    """Read the mutants of a file."""
    paragraphs = re.split(r"\n{2,}", path.read_text(encoding="utf-8").strip())
    return [_mutant(path, paragraph) for paragraph in paragraphs if paragraph[0] != "#"]


def _mutant(path, paragraph):
    head, *lines = paragraph.split("\n")
    found = re.fullmatch(r"(?P<requirement>\S+) (?P<file>\S+): (?P<summary>.+)", head)
    if found is None or not all(line.startswith(("-", "+")) for line in lines):
        raise ValueError(f"{path.name}: what is {head!r}?")
    old, new = ("\n".join(one[1:] for one in lines if one[0] == sign) for sign in "-+")
    return Mutant(**found.groupdict(), old=old, new=new)


MUTANTS = [mutant for path in sorted(FOLDER.glob("*.txt")) for mutant in read(path)]

# -- which tests name a requirement; this module is a pytest plugin for it --------------------

_NUMBER = re.compile(r"\b(?:S\d-\d\d|D-\d+|[RW]-\d\d)\b")
_RANGE = re.compile(r"\b(S\d)-(\d\d) to \1-(\d\d)\b")


def named(text):
    """The requirements that a text names; `S0-14 to S0-17` are four."""
    numbers = set(_NUMBER.findall(text))
    for document, first, last in _RANGE.findall(text):
        numbers.update(f"{document}-{number:02}" for number in range(int(first), int(last) + 1))
    return numbers


def pytest_addoption(parser):
    parser.addoption("--requirement", help="run only tests that name one of these; `any` is any")


def pytest_collection_modifyitems(config, items):
    if wanted := set((config.getoption("requirement") or "").split()):
        chosen = [item for item in items if _names(item, wanted)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def _names(item, wanted):
    numbers = _named_by(item)
    return bool(numbers if wanted == {"any"} else numbers & wanted)


def _named_by(item):
    """As test_requirements has it, of a collected test."""
    texts = [item.name, item.function.__doc__, getattr(item.cls, "__doc__", None)]
    if scenario := getattr(item, "callspec", None) and item.callspec.params.get("scenario"):
        texts.append(scenario.text)
    return named(" ".join(text for text in texts if text))


# -- running them ----------------------------------------------------------------------------


def copy_project(to):
    """Copy what the tests need; without compiled code, which could be mistaken for newer."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, to / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, to / part)


def run_tests(root, *options):
    """Run the tests of a copy; return the exit status and what pytest printed."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(str(root / part) for part in (".", "plugins", "tests")),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "mutants"),
            *("-p", "no:cacheprovider", "--ignore", "tests/test_requirements.py", *options),
        ],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return run.returncode, run.stdout + run.stderr


_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::.+?)(?: - .*)?$", re.MULTILINE)


def failures(root, requirements):
    """The tests of requirements that fail without any mutant: they can tell nothing."""
    return _FAILED.findall(run_tests(root, "--requirement", " ".join(requirements or ["any"]))[1])


def verdict(mutant, root, ignored):
    """Run the tests that name the mutant's requirement; say in a line what came of it."""
    if problem := mutant.problem(root):
        return f"DOES NOT FIT: {problem}"
    options = [option for test in ignored for option in ("--deselect", test)]
    with mutant.applied(root):
        status, output = run_tests(root, "-x", "--requirement", mutant.requirement, *options)
    if status == 1 and (killers := _FAILED.findall(output)):
        return f"killed by {killers[0]}"
    if status == 0:
        return "SURVIVED"
    return f"NOT TRIED: pytest ended with {status}\n{output}"


def main():
    """Run mutants and print a line for each; the exit status is 0 when all were killed."""
    parser = argparse.ArgumentParser(description="Run the tests against broken code.")
    parser.add_argument("requirements", nargs="*", metavar="REQUIREMENT")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="how many at a time (2)")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if m.requirement in arguments.requirements]
    mutants = chosen if arguments.requirements else MUTANTS
    with tempfile.TemporaryDirectory(prefix="chatd-mutants-") as folder:
        roots = SimpleQueue()
        for number in range(arguments.jobs):
            root = Path(folder) / str(number)
            root.mkdir()
            copy_project(root)
            roots.put(root)
        ignored = failures(root, arguments.requirements)
        for test in ignored:
            print(f"fails without any mutant, and is left out: {test}")

        def judge(mutant):
            root = roots.get()
            try:
                return verdict(mutant, root, ignored)
            finally:
                roots.put(root)

        bad = 0
        with ThreadPoolExecutor(arguments.jobs) as pool:
            for mutant, result in zip(mutants, pool.map(judge, mutants), strict=True):
                print(f"{mutant}: {result}", flush=True)
                bad += not result.startswith("killed")
    print(f"{len(mutants) - bad} of {len(mutants)} mutants killed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
