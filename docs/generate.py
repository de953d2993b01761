"""Rewrite the generated parts of the documentation: `make docs`.

A part lies between two comments and is either computed by a function of this file, or a copy of
a file:

    <!-- generated: limits -->      <!-- file: docs/tutorial/1-answer/seen.py -->
    ...                             ...
    <!-- /generated -->             <!-- /file -->
"""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import click

import chatd
import chatd_plugins
from chatcli.cli import chatcli
from chatd import console, events, hookspecs, limits
from chatd.cli import chatd as chatd_command
from chatd.commands import Command
from chatd.ctl import chatctl
from chatd.dialects.crlf import CrlfClient
from chatd.dispatch import Context
from chatd.moderation import Moderator

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PART = re.compile(r"<!-- (generated|file): (\S+) -->\n.*?<!-- /\1 -->", re.DOTALL)


def render(text: str) -> str:
    """Return a page with its generated parts as they should be."""

    def part(match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        made = GENERATED[name]() if kind == "generated" else copy_of(ROOT / name)
        return f"<!-- {kind}: {name} -->\n{made}\n<!-- /{kind} -->"

    return PART.sub(part, text)


def copy_of(path: Path) -> str:
    """Quote a file."""
    language = {".py": "python", ".toml": "toml"}[path.suffix]
    return f"```{language}\n{path.read_text(encoding='utf-8')}```"


def table(*rows: tuple[str, ...]) -> str:
    """Write a table; the first row is its head."""
    head, *body = rows
    cells = [head, tuple("---" for _ in head), *body]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in cells)


def prose(docstring: str | None) -> str:
    """Put a docstring on one line."""
    return " ".join((docstring or "").split())


def code(text: str) -> str:
    return f"`{text}`"


# -- for authors of plugins ------------------------------------------------------------------------


def hooks() -> str:
    rows = [("hook", "what it is for")]
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction):
        if function.__module__ == hookspecs.__name__:
            returns = re.sub(r"\w+\.", "", str(inspect.signature(function)))
            rows.append((code(f"{name}{returns}"), prose(inspect.getdoc(function))))
    return table(*rows)


def bundled() -> Iterator[tuple[str, Command]]:
    """Give each command of the bundled plugins and the name of its plugin."""
    for module in sorted(pkgutil.iter_modules(chatd_plugins.__path__), key=lambda m: m.name):
        plugin = importlib.import_module(f"chatd_plugins.{module.name}")
        if hasattr(plugin, "register_commands"):
            yield from ((module.name, command) for command in plugin.register_commands())


def commands() -> str:
    rows = [("command", "in crlf", "what it does", "plugin")]
    for plugin, command in bundled():
        natural = command.usage.upper()
        arguments = tuple(natural.split()[1:])
        own = CrlfClient().encode(events.Request(command.name, arguments)).decode().strip()
        if command.name == "say":  # PUB is the form for one room
            own = f"PUB {arguments[1]}` or `{natural}"
        rows.append((code(command.usage), code(own), command.summary, plugin))
    return table(*rows)


def context() -> str:
    rows = [("", "what it does")]
    for owner, kind in (("ctx", Context), ("ctx.moderator", Moderator)):
        for name, member in vars(kind).items():
            if not name.startswith("_") and name != "revoke":
                call = f"{owner}.{name}{_arguments(member)}"
                rows.append((code(call), prose(inspect.getdoc(member))))
    return table(*rows)


def _arguments(member: Callable[..., object] | property) -> str:
    if isinstance(member, property):
        return ""
    _, *arguments = inspect.signature(member).parameters.values()
    return f"({', '.join(map(str, arguments))})"


def public_events() -> str:
    rows = [("event", "what happened")]
    for name in chatd.__all__:
        kind = getattr(chatd, name)
        if isinstance(kind, type) and issubclass(kind, chatd.Event) and kind.public:
            fields = ", ".join(kind.__struct_fields__)
            rows.append((code(f"{name}({fields})"), prose(kind.__doc__)))
    return table(*rows)


# -- for operators ---------------------------------------------------------------------------------


def help_of(command: click.Command, *words: str) -> str:
    """Quote what --help prints on a terminal of 80 columns; words lead to a subcommand."""
    name, *rest = words
    ctx = command.make_context(name, [], resilient_parsing=True, terminal_width=78)
    for word in rest:
        assert isinstance(command, click.Group)
        command = command.commands[word]
        ctx = command.make_context(word, [], parent=ctx, resilient_parsing=True, terminal_width=78)
    return f"```text\n$ {' '.join(words)} --help\n{command.get_help(ctx)}\n```"


def settings() -> str:
    rows = [("option", "variable", "TOML", "meaning")]
    for option in chatd_command.params:
        if not isinstance(option, click.Option) or option.name is None:
            continue
        if option.name == "version":
            continue
        variable = code(f"CHATD_{option.name.upper()}")
        toml = "" if option.name == "config" else code(f"{option.opts[-1][2:]} = {_toml(option)}")
        given = ", ".join(code(word) for word in option.opts)
        rows.append((given, variable, toml, prose(option.help)))
    return table(*rows)


def _toml(option: click.Option) -> str:
    if option.multiple:
        return _TOML_LISTS[option.name or ""]
    if option.is_flag:
        return "true"
    if isinstance(option.type, click.IntRange) and option.name not in _TOML_EXAMPLES:
        return str(option.default)
    if option.name in _TOML_EXAMPLES:
        return _TOML_EXAMPLES[option.name]
    return f'"{option.default}"' if isinstance(option.default, str) else '"…"'


_TOML_LISTS = {
    "listen": '["json=:5555"]',
    "web_origin": '["https://example.org"]',
    "metrics_from": '["192.0.2.7"]',
    "exempt": '["192.168.0.0/16"]',
    "admin": '["ala"]',
    "no_plugin": '["talk"]',
}
_TOML_EXAMPLES = {"store": '"none"', "keep": '"90d"', "keep_count": "10000"}


def options() -> str:
    rows = [("option", "meaning")]
    for option in chatd_command.params:
        if isinstance(option, click.Option):
            words = ", ".join(option.opts)
            rows.append((code(words + _value(option)), prose(option.help)))
    return table(*rows)


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return " " + "|".join(option.type.choices)
    return f" {option.metavar or str(option.name).upper()}"


def limit_table() -> str:
    rows = [("limit", "value", "reason")]
    (tree,) = (
        node
        for node in ast.parse(inspect.getsource(limits)).body
        if isinstance(node, ast.ClassDef) and node.name == "Limits"
    )
    for field, text in pairwise(tree.body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            reason = prose(ast.literal_eval(text.value))
            rows.append((code(ast.unparse(field.target)), _limit(field), reason))
    return table(*rows)


def _limit(field: ast.AnnAssign) -> str:
    """Write a limit with its unit, which its type or the names in it tell."""
    assert field.value is not None
    value = getattr(limits.Limits(), ast.unparse(field.target))
    source = ast.unparse(field.value)
    if "KIB" in source or "MIB" in source:
        return f"{value // limits.KIB} KiB" if value < limits.MIB else f"{value // limits.MIB} MiB"
    return f"{value:g} s" if isinstance(value, float) else f"{value:,}".replace(",", " ")


def log() -> str:
    """Describe an event of each kind, as the log of -v does."""
    examples = [
        events.Listening("crlf", "::", 5000),
        events.Connected("192.0.2.7:40412"),
        events.LoggedIn("ala", "192.0.2.7:40412"),
        events.Refused("192.0.2.8:51000", "nick ala is taken"),
        events.Said(events.GENERAL, "ala", "hello everybody"),
        events.Renamed("ala", "alicja"),
        events.Created("den", "alicja"),
        events.Joined("den", "alicja"),
        events.Parted("den", "alicja"),
        events.LoggedOut("alicja", "connection closed"),
        events.Disconnected("192.0.2.8:51000", "no login within 30 seconds"),
        events.Warned("cannot accept: Too many open files"),
    ]
    lines = [
        f"2026-05-04 12:00:{at:02} {line}"
        for at, event in enumerate(examples)
        for line in console.describe(event)
    ]
    return "\n".join(("```text", *lines, "```"))


# -- what is tested --------------------------------------------------------------------------------


def reliability() -> str:
    """List the tests of each promise of docs/reliability.md."""
    sys.path.insert(0, str(ROOT / "tests"))
    requirements = importlib.import_module("requirements")
    naming = requirements.naming_tests()
    rows = [("promise", "tests")]
    for number in requirements.listed():
        if number.startswith("R-"):
            rows.append((number, ", ".join(map(code, sorted(naming[number])))))
    return table(*rows)


# -- the benchmark ---------------------------------------------------------------------------------


def bench() -> str:
    """Quote the newest results, all but the long tables and the heading."""
    text = (ROOT / "bench" / "results" / "table.md").read_text(encoding="utf-8")
    short = text.partition("\n## Figures\n")[0].partition("\n")[2].strip()
    return short.replace("\n## ", "\n### ").replace("](", "](bench/results/")


def trouble() -> str:
    """Quote what others noticed of those who made trouble."""
    return (ROOT / "bench" / "results" / "trouble.md").read_text(encoding="utf-8").strip()


GENERATED: dict[str, Callable[[], str]] = {
    "bench": bench,
    "hooks": hooks,
    "commands": commands,
    "context": context,
    "events": public_events,
    "chatd-help": lambda: help_of(chatd_command, "chatd"),
    "chatcli-help": lambda: help_of(chatcli, "chatcli"),
    "chatctl-help": lambda: help_of(chatctl, "chatctl", "plugins"),
    "chatctl-history-help": lambda: help_of(chatctl, "chatctl", "history", "export"),
    "settings": settings,
    "options": options,
    "limits": limit_table,
    "log": log,
    "reliability": reliability,
    "trouble": trouble,
}


def main() -> None:
    """Rewrite the pages that are not as they should be, and name them."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if (made := render(text)) != text:
            page.write_text(made, encoding="utf-8")
            print(f"rewrote {page.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
