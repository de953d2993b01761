"""The example plugins, in running chats."""

import ast
import json
import re
import sys

import pytest

from chatd.config import Listen
from plugging import EXAMPLES, Client, TabsClient, chat, plugin


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
