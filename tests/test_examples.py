"""The bots of examples/ and the code of docs/bots.md, at work on a real server."""

import ast
import contextlib
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chat import PATIENCE, wait_until
from chatcli import ChatClient, Said, Told
from chatd.testing import running_server
from clients import DIALECTS, Proxy, chat_server, open_client, until

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PAGE = ROOT / "docs" / "bots.md"


@contextlib.contextmanager
def bot(program, *arguments):
    """Run a bot as a program, until it is interrupted as by Ctrl-C."""
    command = [sys.executable, str(ROOT / "examples" / program), *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert errors.decode().rstrip().endswith("KeyboardInterrupt")


def here(client, nick):
    wait_until(lambda: nick in client.users(), nick)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_dice_bot(dialect):
    with chat_server() as server, open_client("threads", server.ports["json"], "eve") as eve:
        with bot("dice_bot.py", "127.0.0.1", server.ports[dialect], dialect):
            here(eve, "dice")
            for asked, answer in [
                ("!roll", r"([1-6]) = \1"),
                ("!roll 2d1", r"1 \+ 1 = 2"),
                ("!roll 0d6", None),
                ("hello", None),
                ("!help", r"say !roll, or .*"),
            ]:
                eve.say(asked)
                if answer:
                    *_, said = until(eve, lambda event: isinstance(event, Said))
                    assert said.nick == "dice"
                    assert re.fullmatch(answer, said.text)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_reminder_bot(dialect):
    with chat_server() as server:
        with open_client("threads", server.ports["words"], "eve", "words") as eve:
            with bot("reminder_bot.py", "127.0.0.1", server.ports[dialect], dialect):
                here(eve, "reminder")
                eve.tell("reminder", "0 the tea is ready")
                told = [until(eve, lambda event: isinstance(event, Told))[-1] for _ in range(2)]
                assert {event.text for event in told} == {
                    "I shall remind you in 0 s",
                    "the tea is ready",
                }
                eve.tell("reminder", "what?")
                *_, told = until(eve, lambda event: isinstance(event, Told))
                assert told == Told("reminder", "eve", "tell me the seconds, then the text")


def test_a_bot_survives_the_server():
    """And answers what was said before it was back."""
    with Proxy(1) as proxy:
        with chat_server() as server:
            proxy.target = server.ports["crlf"]
            with contextlib.ExitStack() as stack:
                process = stack.enter_context(bot("dice_bot.py", "127.0.0.1", proxy.port, "crlf"))
                eve = stack.enter_context(open_client("threads", server.ports["json"], "eve"))
                here(eve, "dice")
                eve.say("!help")
                until(eve, lambda event: isinstance(event, Said))
                proxy.target = 1
                proxy.cut()
                wait_until(lambda: eve.users() == ["eve"])
                eve.say("!help")
                proxy.target = server.ports["crlf"]
                *_, said = until(eve, lambda event: isinstance(event, Said))
                assert said.nick == "dice"
                assert process.poll() is None


@pytest.mark.parametrize("engine", ["threads", "asyncio"])
def test_bots_speak_tls(engine, certificate, authority, tmp_path):
    ca = authority.write(tmp_path / "ca.pem")
    with chat_server(engine=engine, tls_cert=certificate.both, tls_only=True) as server:
        port, settings = server.ports["json"], {"host": "localhost", "tls": True, "ca": ca}
        with open_client("threads", port, "eve", **settings) as eve:
            for program, nick in (("dice_bot.py", "dice"), ("reminder_bot.py", "reminder")):
                with bot(program, "localhost", server.ports["crlf"], "crlf", ca):
                    here(eve, nick)


def test_bots_are_short():
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    for example in EXAMPLES:
        tree = ast.parse(example.read_text(encoding="utf-8"))
        lines = [node.end_lineno - node.lineno + 1 for node in tree.body if isinstance(node, kinds)]
        assert sum(lines) <= 25
    assert len(EXAMPLES) == 2


# -- the page --------------------------------------------------------------------------------


def blocks(text, words):
    """The blocks of Python with certain words."""
    found = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for block in found if words in block]


BLOCKS = blocks(PAGE.read_text(encoding="utf-8"), "chatcli")


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_code_of_the_page_runs(number, capsys):
    code = BLOCKS[number]
    with running_server(dialect="json") as server:
        assert '"localhost"' in code
        code = code.replace('"localhost"', f'"127.0.0.1", {server.port}')
        failed = []

        def run():
            try:
                exec(compile(code, str(PAGE), "exec"), {"__name__": "page"})
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        if "!stop" in code:
            echo_to_the_end(server.port)
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert failed == []


def test_the_bot_of_the_readme(tmp_path):
    (code,) = blocks((ROOT / "README.md").read_text(encoding="utf-8"), "from chatcli")
    with running_server() as server:
        program = tmp_path / "echo.py"
        program.write_text(code.replace('"localhost", 5000', f'"127.0.0.1", {server.port}'))
        with bot(program), open_client("threads", server.port, "eve", "crlf") as eve:
            here(eve, "echo")
            eve.say("hello")
            *_, said = until(eve, lambda event: isinstance(event, Said))
            assert said.text == "eve said hello"


def echo_to_the_end(port):
    with ChatClient("127.0.0.1", port, nick="eve") as eve:
        here(eve, "echo")
        eve.say("hello")
        *_, said = until(eve, lambda event: isinstance(event, Said) and "hello" in event.text)
        assert said == Said("General", "echo", "eve said hello")
        eve.say("!stop")


def test_the_methods_of_the_page_are_there():
    table = PAGE.read_text(encoding="utf-8").partition("## What it does")[2].partition("## ")[0]
    written = set(re.findall(r"`(\w+)(?:\(|`)", table)) - {"with"}
    public = {name for name in dir(ChatClient) if not name.startswith("_")}
    assert public <= written
