"""The command line of chatcli: it reads options, connects, and calls one of the two screens."""

import getpass
import os
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

from chatcli.chat import Chat
from chatcli.connection import Connection, connect
from chatcli.conversation import Conversation
from chatcli.dialects import CHATS, CONSOLES
from chatcli.questions import ask
from chatcli.text import unsendable
from chatcli.tls import trusting
from chatd import __version__
from chatd.dialects.table import CLIENTS

if TYPE_CHECKING:
    from chatcli.engines import Engine

_INTERRUPTED = 130
_PORT = click.IntRange(1, 65535)


def _login_name() -> str:
    """Give the name under which the user is logged in here (S0-04)."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise click.UsageError("this system does not know your name: give a nick by -l") from None


def _list_dialects(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        for client in CLIENTS.values():
            click.echo(f"{client.name:<6} {client.port}")
        ctx.exit()


def _default_port(ctx: click.Context, parameter: click.Parameter, port: int | None) -> int:
    return port or CLIENTS[ctx.params["dialect"]].port


def _default_nick(ctx: click.Context, parameter: click.Parameter, nick: str | None) -> str:
    """A name that nobody gave is for crlf alone (SPEC D-5)."""
    if nick is None and ctx.params["dialect"] == "crlf":
        return _login_name()
    return nick or ""


_Word = TypeVar("_Word", str, int)


def _not_in_crlf(
    ctx: click.Context, parameter: click.Parameter, word: _Word | None
) -> _Word | None:
    """The positional form is that of the other documents (S0-04)."""
    if word is not None and ctx.params["dialect"] == "crlf":
        raise click.UsageError(f"Got unexpected extra argument ({word})")
    return word


@click.command(
    context_settings={"auto_envvar_prefix": "CHATCLI", "help_option_names": ["-h", "--help"]}
)
# Together their names read [SERVER [PORT [NAME]]].
@click.argument("place", required=False, metavar="[SERVER", callback=_not_in_crlf)
@click.argument("place_port", required=False, metavar="[PORT", type=_PORT, callback=_not_in_crlf)
@click.argument("name", required=False, metavar="[NAME]]]", callback=_not_in_crlf)
@click.option(
    "--dialect",
    type=click.Choice(list(CLIENTS)),
    default="crlf",
    show_default=True,
    is_eager=True,
    help="What the server speaks.",
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
    type=_PORT,
    metavar="PORT",
    callback=_default_port,
    show_default="the dialect's",
    help="TCP port of the server.",
)
@click.option(
    "-l",
    "--login",
    callback=_default_nick,
    show_default="in crlf your login name",
    metavar="NICK",
    help="Nick to register.",
)
@click.option("-i", "--ignore", is_flag=True, help="Do not show what other users say (crlf, json).")
@click.option(
    "--no-newline",
    is_flag=True,
    help="Send lines, and show what comes, without line ends (slash, words, rooms).",
)
@click.option(
    "--engine",
    type=click.Choice(["threads", "select", "asyncio"]),
    default="threads",
    show_default=True,
    help="A thread that reads the socket, one thread around select, or coroutines.",
)
@click.option("--tls", is_flag=True, help="Speak TLS, and check who the server is.")
@click.option(
    "--ca",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    show_default="whom the system trusts",
    help="Whose certificates to trust: a PEM file.",
)
@click.option("--no-verify", is_flag=True, help="With --tls, take any server for the right one.")
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR=1 does the same.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the server's answer.",
)
@click.option(
    "--list-dialects",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_dialects,
    help="List the dialects and their ports, and exit.",
)
@click.version_option(__version__, prog_name="chatcli")
@click.pass_context
def chatcli(
    ctx: click.Context,
    place: str | None,
    place_port: int | None,
    name: str | None,
    dialect: str,
    server: str,
    port: int,
    login: str,
    ignore: bool,
    no_newline: bool,
    engine: str,
    tls: bool,
    ca: Path | None,
    no_verify: bool,
    no_color: bool,
    timeout: float,
) -> int:
    """Chat at a terminal, or by lines on a pipe.

    SERVER, PORT and NAME are another way to write -s, -p and -l, except in crlf.

    On a pipe each line of the input is a message, each line of the output is what came; the exit
    status is 0 when the server took all of it. Each option can also be given as an environment
    variable (CHATCLI_PORT=5000); the command line wins.
    """
    if ignore and dialect not in CHATS:
        raise click.UsageError(f"-i: in {dialect} it cannot be told who said something")
    if no_newline and dialect not in CONSOLES:
        raise click.UsageError(f"--no-newline: {dialect} is spoken in lines")
    terminal = _on_terminal()
    if dialect == "slash" and terminal and place is None and _nobody_said_where(ctx):
        server, port = _ask_where(server, port)
    login = name or login or (_ask_name() if dialect == "rooms" else "")
    if problem := unsendable(login):
        raise click.UsageError(f"this cannot be a nick: {problem}")
    context = _trust(tls, ca, not no_verify)
    connection = _connect(place or server, place_port or port, timeout, context)
    settings = {"interactive": terminal, "timeout": timeout}
    chat: Conversation
    if dialect in CONSOLES:
        chat = CONSOLES[dialect](login, unterminated=no_newline, **settings)
    else:
        chat = _chat(dialect, login, connection, ignore=ignore, **settings)
    colour = not no_color and not os.environ.get("NO_COLOR")
    try:
        if terminal:
            _converse_on_terminal(chat, connection, engine, colour)
        else:
            _converse_on_pipe(chat, connection, engine)
    except KeyboardInterrupt:
        # A person's way to leave, but the end of a script before its time.
        chat.finish(0 if os.isatty(0) else _INTERRUPTED)
    if chat.complaint:
        raise click.ClickException(chat.complaint)
    return chat.status or 0


def _trust(tls: bool, ca: Path | None, verify: bool) -> ssl.SSLContext | None:
    """Say whom to trust with TLS; nobody may believe that a server is checked which is not."""
    if not tls:
        if ca or not verify:
            raise click.UsageError("--ca and --no-verify: without --tls there is nothing to check")
        return None
    try:
        return trusting(ca, verify=verify)
    except OSError as error:
        reason = (getattr(error, "reason", None) or error.strerror or str(error)).lower()
        raise click.UsageError(f"cannot use {ca}: {reason.replace('_', ' ')}") from None


def _connect(server: str, port: int, timeout: float, tls: ssl.SSLContext | None) -> Connection:
    try:
        return connect(server, port, timeout, tls)
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.ClickException(f"cannot connect to {server} port {port}: {reason}") from None


def _chat(dialect: str, login: str, connection: Connection, **settings: Any) -> Chat:
    kind, client = CHATS[dialect], CLIENTS[dialect]()
    if kind.anonymous and not login:
        return kind(client, connection.address, login=False, **settings)  # S2-10
    return kind(client, login, **settings)


def _nobody_said_where(ctx: click.Context) -> bool:
    sources = (ctx.get_parameter_source(option) for option in ("server", "port"))
    return all(source is ParameterSource.DEFAULT for source in sources)


def _ask_where(server: str, port: int) -> tuple[str, int]:
    """Ask as the slash document's client does (S1-03); an empty answer is the default."""
    server = ask("Podaj adres IP serwera: ").strip() or server
    number = ask("Podaj numer portu serwera: ").strip()
    return server, (_PORT(number) if number else None) or port


def _ask_name() -> str:
    """Ask as the rooms document's client does (S4-01)."""
    try:
        while not (name := ask("Choose username: ").strip()):
            pass
    except EOFError:
        raise click.UsageError("nobody gave a name, which rooms needs: -l NICK") from None
    return name


def _on_terminal() -> bool:
    """Say whether a line editor can work here."""
    if os.environ.get("TERM", "") in ("dumb", "unknown"):
        return False
    return os.isatty(0) and os.isatty(1)


def _converse_on_terminal(
    chat: Conversation, connection: Connection, engine: str, colour: bool
) -> None:
    from chatcli.ui_rich import Terminal  # its line editor takes long to load

    Terminal(chat, connection, engine=engine, colour=colour).run()


def _converse_on_pipe(chat: Conversation, connection: Connection, engine: str) -> None:
    from chatcli.ui_plain import Screen, TypedLines

    engine_named(engine)(chat, connection, TypedLines(), Screen()).run()


def engine_named(name: str) -> type["Engine"]:
    """Load an engine of the plain client, and no other one."""
    if name == "asyncio":
        from chatcli.coroutines import Coroutines

        return Coroutines
    from chatcli.engines import Select, Threads

    return {"threads": Threads, "select": Select}[name]


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
