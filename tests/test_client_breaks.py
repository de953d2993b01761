"""Connections of the client library that break or fall silent: what its calls say of that."""

import asyncio
import contextlib
import threading
import time

import pytest

from chat import PATIENCE, RawClient, wait_until
from chatcli import (
    AsyncChatClient,
    Disconnected,
    NoAnswer,
    NotConnected,
    ReconnectFailed,
    Said,
    Unconfirmed,
)
from clients import QUICK, Proxy, chat_server, open_client, said_by, until
from foreign import foreign_server

pytestmark = pytest.mark.usefixtures("nothing_is_left_behind")


def test_a_server_that_answers_nothing_any_more(kind):
    """And a busy room is no answer."""

    def serve(peer):
        peer.login("bot")
        while line := peer.line():
            peer.send("PUB_MSG busy")
            if line == b"PUB hello\r\n":
                break
        peer.sock.settimeout(0.02)
        with contextlib.suppress(ConnectionError):  # it leaves what was said unread
            while True:
                peer.send("PUB_MSG busy")
                with contextlib.suppress(TimeoutError):
                    if not peer.sock.recv(100):
                        return

    with foreign_server(serve) as port:
        settings = {"timeout": 0.3, "reconnect": False, "resume": False}
        with open_client(kind, port, "bot", "crlf", **settings) as bot:
            with pytest.raises(NoAnswer):
                bot.say("hello")
            with pytest.raises(NotConnected):
                bot.say("again")
            *said, gone = bot.events()
            assert {event.text for event in said} == {"busy"}
            assert isinstance(gone, Disconnected)


def test_a_connection_that_has_vanished_is_noticed(kind):
    """Without a word from the client's user."""
    with chat_server() as server, Proxy(server.ports["json"]) as proxy:
        settings = {"timeout": 1.0, "keepalive": 0.1, "reconnect": False}
        with open_client(kind, proxy.port, "bot", **settings) as bot:
            time.sleep(0.5)
            assert bot.connected, "a server that answers is there"
            proxy.go_deaf()
            *_, gone = bot.events()
            assert gone == Disconnected("no answer from the server within 1 seconds")


def test_the_connection_breaks_before_the_answer(kind, dialect):
    """It was said, but the client cannot know; it must not say it again."""
    with chat_server() as server:
        with (
            open_client("threads", server.ports["json"], "eve") as eve,
            Proxy(server.ports[dialect]) as proxy,
            open_client(kind, proxy.port, "bot", dialect) as bot,
        ):
            proxy.go_deaf()
            wrong = []

            def say():
                try:
                    bot.say("hello?")
                except Unconfirmed:
                    wrong.append("unconfirmed")

            thread = threading.Thread(target=say)
            thread.start()
            said_by(eve, "bot", "hello?")
            proxy.cut()
            thread.join()
            assert wrong == ["unconfirmed"]
            bot.say("back")
            between = said_by(eve, "bot", "back")
            assert not [event for event in between if isinstance(event, Said)]


def test_calls_wait_for_the_connection_and_give_up(kind):
    with chat_server() as server, Proxy(server.ports["json"]) as proxy:
        with open_client(kind, proxy.port, "bot", timeout=0.5) as bot:
            proxy.target = 1  # where nobody listens
            proxy.cut()
            until(bot, lambda event: isinstance(event, Disconnected))
            with pytest.raises(NotConnected, match="nothing was sent"):
                bot.say("hello")
            with pytest.raises(NotConnected, match="nothing was sent"):
                bot.say("hello", wait=False)
            assert not bot.connected
            proxy.target = server.ports["json"]
            wait_until(lambda: bot.connected)
            assert bot.history() == []


def test_who_gives_up_waiting_takes_back_what_was_not_sent():
    async def talk(proxy, target):
        settings = {"nick": "ala", "backoff": QUICK, "timeout": PATIENCE}
        async with AsyncChatClient("127.0.0.1", proxy.port, **settings) as ala:
            proxy.target = 1
            proxy.cut()
            async for event in ala:
                if isinstance(event, Disconnected):
                    break
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await ala.say("never")
            assert ala.trouble
            proxy.target = target
            await ala.say("now")
            assert not ala.trouble

    with chat_server() as server, RawClient(server.ports["crlf"], nick="ola") as ola:
        with Proxy(server.ports["json"]) as proxy:
            asyncio.run(talk(proxy, proxy.target))
        assert ola.line() == "PUB_MSG now"


def test_coming_back_that_fails_is_told(kind):
    with chat_server() as server, Proxy(server.ports["json"]) as proxy:
        with open_client(kind, proxy.port, "bot") as bot:
            proxy.target = 1
            proxy.cut()
            gone, *failed = (event for event, _ in zip(bot.events(), range(4), strict=False))
            assert isinstance(gone, Disconnected)
            assert all(isinstance(event, ReconnectFailed) for event in failed)
            assert all(event.reason and event.delay <= QUICK.cap for event in failed)
            assert bot.trouble
