"""The command line of chatctl: looking after a server."""

from pathlib import Path
from typing import NoReturn

import click

from chatd import __version__
from chatd.cli import config_option, no_plugin_option, plugins_dir_option, run_command
from chatd.dialects.table import DIALECTS
from chatd.plugins import PluginError, Plugins


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
    try:
        found = Plugins(plugins_dir, frozenset(no_plugin), DIALECTS)
    except PluginError as error:
        raise click.ClickException(str(error)) from None
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


def main() -> NoReturn:
    """Run chatctl."""
    run_command(chatctl)
