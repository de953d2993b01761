"""What crlf's grammar has no word for: plugins' verbs, rooms, and who never meets them."""

import pytest

from chat import RawClient
from chatd import Command, CommandError
from chatd.testing import running_server
from memory_world import MemoryWorld

PLUGIN = '''
from chatd import Command, CommandError, hookimpl

def shout(ctx, text: str) -> None:
    """Answer in capitals."""
    if text == "no":
        raise CommandError("no", "shouting is not allowed")
    ctx.reply(text.upper())

def all_shout(ctx, room: str, text: str) -> None:
    """Say it in capitals."""
    ctx.say(room, text.upper())

@hookimpl
def register_commands():
    return [
        Command("shout", shout, aliases=("yell-2",)),
        Command("shout-all", all_shout, blocks=True),
    ]
'''


def test_a_plugins_verb(engine, tmp_path):
    """D-6, D-4: asked for in upper case, answered by NOTICE or ERROR, to the asker alone."""
    (tmp_path / "shout.py").write_text(PLUGIN, encoding="utf-8")
    with (
        running_server(engine=engine, plugins_dir=tmp_path) as server,
        RawClient(server.port, nick="ala") as ala,
        RawClient(server.port, nick="ola") as ola,
    ):
        assert ala.ask("SHOUT hello  all") == "NOTICE HELLO  ALL"
        assert ala.ask("YELL-2 hello") == "NOTICE HELLO"
        assert ala.ask("SHOUT no") == "ERROR shouting is not allowed"
        assert ala.ask("SHOUT") == "ERROR text is missing"
        assert ala.ask("shout hello").startswith("ERROR unknown command")
        assert ala.ask("Shout hello").startswith("ERROR unknown command")
        ala.send("SHOUT-ALL General hello")
        assert ola.line() == "PUB_MSG HELLO"
        with RawClient(server.port) as eva:
            assert eva.ask("SHOUT hello") == "ERROR log in first"
        assert ala.ask("LIST") == ola.ask("LIST") == "USERS ala ola"


def answer(*texts):
    def reply(ctx):
        for text in texts:
            ctx.reply(text)

    return Command("answer", reply, before_login=True)


@pytest.mark.parametrize(
    "text, line",
    [
        ("one", "NOTICE one"),
        ("one\ntwo\r\nthree", "NOTICE one two  three"),
        ("a\x1b[2J\x00b\x7f\x85c", "NOTICE a [2J b  c"),
        ("a\tb", "NOTICE a\tb"),
        ("OK", "NOTICE OK"),
        ("", "NOTICE"),
    ],
    ids=ascii,
)
def test_answers_are_one_line_each(text, line):
    """D-6, D-8, S0-08: whatever a plugin answers with, a line break reaches us as a space."""
    client = MemoryWorld(commands=[answer(text, text)]).connect()
    client.send(b"ANSWER\r\n")
    assert client.receive() == f"{line}\r\n{line}\r\n".encode()


def test_a_refusal_is_one_line():
    """D-6, S0-22: the text of a plugin's refusal cannot break the line either."""

    def fail(ctx):
        raise CommandError("no", "one\r\nPUB_MSG two")

    client = MemoryWorld(commands=[Command("fail", fail, before_login=True)]).connect()
    client.send(b"FAIL\r\n")
    assert client.receive() == b"ERROR one  PUB_MSG two\r\n"
