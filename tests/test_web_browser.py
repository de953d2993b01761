"""The web page in a browser: what people do in it, and what it makes of what others do."""

import pytest

from browser import Wire, running_browser, tab
from chat import RawClient
from chatd.testing import running_server

NASTY = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<b>bold</b> &amp; &lt;i&gt;",
    "javascript:alert(1)",
    'https://example.org/"onmouseover="alert(1)',
]


@pytest.fixture(scope="module")
def browser():
    with running_browser() as running:
        yield running


@pytest.fixture
def server():
    with running_server(web=True) as running:
        yield running


@pytest.fixture
def stored(tmp_path):
    with running_server(web=True, store=f"sqlite:///{tmp_path}/history.db") as running:
        yield running


def test_everybody_chats_with_everybody(browser, server):
    """Two browsers and a client of crlf: public, private, a room, and what is unread."""
    with RawClient(server.port, nick="raw") as raw:
        with tab(browser, server.port, "ala") as ala, tab(browser, server.port, "bob") as bob:
            ala.write("hello everybody")
            bob.sees("hello everybody")
            assert raw.line() == "PUB_MSG hello everybody"
            raw.send("PUB hello from a terminal")
            ala.sees("hello from a terminal")

            bob.page.click("#users .person:has-text('ala')")
            bob.sees("ala", "#place")
            bob.write("psst")
            ala.sees("1 unread message", "#talks")
            assert ala.page.title() == "(1) General · chatd"
            ala.open("bob")
            assert ala.messages() == ["psst"]
            ala.until("document.title == '@bob · chatd'")
            assert "psst" not in bob.page.inner_text("#rooms")

            ala.page.click("#browse")
            ala.page.fill("#room-name", "tea")
            ala.sees("Create", "#enter-room")
            ala.page.press("#room-name", "Enter")
            ala.sees("tea", "#place")
            bob.page.click("#browse")
            bob.page.click("[aria-label*='Join'][aria-label*='tea']")
            ala.sees("bob⁩ has joined the room")
            bob.write("green or black?")
            ala.sees("green or black?")
            ala.page.click("#leave")
            ala.sees("General", "#place")
            bob.sees("ala⁩ has left the room")
            assert ala.page.locator("#rooms .place").count() == 1


def test_over_tls(browser, certificate):
    files = {"tls_cert": certificate.chain, "tls_key": certificate.key}
    with running_server(web=True, **files) as server:
        safe = {"scheme": "https", "ignore_https_errors": True}
        with (
            tab(browser, server.port, "ala", **safe) as ala,
            tab(browser, server.port, "bob") as bob,
        ):
            ala.write("hello by TLS")
            bob.sees("hello by TLS")


def test_without_javascript_it_says_how_to_join(browser, server):
    with tab(browser, server.port, java_script_enabled=False) as page:
        assert "This page needs JavaScript." in page.page.inner_text("noscript")
        page.shot("noscript")


def test_a_module_that_is_missing(browser, server):
    def prepare(page):
        page.page.route("**/js/rows.js", lambda route: route.abort("connectionfailed"))

    with tab(browser, server.port, prepare=prepare) as page:
        page.sees("could not be loaded", "#unloaded")


def test_another_nick(browser, server):
    with tab(browser, server.port, "ala") as ala, tab(browser, server.port, "bob") as bob:
        ala.page.click("#me")
        ala.page.fill("#new-nick", "bob")
        ala.page.press("#new-nick", "Enter")
        ala.sees("This nick is taken.", "#rename-error")
        ala.page.fill("#new-nick", "ola")
        ala.page.press("#new-nick", "Enter")
        ala.page.wait_for_selector("#rename", state="hidden")
        bob.sees("ala⁩ is ⁨ola⁩ now")
        ala.sees("ola", "#me")
        assert ala.page.evaluate("localStorage['chatd.nick']") == "ola"


def test_a_nick_that_cannot_be_had_is_asked_for_again(browser, server):
    with RawClient(server.port, nick="ala"), tab(browser, server.port) as page:
        page.page.fill("#nick", "ala")
        page.page.press("#nick", "Enter")
        page.sees("This nick is taken.", "#door-error")
        page.enter("ola")
        page.sees("ola", "#me")


def test_what_people_say_stays_text(browser, stored):
    """Live, in the history and in what a search finds."""
    with RawClient(stored.port, nick="eve") as eve:
        with tab(browser, stored.port, "ala") as ala:
            eve.send("CREATE <b>room")
            eve.send("JOIN <b>room")
            for text in NASTY:
                eve.send(f"PUB {text}")
            ala.sees("onmouseover")
            texts = ala.messages()
            assert texts == NASTY

            def is_harmless():
                assert ala.page.locator("#app :is(img, script, b, i, iframe)").count() == 0
                links = ala.page.locator("#app a").evaluate_all("all => all.map(a => a.href)")
                assert set(links) <= {"https://example.org/"}

            is_harmless()
            link = ala.page.locator("#rows a")
            assert link.get_attribute("rel") == "noopener noreferrer"
            assert link.get_attribute("target") == "_blank"
            ala.page.click("#browse")
            ala.sees("<b>room", "#room-list")
            ala.page.keyboard.press("Escape")
            ala.page.reload()
            ala.sees("onmouseover")
            assert ala.messages() == NASTY
            ala.page.keyboard.press("Control+k")
            ala.page.fill("#words", "alert")
            ala.page.press("#words", "Enter")
            ala.sees("onerror", "#results")
            is_harmless()


def test_the_end_of_a_sentence_is_not_the_links(browser, server):
    with tab(browser, server.port, "ala") as ala:
        ala.write("(see https://a.example/x_(y), http://b.example/?q=1&r=2!) ftp://c.example")
        ala.sees("see")
        links = ala.page.locator("#rows a").evaluate_all("all => all.map(a => a.textContent)")
        assert links == ["https://a.example/x_(y)", "http://b.example/?q=1&r=2"]


def test_commands_and_slashes(browser, server):
    with tab(browser, server.port, "ala") as ala:
        ala.write("/whoami")
        ala.sees("You are ala", "#rows .notice")
        ala.write("/dance")
        ala.sees("There is no such command", "#rows .failed")
        ala.write("//shrug")
        ala.sees("/shrug", "#rows .message:not(.sending)")
        assert ala.messages() == ["/shrug"]
        ala.write("/create tea")
        ala.write("/join tea")
        ala.sees("tea", "#place")
        ala.page.fill("#text", "one")
        ala.page.press("#text", "Shift+Enter")
        ala.page.keyboard.type("two")
        ala.page.press("#text", "Enter")
        ala.sees("two")
        assert ala.messages() == ["one\ntwo"]
        ala.open("General")
        ala.write("/leave General")
        ala.sees("You have left this room")
        assert ala.messages() == ["/shrug"]
        ala.page.click("#browse")
        ala.page.click("[aria-label*='Join'][aria-label*='General']")
        ala.sees("ala⁩ has joined the room")
        ala.write("/quit")
        ala.page.wait_for_selector("#door:not([hidden])")


def test_what_is_too_long_is_not_sent(browser, server):
    with tab(browser, server.port, "ala") as ala:
        text = "ż\n" * 80 + "ż" * 1900  # in JSON a line break is two bytes
        ala.page.fill("#text", text)
        ala.sees("bytes too long", "#hint")
        over = int(ala.page.inner_text("#hint").split()[0])
        assert ala.page.is_disabled("#send")
        ala.page.press("#text", "Enter")
        assert ala.page.input_value("#text") == text
        ala.write(text[:-over])
        ala.page.click("#rows .message:not(.sending) >> text=more lines")
        assert ala.messages() == [text[:-over]]
        ala.page.keyboard.press("Control+k")
        ala.page.fill("#words", "ż" * 2100)
        ala.page.press("#words", "Enter")
        ala.sees("The message is too long.", "#search-state")


def test_drafts_wait(browser, server):
    with tab(browser, server.port, "ala") as ala:
        ala.write("/create tea")
        ala.write("/join tea")
        ala.sees("tea", "#place")
        ala.page.fill("#text", "not yet")
        ala.page.keyboard.press("Alt+ArrowUp")
        ala.sees("General", "#place")
        assert ala.page.input_value("#text") == ""
        ala.page.reload()
        ala.page.wait_for_selector("#rooms .place:has-text('tea')")
        ala.page.keyboard.press("Alt+ArrowDown")
        ala.sees("tea", "#place")
        assert ala.page.input_value("#text") == "not yet"


def test_who_writes_on_behind_a_command_means_where_it_leads(browser, server):
    """Be the text begun or sent; and if the command fails nobody else gets it."""
    wire = Wire()
    with tab(browser, server.port, "ala", prepare=wire) as ala:
        wire.hold = "create"
        for text in ("/create tea", "/join tea", "a cup?"):
            ala.write(text)
        ala.page.type("#text", "or t")
        wire.release()
        ala.sees("tea", "#place")
        ala.page.type("#text", "wo?")
        ala.page.wait_for_selector(".message:not(.sending):has-text('a cup?')")
        assert ala.page.input_value("#text") == "or two?"
        ala.page.fill("#text", "")
        ala.open("General")
        wire.hold = "join"
        for text in ("/join coffee", "black"):
            ala.write(text)
        ala.page.wait_for_selector(".message.sending:has-text('black')")
        wire.release()
        ala.sees("There is no such room.", ".message.failed")
        assert ala.page.is_visible("text=Send again")


def test_scrolling_up_loads_what_is_older(browser, stored):
    """And leaves the reader where he is, also when something new comes."""
    with RawClient(stored.port, nick="bob") as bob:
        for n in range(180):
            bob.send(f"PUB message {n}")
        with tab(browser, stored.port, "ala") as ala:
            ala.sees("message 179")
            loaded = len(ala.messages())
            assert loaded <= 100
            first = ala.messages()[0]
            place = (
                "text => [...document.querySelectorAll('#rows .text')]"
                ".find(each => each.textContent == text).getBoundingClientRect().top"
            )
            ala.page.evaluate("document.querySelector('#log').scrollTop = 300")
            before = ala.page.evaluate(place, first)
            ala.until("n => document.querySelectorAll('#rows .text').length > n", loaded)
            assert abs(ala.page.evaluate(place, first) - before) < 2
            bob.send("PUB something new")
            ala.sees("1", "#jump-count")
            assert abs(ala.page.evaluate(place, first) - before) < 2
            ala.page.click("#jump")
            ala.sees("something new")
            ala.sees("New messages", "#rows .new")
            while not ala.page.is_visible("#beginning"):
                ala.page.evaluate("document.querySelector('#log').scrollTop = 0")
                ala.page.wait_for_timeout(20)
            assert ala.messages()[:180] == [f"message {n}" for n in range(180)]


@pytest.mark.soak
def test_a_long_room_keeps_the_page_small(browser, server):
    with RawClient(server.port, nick="bob") as bob, tab(browser, server.port, "ala") as ala:
        bob.send(b"".join(b"PUB message %d\r\n" % n for n in range(2200)))
        ala.sees("message 2199")
        assert ala.page.locator("#rows > *").count() <= 2000
        assert ala.messages()[-3:] == ["message 2197", "message 2198", "message 2199"]


def test_search_goes_to_the_place(browser, stored):
    with RawClient(stored.port, nick="bob") as bob:
        bob.send("PUB who brings the cake?")
        bob.send("PUB and the tea?")
        bob.send(b"".join(b"PUB message %d\r\n" % n for n in range(1200)))
        with tab(browser, stored.port, "ala") as ala:
            ala.sees("message 1199")
            ala.page.keyboard.press("Control+k")
            ala.page.keyboard.type("cake")
            ala.page.keyboard.press("Enter")
            ala.sees("1 message found", "#search-state")
            assert ala.page.inner_text("#results .hit .text") == "who brings the cake?"
            assert "and the tea?" in ala.page.inner_text("#results .near .text >> nth=-1")
            ala.shot("search")
            ala.page.click("#results .hit button")
            ala.page.wait_for_selector(".row.flash:has-text('who brings the cake?')")
            ala.page.fill("#words", "nowhere")
            ala.page.press("#words", "Enter")
            ala.sees("Nothing was found.", "#search-state")


def test_what_comes_while_nobody_looks(browser, server):
    """It is counted in the title, drawn under a line, and told by the system if one wishes so."""

    def prepare(page):
        page.context.add_init_script(
            """
            let away = false;
            Object.defineProperty(document, "hidden", { get: () => away });
            window.leave = (is) => {
              away = is;
              document.dispatchEvent(new Event("visibilitychange"));
            };
            window.told = [];
            window.Notification = class {
              static permission = "default";
              static async requestPermission() { return (this.permission = "granted"); }
              constructor(title, { body }) { told.push([title, body]); }
            };
            """
        )

    with RawClient(server.port, nick="bob") as bob:
        with tab(browser, server.port, "ala", prepare=prepare) as ala:
            ala.page.click("#left [data-dialog=settings]")
            ala.page.click("#notify")
            ala.until("Notification.permission == 'granted'")
            ala.page.keyboard.press("Escape")
            bob.send("PUB ala, you look, so nothing is told")
            ala.sees("nothing is told")
            assert ala.page.locator("#rows .new").count() == 0
            ala.page.evaluate("leave(true)")
            bob.send("PUB the chalalat")
            bob.send("PUB Ala: are you there?")
            for n in range(40):
                bob.send(f"PUB message {n}")
            bob.send("PRIV ala psst")
            ala.until("told.length == 2")
            assert ala.page.evaluate("told") == [
                ["⁨bob⁩ in ⁨General⁩", "Ala: are you there?"],
                ["bob", "psst"],
            ]
            assert ala.page.title() == "(43) General · chatd"
            ala.page.evaluate("leave(false)")
            ala.sees("New messages")  # from there one may read on
            top = ala.page.locator("#rows .new").bounding_box()["y"]
            assert 50 < top < 300
            ala.page.click("#jump")
            ala.until("document.title == '(1) General · chatd'")
            assert ala.page.locator(".row.mention").count() == 2


def test_what_is_long_is_folded(browser, server):
    with tab(browser, server.port, "ala") as ala:
        for n in range(3):
            RawClient(server.port, nick=f"guest{n}").close()
            ala.sees(f"guest{n}⁩ has gone")
        ala.sees("7 came and went")
        assert ala.page.locator(".row:visible").count() == 1
        ala.page.click("text=7 came and went")
        assert ala.page.locator(".row:visible").count() == 7
        text = ala.page.locator("#rows .text")
        ala.write("a" + "\n" * 200 + "b")
        ala.page.wait_for_selector(".message:not(.sending) >> text=Show 185 more lines")
        assert text.bounding_box()["height"] < 500
        ala.page.focus("text=Show 185 more lines")
        ala.page.keyboard.press("Enter")
        assert text.bounding_box()["height"] > 3000
        assert 0 < text.bounding_box()["y"] < 700  # it is read from its beginning
        assert "row" in ala.page.evaluate("document.activeElement.className")
        assert text.evaluate("text => getComputedStyle(text).overflow") == "clip"  # piled-up marks
