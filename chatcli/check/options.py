"""What checking a server and checking a client have in common on the command line."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import click

from chatcli.check.report import DOCUMENTS, Report, titles

_LEVELS = {"stated": "S", "observed": "SOX", "decided": "SOXP"}
_COLOURS = {"passed": "green", "failed": "red", "not applicable": "yellow"}

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Stopped(click.ClickException):
    """Nothing can be checked, or nothing told: neither right nor wrong."""

    exit_code = 2


class _Titled(Protocol):
    @property
    def requirement(self) -> str: ...

    @property
    def level(self) -> str: ...


_Chosen = TypeVar("_Chosen", bound=_Titled)


class Choice(NamedTuple):
    """Which scenarios are played, and where the report goes."""

    level: str
    only: tuple[str, ...]
    json: str | None
    junit: str | None
    verbose: bool

    def of(self, scenarios: Iterable[_Chosen]) -> list[_Chosen]:
        """Choose scenarios; raise click.UsageError if there are none left."""
        chosen = [
            one
            for one in scenarios
            if one.level in _LEVELS[self.level] and (not self.only or one.requirement in self.only)
        ]
        if not chosen:
            raise click.UsageError("there is no scenario for that")
        return chosen

    def present(self, report: Report) -> None:
        """Show a report and write it to the files; raise Stopped if one cannot be."""
        for path, text in ((self.json, report.json), (self.junit, report.junit)):
            if path is not None and path != "-":
                _write(path, text())
        if self.json == "-":
            click.echo(report.json())
        if self.junit == "-":
            click.echo(report.junit(), nl=False)
        taken = "-" in (self.json, self.junit)  # then stdout is for programs
        for line, status in report.text(self.verbose):
            click.secho(line, fg=_COLOURS.get(status), err=taken)


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stopped(f"cannot write {path}: {error.strerror}") from None


def _known(
    ctx: click.Context, parameter: click.Parameter, numbers: tuple[str, ...]
) -> tuple[str, ...]:
    for number in numbers:
        if number not in titles():
            raise click.BadParameter(f"there is no requirement {number}")
    return numbers


dialect_argument = click.argument("dialect", type=click.Choice(list(DOCUMENTS)))


def reporting(function: _Function) -> _Function:
    """Add the options that make a `Choice`, given as keyword arguments of its fields' names."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def waiting(
    *, answer: float, quiet: float, answer_help: str, quiet_help: str
) -> Callable[[_Function], _Function]:
    """Add --timeout and --quiet-time, in seconds, with these defaults and texts."""

    def seconds(name: str, default: float, text: str) -> Callable[[_Function], _Function]:
        kind = click.FloatRange(0, min_open=True)
        return click.option(name, type=kind, default=default, show_default=True, help=text)

    timeout = seconds("--timeout", answer, answer_help)
    quiet_time = seconds("--quiet-time", quiet, quiet_help)
    return lambda function: timeout(quiet_time(function))


_OPTIONS = (
    click.option(
        "--level",
        type=click.Choice(list(_LEVELS)),
        default="observed",
        show_default=True,
        help="What is required: what the document states, also what its programs were seen to do, "
        "or also what was decided for chatd.",
    ),
    click.option(
        "--only", metavar="S0-18", multiple=True, callback=_known, help="This requirement only."
    ),
    click.option("--json", metavar="FILE", help="Report as JSON, on stdout with -."),
    click.option("--junit", metavar="FILE", help="Report as JUnit's XML, on stdout with -."),
    click.option("-v", "--verbose", is_flag=True, help="Show whole conversations that failed."),
)
