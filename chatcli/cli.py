"""The command line of chatcli: it reads options, connects, and calls one of the two screens."""

import getpass
import os
import sys
from typing import NoReturn

import click

from chatcli.chat import Chat
from chatcli.connection import Connection, connect
from chatcli.text import unsendable
from chatd import __version__
from chatd.dialects.crlf import CrlfClient

_INTERRUPTED = 130


def _login_name() -> str:
    """Give the name under which the user is logged in here (S0-04)."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise click.UsageError("this system does not know your name: give a nick by -l") from None


@click.command(
    context_settings={"auto_envvar_prefix": "CHATCLI", "help_option_names": ["-h", "--help"]}
)
@click.option(
    "-s",
    "--server",
    default="localhost",
    show_default=True,
    metavar="HOST",
    help="Host name or address of the server.",
)
@click.option(
    "-p",
    "--port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    default=CrlfClient.port,
    show_default=True,
    help="TCP port of the server.",
)
@click.option(
    "-l",
    "--login",
    default=_login_name,
    show_default="your login name",
    metavar="NICK",
    help="Nick to register.",
)
@click.option("-i", "--ignore", is_flag=True, help="Do not show what other users say.")
@click.option(
    "--engine",
    type=click.Choice(["threads", "select"]),
    default="threads",
    show_default=True,
    help="A thread that reads the socket, or one thread around select.",
)
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR=1 does the same.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the server's answer.",
)
@click.version_option(__version__, prog_name="chatcli")
def chatcli(
    server: str,
    port: int,
    login: str,
    ignore: bool,
    engine: str,
    no_color: bool,
    timeout: float,
) -> int:
    """Chat at a terminal, or by lines on a pipe.

    On a pipe each line of the input is a message, each line of the output is what came; the exit
    status is 0 when the server took all of it. Each option can also be given as an environment
    variable (CHATCLI_PORT=5000); the command line wins.
    """
    if problem := unsendable(login):
        raise click.UsageError(f"this cannot be a nick: {problem}")
    try:
        connection = connect(server, port, timeout)
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(f"cannot connect to {server} port {port}: {reason}") from None
    terminal = _on_terminal()
    chat = Chat(CrlfClient(), login, ignore=ignore, interactive=terminal, timeout=timeout)
    try:
        if terminal:
            colour = not no_color and not os.environ.get("NO_COLOR")
            _converse_on_terminal(chat, connection, engine, colour)
        else:
            _converse_on_pipe(chat, connection, engine)
    except KeyboardInterrupt:
        # A person's way to leave, but the end of a script before its time.
        chat.finish(0 if os.isatty(0) else _INTERRUPTED)
    if chat.complaint:
        raise click.ClickException(chat.complaint)
    return chat.status or 0


def _on_terminal() -> bool:
    """Say whether a line editor can work here."""
    if os.environ.get("TERM", "") in ("dumb", "unknown"):
        return False
    return os.isatty(0) and os.isatty(1)


def _converse_on_terminal(chat: Chat, connection: Connection, engine: str, colour: bool) -> None:
    from chatcli.ui_rich import Terminal  # its line editor takes long to load

    Terminal(chat, connection, engine=engine, colour=colour).run()


def _converse_on_pipe(chat: Chat, connection: Connection, engine: str) -> None:
    from chatcli.engines import ENGINES
    from chatcli.ui_plain import Screen, TypedLines

    ENGINES[engine](chat, connection, TypedLines(), Screen()).run()


def main() -> NoReturn:
    """Run chatcli; every fatal error is one line on stderr and a status other than 0."""
    _keep_standard_descriptors()
    try:
        status = chatcli.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"chatcli: {' '.join(error.format_message().split())}", err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(_INTERRUPTED)
    sys.exit(status if isinstance(status, int) else 0)


def _keep_standard_descriptors() -> None:
    """Keep the socket from taking the number of a closed descriptor 0, 1 or 2.

    What was closed ends at once when it is read, and fails when it is written.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # takes the lowest free number
