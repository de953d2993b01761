"""The web page when the connection breaks: it comes back, and nothing is lost or there twice."""

import pytest

from browser import Wire, running_browser, tab
from chat import RawClient
from chatd.admins import make_admins
from chatd.testing import running_server


@pytest.fixture(scope="module")
def browser():
    with running_browser() as running:
        yield running


@pytest.fixture
def settings(tmp_path):
    return {"web": True, "store": f"sqlite:///{tmp_path}/history.db"}


def test_a_reload_goes_on_where_it_was(browser, settings):
    with running_server(**settings) as server, RawClient(server.port, nick="bob") as bob:
        with tab(browser, server.port, "ala-1") as ala:
            for text in ("/create tea", "/join tea", "a cup?"):
                ala.write(text)
            ala.sees("a cup?")
            bob.send("JOIN tea")
            ala.sees("bob⁩ has joined the room")  # else there is no room when ala goes
            ala.page.goto("about:blank")
            bob.send("SAY tea while you were away")
            bob.send("PUB general news")
            ala.page.goto(f"http://127.0.0.1:{server.port}/")
            ala.sees("while you were away")
            ala.shows(["a cup?", "while you were away"])
            ala.sees("New messages")
            ala.sees("1 unread message", "#rooms .place:has-text('General')")
            ala.open("General")
            ala.shows(["general news"])


@pytest.mark.parametrize("kept", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_private_messages_are_there_again_if_the_server_keeps_them(browser, settings, kept):
    with running_server(**settings, store_private=kept) as server:
        with RawClient(server.port, nick="bob") as bob, tab(browser, server.port, "ala") as ala:
            bob.send("PRIV ala psst")
            ala.page.click("#talks .place")
            ala.write("yes?")
            assert bob.line() == "OK"
            assert bob.line() == "PRIV_FROM ala yes?"
            ala.page.fill("#text", "between us")
            ala.page.goto("about:blank")
            bob.close()
            ala.page.goto(f"http://127.0.0.1:{server.port}/")
            ala.sees("bob", "#place")
            ala.sees("bob⁩ has gone")
            ala.page.wait_for_selector("#beginning")
            assert "between us" not in ala.page.evaluate("sessionStorage['chatd.tab']")
            ala.shows(["psst", "yes?"] if kept else [])


def test_a_restarted_server_is_waited_for(browser, settings):
    """What others said meanwhile is there once, in order, in each room."""
    with running_server(**settings) as server:
        port = server.port
        opened = tab(browser, port, "ala")
        ala = opened.__enter__()
        for text in ("/create tea", "/join tea", "a cup?"):
            ala.write(text)
        ala.sees("a cup?")
        ala.open("General")
        with RawClient(port, nick="bob") as bob:
            bob.send("PUB before")
            ala.sees("before")
    with running_server(**settings, port=port) as server:
        with RawClient(port, nick="bob") as bob:
            for n in range(3):
                bob.send(f"PUB meanwhile {n}")
            bob.send("CREATE tea")
            bob.send("JOIN tea")
            bob.send("SAY tea in the room")
            ala.page.evaluate("window.dispatchEvent(new Event('online'))")
            ala.sees("meanwhile 2")
            bob.send("PUB after")
            ala.sees("after")
            ala.shows(
                [
                    "before",
                    "meanwhile 0",
                    "meanwhile 1",
                    "meanwhile 2",
                    "after",
                ]
            )
            ala.open("tea")
            ala.sees("in the room")
            ala.shows(["a cup?", "in the room"])
        opened.__exit__(None, None, None)


def test_a_server_without_a_store_forgets_and_the_page_goes_on(browser):
    with running_server(web=True) as server:
        port = server.port
        opened = tab(browser, port, "ala")
        ala = opened.__enter__()
        for text in ("/create tea", "/join tea", "a cup?"):
            ala.write(text)
        ala.sees("a cup?")
    with running_server(web=True, port=port):
        ala.page.evaluate("window.dispatchEvent(new Event('online'))")
        ala.page.wait_for_selector("#status:empty", state="attached")
        ala.write("another one?")
        ala.page.wait_for_selector(".message:not(.sending):has-text('another one?')")
        ala.shows(["a cup?", "another one?"])
        opened.__exit__(None, None, None)


@pytest.mark.soak
def test_what_is_said_during_many_breaks_is_there_once(browser, settings):
    """Live messages and those of the history come together, more than fit into one page."""
    wire = Wire()
    with running_server(**settings) as server, RawClient(server.port, nick="bob") as bob:
        with tab(browser, server.port, "ala", prepare=wire) as ala:
            said = 0
            for length in (3, 700, 5):
                ala.write(f"before {length}")
                ala.sees(f"before {length}")
                wire.works = False
                wire.cut()
                ala.sees("Not connected", "#status")
                for _ in range(length):
                    bob.send(f"PUB message {said}")
                    said += 1
                wire.works = True
                ala.page.evaluate("window.dispatchEvent(new Event('online'))")
                ala.page.wait_for_selector("#status:empty", state="attached")
                bob.send(f"PUB message {said}")
                said += 1
                ala.sees(f"message {said - 1}")
                ala.until(
                    "n => document.querySelectorAll('.message .text').length == n",
                    said + {3: 1, 700: 2, 5: 3}[length],
                )
            texts = [text for text in ala.messages() if text.startswith("message")]
            assert texts == [f"message {n}" for n in range(said)]


def test_a_break_while_it_fetches_what_was_missed(browser, settings):
    """What has come live in between is not where the next one goes on."""
    wire = Wire()
    with running_server(**settings) as server, RawClient(server.port, nick="bob") as bob:
        with tab(browser, server.port, "ala", prepare=wire) as ala:
            bob.send("PUB one")
            ala.sees("one")
            wire.works = False
            wire.cut()
            ala.sees("Not connected", "#status")
            bob.send("PUB two")
            wire.works, wire.mute = True, "history"
            ala.page.evaluate("window.dispatchEvent(new Event('online'))")
            ala.page.wait_for_selector("#status:empty", state="attached")
            bob.send("PUB three")
            ala.sees("three")
            wire.mute = ""
            wire.cut()
            ala.sees("two")
            ala.shows(["one", "two", "three"])


def test_a_message_of_which_nobody_knows(browser, settings):
    """One that the server has got is marked as sent by the history, the other may be sent again."""
    wire = Wire()
    with running_server(**settings) as server, RawClient(server.port, nick="bob") as bob:
        with tab(browser, server.port, "ala", prepare=wire) as ala:
            ala.write("the first")
            ala.page.wait_for_selector(".message:not(.sending):has-text('the first')")
            wire.deaf, wire.mute = True, "the third"
            ala.write("the second")
            ala.write("the third")
            assert bob.line() == "PUB_MSG the first"
            assert bob.line() == "PUB_MSG the second"
            ala.page.wait_for_selector(".sending:has-text('the third')")
            wire.deaf, wire.mute, wire.works = False, "", False
            wire.cut()
            ala.page.wait_for_selector(".unsure:has-text('the second')")
            assert not ala.page.is_visible("text=Send again")  # where to?
            ala.page.reload()  # and the tab still knows
            ala.page.wait_for_selector(".unsure:has-text('the third')")
            wire.works = True
            ala.page.evaluate("window.dispatchEvent(new Event('online'))")
            ala.page.wait_for_selector(".message:not(.unsure):has-text('the second')")
            assert ala.page.inner_text(".unsure .text") == "the third"
            ala.page.click("text=Send again")
            assert bob.line() == "PUB_MSG the third"
            ala.page.wait_for_selector(".unsure", state="detached")
            ala.shows(["the first", "the second", "the third"])


def test_nothing_is_sent_while_there_is_no_connection(browser, settings):
    wire = Wire()
    with running_server(**settings) as server:
        with tab(browser, server.port, prepare=wire) as ala:
            wire.works = False
            ala.page.fill("#nick", "ala")
            ala.page.press("#nick", "Enter")
            ala.sees("The server cannot be reached.", "#door-error")
            wire.works = True
            ala.enter("ala")
            ala.write("/create tea")
            ala.write("/join tea")
            ala.sees("tea", "#place")
            assert ala.page.is_enabled("#leave")
            wire.works = False
            wire.cut()
            ala.sees("Not connected", "#status")
            ala.page.wait_for_selector("#leave:disabled")
            ala.write("hello?")
            ala.sees("What you wrote is kept here.", "#hint")
            assert ala.page.input_value("#text") == "hello?"


def test_the_nick_is_still_taken_for_a_while(browser, settings):
    """By our own connection, which the server takes for alive."""
    wire = Wire()
    with running_server(**settings) as server:
        with tab(browser, server.port, "ala", prepare=wire) as ala:
            ala.sees("ala⁩ has come")
            old = wire.cut(both=False)
            ala.sees("Not connected", "#status")
            ala.page.evaluate("window.dispatchEvent(new Event('online'))")
            while len(wire.sockets) < 2:  # it tries more than once
                ala.page.wait_for_timeout(50)
                ala.page.evaluate("window.dispatchEvent(new Event('online'))")
            assert ala.page.is_visible("#app")
            ala.sees("Your nick is still taken", "#status")
            old.close()
            ala.page.evaluate("window.dispatchEvent(new Event('online'))")
            ala.page.wait_for_selector("#status:empty", state="attached")
            ala.sees("ala", "#me")


@pytest.mark.soak
def test_a_dead_network_is_noticed(browser, settings):
    """When nothing comes, not even an answer to a question."""
    wire = Wire()
    with running_server(**settings) as server:
        with tab(browser, server.port, prepare=wire) as ala:
            ala.page.clock.install()
            ala.enter("ala")
            ala.sees("ala⁩ has come")
            ala.page.clock.run_for(31_000)
            while '"event":"you"' not in "".join(wire.given):  # the answer to "whoami"
                ala.page.wait_for_timeout(10)
            ala.page.clock.run_for(20_000)
            assert ala.page.inner_text("#status") == ""
            wire.deaf = True
            ala.page.clock.run_for(50_000)
            ala.sees("Not connected", "#status")


def test_who_is_kicked_does_not_come_back(browser, settings):
    admins = make_admins(["root"], "s3cret of root")
    with running_server(**settings, admins=admins) as server:
        with RawClient(server.port, nick="bob") as bob, tab(browser, server.port, "ala") as ala:
            assert bob.ask("OPER root s3cret of root") == "NOTICE you are a moderator now"
            bob.send("PRIV ala psst")
            ala.sees("bob", "#talks")
            ala.page.evaluate("dispatchEvent(new Event('pagehide'))")  # what it is, is kept
            with ala.page.expect_navigation():
                bob.send("KICK ala enough of that")
            ala.sees("enough of that", "#door-error")  # and not waiting for the connection
            assert ala.page.title() == "chatd"
            ala.enter("ola")  # who is somebody else
            ala.sees("ola⁩ has come")
            assert ala.page.locator("#talks .place").count() == 0
            ala.page.click("#quit")
            ala.page.wait_for_selector("#door:not([hidden])")
            assert ala.page.inner_text("#door-error") == ""


@pytest.mark.parametrize("safe", [True, False])
def test_a_copy_of_a_tab_is_asked_for_another_nick(browser, settings, safe):
    """Browsers have locks only where nobody could have changed the page on the way."""

    def prepare(tab):
        if not safe:
            tab.context.add_init_script("delete Navigator.prototype.locks")

    with running_server(**settings) as server:
        with tab(browser, server.port, "ala", prepare=prepare) as ala:
            ala.page.evaluate("dispatchEvent(new Event('pagehide'))")  # what it is, is kept
            patience = "const wait = AbortSignal.timeout; AbortSignal.timeout = () => wait(300)"
            ala.context.add_init_script(patience)
            with ala.context.expect_page() as copy:
                ala.page.evaluate("void open('/')")
            copy.value.wait_for_selector("#door:not([hidden])")
            copy.value.wait_for_selector("#door-error:has-text('This nick is taken.')")
            assert ala.page.is_visible("#app")


def test_who_goes_has_gone(browser, settings):
    with running_server(**settings) as server:
        with tab(browser, server.port, "ala") as ala:
            ala.sees("ala⁩ has come")
            ala.page.click("#quit")
            ala.page.wait_for_selector("#door:not([hidden])")
            assert ala.page.input_value("#nick") == "ala"
            assert not ala.page.is_visible("#unloaded")
            assert ala.page.evaluate("sessionStorage.length") == 0


def test_what_is_missing_is_told(browser, settings):
    """By its number, or, behind a crash, that it may be."""
    show = """async () => {
        const { fill } = await import("/static/js/rows.js");
        const row = document.createElement("div");
        return [3, undefined].map((count) => {
            fill(row, { kind: "missed", count }, { fold: 0 }, {});
            return row.textContent;
        });
    }"""
    with running_server(**settings) as server, tab(browser, server.port, "ala") as ala:
        assert ala.page.evaluate(show) == [
            "3 messages are not stored here",
            "What was said last before a crash of the server may be missing here",
        ]
