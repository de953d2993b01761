"""Imports point one way: the layers of docs/architecture.md, read from the source."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chatd

ROOT = Path(__file__).parent.parent

# A module imports lower numbers, and its own number as long as no circle comes of it. The names
# are below chatd; a package's number is that of all its modules.
LEVELS = {
    "events": 0,
    "limits": 0,
    "flood": 0,
    "networks": 0,
    "addresses": 2,
    "admins": 2,
    "bans": 2,
    "banfile": 2,
    "config": 0,
    "durations": 0,
    "ids": 0,
    "dialects": 1,
    "layers": 1,
    "names": 2,
    "backlog": 2,
    "meter": 2,
    "mistakes": 2,
    "outbox": 2,
    "people": 2,
    "rooms": 2,
    "output": 2,
    "delivery": 2,
    "hub": 2,
    "ledger": 2,
    "store": 2,
    "session": 2,
    "turns": 2,
    "workers": 2,
    "taps": 3,
    "activity": 3,
    "archive": 3,
    "certificates": 3,
    "moderation": 3,
    "commands": 3,
    "dispatch": 3,
    "guard": 3,
    "health": 3,
    "metrics": 3,
    "fetching": 3,
    "recorder": 3,
    "reload": 3,
    "hookspecs": 3,
    "plugins": 3,
    "engines": 4,
    "binding": 4,
    "server": 5,
    "console": 6,
    "testing": 6,
    "cli": 7,
    "ctl": 7,
    "doctor": 7,
    "listening": 7,
    "options": 7,
    "process": 7,
    "service": 6,
    "web": 6,
    "__main__": 7,
}

# What a layer must not know, as beginnings of module names.
BANNED = {
    0: ("socket", "select", "threading", "queue", "asyncio"),
    1: ("socket", "select", "threading", "queue", "asyncio"),
    2: ("socket", "select", "asyncio", "pluggy", "chatd_plugins"),
    3: ("socket", "select", "asyncio"),
    4: (
        *("pluggy", "chatd_plugins", "chatd.events", "chatd.hub", "chatd.commands"),
        *("chatd.dispatch", "chatd.plugins"),
    ),
}


# What chatcli may import of chatd.
CLIENT_USES = {"events", "ids", "layers", "limits", "dialects"}


def modules(package):
    """Each module of a package: its dotted name and its file."""
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


CHATD = dict(modules("chatd"))
CHATCLI = dict(modules("chatcli"))
BUNDLED = dict(modules("plugins/chatd_plugins"))


def imports(path):
    """Names of the modules that a file imports, wherever in it; with from, what is imported too.

    `from chatd import hookspecs` counts as chatd.hookspecs where there is such a module.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in CHATD or full in CHATCLI else node.module


def level(module):
    return LEVELS[module.split(".")[1]]


BELOW_THE_TOP = [module for module in CHATD if module != "chatd"]


@pytest.mark.parametrize("module", BELOW_THE_TOP)
def test_imports_point_to_lower_numbers(module):
    assert module.split(".")[1] in LEVELS, f"{module} has no level: see LEVELS in this file"
    for imported in imports(CHATD[module]):
        if imported.startswith("chatd."):
            assert level(imported) <= level(module), f"{module} must not import {imported}"


@pytest.mark.parametrize("module", BELOW_THE_TOP)
def test_no_layer_knows_what_is_not_its_concern(module):
    banned = BANNED.get(level(module), ())
    for imported in imports(CHATD[module]):
        for name in banned:
            assert imported != name, f"{module} must not import {imported}"
            assert not imported.startswith(f"{name}."), f"{module} must not import {imported}"


def test_every_level_is_of_a_module():
    assert set(LEVELS) == {module.split(".")[1] for module in BELOW_THE_TOP}


def test_the_levels_are_those_of_the_test():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = {}
    for line in text.splitlines():
        if match := re.match(r"\| (\d) \| ([^|]*)\|", line):
            names = re.findall(r"`(\w+)/?`", re.sub(r": `[^;]*", "", match[2]))  # not of packages
            table |= dict.fromkeys(names, int(match[1]))
    assert table == LEVELS


@pytest.mark.parametrize("package", [CHATD, CHATCLI], ids=["chatd", "chatcli"])
def test_there_are_no_circles(package):
    graph = {module: set(imports(path)) & set(package) for module, path in package.items()}
    graph.pop("chatd", None)  # its names are loaded when they are used
    while graph:
        leaves = [module for module, needs in graph.items() if not needs & set(graph)]
        assert leaves, f"these import each other: {sorted(graph)}"
        for module in leaves:
            del graph[module]


@pytest.mark.parametrize("module", CHATCLI)
def test_the_client_knows_the_vocabulary_and_the_dialects(module):
    for imported in imports(CHATCLI[module]):
        if imported.partition(".")[0] in ("chatd", "chatd_plugins"):
            allowed = imported.removeprefix("chatd.") in CLIENT_USES
            # chatd itself is for the version: see the next test.
            assert allowed or imported.startswith("chatd.dialects.") or imported == "chatd"


def imported_names(path, source):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == source:
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("module", CHATCLI)
def test_of_chatd_itself_the_client_takes_the_version_only(module):
    assert set(imported_names(CHATCLI[module], "chatd")) <= {"__version__", "dialects"}


# What a bundled plugin may import besides, and has to load late: nobody else pays for it.
LIBRARIES = {"sql": {"alembic", "psycopg", "sqlalchemy"}}


@pytest.mark.parametrize("module", BUNDLED)
def test_bundled_plugins_use_what_any_plugin_may(module):
    path = BUNDLED[module]
    plugin = f"{module}..".split(".")[2]
    for imported in imports(path):
        root = imported.partition(".")[0]
        known = root in sys.stdlib_module_names or root in LIBRARIES.get(plugin, ())
        assert known or imported == "chatd" or imported.startswith(f"chatd_plugins.{plugin}.")
    assert set(imported_names(path, "chatd")) <= set(chatd.__all__)


# -- what is loaded, not only written --------------------------------------------------------------


def loaded_by(*names):
    """Names of all modules that a fresh interpreter has after importing names."""
    code = "import sys\n" + "".join(f"import {name}\n" for name in names) + "print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_chatd_loads_nothing_else():
    loaded = loaded_by("chatd")
    assert {name for name in loaded if name.startswith("chatd")} == {"chatd"}
    assert not loaded & {"pluggy", "msgspec", "click"}


def test_importing_the_bundled_plugins_loads_no_library_of_theirs():
    plugins = {name.removeprefix("plugins.") for name in BUNDLED if name.count(".") == 2}
    assert not loaded_by(*plugins) & set().union(*LIBRARIES.values())


def test_importing_the_client_loads_nothing_of_the_server():
    # Not __main__, which runs it.
    loaded = loaded_by(*(name for name in CHATCLI if not name.endswith("__main__")))
    of_chatd = {name for name in loaded if name.partition(".")[0] == "chatd"}
    others = of_chatd - {"chatd"} - {f"chatd.{name}" for name in CLIENT_USES}
    assert {name for name in others if not name.startswith("chatd.dialects.")} == set()
    assert not loaded & {"pluggy", "chatd_plugins", "socketserver"}


def test_importing_the_library_loads_no_more_than_it_needs():
    """Neither a command line nor a line editor, and of threads and coroutines only one."""
    assert {name for name in loaded_by("chatcli") if name.startswith("chat")} == {"chatcli"}
    for client, other in (("threads", "asyncio"), ("coroutines", "chatcli.client.threads")):
        loaded = loaded_by(f"chatcli.client.{client}")
        assert not loaded & {"click", "prompt_toolkit", "wcwidth", "pluggy", "sqlalchemy", other}


def test_what_chatd_exports_is_there():
    for name in chatd.__all__:
        assert getattr(chatd, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Hub'"):
        chatd.Hub  # noqa: B018  # looking it up is the point
    assert importlib.import_module("chatd.events").Said is chatd.Said


# -- size ------------------------------------------------------------------------------------------

LONGEST = 60
"""Lines of a function's body, without its docstring."""


def functions():
    for path in (*CHATD.values(), *CHATCLI.values(), *BUNDLED.values()):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", lines


def test_no_function_is_long():
    assert {name: lines for name, lines in functions() if lines > LONGEST} == {}
