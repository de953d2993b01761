"""The command line of chatcheck."""

import sys
from typing import Any

import click

from chatcli.check.client_cli import client
from chatcli.check.connections import CannotConnect, Patience
from chatcli.check.framing import wants_chunks
from chatcli.check.options import Choice, Stopped, dialect_argument, reporting, waiting
from chatcli.check.player import Player
from chatcli.check.report import Report
from chatcli.check.scenario import read_all
from chatd import __version__
from chatd.dialects.table import CLIENTS


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chatcheck")
def main() -> None:
    """Say what a chat server or a chat client does wrong, requirement by requirement.

    The exit status is 0 when nothing is wrong, 1 when something is, and 2 when nothing can be
    checked.
    """


main.add_command(client)


def _settings(
    ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    if wrong := next((one for one in given if "=" not in one), None):
        raise click.BadParameter(f"{wrong} is not NAME=VALUE")
    return {name: value for name, _, value in (one.partition("=") for one in given)}


@main.command("server")
@dialect_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the server is.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: the document's.")
@reporting
@click.option(
    "--with",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_settings,
    help="How the server was started: greeting='Hej hej'.",
)
@click.option(
    "--framing",
    type=click.Choice(["auto", "line", "chunk"]),
    default="auto",
    show_default=True,
    help="How messages to a slash, words or rooms server end.",
)
@waiting(
    answer=Patience().answer,
    quiet=Patience().quiet,
    answer_help="Seconds that an answer may take.",
    quiet_help="Seconds after which nothing more will come.",
)
def server(
    dialect: str,
    host: str,
    port: int | None,
    settings: dict[str, str],
    framing: str,
    timeout: float,
    quiet_time: float,
    **choice: Any,
) -> None:
    """Check a server that is running.

    Nobody should talk there meanwhile. The names that are taken are new in each run.
    """
    chosen = Choice(**choice)
    scenarios = read_all(dialect)
    patience = Patience(timeout, quiet_time)
    port = port or CLIENTS[dialect].port
    wanted = chosen.of(scenarios)
    try:
        found = wants_chunks(dialect, host, port, patience)
    except CannotConnect as error:
        raise Stopped(str(error)) from None
    chunks = found if framing == "auto" else framing == "chunk" and dialect not in ("crlf", "json")
    player = Player(host, port, patience=patience, settings=settings, chunks=chunks)
    outcomes = player.play_all(wanted)
    report = Report(dialect, "server", outcomes, {one.requirement for one in scenarios})
    chosen.present(report)
    sys.exit(report.exit_status)
