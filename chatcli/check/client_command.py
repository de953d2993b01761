"""How somebody's client is started: what is put for the placeholders, and what is typed first."""

import getpass
import re
import shlex
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from chatcli.check.client_manners import MANNERS
from chatcli.check.client_scenario import ClientScenario
from chatcli.check.client_wire import can_listen
from chatcli.check.text import plain

NICK = "janek"

_PLACEHOLDER = re.compile(r"\{(nick|host|port|login|options)\}")


@cache
def login_name() -> str:
    """Give the name under which the user is logged in here, empty if there is none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


class Launch(NamedTuple):
    """One start of the client, once the server listens at host on a port."""

    host: str
    arguments: Callable[[int], list[str]]
    """The command line."""
    keyboard: Callable[[int], list[str]]
    """Lines to type first."""


class Command:
    """A command line with placeholders.

    Without any, it is completed in the way that the dialect's document gives. type_first are
    lines to type, with placeholders and escapes; None for what the document says.
    """

    def __init__(
        self,
        dialect: str,
        words: Sequence[str],
        *,
        host: str = "",
        port: int = 0,
        nick: str = "",
        type_first: str | None = None,
        terminal: bool = False,
    ) -> None:
        manners = MANNERS[dialect]
        given = " ".join((*words, type_first or ""))
        self.documented = type_first is None and not _PLACEHOLDER.search(given)
        self.terminal = terminal
        self._words = words
        self._arguments = shlex.split(manners.arguments) if self.documented else []
        self._keyboard = plain(type_first or "").splitlines()
        if self.documented:
            self._keyboard = list(manners.keyboard)
        self._all = " ".join((given, *self._arguments, *self._keyboard))
        self._host = host or manners.host
        self.port = port or (manners.port if self.documented else 0)
        """Where the server has to listen; 0 for any free port."""
        self.nick = nick or self._default_nick(dialect)

    def unsuited(self, scenario: ClientScenario) -> str:
        """Say why the client cannot be started for a scenario; empty if it can."""
        wants = scenario.settings
        needs = wants.get("needs", "").split()
        if "terminal" in needs and not self.terminal:
            return "for terminals: --pty"
        if ("document" in needs or "arguments" in wants) and not self.documented:
            return "only for a command without placeholders, which is started as documented"
        if "options" in wants and "{options}" not in self._all:
            return "the command has no {options}"
        if (host := wants.get("host")) and "{host}" not in self._all:
            return "the command has no {host}"
        if host and not can_listen(host):
            return f"there is no address {host} here"
        return ""

    def launch(self, scenario: ClientScenario | None = None) -> Launch:
        """Give what starts the client for a scenario."""
        wants = scenario.settings if scenario else {}
        host = wants.get("host") or self._host
        options = shlex.split(wants.get("options", ""))
        own = shlex.split(wants["arguments"]) if "arguments" in wants else self._arguments

        def fill(port: int, words: Sequence[str]) -> list[str]:
            return [
                filled
                for word in words
                for filled in (
                    options if word == "{options}" else [self._fill(word, host, port, options)]
                )
            ]

        return Launch(
            host,
            lambda port: fill(port, [*self._words, *own]),
            lambda port: fill(port, self._keyboard),
        )

    def fill(self, text: str, host: str, port: int) -> str:
        """Put the values for the placeholders in a text of a scenario."""
        return self._fill(text, host, port, [])

    def _fill(self, text: str, host: str, port: int, options: Sequence[str]) -> str:
        values = {
            "nick": self.nick,
            "host": host,
            "port": str(port),
            "login": login_name(),
            "options": shlex.join(options),
        }
        return _PLACEHOLDER.sub(lambda found: values[found[1]], text)

    def _default_nick(self, dialect: str) -> str:
        """Give the nick that the client will have if nobody says another one."""
        told = "{nick}" in self._all
        return NICK if told or dialect != "crlf" else login_name()
