"""Report what came of scenarios, requirement by requirement: as text, JSON and JUnit's XML."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple
from xml.etree import ElementTree

from chatcli.check.outcome import Outcome
from chatcli.check.scenario import FOLDER

DOCUMENTS = {"crlf": "S0", "json": "S2", "slash": "S1", "words": "S3", "rooms": "S4"}
"""The sections of the requirements, by dialect; the section D is for all of them."""

_LISTED = re.compile(r"(?P<number>(?P<section>S\d|D)-\d+) \[[SOXP]\] (?P<title>.+)")
_WORDS = {"passed": "ok", "failed": "FAIL", "not applicable": "n/a"}
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Verdict(NamedTuple):
    """What the scenarios of a requirement say about it, all together."""

    requirement: str
    title: str
    status: str
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.status == "failed"]

    @property
    def reasons(self) -> str:
        """Why scenarios are not applicable."""
        return "; ".join(dict.fromkeys(one.reason for one in self.outcomes if one.reason))


@cache
def titles() -> dict[str, str]:
    """Give the titles of all requirements, by their numbers."""
    lines = (FOLDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [found for line in lines if (found := _LISTED.fullmatch(line))]
    return {found["number"]: found["title"] for found in listed}


class Report:
    """What is right and wrong with a `server` or a `client` (the subject) of a dialect.

    checkable are the requirements that there are scenarios for, played or not.
    """

    def __init__(
        self, dialect: str, subject: str, outcomes: Iterable[Outcome], checkable: Iterable[str] = ()
    ) -> None:
        self.dialect = dialect
        self.subject = subject
        self._checkable = set(checkable)
        outcomes = list(outcomes)
        self.verdicts = [
            _verdict(number, [one for one in outcomes if one.requirement == number])
            for number in sorted({one.requirement for one in outcomes}, key=_order)
        ]

    @property
    def exit_status(self) -> int:
        """0 when all passed, 1 when something failed."""
        return int(any(verdict.status == "failed" for verdict in self.verdicts))

    @property
    def unchecked(self) -> list[str]:
        """The requirements of the document that there is no scenario for."""
        sections = (DOCUMENTS[self.dialect], "D")
        seen = {verdict.requirement for verdict in self.verdicts} | self._checkable
        return [one for one in titles() if one.partition("-")[0] in sections and one not in seen]

    def text(self, verbose: bool = False) -> Iterator[tuple[str, str]]:
        """Give the lines for people, each with the status that it is about, or none."""
        for verdict in self.verdicts:
            why = f" ({verdict.reasons})" if verdict.status == "not applicable" else ""
            word = _WORDS[verdict.status]
            yield f"{word:<4} {verdict.requirement:<5} {verdict.title}{why}", verdict.status
            for outcome in verdict.failed:
                yield from ((f"     {line}", "") for line in _details(outcome, verbose))
        if self.unchecked:
            yield f"not checked here: {' '.join(self.unchecked)}", ""
        yield self.summary, "failed" if self.exit_status else "passed"

    @property
    def summary(self) -> str:
        """Count the requirements."""
        statuses = [verdict.status for verdict in self.verdicts]
        return ", ".join(
            f"{statuses.count(status)} {status}"
            for status in _WORDS
            if status in statuses or status == "passed"
        )

    def json(self) -> str:
        """Give all of it as JSON."""
        return json.dumps(self._data(), ensure_ascii=False, indent=2)

    def _data(self) -> dict[str, Any]:
        return {
            "dialect": self.dialect,
            "subject": self.subject,
            "summary": self.summary,
            "requirements": [
                {
                    "requirement": verdict.requirement,
                    "title": verdict.title,
                    "status": verdict.status,
                    "scenarios": [_scenario(outcome) for outcome in verdict.outcomes],
                }
                for verdict in self.verdicts
            ],
            "not_checked": self.unchecked,
        }

    def junit(self) -> str:
        """Give all of it as JUnit's XML: a requirement is a class, a scenario a test."""
        outcomes = [one for verdict in self.verdicts for one in verdict.outcomes]
        statuses = [one.status for one in outcomes]
        suite = ElementTree.Element(
            "testsuite",
            name=f"chatcheck {self.subject} {self.dialect}",
            tests=str(len(outcomes)),
            failures=str(statuses.count("failed")),
            errors="0",
            skipped=str(statuses.count("not applicable")),
            time=f"{sum(one.seconds for one in outcomes):.3f}",
        )
        for outcome in outcomes:
            _add_case(suite, outcome)
        whole = ElementTree.Element("testsuites")
        whole.append(suite)
        ElementTree.indent(whole)
        return ElementTree.tostring(whole, encoding="unicode", xml_declaration=True) + "\n"


def _verdict(number: str, outcomes: list[Outcome]) -> Verdict:
    statuses = {one.status for one in outcomes}
    status = next(each for each in ("failed", "passed", "not applicable") if each in statuses)
    return Verdict(number, titles().get(number, outcomes[0].title), status, tuple(outcomes))


def _order(number: str) -> tuple[bool, str, int]:
    """Order requirements as their documents do; those for all dialects come last."""
    section, _, rest = number.partition("-")
    return section == "D", section, int(rest or 0)


def _details(outcome: Outcome, verbose: bool) -> Iterator[str]:
    yield f"{outcome.title} ({outcome.place})"
    if (problem := outcome.problem) is None:
        return
    yield f"  {problem.place}: {problem.step}" if problem.step else f"  {problem.place}"
    yield f"  {problem.complaint}"
    if problem.step:
        yield f"  seen instead: {problem.seen or 'nothing'}"
    if verbose and problem.talk:
        yield "  all that happened:"
        yield from (f"    {line}" for line in problem.talk)


def _scenario(outcome: Outcome) -> dict[str, Any]:
    data: dict[str, Any] = outcome._asdict()
    del data["requirement"]
    data["problem"] = outcome.problem._asdict() if outcome.problem else None
    data["seconds"] = round(outcome.seconds, 3)
    return data


def _add_case(suite: ElementTree.Element, outcome: Outcome) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=outcome.requirement,
        name=f"{outcome.title} ({outcome.place})",
        time=f"{outcome.seconds:.3f}",
    )
    if outcome.status == "not applicable":
        ElementTree.SubElement(case, "skipped", message=outcome.reason)
    elif outcome.problem:
        complaint = _UNPRINTABLE.sub("\ufffd", outcome.problem.complaint)
        failure = ElementTree.SubElement(case, "failure", message=complaint)
        failure.text = _UNPRINTABLE.sub("\ufffd", "\n".join(_details(outcome, verbose=True)))
