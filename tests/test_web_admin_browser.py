"""`/admin` in a browser: by keyboard, up to date by itself, for everybody."""

import pytest

from browser import AXE, running_browser, tab
from chat import RawClient, wait_until
from chatd.admins import make_admins
from chatd.testing import running_server
from visitor import ADMINS, SECRET


@pytest.fixture(scope="module")
def browser():
    with running_browser() as running:
        yield running


@pytest.fixture
def server():
    with running_server(web=True, admins=ADMINS) as running:
        yield running


def log_in(page, port):
    """Log in by keyboard: the name has the focus."""
    page.goto(f"http://localhost:{port}/admin")
    page.wait_for_selector("[name=name]:focus")  # which comes a moment after the page
    page.keyboard.type("root")
    page.keyboard.press("Tab")
    page.keyboard.type(SECRET)
    page.keyboard.press("Enter")
    page.wait_for_selector("#facts")


def test_it_keeps_up_to_date_and_kicks(browser, server):
    with tab(browser, server.port) as opened, RawClient(server.port, nick="ala") as ala:
        page = opened.page
        page.clock.install()
        log_in(page, server.port)
        with RawClient(server.port, nick="bob") as bob:
            page.fill("#reason", "too loud")
            page.keyboard.press("Enter")  # is nobody's kick
            page.clock.run_for(5_000)
            opened.sees("bob", "#sessions")
            opened.sees("2", "#facts div:first-child dd")
            page.focus("button[value=ala]")
            with RawClient(server.port, nick="eve"):
                page.clock.run_for(5_000)
                opened.sees("logged in eve", "#log-lines")
                assert page.locator("button[value=eve]").count() == 0  # nothing moves while used
                opened.sees("Paused while you are in the table", "#held")
                page.focus("button[value=bob]")
                page.focus("#reason")
                opened.sees("eve", "#sessions")  # at once
                assert page.inner_text("#held") == ""
            page.focus("button[value=bob]")
            page.keyboard.press("Enter")
            opened.sees("bob is kicked", "#told")
            assert bob.rest() == b"ERROR you have been kicked by root: too loud\r\n"
        assert ala.ask("WHOAMI") == "WHOAMI ala"
        page.uncheck("#follow")
        server.server.moderation.admins = make_admins(["root"], "another secret")
        page.clock.run_for(20_000)
        assert page.locator("#facts").count() == 1
        page.check("#follow")
        page.clock.run_for(5_000)
        page.wait_for_selector("#secret")


def test_it_says_when_the_server_is_gone(browser, server):
    with tab(browser, server.port) as opened:
        page = opened.page
        page.clock.install()
        log_in(page, server.port)
        server.server.stop()

        def is_told():
            page.clock.run_for(5_000)
            return page.inner_text("#trouble") == "The server does not answer."

        wait_until(is_told, "the page to notice")


LOOKS = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 320, "height": 640}, "has_touch": True},
}


@pytest.mark.parametrize(
    "look",
    ["light", *(pytest.param(each, marks=pytest.mark.soak) for each in ("dark", "phone"))],
)
def test_axe_finds_nothing(browser, server, look):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: bin/setup-browser")
    axe = AXE.read_text(encoding="utf-8")

    def examine(where):
        page.evaluate(axe)
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], where
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, where

    with tab(browser, server.port, **LOOKS[look]) as opened, RawClient(server.port, nick="ala"):
        page = opened.page
        page.goto(f"http://localhost:{server.port}/admin")
        examine("the form")
        log_in(page, server.port)
        examine("the overview")
        opened.shot(f"admin-{look}")
