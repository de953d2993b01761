"""The command line of `chatcheck client`."""

import signal
import sys
from types import FrameType
from typing import Any

import click

from chatcli.check.client_command import NICK, Command
from chatcli.check.client_performance import Times
from chatcli.check.client_player import Player
from chatcli.check.client_scenario import read_all
from chatcli.check.client_stage import CannotStart
from chatcli.check.options import Choice, Stopped, dialect_argument, reporting, waiting
from chatcli.check.report import Report

_HELP = """\
Check a client: play the server's part, type on its keyboard and read its screen.

It is run anew for each scenario. In COMMAND these placeholders are filled in: {host}, {port},
{nick} and {options}, which is -i or nothing. Without any, what the document says is put
behind COMMAND or typed:

\b
crlf   -s {host} -p {port} -l {nick} {options}
json   {host} {port}
slash  (typed) {host}, {port}
words  {host}                       (and the port is 10000)
rooms  {host} {port} {nick}

\b
chatcheck client crlf -- python3 client.py
chatcheck client json --pty -- ./client {host} {port} {nick}
chatcheck client rooms --type-first '{nick}\\n' -- java Client {host} {port}
"""


@click.command("client", help=_HELP)
@dialect_argument
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@reporting
@click.option(
    "--pty", is_flag=True, help="Run it on a terminal, not on pipes, for those that need one."
)
@click.option(
    "--type-first",
    metavar="LINES",
    help=r"What to type before all else, where a client asks: '{host}\n{port}\n'.",
)
@click.option("--host", default="", help="What is put for {host}. Default: this machine.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to listen on, for a client that cannot be told. Default: any that is free.",
)
@click.option(
    "--nick",
    default="",
    help=f"Nick to use. Default: {NICK}, or your login name where a crlf client cannot be told.",
)
@waiting(
    answer=Times().answer,
    quiet=Times().quiet,
    answer_help="Seconds that the client has for whatever it must do.",
    quiet_help="Seconds after which nothing more will happen.",
)
def client(
    dialect: str,
    words: tuple[str, ...],
    pty: bool,
    type_first: str | None,
    host: str,
    port: int,
    nick: str,
    timeout: float,
    quiet_time: float,
    **choice: Any,
) -> None:
    """Check a client."""
    chosen = Choice(**choice)
    scenarios = read_all(dialect)
    wanted = chosen.of(scenarios)
    try:
        command = Command(
            dialect, words, host=host, port=port, nick=nick, type_first=type_first, terminal=pty
        )
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    player = Player(dialect, command, Times(timeout, quiet_time))
    try:
        if what := player.try_out():
            raise Stopped("\n  ".join((f"the client has not connected in {timeout:g} s:", *what)))
        outcomes = player.play_all(wanted)
        report = Report(dialect, "client", outcomes, {one.requirement for one in scenarios})
    except CannotStart as error:
        raise Stopped(str(error)) from None
    chosen.present(report)
    sys.exit(report.exit_status)


def _stop(number: int, frame: FrameType | None) -> None:
    """End in an orderly way, and the client with us."""
    sys.exit(128 + number)
