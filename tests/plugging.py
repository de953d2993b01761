"""Running chats with plugins, which tests write to a folder and load from there, as users do."""

import os
import re
import subprocess
import sys
import textwrap
from contextlib import ExitStack, contextmanager
from pathlib import Path

from chat import PATIENCE, LineClient, RawClient, chatd_process
from chatd.testing import running_server

EXAMPLES = Path(__file__).parent.parent / "plugins" / "examples"
CHATD = [sys.executable, "-m", "chatd"]
CHATCTL = [sys.executable, "-m", "chatd.ctl"]

WAVE = """
    from chatd import Command, hookimpl

    def wave(ctx):
        \"\"\"Wave at yourself.\"\"\"
        ctx.reply("o/")

    @hookimpl
    def register_commands():
        return [Command("wave", wave)]
    """

CRASH = """
    import builtins
    from chatd import Command, CommandError, Filter, hookimpl

    def crash(ctx, kind, text=""):
        \"\"\"Raise what is asked for.\"\"\"
        if kind == "RecursionError":
            crash(ctx, kind)
        text = text.replace("~", "\\n").replace("^", "\\x1b").replace("%", "\\u2028")
        raise getattr(builtins, kind)(text)

    def complain(ctx, text):
        \"\"\"Refuse, in two lines.\"\"\"
        raise CommandError("no", f"no:\\n{text}")

    def see(message):
        if message.text.startswith("crash"):
            crash(None, *message.text.split()[1:])

    @hookimpl
    def register_commands():
        return [
            Command("crash", crash), Command("crash-aside", crash, blocks=True),
            Command("complain", complain), Command("complain-aside", complain, blocks=True),
        ]

    @hookimpl
    def register_filters():
        return [Filter(see)]
    """
"""A plugin whose commands and filter fail as they are asked to."""


class Client(RawClient):
    """A client of the chat that sends and receives several lines at once."""

    def send(self, *lines):
        # In one segment: the server has all of them when it carries out the first.
        super().send("".join(f"{line}\r\n" for line in lines).encode())

    def lines(self, count):
        return [self.line() for _ in range(count)]

    def stats(self):
        """Ask for all lines of the stats."""
        self.send("STATS", "WHOAMI")
        found = []
        while not found or not found[-1].startswith("WHOAMI "):
            found.append(self.line())
        return found

    def silent(self):
        """Say whether nothing waited to be read: the answer to a question comes first."""
        return self.ask("WHOAMI").startswith("WHOAMI ")


class TabsClient(LineClient):
    """A client of the example dialect."""

    def ask(self, *fields):
        return super().ask("\t".join(fields))


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


@contextmanager
def holding(server):
    """Give the plugin hold, whose gate is open in the end whatever happens."""
    hold = plugin(server, "hold")
    try:
        yield hold
    finally:
        hold.gate.set()


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
