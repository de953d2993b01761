"""Plugins that cannot be used: the start fails, and says which one and why."""

import re

import pytest

from chat import wait_until
from chatd.config import Listen
from chatd.dialects.crlf import Crlf
from chatd.plugins import PluginError, Plugins
from plugging import CHATCTL, CHATD, WAVE, TabsClient, chat, run, write


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
