"""The documentation says what the code does: generated parts, sessions, commands, links."""

import ast
import importlib.util
import inspect
import os
import re
import runpy
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from chat import RawClient
from chatd import hookspecs
from chatd.limits import Limits
from chatd.testing import running_server

ROOT = Path(__file__).parent.parent
TUTORIAL = ROOT / "docs" / "tutorial"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
OURS = [
    "README.md",
    "docs/architecture.md",
    "docs/history.md",
    "docs/operate.md",
    "docs/reliability.md",
    "docs/write-a-plugin.md",
]


TIMEOUT = 50.0
"""Seconds for a program that ends by itself: pip, and another pytest."""


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(text, language):
    """The contents of code blocks of a language, without the fences."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run(*command, cwd=ROOT, **environment):
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


# -- what is generated -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", OURS)
def test_generated_parts_are_fresh(page, generate):
    text = text_of(page)
    assert generate.render(text) == text, f"{page} is stale: make docs"


def test_every_page_with_generated_parts_is_looked_after(generate):
    # What opens must close, or a part would silently stay as it is.
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        opened = re.findall(r"^<!-- (?:generated|file): .* -->$", text, re.MULTILINE)
        assert len(opened) == len(generate.PART.findall(text)), page
        assert not opened or page in generate.PAGES
    used = {name for page in OURS for kind, name in generate.PART.findall(text_of(page))}
    assert set(generate.GENERATED) <= used


def test_a_stale_part_is_noticed(generate):
    for page in OURS:
        text = text_of(page)
        for match in generate.PART.finditer(text):
            broken = text[: match.start()] + match[0].replace("\n", "\nold\n", 1)
            assert generate.render(broken) != broken


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("docs/operate.md", ["chatd", "--help"]),
        ("docs/operate.md", ["chatctl", "plugins", "--help"]),
        ("docs/history.md", ["chatctl", "history", "export", "--help"]),
        ("docs/operate.md", ["chatcli", "--help"]),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_the_documented_help_is_what_the_program_prints(page, words):
    program, *rest = words
    module = {"chatd": "chatd.cli", "chatctl": "chatd.ctl", "chatcli": "chatcli.cli"}[program]
    code = f"import sys; sys.argv[0] = {program!r}; from {module} import main; main()"
    printed = run(sys.executable, "-c", code, *rest, COLUMNS="80").stdout
    assert f"$ {' '.join(words)}\n{printed}" in blocks(text_of(page), "text")


# -- hooks -----------------------------------------------------------------------------------------

HOOKS = {
    name: function
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if function.__module__ == hookspecs.__name__
}


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_documented_with_its_signature(hook):
    written = re.search(rf"`{hook}\((.*?)\) ->", text_of("docs/write-a-plugin.md"))
    assert written
    names = [argument.partition(":")[0] for argument in written[1].split(", ") if argument]
    assert names == list(inspect.signature(HOOKS[hook]).parameters)
    assert inspect.getdoc(HOOKS[hook])


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_tested_by_a_plugin_in_a_chat(hook):
    """Some plugin of test_plugins_*.py implements it, and some test uses that plugin."""
    files = [ROOT / "tests" / "plugging.py", *(ROOT / "tests").glob("test_plugins_*.py")]
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    body = [node for tree in trees for node in tree.body]
    plugins = {
        target.id
        for node in body
        if isinstance(node, ast.Assign) and f"def {hook}(" in ast.unparse(node)
        for target in node.targets
    } - {"BROKEN"}
    tests = [
        node for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    used = {name.id for test in tests for name in ast.walk(test) if isinstance(name, ast.Name)}
    assert plugins & used


def test_hooks_exist():
    assert {"register_commands", "register_filters", "register_taps"} <= set(HOOKS)


# -- sessions that are shown -----------------------------------------------------------------------

RECEIVED = re.compile("(OK|USERS|PUB_MSG|PRIV_FROM|NOTICE|ERROR)( |$)")


def play(block, client, other, nick):
    """Run a session as it is shown: client types it, and other says what it hears from others."""
    for line in block.splitlines():
        if not RECEIVED.match(line):
            client.send(line)
            continue
        kind, _, rest = line.partition(" ")
        if kind == "PUB_MSG":
            other.send(f"PUB {rest}")
        elif kind == "PRIV_FROM":
            sender, _, words = rest.partition(" ")
            assert sender == "ala"
            other.send(f"PRIV {nick} {words}")
        assert client.line() == line


def test_the_session_in_the_readme(engine):
    (session,) = blocks(text_of("README.md"), "session")
    first, _, rest = session.partition("\n")
    assert first == "$ nc localhost 5000"
    with (
        running_server(engine=engine) as server,
        RawClient(server.port, nick="ala") as ala,
        RawClient(server.port) as bob,
    ):
        play(rest, bob, ala, "bob")
        assert bob.line() is None  # the last line was QUIT


def step(number):
    """The text of one step of the tutorial."""
    text = text_of("docs/write-a-plugin.md")
    (found,) = re.findall(rf"^## {number}\. .*?(?=^## )", text, re.MULTILINE | re.DOTALL)
    return found


@pytest.mark.parametrize(
    ("number", "folder"), [(1, "1-answer"), (2, "2-explain"), (3, "3-watch"), (4, "4-keep")]
)
def test_the_sessions_of_the_tutorial(engine, number, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SEEN_FILE", str(tmp_path / "seen.sqlite"))
    text = step(number)
    assert f"<!-- file: docs/tutorial/{folder}/seen.py -->" in text
    with running_server(engine=engine, plugins_dir=TUTORIAL / folder) as server, ExitStack() as s:
        eve = s.enter_context(RawClient(server.port, nick="eve"))
        for block in blocks(text, "text"):
            bob = None
            if "PUB_MSG" in block:  # there bob comes and speaks
                bob = s.enter_context(RawClient(server.port))
            play_tutorial(block, eve, bob)


def play_tutorial(block, eve, bob):
    for line in block.splitlines():
        if not RECEIVED.match(line):
            asked = line
            eve.send(line)
        elif line.startswith("PUB_MSG "):
            bob.login("bob")
            bob.send(line.replace("PUB_MSG", "PUB"))
            assert eve.line() == line
        else:
            # A tap is a little behind: ask again until it has caught up.
            answer = eve.line()
            while answer != line and bob is not None:
                answer = eve.ask(asked)
            assert answer == line


def test_the_first_step_is_five_lines():
    source = (TUTORIAL / "1-answer" / "seen.py").read_text(encoding="utf-8")
    assert len([line for line in source.splitlines() if line]) == 5


def test_what_the_second_step_says(engine):
    text = step(2)
    with (
        running_server(engine=engine, plugins_dir=TUTORIAL / "2-explain") as server,
        RawClient(server.port, nick="ala") as ala,
    ):
        for asked in ("SEEN", "HELP seen"):
            answer = ala.ask(asked)
            assert f"`{asked}`" in text
            assert f"`{answer}`" in text
        assert ala.ask("SEEN ala") == "ERROR you are here now"
        assert ala.ask("LAST bob") == ala.ask("SEEN bob") == "NOTICE I have not seen bob"


def test_the_fourth_step_keeps_what_it_saw(tmp_path, monkeypatch, engine):
    monkeypatch.setenv("SEEN_FILE", str(tmp_path / "seen.sqlite"))
    settings = {"engine": engine, "plugins_dir": TUTORIAL / "4-keep"}
    with running_server(**settings) as server, RawClient(server.port, nick="Bob"):
        pass
    with running_server(**settings) as server, RawClient(server.port, nick="ala") as ala:
        assert ala.ask("SEEN bob") == "NOTICE bob left just now"
        assert ala.ask("SEEN max") == "ERROR I have not seen max"
        assert ala.ask("SEEN ala") == "ERROR you are here now"


def test_numbers_in_the_tutorial():
    limits = Limits()
    text = text_of("docs/write-a-plugin.md")
    assert f"one of {limits.workers} worker threads" in text
    assert text.count(f"after {limits.command:g} seconds") == 1
    assert f"After {limits.command:g} seconds" in text
    assert f"once {limits.tap_queue:,} wait".replace(",", " ") in text
    assert limits.failures == 10
    assert text.count("ten times in a row") == 2
    assert "ten failures in a row" in text


# The options that the project's own settings add are not for a stranger's tests.
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]


def test_the_fifth_step_passes_its_test():
    done = run(*PYTEST, "docs/tutorial/5-test", PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_the_package_is_the_plugin_unchanged():
    plugin = (TUTORIAL / "4-keep" / "seen.py").read_text(encoding="utf-8")
    assert (TUTORIAL / "6-package" / "chatd_seen.py").read_text(encoding="utf-8") == plugin


NO_REGISTRY = ("NewConnectionError", "Could not find a version", "No matching distribution")


def test_the_package_installs_and_passes_its_test(tmp_path):
    source, site = tmp_path / "package", tmp_path / "site"
    shutil.copytree(TUTORIAL / "6-package", source, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Without what it depends on: the chatd under test is there already.
    done = run(*pip, "--no-deps", "--target", str(site), str(source))
    if any(words in done.stderr for words in NO_REGISTRY):
        pytest.skip("no package registry to get setuptools from, which builds the package")
    assert done.returncode == 0, done.stderr
    path = os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")])
    listed = run(
        sys.executable,
        *("-m", "chatd.ctl", "plugins"),
        cwd=tmp_path,
        PYTHONPATH=path,
    )
    (console,) = re.findall(r"\.\.\.\n(.*?)```", step(6), re.DOTALL)
    assert console in listed.stdout
    # Away from its own source, so that what was installed is tested.
    shutil.copy(source / "test_chatd_seen.py", tmp_path)
    tested = run(*PYTEST, "test_chatd_seen.py", cwd=tmp_path, PYTHONPATH=path)
    assert tested.returncode == 0, tested.stdout
    assert "7 passed" in tested.stdout


# -- links and commands ----------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("https://", "http://")):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_exist(page):
    makefile = text_of("Makefile")
    for target in re.findall(r"\bmake ([a-z][a-z-]*)\b(?! it| him| sure)", commands_in(page)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def commands_in(page):
    """What a page shows as code."""
    text = page.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"`([^`\n]+)`", text) + blocks(text, "console"))


def test_paths_in_the_documentation_exist():
    for page in PAGES:
        for path in re.findall(
            r"`((?:chatd|chatcli|plugins|docs|tests|bench)/[\w./-]*)`", page.read_text("utf-8")
        ):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_every_module_has_its_place_in_the_picture():
    text = text_of("docs/architecture.md")
    (table,) = re.findall(r"\| level \|.*?\n\n", text, re.DOTALL)
    for path in (ROOT / "chatd").iterdir():
        if path.suffix == ".py" and path.name != "__init__.py":
            assert f"`{path.stem}`" in table
        elif (path / "__init__.py").exists():
            assert f"`{path.name}/`" in table


def test_limits_in_the_architecture():
    text = text_of("docs/architecture.md")
    limits = Limits()
    for words in (
        f"over its bound ({limits.outbox // 1024} KiB)",
        f"more than half full for {limits.stall:g} seconds",
        f"more than {limits.free_rate // 1024} KiB a second are delivered",
        f"faster than people type ({limits.calm_rate // 1024} KiB a second)",
        f"takes up to {limits.batch // 1024} KiB of entries",
        f"send buffer is fixed at {limits.sndbuf // 1024} KiB",
        f"a half-close** with {limits.linger:g} seconds",
        f"for at most {limits.command:g} seconds",
    ):
        assert words in text


def test_the_configuration_that_is_shown_works(tmp_path):
    (toml,) = blocks(text_of("docs/operate.md"), "toml")
    folder = tmp_path / "plugins"
    folder.mkdir()
    file = tmp_path / "chatd.toml"
    file.write_text(toml.replace("/etc/chatd/plugins", str(folder)))
    assert toml != file.read_text()
    # Everything in it is right when the address is what is wrong.
    done = run(sys.executable, "-m", "chatd", "--config", str(file), "--host", "192.0.2.1")
    assert done.stderr.startswith("chatd: cannot listen on 192.0.2.1:5000: ")


def test_the_picture_shows_a_real_conversation():
    """docs/five-clients.svg, drawn again from a running server."""
    picture = runpy.run_path(str(ROOT / "docs" / "picture.py"))
    drawn = picture["draw"](picture["converse"]())
    assert drawn == (ROOT / "docs" / "five-clients.svg").read_text(encoding="utf-8")
