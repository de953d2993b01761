"""A browser for tests of the web page, and what a person does in it."""

import os
import re
import shutil
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from chat import PATIENCE, wait_until

# There is nothing out there that the browser could look for, and no window to draw on.
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
AXE = Path(sys.prefix, "browser", "node_modules", "axe-core", "axe.min.js")
SHOTS = os.environ.get("CHATD_ARTIFACTS")
BROKEN = re.compile(r"WebSocket connection to .* failed|ERR_CONNECTION|ERR_NETWORK")


@contextmanager
def running_browser():
    """Start chromium; skip what needs it where there is none."""
    programs = ("chromium-headless-shell", "chromium")  # the first one needs half of the time
    if not (program := next(filter(None, map(shutil.which, programs)), None)):
        pytest.skip("chromium is not installed: bin/setup-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.skip("playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """Somebody's browser with the page in it."""

    def __init__(self, browser, port, nick=None, *, scheme="http", prepare=None, **settings):
        self.context = browser.new_context(
            **{
                "locale": "en-GB",
                "reduced_motion": "reduce",
                "viewport": {"width": 1200, "height": 700},
                **settings,
            }
        )
        self.context.set_default_timeout(PATIENCE * 1000)
        self.page = self.context.new_page()
        self.errors = []  # all that the browser complains of
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        if prepare:
            prepare(self)
        self.page.goto(f"{scheme}://127.0.0.1:{port}/")
        if nick:
            self.enter(nick)

    def _listen(self, message):
        if message.type in ("error", "warning") and not BROKEN.search(message.text):
            self.errors.append(message.text)

    def enter(self, nick):
        self.page.fill("#nick", nick)
        self.page.press("#nick", "Enter")
        self.page.wait_for_selector("#app:not([hidden])")

    def write(self, text):
        self.page.fill("#text", text)
        self.page.press("#text", "Enter")

    def sees(self, text, where="#rows"):
        """Wait until a text is there."""
        self.page.locator(where, has_text=text).first.wait_for()

    def until(self, condition, argument=None):
        """Wait until an expression of JavaScript's is true.

        Playwright's own way to do so needs eval, which the page's policy refuses.
        """
        wait_until(lambda: self.page.evaluate(condition, argument), condition)

    def messages(self):
        """What was said in the conversation that is shown, in order."""
        return self.page.locator("#rows .message .text").all_inner_texts()

    def shows(self, messages):
        """Wait until these messages are there, and no others: what was missed comes later."""
        with suppress(AssertionError):
            wait_until(lambda: self.messages() == messages, "the messages")
        assert self.messages() == messages, self.page.inner_text("#rows")

    def open(self, name):
        """Go to a conversation."""
        self.page.click(f"#left .place:has-text('{name}')")
        self.sees(name, "#place")

    def shot(self, name):
        """Keep a picture, where pictures are wanted."""
        if SHOTS:
            self.page.screenshot(path=Path(SHOTS, f"web-{name}.png"), animations="disabled")

    def close(self):
        self.context.close()
        assert not self.errors, self.errors


@contextmanager
def tab(browser, port, nick=None, **settings):
    """Open the page, and at the end be sure that the browser had nothing to complain of."""
    opened = Tab(browser, port, nick, **settings)
    try:
        yield opened
    except BaseException:
        opened.context.close()
        raise
    opened.close()


class Wire:
    """The network between a page and the server, of which either end may be cut off."""

    def __init__(self):
        self.sockets = []
        self.deaf = False  # nothing reaches the page
        self.mute = ""  # a message with these words does not reach the server
        self.hold = ""  # one with these words waits until it is released, and all behind it
        self.held = []
        self.works = True
        self.given = []  # what has reached the page

    def __call__(self, tab):
        tab.page.route_web_socket("**/chat", self._connect)

    def _connect(self, page):
        if not self.works:
            page.close(code=1001)
            return
        server = page.connect_to_server()
        self.sockets.append((page, server))
        page.on_message(lambda text: self._take(server, text))
        server.on_message(lambda text: self._give(page, text))
        page.on_close(lambda code, reason: None)  # the server does not hear of it

    def _take(self, server, text):
        if self.mute and self.mute in text:
            return
        if self.held or (self.hold and self.hold in text):
            self.held.append((server, text))
        else:
            server.send(text)

    def _give(self, page, text):
        if not self.deaf:
            page.send(text)
            self.given.append(text)

    def release(self):
        held, self.held, self.hold = self.held, [], ""
        for server, text in held:
            server.send(text)

    def cut(self, both=True):
        """Break the last connection; the server may take it for alive."""
        page, server = self.sockets.pop()
        if both:
            server.close()
        page.close(code=1001)
        return server
