"""The web page for everybody: without a mouse, by ear, on a phone, in the dark, from the right."""

from contextlib import contextmanager

import pytest

from browser import AXE, running_browser, tab
from chat import RawClient
from chatd.testing import running_server

PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True}


@pytest.fixture(scope="module")
def browser():
    with running_browser() as running:
        yield running


@pytest.fixture
def server(tmp_path):
    with running_server(web=True, store=f"sqlite:///{tmp_path}/history.db") as running:
        yield running


@pytest.fixture(scope="module")
def axe():
    if not AXE.exists():
        pytest.skip("axe-core is not installed: bin/setup-browser")
    return AXE.read_text(encoding="utf-8")


@contextmanager
def company(port):
    """Three who say this and that, so that there is something to look at; gives one of them."""
    jan, sara, eve = (RawClient(port, nick=nick) for nick in ("Jan_Kowalski", "سارا", "eve-smith"))
    with jan, sara, eve:
        eve.send("CREATE tea")
        eve.send("CREATE music")
        for who, text in (
            (jan, "Good morning!"),
            (jan, "Has anybody seen the key of the tea kitchen?"),
            (sara, "سلام، امروز کیک آورده‌ام."),
            (eve, "I have it. The list of who cleans up: https://example.org/kitchen"),
        ):
            other = sara if who is jan else jan
            who.send(f"PUB {text}")
            assert other.line() == f"PUB_MSG {text}"
        yield eve


def violations(ala, axe, where):
    """What axe finds wrong and calls serious."""
    if not ala.page.evaluate("'axe' in window"):
        ala.page.evaluate(axe)
    found = ala.page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    return [
        (where, each["id"], [node["html"] for node in each["nodes"]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


OPENERS = {
    "settings": "#left [data-dialog=settings]",
    "help": "#left [data-dialog=help]",
    "rename": "#me",
    "all-rooms": "#browse",
    "left": "[data-open=left]",
    "people": "[data-open=people]",
}

# How the page may look, and what of it is examined: colours and widths differ, the rest is alike.
LOOKS = {
    "light": ({}, ["settings", "help", "rename", "all-rooms"]),
    "dark": ({"color_scheme": "dark"}, ["help", "all-rooms"]),
    "phone": (PHONE, ["left", "people"]),
    "persian": ({"locale": "fa-IR"}, []),
}


@pytest.mark.parametrize(
    "look", ["light", "dark", "persian", pytest.param("phone", marks=pytest.mark.soak)]
)
def test_axe_finds_nothing_serious(browser, server, axe, look):
    settings, views = LOOKS[look]
    with company(server.port) as eve, tab(browser, server.port, **settings) as ala:
        page = ala.page
        found = violations(ala, axe, "door")
        ala.shot(f"{look}-door")
        ala.enter("ala")
        ala.sees("/kitchen")
        ala.write("/join tea")
        ala.sees("tea", "#place")
        ala.write("/dance")
        ala.sees("/help", "#rows .failed")
        page.keyboard.press("Alt+ArrowUp")
        ala.write("Thank you! I come and get it.\nAnd I bring some milk.")
        page.wait_for_selector("#rows .message:not(.sending) >> text=milk")
        for line in ("JOIN tea", "SAY tea green or black?", "PRIV ala it is chocolate"):
            eve.send(line)
        eve.send("PUB ala: be quick, the cake is nearly gone")
        ala.sees("be quick", "#rows .mention")
        page.wait_for_selector("#talks .badge", state="attached")
        ala.shot(look)
        page.keyboard.press("Control+k")
        page.keyboard.type("kitchen")
        page.keyboard.press("Enter")
        page.wait_for_selector("#results .hit")
        found += violations(ala, axe, "chat")
        ala.shot(f"{look}-search")
        page.keyboard.press("Escape")
        for view in views:
            page.evaluate("opener => document.querySelector(opener).click()", OPENERS[view])
            page.wait_for_selector(f"#{view}")
            found += violations(ala, axe, view)
            ala.shot(f"{look}-{view}")
            page.keyboard.press("Escape")
        assert not found


class Keyboard:
    """Somebody without a mouse."""

    def __init__(self, page):
        self.page = page
        self.press = page.keyboard.press
        self.type = page.keyboard.type

    @property
    def place(self):
        """What has the focus: its id, or its text."""
        return self.page.evaluate(
            "document.activeElement == document.body ? 'nowhere'"
            " : document.activeElement.id || document.activeElement.textContent"
        )

    def go(self, target, key="Tab"):
        for _ in range(30):
            if target in self.place:
                return
            self.press(key)
        raise AssertionError(f"{target} cannot be reached")


def test_all_by_keyboard(browser, server):
    """Enter, make a room, write to somebody, and go."""
    with RawClient(server.port, nick="bob") as bob, tab(browser, server.port) as ala:
        keys = Keyboard(ala.page)
        ala.until("document.activeElement.id == 'nick'")
        keys.type("ala")
        keys.press("Enter")
        ala.page.wait_for_selector("#app:not([hidden])")
        assert keys.place == "text"
        keys.type("hello")
        keys.press("Enter")
        assert bob.line() == "PUB_MSG hello"
        ala.page.wait_for_selector("#rows .message:not(.sending)")
        keys.press("Shift+Tab")
        assert keys.place == "log"  # and not at everybody who has said something in it
        keys.go("browse", "Shift+Tab")
        ring = "getComputedStyle(document.activeElement).outlineStyle"
        assert ala.page.evaluate(ring) == "solid"
        keys.press("Enter")
        ala.page.wait_for_selector("#all-rooms[open]")
        keys.go("room-name")
        keys.type("tea")
        keys.press("Enter")
        ala.sees("tea", "#place")
        ala.page.wait_for_selector("#all-rooms", state="hidden")
        assert keys.place == "text"
        keys.go("bob")
        keys.press("Enter")
        ala.sees("bob", "#place")
        keys.type("psst")  # goes where one writes
        keys.press("Enter")
        assert bob.line() == "PRIV_FROM ala psst"
        keys.press("Alt+ArrowDown")
        ala.sees("General", "#place")
        assert ala.page.get_attribute("#rooms .place >> nth=0", "aria-current") == "true"
        keys.go("quit", "Shift+Tab")
        keys.press("Enter")
        ala.page.wait_for_selector("#door:not([hidden])")


def test_what_the_keyboard_opens_escape_closes(browser, server):
    with tab(browser, server.port, "ala") as ala:
        keys = Keyboard(ala.page)
        keys.press("Control+k")
        assert keys.place == "words"
        keys.press("Escape")
        assert not ala.page.is_visible("#search")
        assert keys.place == "text"
        keys.press("Control+/")
        ala.page.wait_for_selector("#help[open]")
        keys.press("Escape")
        ala.page.wait_for_selector("#help", state="hidden")
        assert keys.place == "text"


def test_a_phone_shows_one_thing_at_a_time(browser, server):
    with tab(browser, server.port, "ala", **PHONE) as ala:
        page = ala.page
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert not page.is_visible("#left") and not page.is_visible("#people")
        page.tap("[data-open=left]")
        page.wait_for_selector("#left")
        assert page.evaluate("document.getElementById('main').inert")
        page.keyboard.press("Escape")
        assert not page.is_visible("#left")
        assert page.evaluate("document.activeElement.dataset.open") == "left"
        for panel, beside in (("left", 310), ("people", 10)):
            page.tap(f"[data-open={panel}]")
            page.wait_for_selector(f"#{panel}")
            page.touchscreen.tap(beside, 300)
            assert not page.is_visible(f"#{panel}")
        with RawClient(server.port, nick="bob"):
            page.tap("[data-open=people]")
            page.tap("#users .person:has-text('bob')")
            ala.sees("bob", "#place")
            assert not page.is_visible("#people")
            assert not page.evaluate("document.getElementById('main').inert")


def test_persian_runs_from_right_to_left(browser, server):
    with company(server.port), tab(browser, server.port, "ala", locale="fa-IR") as ala:
        page = ala.page
        ala.sees("/kitchen")
        assert page.get_attribute("html", "dir") == "rtl"
        assert page.get_attribute("html", "lang") == "fa"
        left, main, people = (page.locator(each).bounding_box()["x"] for each in PANELS)
        assert left > main > people
        directions = page.locator("#rows .text").evaluate_all(
            "all => all.map(each => getComputedStyle(each).direction)"
        )
        edges = page.locator("#rows .head .text").evaluate_all(
            """all => all.map((each) => {
              const text = document.createRange();
              text.selectNodeContents(each);
              return Math.round(text.getBoundingClientRect().right);
            })"""
        )
        assert len(set(edges)) == 1  # near those who said it
        assert directions == ["ltr", "ltr", "rtl", "ltr"]
        page.keyboard.press("Control+/")
        keys = page.locator("#help dt").evaluate_all(
            "all => all.map(dt => [...dt.children].map(key => key.getBoundingClientRect().x))"
        )
        assert keys == [sorted(each) for each in keys]
        page.keyboard.press("Escape")
        page.click("[data-dialog=settings] >> visible=true")
        page.select_option("#language", "pl")
        ala.sees("Ustawienia", "#settings")
        page.keyboard.press("Escape")
        assert page.get_attribute("html", "dir") == "ltr"
        page.reload()
        ala.sees("Pokoje", "#left")


PANELS = ("#left", "#main", "#people")


def test_screen_readers_hear_what_is_new(browser, server):
    with RawClient(server.port, nick="bob") as bob, tab(browser, server.port, "ala") as ala:
        log = ala.page.get_by_role("log", name="Messages in")
        ala.until("document.getElementById('log').ariaLive == 'polite'")  # the past was no news
        bob.send("PUB one")
        bob.send("PUB two")
        ala.sees("two")
        assert "bob:\ntwo" in log.inner_text()  # though the eye sees no name there
        for role in ("navigation", "main", "complementary"):
            assert ala.page.get_by_role(role).count() == 1
        assert ala.page.get_by_role("heading", name="General").count() == 1


def test_every_nicks_colour_can_be_read(browser, server):
    """In both themes: its own on the ground, and white on it (4.5 to 1)."""
    measure = """
        () => {
          const often = { willReadFrequently: true };
          const canvas = document.createElement("canvas").getContext("2d", often);
          const light = (colour) => {
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((byte) => {
              const part = byte / 255;
              return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
          };
          const contrast = (one, other) => {
            const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
            return (bright + 0.05) / (dark + 0.05);
          };
          const ground = getComputedStyle(document.body).backgroundColor;
          const row = document.querySelector("#rows .head");
          const face = row.querySelector(".avatar");
          const name = row.querySelector(".nick");
          const found = [];
          for (let hue = 0; hue < 360; hue += 5) {
            for (const each of [face, name]) each.style.setProperty("--hue", hue);
            found.push(contrast(getComputedStyle(name).color, ground));
            found.push(contrast(getComputedStyle(face).backgroundColor, "white"));
          }
          return Math.min(...found);
        }
    """
    with tab(browser, server.port, "ala") as ala:
        ala.write("hello")
        ala.sees("hello")
        for theme in ("light", "dark"):
            ala.page.evaluate("name => (document.documentElement.dataset.theme = name)", theme)
            assert ala.page.evaluate(measure) >= 4.5, theme
