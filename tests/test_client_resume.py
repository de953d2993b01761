"""Clients that come back: what they missed comes once, in order, and what is missing is said."""

import contextlib

import pytest

from chat import chatd_process, wait_until
from chatcli import (
    GENERAL,
    ChatClient,
    CommandError,
    Disconnected,
    Failed,
    Missed,
    Reconnected,
    Said,
    Told,
)
from clients import DIALECTS, Proxy, chat_server, open_client, until


def texts(events):
    """What was said, and the client's own news by their names."""
    told = (Said, Told, Missed, Disconnected, Reconnected, Failed)
    return [
        event.text if isinstance(event, Said | Told) else type(event).__name__
        for event in events
        if isinstance(event, told)
    ]


def up_to(client, text):
    """What a client is told up to a message."""
    return texts(until(client, lambda event: isinstance(event, Said) and event.text == text))


# -- the connection breaks -------------------------------------------------------------------


def test_what_was_missed(kind, dialect):
    """Once, in order, from all rooms; neither what was seen nor one's own; also the same text."""
    with chat_server() as server:
        with (
            open_client("threads", server.ports["json"], "eve") as eve,
            Proxy(server.ports[dialect]) as proxy,
            open_client(kind, proxy.port, "bot", dialect) as bot,
        ):
            eve.create("tea")
            eve.join("tea")
            bot.join("tea")
            for _ in range(3):
                eve.say("same")
                eve.say("same", "tea")
                bot.say("same")
                bot.say("mine", "tea")
            seen = [next(bot.events()).text for _ in range(6)]
            assert seen == ["same"] * 6
            target, proxy.target = proxy.target, 1
            proxy.cut()
            until(bot, lambda event: isinstance(event, Disconnected))
            for number in range(3):
                eve.say("same")
                eve.say(f"{number}: tea", "tea")
            proxy.target = target
            wait_until(lambda: bot.connected)
            eve.say("live")
            wanted = ["same", "0: tea", "same", "1: tea", "same", "2: tea", "Reconnected", "live"]
            assert up_to(bot, "live") == wanted
            assert bot.joined == [GENERAL, "tea"]
            assert texts(bot.events(timeout=0)) == []


@pytest.mark.soak
def test_again_and_again(kind, dialect):
    """While somebody talks all the time: nothing is lost or told twice, wherever it breaks."""
    with chat_server(store="none") as server:
        with (
            open_client("threads", server.ports["crlf"], "eve", "crlf") as eve,
            Proxy(server.ports[dialect]) as proxy,
            open_client(kind, proxy.port, "bot", dialect) as bot,
        ):
            for number in range(300):
                eve.say(str(number))
                if number % 50 == 25:
                    proxy.cut()
                    wait_until(lambda: not bot.connected)
                    for late in range(5):
                        eve.say(f"{number}-{late}")
                    wait_until(lambda: bot.connected)
            eve.say("end")
            said = [text for text in up_to(bot, "end") if text not in NEWS]
            wanted = []
            for number in range(300):
                wanted.append(str(number))
                wanted += [f"{number}-{late}" for late in range(5) if number % 50 == 25]
            assert said == [*wanted, "end"]


NEWS = ("Disconnected", "Reconnected")


def test_more_than_a_page_was_missed(kind, dialect, tmp_path):
    """All of it is read; of what nobody takes the oldest are lost, and counted."""
    with chat_server(store=f"sqlite:///{tmp_path}/history.db") as server:
        with (
            open_client("threads", server.ports["crlf"], "eve", "crlf") as eve,
            Proxy(server.ports[dialect]) as proxy,
            open_client(kind, proxy.port, "bot", dialect) as bot,
            open_client(kind, proxy.port, "lazy", dialect, most=100) as lazy,
        ):
            target, proxy.target = proxy.target, 1
            proxy.cut()
            until(bot, lambda event: isinstance(event, Disconnected))
            for number in range(650):
                eve.say(str(number), wait=False)
            eve.users()
            proxy.target = target
            wanted = [str(number) for number in range(650)]
            assert texts(until(bot, lambda event: isinstance(event, Reconnected)))[:-1] == wanted
            wait_until(lambda: lazy.connected)
            lost, *rest = lazy.events(timeout=0)
            rest = [event.text for event in rest if isinstance(event, Said)]
            assert rest == wanted[-len(rest) :]
            assert lost.count >= 500


@pytest.mark.soak
def test_the_bookmark_moves_while_people_talk(kind, dialect):
    """Else all that was said since the login would be asked for again."""
    with chat_server() as server:
        with (
            open_client("threads", server.ports["crlf"], "eve", "crlf") as eve,
            Proxy(server.ports[dialect]) as proxy,
            open_client(kind, proxy.port, "bot", dialect) as bot,
        ):
            presence = bot.client._presence if kind == "coroutines" else bot._presence
            bookmark = presence._bookmark
            first = bookmark.id
            for number in range(2500):
                eve.say(str(number), wait=False)
            eve.say("now")
            assert len(up_to(bot, "now")) == 2501
            wait_until(lambda: bookmark.id > first)
            assert len(bookmark.heard) < 2500
            target, proxy.target = proxy.target, 1
            proxy.cut()
            wait_until(lambda: not bot.connected)
            eve.say("missed")
            proxy.target = target
            wait_until(lambda: bot.connected)
            eve.say("live")
            assert up_to(bot, "live") == ["Disconnected", "missed", "Reconnected", "live"]


def test_the_nick_is_still_taken_by_the_half_dead_connection(kind, dialect):
    """It is tried again until the server knows."""
    with chat_server() as server:
        with (
            open_client("threads", server.ports["json"], "eve") as eve,
            Proxy(server.ports[dialect]) as proxy,
            open_client(kind, proxy.port, "bot", dialect) as bot,
        ):
            proxy.cut_clients()
            until(bot, lambda event: isinstance(event, Disconnected))
            eve.say("missed")
            wait_until(lambda: proxy.accepted >= 3)
            assert not bot.connected
            assert "bot" in eve.users()
            proxy.cut()
            assert texts(until(bot, lambda event: isinstance(event, Reconnected))) == [
                "missed",
                "Reconnected",
            ]


def test_after_a_rename(kind, dialect):
    """The new nick counts, and what was said under the old one is one's own, too."""
    with chat_server() as server:
        with (
            Proxy(server.ports[dialect]) as proxy,
            open_client(kind, proxy.port, "bot", dialect) as bot,
        ):
            bot.say("as bot")
            bot.rename("tob")
            bot.say("as tob")
            proxy.cut()
            news = texts(until(bot, lambda event: isinstance(event, Reconnected)))
            assert news == ["Disconnected", "Reconnected"]
            assert bot.users() == ["tob"]


def test_who_has_left_general_stays_out_of_it(kind):
    with chat_server() as server:
        with (
            Proxy(server.ports["crlf"]) as proxy,
            open_client(kind, proxy.port, "bot", "crlf") as bot,
        ):
            bot.leave(GENERAL)
            proxy.cut()
            until(bot, lambda event: isinstance(event, Reconnected))
            with pytest.raises(CommandError):
                bot.say("hello")


def test_without_resume(kind, dialect):
    with chat_server() as server:
        with (
            open_client("threads", server.ports["json"], "eve") as eve,
            Proxy(server.ports[dialect]) as proxy,
            open_client(kind, proxy.port, "bot", dialect, resume=False) as bot,
        ):
            target, proxy.target = proxy.target, 1
            proxy.cut()
            until(bot, lambda event: isinstance(event, Disconnected))
            eve.say("missed")
            proxy.target = target
            until(bot, lambda event: isinstance(event, Reconnected))
            eve.say("live")
            assert up_to(bot, "live") == ["live"]


def test_without_reconnect(kind):
    with chat_server() as server:
        with (
            Proxy(server.ports["json"]) as proxy,
            open_client(kind, proxy.port, "bot", reconnect=False) as bot,
        ):
            proxy.cut()
            assert texts(bot.events()) == ["Disconnected"]
            assert bot.closed


# -- the server is killed --------------------------------------------------------------------


@contextlib.contextmanager
def server_process(folder, ports, store):
    """Run chatd with every dialect, on the ports of the last time."""
    listen = [f"--listen={dialect}=127.0.0.1:{ports.get(dialect, 0)}" for dialect in DIALECTS]
    with chatd_process(folder, "--store", store, *listen) as process:
        for line in (folder / "ports").read_text().splitlines():
            dialect, _, port = line.split()
            ports[dialect] = int(port)
        yield process


def stored(client):
    """Whether all that was said is stored."""
    stats = dict(event.text.split(" ", 1) for event in client.ask("stats"))
    return stats["stored_id"] == stats["last_id"]


def test_the_server_is_killed_and_started_again(kind, tmp_path):
    """Clients of all dialects get what is said before they are back, and learn of the gap."""
    ports, store = {}, f"sqlite:///{tmp_path}/history.db"
    with contextlib.ExitStack() as stack:
        with server_process(tmp_path, ports, store) as process:
            bots = {
                dialect: stack.enter_context(open_client(kind, ports[dialect], dialect, dialect))
                for dialect in DIALECTS
            }
            with open_client("threads", ports["words"], "eve", "words") as eve:
                eve.create("tea")
                eve.join("tea")
                for bot in bots.values():
                    bot.join("tea")
                for text in ("a", "b", "a"):
                    eve.say(text)
                    eve.say(f"{text} in tea", "tea")
                wait_until(lambda: stored(eve))
                for bot in bots.values():
                    seen = ["a", "a in tea", "b", "b in tea", "a", "a in tea"]
                    assert texts(bot.events(timeout=0.1)) == seen
                process.kill()
                process.wait()
        with server_process(tmp_path, ports, store):
            with open_client("threads", ports["crlf"], "eve", "crlf") as eve:
                for bot in bots.values():
                    wait_until(lambda: bot.connected)  # noqa: B023  # called at once
                eve.say("a")
                eve.join("tea")
                eve.say("b", "tea")
                for bot in bots.values():
                    news = texts(
                        until(bot, lambda event: isinstance(event, Said) and event.room == "tea")
                    )
                    assert news in (
                        ["Disconnected", "Missed", "Reconnected", "a", "b"],
                        ["Disconnected", "Missed", "a", "Reconnected", "b"],
                    )
                    assert texts(bot.events(timeout=0)) == []


def test_what_was_said_before_one_is_back(kind, dialect, tmp_path):
    """The server is started anew, and others are faster."""
    store = f"sqlite:///{tmp_path}/history.db"
    with Proxy(1) as proxy, contextlib.ExitStack() as stack:
        with chat_server(store=store) as server:
            proxy.target = server.ports[dialect]
            bot = stack.enter_context(open_client(kind, proxy.port, "bot", dialect))
            with open_client("threads", server.ports["json"], "eve") as eve:
                eve.say("before")
                assert up_to(bot, "before") == ["before"]
            proxy.target = 1
        until(bot, lambda event: isinstance(event, Disconnected))
        with chat_server(store=store) as server:
            with open_client("threads", server.ports["json"], "eve") as eve:
                eve.say("before")
                eve.say("early")
                proxy.target = server.ports[dialect]
                news = texts(until(bot, lambda event: isinstance(event, Reconnected)))
                assert news == ["before", "early", "Reconnected"]


def test_a_server_without_a_store_is_started_anew(kind, dialect):
    """What it does not have any more is said to be missing."""
    with Proxy(1) as proxy, contextlib.ExitStack() as stack:
        with chat_server(store="none") as server:
            proxy.target = server.ports[dialect]
            bot = stack.enter_context(open_client(kind, proxy.port, "bot", dialect))
            with open_client("threads", server.ports["json"], "eve") as eve:
                eve.say("before")
                assert up_to(bot, "before") == ["before"]
            proxy.target = 1
        until(bot, lambda event: isinstance(event, Disconnected))
        with chat_server(store="none") as server:
            with open_client("threads", server.ports["json"], "eve") as eve:
                eve.say("early")
                proxy.target = server.ports[dialect]
                news = texts(until(bot, lambda event: isinstance(event, Reconnected)))
                assert news == ["Missed", "early", "Reconnected"]


@pytest.mark.parametrize("dialect", ["crlf", "json", "words", "rooms"])
def test_a_server_without_any_history(kind, dialect):
    """It cannot be known what was missed, and that is said."""
    with chat_server(no_plugin=frozenset({"history"})) as server:
        with (
            open_client("threads", server.ports["json"], "eve") as eve,
            Proxy(server.ports[dialect]) as proxy,
            open_client(kind, proxy.port, "bot", dialect) as bot,
        ):
            eve.say("seen")
            assert up_to(bot, "seen") == ["seen"]
            proxy.cut()
            news = texts(until(bot, lambda event: isinstance(event, Reconnected)))
            assert news == ["Disconnected", "Missed", "Reconnected"]


def test_two_thousand_messages_and_a_kill(tmp_path):
    """Whatever is confirmed as stored arrives, once and in order."""
    ports, store = {}, f"sqlite:///{tmp_path}/history.db"
    with server_process(tmp_path, ports, store) as process:
        bot = ChatClient("127.0.0.1", ports["json"], nick="bot").connect()
        try:
            with open_client("threads", ports["crlf"], "eve", "crlf") as eve:
                for number in range(1000):
                    eve.say(str(number), wait=False)
                wait_until(lambda: stored(eve))
                process.kill()
                process.wait()
            with server_process(tmp_path, ports, store):
                with open_client("threads", ports["crlf"], "eve", "crlf") as eve:
                    for number in range(1000, 2000):
                        eve.say(str(number), wait=False)
                    eve.say("end")
                heard = up_to(bot, "end")
        finally:
            bot.close()
    assert [text for text in heard if text.isdecimal()] == [str(number) for number in range(2000)]
    others = [text for text in heard if not text.isdecimal() and text != "Reconnected"]
    assert others == ["Disconnected", "Missed", "end"]
