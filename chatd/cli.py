"""The command line of chatd: it reads options, and has a server run."""

import logging
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from msgspec.structs import replace

from chatd import __version__
from chatd.admins import AdminError, read_admins
from chatd.config import Admins, Config, Listen, LogFormat, Retention, SettingsError
from chatd.dialects.table import DIALECTS
from chatd.flood import Pace
from chatd.limits import Limits
from chatd.networks import LOOPBACK, Network
from chatd.options import (
    Age,
    ListenType,
    NetworkType,
    OriginType,
    PaceType,
    WebType,
    bans_option,
    no_plugin_option,
    plugins_dir_option,
    store_option,
)
from chatd.process import serve
from chatd.server import ENGINES
from chatd.web import MISSING, available

_PEM = click.Path(path_type=Path, dir_okay=False)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _check_greeting(ctx: click.Context, parameter: click.Parameter, text: str) -> str:
    """A greeting is one line in every dialect, and no other message in any."""
    if _CONTROLS.search(text):
        raise click.BadParameter("it must not contain control characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("it is not UTF-8") from None
    for dialect in DIALECTS.values():
        if kind := dialect.kind_of(text):
            raise click.BadParameter(
                f"it must not begin with {kind}: clients would take it for an answer"
            )
    return text


def _load_toml(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Make a TOML file's values the defaults of the options of the same names.

    Options of chatd are what a file may hold, whichever command reads it.
    """
    if path is None:
        return None
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise click.UsageError(f"cannot read {path}: {reason}") from None
    options = (p for p in chatd.params if isinstance(p, click.Option))
    known = {option.name: option for option in options if option.expose_value}
    defaults = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in known:
            raise click.UsageError(f"{path}: unknown setting {key}")
        if problem := _misfit(known[name], value):
            raise click.UsageError(f"{path}: {key} {problem}")
        defaults[name] = value
    ctx.default_map = defaults
    return path


def _misfit(option: click.Option, value: object) -> str:
    """Say how a TOML value does not fit an option, which click alone would bend until it does."""
    if option.is_flag:
        return "" if isinstance(value, bool) else "must be true or false"
    if isinstance(option.type, click.IntRange):
        return "" if type(value) is int else "must be a whole number"
    words = value if option.multiple else [value]
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return "must be a list of texts" if option.multiple else "must be a text"
    return "must not contain control characters" if any(map(_CONTROLS.search, words)) else ""


def _own_ports(host: str, port: int, others: tuple[Listen, ...]) -> Iterator[Listen]:
    """The ports of all five systems that are not listened on yet; with -p 0 the system chooses."""
    taken = {port, *(other.port for other in others)} - {0}
    for dialect in DIALECTS.values():
        if dialect.name != "auto" and dialect.port not in taken:
            yield Listen(dialect.name, host, dialect.port if port else 0)


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="CHATD_CONFIG",
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_load_toml,
    help="Read settings from a TOML file: long option names, without the dashes.",
)


@click.command(
    context_settings={"auto_envvar_prefix": "CHATD", "help_option_names": ["-h", "--help"]}
)
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=5000,
    show_default=True,
    help="TCP port to listen on; 0 lets the system choose.",
)
@click.option(
    "-t",
    "--greeting",
    default="",
    metavar="TEXT",
    callback=_check_greeting,
    help="Greet each new user with TEXT.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print the server's activity on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but fatal errors (the default).")
@click.option("--host", default="", metavar="ADDR", help="Address to listen on.  [default: all]")
@click.option(
    "--listen",
    type=ListenType(),
    multiple=True,
    metavar="DIALECT=HOST:PORT",
    help="Listen there, too; repeatable. "
    "Options: ?framing=auto|line|chunk&quiet=30ms&tls=auto|only|off",
)
@click.option(
    "--all",
    is_flag=True,
    help="Listen, too, on the port of each of the five systems' own servers.",
)
@click.option(
    "--web",
    type=WebType(),
    metavar="HOST:PORT",
    help="Give the web page a port of its own, besides that of the chat.",
)
@click.option("--no-web", is_flag=True, help="Have no web page.")
@click.option(
    "--web-origin",
    type=OriginType(),
    multiple=True,
    metavar="URL",
    help="Let pages of another site talk to the chat, such as https://example.org; repeatable.",
)
@click.option(
    "--metrics-from",
    type=NetworkType(),
    multiple=True,
    metavar="NETWORK",
    default=[str(network) for network in LOOPBACK],
    show_default="this machine",
    help="Let a Prometheus there fetch /metrics, such as 192.0.2.7; repeatable.",
)
@click.option(
    "--engine",
    type=click.Choice(list(ENGINES)),
    default="threads",
    show_default=True,
    help="A thread per client, one thread around select, or asyncio.",
)
@click.option(
    "--max-clients",
    type=click.IntRange(1),
    metavar="N",
    default=Limits().clients,
    show_default=True,
    help="How many users may be logged in.",
)
@click.option(
    "--max-per-address",
    type=click.IntRange(1),
    metavar="N",
    default=Limits().per_address,
    show_default=True,
    help="How many connections one address may have (of IPv6, one /64).",
)
@click.option(
    "--max-arrivals",
    type=click.IntRange(1),
    metavar="N",
    default=Limits().arrivals,
    show_default=True,
    help="How many new connections one address may make in a minute.",
)
@click.option(
    "--exempt",
    type=NetworkType(),
    multiple=True,
    metavar="NETWORK",
    default=[str(network) for network in LOOPBACK],
    show_default="this machine",
    help="Count no connections from there, such as 192.168.0.0/16; repeatable.",
)
@click.option(
    "--tls-cert",
    type=_PEM,
    metavar="FILE",
    help="Offer TLS, by the certificate in this PEM file; read again at SIGHUP.",
)
@click.option(
    "--tls-key",
    type=_PEM,
    metavar="FILE",
    help="The certificate's private key, where it is not in the same file.",
)
@click.option("--tls-only", is_flag=True, help="Take nobody without TLS.")
@click.option(
    "--flood",
    type=PaceType(),
    default="10/2",
    show_default=True,
    metavar="N/RATE|off",
    help="Let everybody make N requests at once and RATE a second; what is more waits.",
)
@click.option(
    "--admin",
    multiple=True,
    metavar="NICK",
    help="Let whoever knows the secret become a moderator as NICK; repeatable.",
)
@click.option(
    "--admin-secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Read the moderators' secret from FILE.  [default: CHATD_ADMIN_SECRET]",
)
@bans_option
@click.option(
    "--guest-names",
    is_flag=True,
    help="Call those who enter json without a nick guest-0001 and so on, not by their address.",
)
@click.option(
    "--no-log-addresses", is_flag=True, help="Leave out of -v's log where people come from."
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Write -v's log for people, or a JSON object a line.",
)
@store_option
@click.option("--store-private", is_flag=True, help="Keep private messages, too, for those two.")
@click.option(
    "--keep",
    type=Age(),
    metavar="AGE",
    help="Forget what is older, such as 90d or 12h.  [default: nothing]",
)
@click.option(
    "--keep-count",
    type=click.IntRange(1),
    metavar="N",
    help="Forget all but the last N messages of each room.  [default: nothing]",
)
@plugins_dir_option
@no_plugin_option
@click.option(
    "--port-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write `dialect host port` of each listener to FILE once all listen.",
)
@config_option
@click.version_option(__version__, prog_name="chatd", allow_from_autoenv=False)
def chatd(**values: Any) -> None:
    """A chat server: start it, and everybody can join with chatcli or any TCP client.

    Each option can also be given as an environment variable (CHATD_PORT=5000) or in a TOML file
    (port = 5000); the command line wins over the environment, that over the file.
    """
    serve(config_of(**values), lambda: read_config(sys.argv[1:]))


def read_config(args: Sequence[str]) -> Config:
    """Read all settings as chatd does when it is started with these arguments.

    Raises SettingsError.
    """
    try:
        return config_of(**chatd.make_context("chatd", list(args)).params)
    except click.ClickException as error:
        raise SettingsError(_one_line(error)) from None


def config_of(
    *,
    port: int,
    greeting: str,
    verbose: bool,
    quiet: bool,
    host: str,
    listen: tuple[Listen, ...],
    all: bool,
    web: Listen | None,
    no_web: bool,
    web_origin: tuple[str, ...],
    metrics_from: tuple[Network, ...],
    engine: str,
    max_clients: int,
    max_per_address: int,
    max_arrivals: int,
    exempt: tuple[Network, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_only: bool,
    flood: Pace,
    admin: tuple[str, ...],
    admin_secret_file: Path | None,
    bans: Path | None,
    guest_names: bool,
    no_log_addresses: bool,
    log_format: LogFormat,
    store: str,
    store_private: bool,
    keep: float | None,
    keep_count: int | None,
    plugins_dir: Path | None,
    no_plugin: tuple[str, ...],
    port_file: Path | None,
) -> Config:
    """Make a server's settings of the values of the options of chatd."""
    if web and no_web:
        raise click.UsageError("--web and --no-web exclude each other")
    if web and not available():
        raise click.UsageError(MISSING)
    more = (*listen, web) if web else listen
    return Config(
        host=host,
        port=port,
        listen=(*more, *(_own_ports(host, port, more) if all else ())),
        web=not no_web,
        web_origins=frozenset(web_origin),
        metrics_from=metrics_from,
        greeting=greeting,
        engine=engine,
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_only=tls_only,
        flood=flood,
        exempt=exempt,
        admins=_admins(admin, admin_secret_file),
        bans=bans,
        guest_names=guest_names,
        verbose=verbose and not quiet,
        log_format=log_format,
        no_log_addresses=no_log_addresses,
        store=store,
        store_private=store_private,
        retention=Retention(keep, keep_count),
        plugins_dir=plugins_dir,
        no_plugin=frozenset(no_plugin),
        port_file=port_file,
        limits=replace(
            Limits(), clients=max_clients, per_address=max_per_address, arrivals=max_arrivals
        ),
    )


def _admins(names: tuple[str, ...], secret_file: Path | None) -> Admins:
    try:
        return read_admins(names, secret_file)
    except AdminError as error:
        raise click.UsageError(str(error)) from None


def main() -> NoReturn:
    """Run chatd; every fatal error is one line on stderr and a status other than 0."""
    run_command(chatd)


def run_command(command: click.Command) -> NoReturn:
    """Run a click command so that its errors take one line, without a traceback."""
    logger = logging.getLogger("chatd")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    try:
        status = command.main(standalone_mode=False)
    except click.ClickException as error:
        print(f"{command.name}: {_one_line(error)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


def _one_line(error: click.ClickException) -> str:
    return " ".join(error.format_message().split())
