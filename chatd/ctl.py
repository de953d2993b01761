"""The command line of chatctl: looking after a server."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from chatd import __version__
from chatd.cli import chatd, config_of, config_option, run_command
from chatd.console import describe
from chatd.dialects.past import moment
from chatd.dialects.table import DIALECTS
from chatd.doctor import as_json, as_text, examine
from chatd.events import Missed, Record
from chatd.ids import id_text
from chatd.names import name_key
from chatd.options import Since, no_plugin_option, plugins_dir_option, store_option
from chatd.plugins import PluginError, Plugins
from chatd.store import Store, StoreError


@click.group(
    context_settings={"auto_envvar_prefix": "CHATD", "help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="chatctl", allow_from_autoenv=False)
def chatctl() -> None:
    """Look after a chatd server."""


@chatctl.command()
@plugins_dir_option
@no_plugin_option
@config_option
def plugins(plugins_dir: Path | None, no_plugin: tuple[str, ...]) -> None:
    """List the plugins that chatd would load, with their commands and dialects."""
    found = _plugins(plugins_dir, no_plugin)
    for name in found.names:
        click.echo(name)
        for owner, command in found.commands:
            if owner == name:
                aliases = f" (also {', '.join(command.aliases)})" if command.aliases else ""
                click.echo(f"  {command.usage}{aliases}: {command.summary}")
        for owner, dialect in found.own_dialects:
            if owner == name:
                click.echo(
                    f"  dialect {dialect.name}, with --listen {dialect.name}=:{dialect.port}"
                )


def _plugins(folder: Path | None = None, excluded: tuple[str, ...] = ()) -> Plugins:
    try:
        return Plugins(folder, frozenset(excluded), DIALECTS)
    except PluginError as error:
        raise click.ClickException(str(error)) from None


@chatctl.command(
    params=[option for option in chatd.params if option.name != "version"],
    context_settings={"auto_envvar_prefix": "CHATD"},
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="Lines for people, or JSON objects for programs.",
)
@click.pass_context
def doctor(ctx: click.Context, /, form: str, **values: Any) -> None:
    """Say what chatd would find if it were started with these options.

    They are those of chatd, with its variables and its file. Nothing is changed, so it can run
    beside the server. The exit status is 1 when there is an error.
    """
    found = Counter[str]()
    for finding in examine(config_of(**values), ctx):
        found[finding.state] += 1
        click.echo(as_json(finding) if form == "jsonl" else as_text(finding))
    if form == "text":
        click.echo(f"errors: {found['error']}, warnings: {found['warning']}")
    ctx.exit(found["error"] > 0)


@chatctl.group()
def history() -> None:
    """Look at what is stored, whether the server runs or not.

    Private messages are shown to nobody but their two parties, so not here either.
    """


@history.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["txt", "jsonl"]),
    default="txt",
    show_default=True,
    help="Lines for people, or JSON objects for programs.",
)
@click.option("--room", default="", metavar="ROOM", help="Only what happened in ROOM.")
@click.option(
    "--since",
    type=Since(),
    default=0.0,
    metavar="WHEN",
    show_default="the beginning",
    help="From WHEN on: 2026-11-01, or an age such as 7d.",
)
@store_option
@plugins_dir_option
@config_option
def export(form: str, room: str, since: float, store: str, plugins_dir: Path | None) -> None:
    """Print what happened in rooms, oldest first."""
    if room and not name_key(room):
        raise click.BadParameter(f"{room} is no name of a room", param_hint="--room")
    write = _json if form == "jsonl" else _text
    with _reading(store, plugins_dir) as opened:
        for record in opened.export(name_key(room), since):
            for line in write(record):
                click.echo(line)


def _json(record: Record) -> Iterator[str]:
    event = msgspec.structs.asdict(record.event)
    stamps = {"id": id_text(record.id), "time": moment(record)}
    told = {key: value for key, value in event.items() if value != ""}
    if isinstance(record.event, Missed):
        told["until"] = id_text(record.event.until)
    yield msgspec.json.encode({**stamps, "event": type(record.event).__name__, **told}).decode()


def _text(record: Record) -> Iterator[str]:
    for line in describe(record.event):
        yield f"{datetime.fromtimestamp(record.time):%Y-%m-%d %H:%M:%S} {line}"


@history.command()
@store_option
@plugins_dir_option
@config_option
def stats(store: str, plugins_dir: Path | None) -> None:
    """Say how much is stored."""
    with _reading(store, plugins_dir) as opened:
        found = opened.stats()
    click.echo(f"events {found.records}")
    click.echo(f"messages {found.messages}")
    for name, id in (("first_id", found.first_id), ("last_id", found.last_id)):
        click.echo(f"{name} {id_text(id) if id else '-'}")
    click.echo(f"bytes {found.size}")


@contextmanager
def _reading(url: str, plugins_dir: Path | None) -> Iterator[Store]:
    try:
        if url == "none":
            raise StoreError("there is no store: --store none")
        opened = _plugins(plugins_dir).open_store(url)
        try:
            yield opened
        finally:
            opened.close()
    except StoreError as error:
        raise click.ClickException(str(error)) from None


def main() -> NoReturn:
    """Run chatctl."""
    run_command(chatctl)


if __name__ == "__main__":
    main()
