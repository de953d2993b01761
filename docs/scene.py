"""Draw docs/scene.png from a real conversation: a page, a terminal and a bot in one chat.

    python docs/scene.py

It takes what the tests of the page take: chromium, playwright and pyte.
"""

import base64
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

import pyte
from playwright.sync_api import Page, sync_playwright

from chatd.testing import running_server

DOCS = Path(__file__).parent
FILE = DOCS / "scene.png"
BOT = DOCS.parent / "examples" / "dice_bot.py"
COLUMNS, ROWS = 62, 17
PATIENCE = 20.0

STYLE = """
body { margin: 0; width: 1160px; height: 560px; position: relative; background: #e7eaf1 }
img { position: absolute; left: 24px; top: 24px; width: 720px; border-radius: 10px }
pre { position: absolute; right: 24px; bottom: 128px; margin: 0; padding: 34px 14px 12px;
      background: #16181d; color: #e3e6ea; font: 13.5px/1.35 "DejaVu Sans Mono", monospace }
img, pre { box-shadow: 0 6px 24px #0005 }
pre { border-radius: 10px }
pre::before { content: "$ chatcli -l ada"; position: absolute; top: 9px; color: #8d95a3 }
"""


class Terminal:
    """A chatcli on a terminal of its own."""

    def __init__(self, port: int, nick: str) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self._end, end = pty.openpty()
        size = {"COLUMNS": str(COLUMNS), "LINES": str(ROWS), "TERM": "xterm"}
        command = [sys.executable, "-m", "chatcli", "-p", str(port), "-l", nick]
        self._process = subprocess.Popen(
            command, stdin=end, stdout=end, stderr=end, env={**os.environ, **size}
        )
        os.close(end)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while data := os.read(self._end, 4096):
                self._stream.feed(data)
                if b"\x1b[6n" in data:  # it asks where the cursor is
                    y, x = self.screen.cursor.y + 1, self.screen.cursor.x + 1
                    os.write(self._end, f"\x1b[{y};{x}R".encode())
        except OSError:
            pass  # it has ended

    def type(self, text: str) -> None:
        os.write(self._end, f"{text}\r".encode())

    def shows(self, text: str) -> bool:
        return any(text in line for line in self.screen.display)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


@contextmanager
def bot(port: int) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, str(BOT), "127.0.0.1", str(port)])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def talk(page: Page, terminal: Terminal) -> None:
    def say(text: str) -> None:
        page.fill("#text", text)
        page.press("#text", "Enter")
        until(lambda: terminal.shows(text))

    def sees(text: str) -> None:
        page.locator("#rows", has_text=text).first.wait_for()

    say("Good morning! I am here with a browser.")
    terminal.type("And I with a terminal. Who fetches the coffee?")
    sees("Who fetches")
    say("Let the dice decide: the lower one goes.")
    terminal.type("!roll 2d6")
    sees(" = ")
    say("!roll 2d6")
    until(lambda: sum(" = " in line for line in terminal.screen.display) == 2)
    time.sleep(0.5)


def main() -> None:
    with running_server(web=True) as server, bot(server.port), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        terminal = Terminal(server.port, "ada")
        until(lambda: terminal.shows("ada>"))
        page = browser.new_page(viewport={"width": 900, "height": 640}, locale="en-GB")
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.fill("#nick", "Zosia")
        page.press("#nick", "Enter")
        talk(page, terminal)
        shot = base64.b64encode(page.screenshot()).decode()
        lines = "\n".join(line.rstrip() for line in terminal.screen.display).rstrip()
        scene = browser.new_page(viewport={"width": 1160, "height": 560})
        scene.set_content(
            f'<style>{STYLE}</style><img src="data:image/png;base64,{shot}">'
            f"<pre>{escape(lines):<{COLUMNS}}</pre>"
        )
        scene.screenshot(path=FILE)
        terminal.close()
        browser.close()
    print(f"drew {FILE.name}")


if __name__ == "__main__":
    main()
