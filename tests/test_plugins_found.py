"""Where plugins come from, and what lists them."""

import os
import re

import pytest

from plugging import CHATCTL, CHATD, EXAMPLES, WAVE, chat, run, write


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
            "NOTICE commands: ban, bans, create, debug, help, history, join, kick, leave, login, "
            "mute, oper, quit, reload, rename, rooms, search, stats, unban, unmute, users, whoami"
        )
        assert bob.silent()


def test_a_dropped_in_plugin_can_be_left_out(engine):
    settings = {"plugins_dir": EXAMPLES, "no_plugin": frozenset({"dice"})}
    with chat("ala", "bob", engine=engine, **settings) as (_, ala, bob):
        assert ala.ask("ROLL") == "ERROR unknown command roll"
        ala.send("PUB :wink:")
        assert bob.line() == "PUB_MSG \N{WINKING FACE}"


BUNDLED = ["help", "history", "moderation", "people", "rooms", "sql", "talk"]

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
