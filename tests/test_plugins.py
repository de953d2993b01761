"""Plugins in running chats: where they come from, what they can do, what they cannot break.

The plugins of these tests are written to a folder and loaded from there, as a user's would be.
"""

import ast
import json
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from chat import PATIENCE, LineClient, RawClient, chatd_process, wait_until
from chatd.commands import Command, Context
from chatd.config import Listen
from chatd.dialects.crlf import Crlf
from chatd.events import (
    CommandError,
    Connected,
    Listening,
    LoggedIn,
    LoggedOut,
    Said,
    Warned,
)
from chatd.limits import Limits
from chatd.plugins import PluginError, Plugins
from chatd.store import StoreError
from chatd.taps import Tap, TapRunner
from chatd.testing import running_server

EXAMPLES = Path(__file__).parent.parent / "plugins" / "examples"
CHATD = [sys.executable, "-m", "chatd"]
CHATCTL = [sys.executable, "-m", "chatd.ctl"]


class Client(RawClient):
    """A client of the chat that sends and receives several lines at once."""

    def send(self, *lines):
        # In one segment: the server has all of them when it carries out the first.
        super().send("".join(f"{line}\r\n" for line in lines).encode())

    def lines(self, count):
        return [self.line() for _ in range(count)]

    def silent(self):
        """Say whether nothing waited to be read: the answer to a question comes first."""
        return self.ask("WHOAMI").startswith("WHOAMI ")


@contextmanager
def chat(*nicks, **settings):
    """Run a server with a client for each nick."""
    with running_server(**settings) as server, ExitStack() as clients:
        yield server, *(clients.enter_context(Client(server.port, nick=nick)) for nick in nicks)


def write(folder, **sources):
    """Write plugins of one file each; the folder is what --plugins-dir is given."""
    folder.mkdir(exist_ok=True)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    return folder


def plugin(server, name):
    """The module of a plugin that runs in this process."""
    return server.server.plugins.manager.get_plugin(name)


def run(*command, **environment):
    """Run a program that ends by itself."""
    return subprocess.run(
        command,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


# -- the examples ----------------------------------------------------------------------------------


def test_dice(engine):
    with chat("ala", plugins_dir=EXAMPLES, engine=engine) as (_, ala):
        for _ in range(20):
            assert re.fullmatch("NOTICE you rolled [1-6] of 6", ala.ask("ROLL"))
        assert re.fullmatch("NOTICE you rolled [12] of 2", ala.ask("DICE 2"))
        assert ala.ask("ROLL 1") == "ERROR sides must be 2 to 1000"
        assert ala.ask("ROLL six") == "ERROR sides must be a whole number"
        assert ala.ask("HELP dice") == "NOTICE roll [SIDES]: Roll one die with 2 to 1000 sides."


def test_shortcodes(engine):
    with chat("ala", "bob", plugins_dir=EXAMPLES, engine=engine) as (_, ala, bob):
        ala.send("PUB done :tada: :thumbsup:", "PUB at 10:30:00 :unknown:", "PRIV bob :tada:")
        assert bob.line() == "PUB_MSG done \N{PARTY POPPER} \N{THUMBS UP SIGN}"
        assert bob.line() == "PUB_MSG at 10:30:00 :unknown:"
        assert bob.line() == "PRIV_FROM ala :tada:"


def test_transcript(engine, tmp_path, monkeypatch):
    file = tmp_path / "transcript.jsonl"
    monkeypatch.setenv("TRANSCRIPT_FILE", str(file))
    with chat("ala", "bob", plugins_dir=EXAMPLES, engine=engine) as (_, ala, bob):
        ala.send("PUB dzień dobry", "PRIV bob secret", "PUB :tada:", "CREATE den", "JOIN den")
        ala.send("SAY den in here")
        assert ala.lines(3) == ["OK", "OK", "OK"]
        assert ala.silent()
        assert bob.lines(3)[1] == "PRIV_FROM ala secret"
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(line["room"], line["nick"], line["text"]) for line in lines] == [
        ("General", "ala", "dzień dobry"),
        ("General", "ala", "\N{PARTY POPPER}"),
        ("den", "ala", "in here"),
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", x["time"]) for x in lines)


def test_the_transcript_needs_to_be_asked_for(monkeypatch):
    monkeypatch.delenv("TRANSCRIPT_FILE", raising=False)
    with chat(plugins_dir=EXAMPLES) as (server,):
        assert plugin(server, "transcript").register_taps() == []


class TabsClient(LineClient):
    """A client of the example dialect."""

    def ask(self, *fields):
        return super().ask("\t".join(fields))


def test_tabs(engine):
    """A dialect of a plugin's own talks to the users of all others."""
    listen = (Listen("tabs", "127.0.0.1"),)
    with chat("ala", plugins_dir=EXAMPLES, engine=engine, listen=listen) as (server, ala):
        with TabsClient(server.ports["tabs"]) as ola:
            assert ola.ask("say", "General", "hi") == "error\tlog in first"
            assert ola.ask("login", "Ala") == "error\tnick Ala is taken"
            assert ola.ask("login", "ola") == "ok\t"
            assert ola.ask("users") == "users\tala\tola"
            assert ola.ask("say", "General", "hi  all") == "ok"
            assert ala.line() == "PUB_MSG hi  all"
            ala.send("PUB a\tb")
            assert ola.line() == "said\tGeneral\tala\ta b"
            assert ala.ask("PRIV ola psst") == "OK"
            assert ola.line() == "told\tala\tpsst"
            assert ola.ask("tell", "ala", "what") == "ok"
            assert ala.line() == "PRIV_FROM ola what"
            assert ola.ask("roll", "six") == "error\tsides must be a whole number"
            with Client(server.port, nick="ela"):
                assert ola.line() == "came\tela"
            assert ola.line() == "went\tela"
            ola.sock.sendall(b"login\t\xff\n")
            assert ola.line() == "error\tthis is not UTF-8"


def test_the_session_of_a_dialect_that_is_shown(engine):
    """docs/write-a-dialect.md: byte for byte, tabs and line ends as they are."""
    page = (EXAMPLES.parent.parent / "docs" / "write-a-dialect.md").read_text(encoding="utf-8")
    first, second = re.findall(r"```tabs\n(.*?)```", page, re.DOTALL)
    listen = (Listen("tabs", "127.0.0.1"),)
    with chat("bob", plugins_dir=EXAMPLES, engine=engine, listen=listen) as (server, bob):
        with TabsClient(server.ports["tabs"]) as ala:

            def act(session):
                for line in session.replace("→", "\t").splitlines():
                    if line.startswith("> "):
                        ala.send(line[2:])
                    else:
                        assert ala.line() == line[2:]

            act(first)
            bob.send("PUB hi all", "PRIV ala see you", "QUIT")
            act(second)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short_and_needs_nothing(path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert len(source.splitlines()) <= (90 if "Dialect" in source else 40)
    header = ast.get_docstring(tree)
    assert header is not None
    assert header.partition("\n")[0].endswith(".")
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name == "chatd" or name.partition(".")[0] in sys.stdlib_module_names


# -- where plugins come from -----------------------------------------------------------------------

WAVE = """
    from chatd import Command, hookimpl

    def wave(ctx):
        \"\"\"Wave at yourself.\"\"\"
        ctx.reply("o/")

    @hookimpl
    def register_commands():
        return [Command("wave", wave)]
    """


@pytest.fixture
def site(tmp_path):
    """A folder for sys.path in which a distribution with a plugin is installed."""
    site = write(tmp_path / "site", chatd_wave=WAVE)
    info = site / "chatd_wave-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: chatd-wave\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[chatd]\nwave = chatd_wave\n")
    return site


def with_path(site):
    return {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}


def test_an_installed_plugin_is_found(engine, site, monkeypatch):
    monkeypatch.syspath_prepend(site)
    with chat("ala", engine=engine) as (_, ala):
        assert ala.ask("WAVE") == "NOTICE o/"
    with chat("ala", engine=engine, no_plugin=frozenset({"wave"})) as (_, ala):
        assert ala.ask("WAVE") == "ERROR unknown command wave"


def test_an_installed_plugin_is_listed(site):
    listed = run(*CHATCTL, "plugins", **with_path(site))
    assert "\nwave\n  wave: Wave at yourself.\n" in listed.stdout
    left_out = run(*CHATCTL, "plugins", "--no-plugin", "wave", **with_path(site))
    assert (left_out.returncode, "wave" in left_out.stdout) == (0, False)


def test_an_installed_plugin_that_does_not_import_stops_the_start(site):
    (site / "chatd_wave.py").write_text("import nothing_by_this_name\n")
    failed = run(*CHATD, **with_path(site))
    assert failed.returncode == 1
    assert failed.stderr == "chatd: plugin wave: No module named 'nothing_by_this_name'\n"


def test_a_bundled_plugin_can_be_left_out(engine):
    with chat("ala", "bob", engine=engine, no_plugin=frozenset({"talk"})) as (_, ala, bob):
        assert ala.ask("PUB hello") == "ERROR unknown command say"
        assert ala.ask("HELP") == (
            "NOTICE commands: create, debug, help, history, join, leave, login, quit, "
            "rename, rooms, search, stats, users, whoami"
        )
        assert bob.silent()


def test_a_dropped_in_plugin_can_be_left_out(engine):
    settings = {"plugins_dir": EXAMPLES, "no_plugin": frozenset({"dice"})}
    with chat("ala", "bob", engine=engine, **settings) as (_, ala, bob):
        assert ala.ask("ROLL") == "ERROR unknown command roll"
        ala.send("PUB :wink:")
        assert bob.line() == "PUB_MSG \N{WINKING FACE}"


BUNDLED = ["help", "history", "people", "rooms", "sql", "talk"]

TALK = """
    from chatd import Command, hookimpl

    def say(ctx, room, text):
        \"\"\"Say it loud.\"\"\"
        ctx.say(room, text.upper())

    @hookimpl
    def register_commands():
        return [Command("say", say)]
    """


def test_a_bundled_plugin_can_be_replaced_by_a_file_of_its_name(engine, tmp_path):
    settings = {
        "plugins_dir": write(tmp_path / "plugins", talk=TALK),
        "no_plugin": frozenset({"talk"}),
    }
    with chat("ala", "bob", engine=engine, **settings) as (server, ala, bob):
        assert server.server.plugins.names == BUNDLED
        ala.send("PUB hello")
        assert bob.line() == "PUB_MSG HELLO"


def test_a_plugin_that_is_left_out_is_not_even_imported(tmp_path):
    folder = write(tmp_path / "plugins", broken="raise RuntimeError")
    with chat("ala", plugins_dir=folder, no_plugin=frozenset({"broken"})) as (_, ala):
        assert ala.silent()


def test_files_that_are_no_plugins_are_left_alone(tmp_path):
    folder = write(tmp_path / "plugins", _helper="raise RuntimeError", wave=WAVE)
    (folder / ".#wave.py").write_text("an editor's lock, no Python")
    (folder / "notes.txt").write_text("no Python")
    with chat("ala", plugins_dir=folder) as (_, ala):
        assert ala.ask("WAVE") == "NOTICE o/"


def test_chatctl_lists_plugins_and_commands():
    listed = run(*CHATCTL, "plugins", "--plugins-dir", str(EXAMPLES))
    assert (listed.returncode, listed.stderr) == (0, "")
    names = re.findall(r"^\w+$", listed.stdout, re.MULTILINE)
    assert names == [
        *BUNDLED,
        "dice",
        "shortcodes",
        "tabs",
        "transcript",
    ]
    assert "\ndice\n  roll [SIDES] (also dice): Roll one die with 2 to 1000 sides.\n" in (
        listed.stdout
    )
    assert "\ntalk\n  say ROOM TEXT: Send a message to everybody in a room.\n" in listed.stdout
    assert "\n  help [COMMAND]: List the commands, or explain one.\n" in listed.stdout
    assert "\ntabs\n  dialect tabs, with --listen tabs=:7000\n" in listed.stdout


def test_chatctl_takes_the_settings_of_chatd_from_the_environment():
    settings = {"CHATD_PLUGINS_DIR": str(EXAMPLES), "CHATD_NO_PLUGIN": "talk transcript"}
    listed = run(*CHATCTL, "plugins", **settings)
    names = re.findall(r"^\w+$", listed.stdout, re.MULTILINE)
    assert names == [*BUNDLED[:-1], "dice", "shortcodes", "tabs"]


def test_chatctl_takes_the_settings_of_chatd_from_its_file(tmp_path):
    file = tmp_path / "chatd.toml"
    file.write_text(f"""
        port = 4000
        greeting = "hello"
        plugins-dir = "{EXAMPLES}"
        no-plugin = ["talk", "transcript"]
        """)
    listed = run(*CHATCTL, "plugins", "--config", str(file))
    names = re.findall(r"^\w+$", listed.stdout, re.MULTILINE)
    assert names == [*BUNDLED[:-1], "dice", "shortcodes", "tabs"]
    assert run(*CHATCTL, "plugins", CHATD_CONFIG=str(file)).stdout == listed.stdout
    more = run(*CHATCTL, "plugins", "--config", str(file), "--no-plugin", "dice")
    names = re.findall(r"^\w+$", more.stdout, re.MULTILINE)
    assert names == [
        *BUNDLED,
        "shortcodes",
        "tabs",
        "transcript",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [("plugin-dir = 'x'", "unknown setting plugin-dir"), ("no-plugin = 'x'", "no-plugin must be")],
)
def test_chatctl_reads_the_file_as_strictly_as_chatd(text, words, tmp_path):
    file = tmp_path / "chatd.toml"
    file.write_text(text)
    failed = run(*CHATCTL, "plugins", "--config", str(file))
    assert (failed.returncode, failed.stdout) == (2, "")
    assert re.fullmatch(f"chatctl: [^\n]*{words}[^\n]*\n", failed.stderr)


def test_chatctl_says_what_is_broken(tmp_path):
    folder = write(tmp_path / "plugins", odd="import nothing_by_this_name")
    failed = run(*CHATCTL, "plugins", "--plugins-dir", str(folder))
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == (
        f"chatctl: plugin odd: {folder}/odd.py: No module named 'nothing_by_this_name'\n"
    )


# -- plugins that cannot be used -------------------------------------------------------------------


def commands(expression, before=""):
    """The source of a plugin whose register_commands returns expression."""
    return (
        "from chatd import Command, hookimpl\n"
        f"{before}\n"
        "@hookimpl\n"
        "def register_commands():\n"
        f"    return {expression}\n"
    )


def handler(definition):
    return commands("[Command('odd', handler)]", definition)


# name: (the source of the plugin odd, words of its error)
BROKEN = {
    "missing module": ("import nothing_by_this_name", ["odd.py", "nothing_by_this_name"]),
    "syntax": ("def", ["odd.py", "SyntaxError"]),
    "raises": ("1 / 0", ["odd.py", "ZeroDivisionError"]),
    "raises in two lines": ("raise ValueError('one\\n\\ntwo')", ["odd.py", "one two"]),
    "exits": ("import sys; sys.exit('bye')", ["odd.py", "exit()"]),
    "exits silently": ("raise SystemExit(0)", ["odd.py", "exit()"]),
    "misspelt hook": (
        "from chatd import hookimpl\n@hookimpl\ndef register_comands(): return []",
        ["register_comands"],
    ),
    "hook that is not ready for arguments": (
        "from chatd import hookimpl\n@hookimpl\ndef register_commands(server): return []",
        ["register_commands", "server"],
    ),
    "hook that raises": (commands("1 / 0"), ["register_commands", "ZeroDivisionError"]),
    "hook that exits": (commands("exit(0)"), ["register_commands", "exit()"]),
    "hook that returns nothing": (commands("None"), ["register_commands", "list"]),
    "no command": (commands("[print]"), ["register_commands", "print", "no Command"]),
    "verb": (commands("[Command('Odd!', lambda ctx: None)]"), ["'Odd!' is no verb"]),
    "verb that no client can send": (
        commands("[Command('8ball', lambda ctx: None)]"),
        ["'8ball' is no verb"],
    ),
    "command of a bundled plugin": (commands("[Command('help', lambda ctx: None)]"), ["help"]),
    "alias of a bundled command": (
        commands("[Command('odd', lambda ctx: None, aliases=['say'])]"),
        ["talk", "say"],
    ),
    "command twice": (
        commands("[Command('odd', lambda ctx: None), Command('odd', lambda ctx: None)]"),
        ["odd", "twice"],
    ),
    "handler without a context": (handler("def handler(): pass"), ["command odd", "context"]),
    "handler with *args": (handler("def handler(ctx, *words): pass"), ["command odd", "*words"]),
    "handler with keywords": (handler("def handler(ctx, *, a): pass"), ["command odd", "a"]),
    "handler with a list": (handler("def handler(ctx, a: list): pass"), ["command odd", "list"]),
    "handler with an unknown type": (
        handler("def handler(ctx, a: 'Nowhere'): pass"),
        ["command odd", "Nowhere"],
    ),
    "handler that is a coroutine": (
        handler("async def handler(ctx): pass"),
        ["command odd", "async"],
    ),
    "handler that is no function": (handler("handler = 5"), ["command odd"]),
    "filter that is none": (
        "from chatd import hookimpl\n@hookimpl\ndef register_filters(): return [len]",
        ["register_filters", "no Filter"],
    ),
    "tap that is none": (
        "from chatd import hookimpl\n@hookimpl\ndef register_taps(): return [len]",
        ["register_taps", "no Tap"],
    ),
    "aliases that are a text": (
        commands("[Command('odd', lambda ctx: None, aliases='bcd')]"),
        ["register_commands", "command odd", "aliases"],
    ),
    "filter that cannot be called": (
        "from chatd import Filter, hookimpl\n@hookimpl\ndef register_filters(): return [Filter(5)]",
        ["register_filters", "a filter needs a plain function"],
    ),
    "filter without an order": (
        "from chatd import Filter, hookimpl\n"
        "@hookimpl\n"
        "def register_filters(): return [Filter(print, order='x')]",
        ["register_filters", "order"],
    ),
    "tap that cannot be called": (
        "from chatd import Tap, hookimpl\n@hookimpl\ndef register_taps(): return [Tap(5)]",
        ["register_taps", "a tap needs plain functions"],
    ),
    "raises what is no Exception": ("raise GeneratorExit('oh')", ["odd.py", "GeneratorExit: oh"]),
    "raises what it made itself": (
        "class Odd(BaseException): pass\nraise Odd('one\\ntwo')",
        ["odd.py", "Odd: one two"],
    ),
    "hook that raises what is no Exception": (
        commands("next(quit_early())", "def quit_early():\n    raise GeneratorExit\n    yield"),
        ["register_commands", "GeneratorExit"],
    ),
    "hook whose list cannot be read": (
        commands("Odd([1])", "class Odd(list):\n    def __iter__(self): raise StopIteration('oh')"),
        ["register_commands", "StopIteration: oh"],
    ),
}


def assert_refused(done, *words):
    """One line on stderr that has all of words, and nothing else."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch("chatd: [^\n]+\n", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


# A process costs much: the other cases are shown by the error that main() makes its line of.
IN_A_PROCESS = [
    "missing module",
    "exits",
    "exits silently",
    "misspelt hook",
    "hook that exits",
    "no command",
    "handler with *args",
    "filter without an order",
    "raises what it made itself",
]


@pytest.mark.parametrize("case", IN_A_PROCESS)
def test_a_plugin_that_cannot_be_used_stops_the_start(case, tmp_path):
    source, words = BROKEN[case]
    folder = write(tmp_path / "plugins", odd=source)
    done = run(*CHATD, "--port", "0", "--plugins-dir", str(folder))
    assert_refused(done, "plugin odd", *words)


@pytest.mark.parametrize("case", BROKEN)
def test_a_plugin_that_cannot_be_used_is_named_with_the_cause(case, tmp_path):
    source, words = BROKEN[case]
    folder = write(tmp_path / "plugins", odd=source)
    with pytest.raises(PluginError) as caught:
        Plugins(folder)
    text = str(caught.value)
    assert text.startswith("plugin")
    assert "\n" not in text
    for word in ("odd", *words):
        assert word in text


@pytest.mark.parametrize("word", ["list", "priv", "pub"])
def test_a_command_that_crlf_could_not_ask_for_stops_the_start(word, tmp_path):
    source = commands(f"[Command('odd', lambda ctx: None, aliases=[{word!r}])]")
    folder = write(tmp_path / "plugins", odd=source)
    words = [f"{word} cannot be a command", "another meaning in crlf"]
    assert_refused(run(*CHATD, "--port", "0", "--plugins-dir", str(folder)), "plugin odd", *words)
    listed = run(*CHATCTL, "plugins", "--plugins-dir", str(folder))
    assert (listed.returncode, listed.stderr[:12]) == (1, "chatctl: plu")


def test_two_plugins_with_the_same_command_are_both_named(tmp_path):
    folder = write(tmp_path / "plugins", left=WAVE, right=WAVE)
    done = run(*CHATD, "--port", "0", "--plugins-dir", str(folder))
    assert_refused(done, "left", "right", "wave")


def test_two_plugins_with_the_same_name_are_an_error(tmp_path):
    folder = write(tmp_path / "plugins", talk="raise RuntimeError")
    with pytest.raises(PluginError) as caught:
        Plugins(folder)
    assert str(caught.value) == f"plugin talk: {folder}/talk.py has the name of another plugin"


def test_two_names_for_one_installed_plugin_are_an_error(site, monkeypatch):
    monkeypatch.syspath_prepend(site)
    with (site / "chatd_wave-1.0.dist-info" / "entry_points.txt").open("a") as points:
        points.write("wink = chatd_wave\n")
    with pytest.raises(PluginError) as caught:
        Plugins()
    assert str(caught.value) == "plugin wink: chatd_wave is plugin wave already"


def test_ctrl_c_while_a_plugin_loads_is_the_operators(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Plugins(write(tmp_path / "plugins", slow="raise KeyboardInterrupt"))


LOUD = """
    from chatd import Dialect, LineSplitter, Request, Said, hookimpl

    class Loud(Dialect):
        name = "loud"
        port = 7001

        def __init__(self, setting):
            super().__init__(setting)
            self.lines = LineSplitter(setting.limits.line, setting.limits.endless)

        def feed(self, data):
            self.lines.feed(data)

        def next_request(self):
            line = self.lines.next_line()
            return line and Request("login", (line.decode(),))

        @staticmethod
        def encode(event, own):
            return event.text.upper().encode() + b"\\n" if isinstance(event, Said) else b""

    @hookimpl
    def register_dialects():
        return [Loud]
"""


def test_a_dialect_of_a_plugin(engine, tmp_path):
    settings = {"plugins_dir": write(tmp_path / "plugins", loud=LOUD), "engine": engine}
    with chat("ala", **settings, listen=(Listen("loud", "127.0.0.1"),)) as (server, ala):
        with TabsClient(server.ports["loud"]) as bob:
            bob.sock.sendall(b"bob\n")
            wait_until(lambda: ala.ask("LIST") == "USERS ala bob")
            ala.send("PUB hello")
            assert bob.line() == "HELLO"


def test_two_dialects_of_one_name_are_refused(tmp_path):
    folder = write(tmp_path / "plugins", loud=LOUD)
    with pytest.raises(PluginError) as caught:
        Plugins(folder, dialects={"loud": Semaphore})
    assert str(caught.value) == "plugin loud: there is a dialect loud already"


class Semaphore(Crlf):
    name = "semaphore"
    reserved = frozenset({"wave"})


def test_a_verb_that_a_dialect_gives_another_meaning_is_refused(tmp_path):
    """Else it would load, and no client of that dialect could ever ask for it."""
    folder = write(tmp_path / "plugins", wave=WAVE)
    with pytest.raises(PluginError) as caught:
        Plugins(folder, dialects={"semaphore": Semaphore})
    assert str(caught.value) == (
        "plugin wave: wave cannot be a command: the word has another meaning in semaphore"
    )


def test_a_plugin_in_another_encoding_is_named(tmp_path):
    folder = write(tmp_path / "plugins")
    (folder / "odd.py").write_bytes(b"name = 'caf\xe9'\n")
    with pytest.raises(PluginError, match=r"odd\.py"):
        Plugins(folder)


def test_a_plugin_to_leave_out_that_is_not_there_is_named():
    with pytest.raises(PluginError, match="no plugin tlak"):
        Plugins(None, frozenset({"tlak"}))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PluginError, match="nowhere"):
        Plugins(tmp_path / "nowhere")


# -- arguments -------------------------------------------------------------------------------------


def order(ctx, dish: str, number: int, price: float = 1.5, wish: str = "") -> None:
    """Order something to eat."""


@pytest.mark.parametrize(
    ("args", "values"),
    [
        (["soup 2"], ["soup", 2]),
        (["soup 2 0.5"], ["soup", 2, 0.5]),
        (["soup 2 0.5 hot,  please "], ["soup", 2, 0.5, "hot,  please "]),
        (["soup", "2", "0.5", "no salt"], ["soup", 2, 0.5, "no salt"]),
        (["soup", "-2 3"], ["soup", -2, 3.0]),
    ],
)
def test_words_become_what_the_signature_says(args, values):
    assert Command("order", order).bind(args) == values


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        ([], "missing-argument", "dish is missing"),
        (["soup"], "missing-argument", "number is missing"),
        (["soup two"], "bad-value", "number must be a whole number"),
        (["soup 2.5"], "bad-value", "number must be a whole number"),
        (["soup 2 much"], "bad-value", "price must be a number"),
        (["soup", "2", "1", "a", "b"], "too-many-arguments", "too many words"),
    ],
)
def test_words_that_do_not_fit_are_explained(args, code, text):
    with pytest.raises(CommandError) as caught:
        Command("order", order).bind(args)
    assert (caught.value.code, caught.value.text[: len(text)]) == (code, text)


ADD = """
    from chatd import Command, hookimpl

    def add(ctx, left: int, right: int = 1):
        \"\"\"Add two numbers.\"\"\"
        ctx.reply(str(left + right))

    def ping(ctx):
        \"\"\"Answer.\"\"\"
        ctx.reply("pong")

    @hookimpl
    def register_commands():
        return [Command("add", add), Command("ping", ping)]
    """


def test_arguments_on_the_wire(engine, tmp_path):
    folder = write(tmp_path / "plugins", add=ADD)
    with chat("ala", plugins_dir=folder, engine=engine) as (_, ala):
        assert ala.ask("ADD 2") == "NOTICE 3"
        assert ala.ask("ADD 2 40") == "NOTICE 42"
        assert ala.ask("ADD") == "ERROR left is missing"
        assert ala.ask("ADD two") == "ERROR left must be a whole number"
        assert ala.ask("ADD 2 40 3") == "ERROR too many words"
        assert ala.ask("PING now") == "ERROR too many words"
        assert ala.ask("PING") == "NOTICE pong"


ODD = """
    from chatd import Command, hookimpl

    TEXT = "a\\ud800b\\n\\x1b[31mPRIV_FROM root hi\\r\\n"

    def odd(ctx):
        \"\"\"Say what no client could.\"\"\"
        ctx.reply(TEXT)
        ctx.say("General", TEXT)
        ctx.tell("bob", TEXT)

    @hookimpl
    def register_commands():
        return [Command("odd", odd)]
    """


def test_texts_of_plugins_stay_on_their_line(engine, tmp_path):
    """And half a character that is no Unicode costs one character, not the message."""
    folder = write(tmp_path / "plugins", odd=ODD)
    text = "a?b  [31mPRIV_FROM root hi  "
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (_, ala, bob):
        assert ala.ask("ODD") == f"NOTICE {text}"
        assert ala.line() == "OK"
        assert bob.lines(2) == [f"PUB_MSG {text}", f"PRIV_FROM ala {text}"]
        assert ala.silent()


def test_an_answer_is_a_line_whatever_it_holds(engine, tmp_path):
    source = """
    from chatd import Command, hookimpl

    def answer(ctx):
        \"\"\"Answer nothing, then two lines, then one.\"\"\"
        ctx.reply("")
        ctx.reply("one\\ntwo")
        ctx.reply("three")

    @hookimpl
    def register_commands():
        return [Command("answer", answer)]
    """
    folder = write(tmp_path / "plugins", answer=source)
    with chat("ala", plugins_dir=folder, engine=engine) as (_, ala):
        ala.send("ANSWER")
        assert ala.lines(3) == ["NOTICE", "NOTICE one two", "NOTICE three"]
        assert ala.silent()


# -- handlers that fail ----------------------------------------------------------------------------

CRASH = """
    from chatd import Command, CommandError, hookimpl

    ERRORS = {error.__name__: error for error in
              (ValueError, SystemExit, KeyboardInterrupt, RecursionError)}

    def crash(ctx, kind, text=""):
        \"\"\"Raise what is asked for.\"\"\"
        if kind == "RecursionError":
            crash(ctx, kind)
        raise ERRORS[kind](text.replace("~", "\\n").replace("^", "\\x1b").replace("%", "\\u2028"))

    def complain(ctx, text):
        \"\"\"Refuse, in two lines.\"\"\"
        raise CommandError("no", f"no:\\n{text}")

    @hookimpl
    def register_commands():
        return [
            Command("crash", crash), Command("crash-aside", crash, blocks=True),
            Command("complain", complain), Command("complain-aside", complain, blocks=True),
        ]
    """
ERRORS = ["ValueError", "SystemExit", "KeyboardInterrupt", "RecursionError"]


@pytest.mark.parametrize("verb", ["CRASH", "CRASH-ASIDE"])
@pytest.mark.parametrize("error", ERRORS)
def test_a_handler_that_raises_costs_its_caller_one_line(engine, verb, error, tmp_path, caplog):
    folder = write(tmp_path / "plugins", crash=CRASH)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (_, ala, bob):
        ala.send(f"{verb} {error} oops", "WHOAMI")
        told = ala.line()
        assert re.fullmatch(r"ERROR internal error E\d+", told)
        assert ala.line() == "WHOAMI ala"
        bob.send("PUB still here")
        assert ala.line() == "PUB_MSG still here"
        assert bob.silent()
    (record,) = caplog.records
    assert record.getMessage() == told.removeprefix("ERROR ")
    assert record.exc_info[0].__name__ == error


@pytest.mark.parametrize("verb", ["COMPLAIN", "COMPLAIN-ASIDE"])
def test_a_refusal_is_told_and_not_logged(engine, verb, tmp_path, caplog):
    folder = write(tmp_path / "plugins", crash=CRASH)
    with chat("ala", plugins_dir=folder, engine=engine) as (_, ala):
        assert ala.ask(f"{verb} not today") == "ERROR no: not today"
        assert ala.silent()
    assert caplog.records == []


ODD_REFUSALS = """
    from chatd import Command, CommandError, hookimpl

    REFUSALS = {"none": ("x", None), "number": ("x", 5), "code": ([], "so")}

    def refuse(ctx, kind):
        \"\"\"Refuse with what is no text.\"\"\"
        raise CommandError(*REFUSALS[kind])

    @hookimpl
    def register_commands():
        return [Command("refuse", refuse, before_login=True)]
    """


@pytest.mark.parametrize(("kind", "told"), [("none", "None"), ("number", "5"), ("code", "so")])
def test_a_refusal_that_is_no_text_is_told_all_the_same(engine, kind, told, tmp_path):
    folder = write(tmp_path / "plugins", odd=ODD_REFUSALS)
    with chat(plugins_dir=folder, engine=engine) as (server,), Client(server.port) as client:
        assert client.ask(f"REFUSE {kind}") == f"ERROR {told}"
        client.login("ala")
        assert client.ask(f"REFUSE {kind}") == f"ERROR {told}"
        assert client.silent()


@contextmanager
def logged(tmp_path, *options):
    """Run `chatd -v` as a process; yield its port, and a list that has its log in the end."""
    lines = []
    with chatd_process(tmp_path, "-v", *options) as process:
        yield process.port, lines
        process.terminate()
        stdout, stderr = process.communicate(timeout=PATIENCE)
        assert (process.returncode, stderr) == (0, b"")
        lines += log_lines(stdout.decode())


STAMPED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (.*)")


def log_lines(text):
    """Lines of an activity log without their time; fails for a line that is none of its own."""
    found = []
    for line in text.split("\n")[:-1]:
        stamped = STAMPED.fullmatch(line)
        assert stamped, f"not a line of the log: {line!r}"
        found.append(stamped[1])
    return found


@pytest.mark.parametrize("verb", ["CRASH", "CRASH-ASIDE"])
def test_the_log_has_the_traceback_under_the_id_that_was_told(engine, verb, tmp_path):
    folder = write(tmp_path / "plugins", crash=CRASH)
    forged = "x~2026-01-01 00:00:00 said in General by root: hi%refused^[31m"
    options = ("--engine", engine, "--plugins-dir", str(folder))
    with logged(tmp_path, *options) as (port, lines), Client(port, nick="ala") as ala:
        told = [ala.ask(f"{verb} {error} {forged}") for error in ("ValueError", "SystemExit")]
        assert ala.silent()
    for line, error in zip(told, ("ValueError", "SystemExit"), strict=True):
        start = lines.index("warning: " + line.removeprefix("ERROR "))
        rest = lines[start + 1 :]
        assert rest[0] == "warning:   Traceback (most recent call last):"
        end = next(i for i, text in enumerate(rest) if text.startswith(f"warning:   {error}: x"))
        assert any(f'{folder}/crash.py", line' in text for text in rest[:end])
    assert not any(line.startswith(("said", "refused")) for line in lines)
    assert all(line.isprintable() for line in lines)


# -- handlers that block ---------------------------------------------------------------------------

HOLD = """
    import threading
    from chatd import Command, hookimpl

    begun, gate = threading.Semaphore(0), threading.Event()
    noted = []

    def hold(ctx):
        \"\"\"Wait for the gate.\"\"\"
        begun.release()
        gate.wait(60)
        ctx.reply("held")

    def note(ctx, text):
        \"\"\"Note a text.\"\"\"
        noted.append(text)
        ctx.reply(text)

    @hookimpl
    def register_commands():
        return [Command("hold", hold, blocks=True), Command("note", note)]
    """


@contextmanager
def holding(server):
    """Give the plugin hold, whose gate is open in the end whatever happens."""
    hold = plugin(server, "hold")
    try:
        yield hold
    finally:
        hold.gate.set()


def test_a_command_that_blocks_holds_up_nobody_else(engine, tmp_path):
    folder = write(tmp_path / "plugins", hold=HOLD)
    with (
        chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob),
        holding(server) as hold,
    ):
        ala.send("HOLD", "NOTE one", "PUB two", "NOTE three")
        assert hold.begun.acquire(timeout=PATIENCE)
        assert bob.ask("NOTE meanwhile") == "NOTICE meanwhile"
        bob.send("PUB hello")
        assert bob.silent()
        with Client(server.port, nick="eve") as eve:  # newcomers are let in as well
            assert eve.ask("PRIV ala psst") == "OK"
        assert ala.lines(2) == ["PUB_MSG hello", "PRIV_FROM eve psst"]
        assert hold.noted == ["meanwhile"]  # her own later commands wait
        hold.gate.set()
        assert ala.lines(3) == ["NOTICE held", "NOTICE one", "NOTICE three"]
        assert bob.line() == "PUB_MSG two"
        assert hold.noted == ["meanwhile", "one", "three"]


def test_the_server_ends_while_a_command_blocks(engine, tmp_path):
    folder = write(tmp_path / "plugins", hold=HOLD)
    settings = {"plugins_dir": folder, "engine": engine, "limits": Limits(linger=0.1)}
    with ExitStack() as stack:
        with chat(**settings) as (server,):
            hold = stack.enter_context(holding(server))
            ala = stack.enter_context(Client(server.port, nick="ala"))
            ala.send("HOLD")
            assert hold.begun.acquire(timeout=PATIENCE)
        assert ala.line() == "ERROR the server is shutting down"
        assert ala.line() is None


def test_when_all_workers_are_taken_callers_hear_busy(engine, tmp_path):
    folder = write(tmp_path / "plugins", hold=HOLD)
    settings = {"plugins_dir": folder, "engine": engine, "limits": Limits(workers=2)}
    with (
        chat("ala", "bob", "eve", **settings) as (server, ala, bob, eve),
        holding(server) as hold,
    ):
        for holder in (ala, bob):
            holder.send("HOLD")
            assert hold.begun.acquire(timeout=PATIENCE)
        assert eve.ask("HOLD") == "ERROR the server is busy, try again later"
        assert eve.ask("NOTE fine") == "NOTICE fine"
        hold.gate.set()
        assert [ala.line(), bob.line()] == ["NOTICE held", "NOTICE held"]
        wait_until(lambda: eve.ask("HOLD") == "NOTICE held", "a worker is free again")


MEMORY = """
    from chatd import Page, Stats, hookimpl

    class Memory:
        place = "mind"
        notices = ("all is kept in mind",)

        def __init__(self, url):
            self.records = []

        def begin(self, epoch):
            return epoch

        def append(self, records):
            self.records += records

        def before(self, place, id, count, limit):
            return Page(tuple(r for r in self.records if r.room == place and r.id < id)[-count:])

        def close(self):
            pass

    @hookimpl
    def open_store(url):
        return Memory(url) if url.startswith("memory:") else None
    """


def test_the_store_of_a_plugin_that_cannot_be_used(tmp_path):
    with pytest.raises(StoreError, match="the store drawer: it is locked"):
        broken = """
            from chatd import StoreError, hookimpl

            @hookimpl
            def open_store(url):
                raise StoreError("it is locked")
            """
        Plugins(write(tmp_path / "plugins", broken=broken)).open_store("drawer:left")
    with pytest.raises(StoreError, match="there is no kind of store called drawer"):
        Plugins().open_store("drawer:left")


def test_a_plugin_may_bring_a_store(engine, tmp_path):
    settings = {"plugins_dir": write(tmp_path / "plugins", memory=MEMORY), "store": "memory:"}
    with chat("ala", engine=engine, limits=Limits(backlog=0), **settings) as (_, ala):
        ala.send("PUB hello", "HISTORY General 1")
        assert re.fullmatch(r"HISTORY \d+-2 \S+Z General ala hello", ala.line())
        assert ala.line() == "OK"
        assert ala.ask("STATS") == "NOTICE store ok"


OVERDUE = """
    import threading
    from chatd import Command, CommandError, hookimpl

    gate, over = threading.Event(), threading.Event()
    ACTS = {
        "reply": ("late",), "login": ("late",), "say": ("General", "late"),
        "tell": ("bob", "late"), "create": ("late",), "join": ("den",), "leave": ("General",),
        "users": (), "rooms": (), "whoami": (), "history": ("General",), "search": ("late",),
        "stats": (), "inspect": (),
        "quit": (), "nick": None,
    }
    outcomes = {}

    def overdue(ctx):
        \"\"\"Do everything too late.\"\"\"
        gate.wait(60)
        for name, args in ACTS.items():
            try:
                act = getattr(ctx, name)
                outcomes[name] = act(*args)
            except CommandError as error:
                outcomes[name] = error.code
        over.set()
        raise ValueError("and an error that is nobody's any more")

    def later(ctx):
        \"\"\"Answer.\"\"\"
        ctx.reply("later")

    @hookimpl
    def register_commands():
        return [Command("overdue", overdue, blocks=True), Command("later", later)]
    """


ASIDE = """
    from threading import Event, Thread

    from chatd import Command, hookimpl

    gate = Event()

    def work(ctx):
        ctx.reply("working")
        ctx.say("General", "ala works")
        gate.wait(10)

    def remind(ctx):
        def later():
            gate.wait(10)
            ctx.reply("remember")
            ctx.tell("bob", "ala remembers")

        Thread(target=later, daemon=True).start()

    @hookimpl
    def register_commands():
        return [Command("work", work, blocks=True), Command("remind", remind)]
"""


def test_what_a_command_says_while_it_works_arrives_at_once(engine, tmp_path):
    """From a worker, and from a thread of the plugin's own: with no other traffic at all."""
    settings = {"plugins_dir": write(tmp_path / "plugins", aside=ASIDE), "engine": engine}
    with chat("ala", "bob", **settings) as (server, ala, bob):
        aside = plugin(server, "aside")
        ala.send("WORK")
        assert ala.line() == "NOTICE working"
        assert bob.line() == "PUB_MSG ala works"
        aside.gate.set()
        assert ala.ask("WHOAMI") == "WHOAMI ala"
        aside.gate.clear()
        ala.send("REMIND")
        assert ala.ask("WHOAMI") == "WHOAMI ala"
        aside.gate.set()
        assert ala.lines(2) == ["NOTICE remember", "OK"]
        assert bob.line() == "PRIV_FROM ala ala remembers"


def test_a_job_that_a_chunk_began_is_answered(engine, tmp_path):
    """Begun when the quiet had passed, or when the client had closed its sending side."""
    slow = """
        from chatd import Command, CommandError, hookimpl

        def refuse(ctx):
            raise CommandError("no", "no way")

        @hookimpl
        def register_commands():
            return [Command("refuse", refuse, before_login=True, blocks=True)]
    """
    folder = write(tmp_path / "plugins", slow=slow)
    with running_server(dialect="words", plugins_dir=folder, engine=engine) as server:
        for closes in (False, True):
            with TabsClient(server.port) as client:
                client.send(b"refuse")
                if closes:
                    client.sock.shutdown(socket.SHUT_WR)
                assert client.line() == "[ServerMessage] - no way"


def test_who_is_refused_in_rooms_is_sent_away_whatever_commands_there_are(engine, tmp_path):
    """S4-17: without the plugin that has quit, too."""
    own = """
        from chatd import Command, hookimpl

        @hookimpl
        def register_commands():
            return [Command("login", lambda ctx, nick: ctx.login(nick), before_login=True)]
    """
    folder = write(tmp_path / "plugins", people=own)
    settings = {"plugins_dir": folder, "no_plugin": frozenset({"people"}), "engine": engine}
    with running_server(dialect="rooms", **settings) as server:
        with TabsClient(server.port) as client:
            assert client.ask("a b") == "nick must not contain white space"
            assert client.line() is None


def test_a_command_past_its_deadline_is_given_up(engine, tmp_path, caplog):
    folder = write(tmp_path / "plugins", hold=OVERDUE)
    limits = Limits(command=0.1, workers=1)
    settings = {"plugins_dir": folder, "engine": engine, "limits": limits}
    with (
        chat("ala", "bob", **settings) as (server, ala, bob),
        holding(server) as overdue,
    ):
        assert bob.ask("CREATE den") == "OK"
        ala.send("OVERDUE", "LATER")
        assert ala.line() == "ERROR the command took too long and was given up"
        assert ala.line() == "NOTICE later"
        # The worker is not free yet: Python cannot kill it.
        assert bob.ask("OVERDUE") == "ERROR the server is busy, try again later"
        overdue.gate.set()
        assert overdue.over.wait(PATIENCE)
        acts = set(overdue.ACTS)
        assert overdue.outcomes == dict.fromkeys(acts, "timeout") | {"quit": None}
        # Nothing of it happened: no word to anybody, the same nick, the same rooms.
        assert ala.ask("WHOAMI") == "WHOAMI ala"
        assert ala.ask("LEAVE den") == "ERROR you are not in room den"
        assert ala.ask("ROOMS") == "ROOMS General den"
        assert bob.silent()
        ala.send("PUB still in General")
        assert bob.line() == "PUB_MSG still in General"
    assert acts == {
        name for name in dir(Context) if not name.startswith("_") and name not in _HARMLESS
    }
    assert caplog.records == []


_HARMLESS = {"commands", "revoke"}
"""Names of Context that do nothing in anybody's name."""


# -- filters ---------------------------------------------------------------------------------------

EDITOR = """
    from chatd import CommandError, Filter, Said, hookimpl

    seen = []

    def edit(message):
        seen.append((message.room, message.nick, message.text))
        if "spam" in message.text:
            raise CommandError("spam", "no spam here")
        if "bug" in message.text:
            raise ValueError("a bug in the filter")
        if "shout" in message.text:
            return Said("Elsewhere", "Somebody", message.text.upper())
        if "nothing" in message.text:
            return Said(message.room, message.nick, "")
        return None

    @hookimpl
    def register_filters():
        return [Filter(edit)]
    """


def test_a_filter_changes_refuses_or_leaves_alone(engine, tmp_path, caplog):
    folder = write(tmp_path / "plugins", editor=EDITOR)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob):
        ala.send("PUB hello", "PUB shout it")
        assert bob.lines(2) == ["PUB_MSG hello", "PUB_MSG SHOUT IT"]
        assert ala.ask("PUB buy spam") == "ERROR no spam here"
        assert caplog.records == []
        assert re.fullmatch(r"ERROR internal error E\d+", ala.ask("PUB a bug"))
        assert ala.ask("PUB nothing left") == "ERROR the message is empty"
        assert ala.silent()
        assert bob.silent()
        seen = ["hello", "shout it", "buy spam", "a bug", "nothing left"]
        assert plugin(server, "editor").seen == [("General", "ala", text) for text in seen]
    assert len(caplog.records) == 1


def test_a_filter_changes_the_text_and_nothing_else(engine, tmp_path):
    folder = write(tmp_path / "plugins", editor=EDITOR)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (_, ala, bob):
        assert [ala.ask("CREATE den"), ala.ask("JOIN den"), bob.ask("JOIN den")] == ["OK"] * 3
        ala.send("SAY den shout")
        assert bob.line() == "ROOM_MSG den ala SHOUT"


def test_private_messages_pass_no_filter(engine, tmp_path):
    folder = write(tmp_path / "plugins", editor=EDITOR)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob):
        assert ala.ask("PRIV bob shout spam, a bug") == "OK"
        assert bob.line() == "PRIV_FROM ala shout spam, a bug"
        assert plugin(server, "editor").seen == []


def test_a_filter_sees_the_room_as_it_is_called(engine, tmp_path):
    """Else a filter that is for one room is got round by writing its name in capitals."""
    folder = write(tmp_path / "plugins", editor=EDITOR)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob):
        ala.send("SAY GENERAL hello")
        assert bob.line() == "PUB_MSG hello"
        assert ala.ask("SAY nowhere hello") == "ERROR there is no room nowhere"
        assert plugin(server, "editor").seen == [("General", "ala", "hello")]


def mark(sign, order):
    return f"""
    from chatd import Filter, Said, hookimpl

    @hookimpl
    def register_filters():
        return [Filter(lambda m: Said(m.room, m.nick, m.text + {sign!r}), order={order})]
    """


def test_filters_run_in_their_order(engine, tmp_path):
    folder = write(tmp_path / "plugins", a=mark("3", 300), b=mark("1", -1), c=mark("2", 100))
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (_, ala, bob):
        ala.send("PUB x")
        assert bob.line() == "PUB_MSG x123"


# -- taps ------------------------------------------------------------------------------------------

LISTEN = """
    import threading
    from chatd import Said, Tap, hookimpl

    seen, closed = [], []
    gate = threading.Event()

    def receive(event):
        seen.append(event)
        text = event.text if isinstance(event, Said) else ""
        if "bug" in text:
            raise ValueError("a bug in the tap")
        if "exit" in text:
            raise SystemExit
        if "wait" in text:
            gate.wait(60)

    @hookimpl
    def register_taps():
        return [Tap(receive, close=lambda: closed.append(threading.current_thread().name))]
    """


def said(events):
    return [event.text for event in events if isinstance(event, Said)]


def logins(events):
    return [event.nick for event in events if isinstance(event, LoggedIn)]


def test_a_tap_sees_what_is_public_and_nothing_private(engine, tmp_path):
    folder = write(tmp_path / "plugins", hold=LISTEN)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob):
        tap = plugin(server, "hold")
        assert ala.ask("PRIV bob a secret") == "OK"
        assert ala.ask("PRIV ala a secret") == "PRIV_FROM ala a secret"
        assert ala.line() == "OK"
        assert ala.ask("PRIV nobody a secret") == "ERROR there is no user nobody"
        ala.send("HELP", "LIST", "PUB in public")
        assert bob.lines(2) == ["PRIV_FROM ala a secret", "PUB_MSG in public"]
        wait_until(lambda: said(tap.seen), "the tap sees the public message")
        assert tap.closed == []
    assert said(tap.seen) == ["in public"]
    assert logins(tap.seen) == ["ala", "bob"]
    # No private message, no answer, no error.
    assert {type(event) for event in tap.seen} <= {Listening, Connected, LoggedIn, Said, LoggedOut}
    assert "secret" not in repr(tap.seen)
    assert len(tap.closed) == 1


def test_a_tap_that_raises_goes_on_with_the_next_event(engine, tmp_path, caplog):
    folder = write(tmp_path / "plugins", hold=LISTEN)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob):
        ala.send("PUB bug", "PUB exit", "PUB fine")
        assert bob.lines(3) == ["PUB_MSG bug", "PUB_MSG exit", "PUB_MSG fine"]
        assert ala.silent()
        wait_until(lambda: said(plugin(server, "hold").seen)[2:], "the tap sees the third message")
    assert len(caplog.records) == 2


def test_a_tap_that_blocks_stops_nobody(engine, tmp_path):
    folder = write(tmp_path / "plugins", hold=LISTEN)
    with (
        chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob),
        holding(server) as tap,
    ):
        ala.send("PUB wait", "PUB one", "PRIV bob two", "PUB three")
        assert bob.lines(4) == ["PUB_MSG wait", "PUB_MSG one", "PRIV_FROM ala two", "PUB_MSG three"]
        wait_until(lambda: said(tap.seen), "the tap sees the first message")
        assert said(tap.seen) == ["wait"]
        tap.gate.set()
        wait_until(lambda: said(tap.seen)[2:], "the tap has caught up")
        assert said(tap.seen) == ["wait", "one", "three"]


def test_a_tap_that_cannot_keep_up_loses_events(engine, tmp_path):
    folder = write(tmp_path / "plugins", hold=LISTEN)
    settings = {"plugins_dir": folder, "engine": engine, "limits": Limits(tap_queue=5)}
    with chat("ala", "bob", **settings) as (server, ala, bob), holding(server) as tap:
        wait_until(lambda: len(logins(tap.seen)) == 2, "the tap sees the logins")
        ala.send("PUB wait")
        wait_until(lambda: said(tap.seen), "the tap sees the first message")
        assert bob.line() == "PUB_MSG wait"
        texts = [f"message {number}" for number in range(100)]
        ala.send(*(f"PUB {text}" for text in texts))
        assert bob.lines(100) == [f"PUB_MSG {text}" for text in texts]
        assert ala.silent()  # by now all of them were offered to the tap
        tap.gate.set()
    assert said(tap.seen)[1:] == texts[:5]


def test_events_that_a_tap_loses_are_counted():
    gate, seen = threading.Event(), []

    def receive(event):
        seen.append(event)
        gate.wait(PATIENCE)

    runner = TapRunner(Tap(receive), 3)
    events = [Said("General", "ala", str(number)) for number in range(10)]
    runner.offer(events[:1])
    wait_until(lambda: seen, "the tap has taken the first event")
    runner.offer(events[1:3])
    assert runner.lost == 0
    runner.offer(events[3:6])
    runner.offer(events[6:])
    assert runner.lost == 6
    gate.set()
    runner.stop(PATIENCE)
    assert seen == [*events[:4], Warned("6 events came too fast and are left out")]


def test_a_tap_that_always_raises_is_left_alone(engine, tmp_path):
    source = """
    from chatd import Tap, hookimpl

    def receive(event):
        raise ValueError("again")

    @hookimpl
    def register_taps():
        return [Tap(receive)]
    """
    folder = write(tmp_path / "plugins", again=source)
    options = ("--engine", engine, "--plugins-dir", str(folder))
    with logged(tmp_path, *options) as (port, lines), Client(port, nick="ala") as ala:
        ala.send(*(f"PUB {number}" for number in range(30)))
        assert ala.silent()
    # After ten failures in a row it is left alone.
    assert lines.count("warning:   ValueError: again") == TapRunner.FAILURES
    why = "failed too often and is switched off"
    assert lines.count(f"warning: tap of plugin again {why}") == 1
    assert "said in General by ala: 29" in lines


def test_a_tap_that_often_raises_does_not_feed_itself_by_the_log(engine, tmp_path):
    """Its tracebacks are in the log of -v, and no events for it to fail on."""
    source = """
    from itertools import count
    from chatd import Tap, hookimpl

    numbers = count(1)

    def receive(event):
        if next(numbers) % 5 == 0:
            raise ValueError("again")

    @hookimpl
    def register_taps():
        return [Tap(receive)]
    """
    folder = write(tmp_path / "plugins", often=source)
    options = ("--engine", engine, "--plugins-dir", str(folder))
    with logged(tmp_path, *options) as (port, lines), Client(port, nick="ala") as ala:
        ala.send(*(f"PUB {number}" for number in range(30)))
        assert ala.silent()
    events = [line for line in lines if not line.startswith("warning:")]
    assert len(events) == 34  # one more of each: listening, connected, logged in, left
    assert lines.count("warning: tap of plugin often failed") == 34 // 5
    assert lines.count("warning:   ValueError: again") == 34 // 5
