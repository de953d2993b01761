"""Events of the client library: what others do, and how it is taken."""

import asyncio
import threading

import pytest

from chat import PATIENCE, wait_until
from chatcli import (
    GENERAL,
    AsyncChatClient,
    ChatClient,
    Joined,
    LoggedIn,
    LoggedOut,
    Lost,
    NotConnected,
    Notice,
    Parted,
    Renamed,
    Said,
)
from chatcli.client import calls
from chatcli.client.inbox import Inbox
from clients import chat_server, open_client, until
from presences import Life

pytestmark = pytest.mark.usefixtures("nothing_is_left_behind")


def test_what_others_do(kind):
    """json and words tell of coming, going and names."""
    with chat_server() as server:
        for dialect in ("json", "words"):
            with open_client(kind, server.ports[dialect], "bot", dialect) as bot:
                bot.ask("create", f"tea-{dialect}")
                bot.join(f"tea-{dialect}")
                with open_client("threads", server.ports["crlf"], "eve", "crlf") as eve:
                    eve.join(f"tea-{dialect}")
                    eve.leave(f"tea-{dialect}")
                    eve.rename("eva")
                    eve.say("bye")
                seen = until(bot, lambda event: isinstance(event, LoggedOut))
                wanted = [
                    LoggedIn("eve"),
                    Joined(f"tea-{dialect}", "eve"),
                    Parted(f"tea-{dialect}", "eve"),
                    Said(GENERAL, "eva", "bye"),
                    LoggedOut("eva", ""),
                ]
                if dialect == "json":
                    wanted.insert(3, Renamed("eve", "eva"))
                assert seen == wanted


def test_an_inbox_loses_the_oldest():
    inbox = Inbox(3)
    for number in range(3):
        inbox.add(Notice(str(number)))
    assert inbox.take() == Notice("0")
    for number in range(3, 8):
        inbox.add(Notice(str(number)))
    assert [inbox.take() for _ in range(4)] == [
        Lost(4),
        Notice("5"),
        Notice("6"),
        Notice("7"),
    ]
    assert not inbox
    for event in (Lost(10), Notice("a"), Notice("b"), Notice("c")):
        inbox.add(event)
    assert inbox.take() == Lost(10)


def test_events_that_nobody_takes(kind):
    """The oldest are lost, and answers are read all the same."""
    with chat_server() as server:
        with (
            open_client("threads", server.ports["json"], "eve") as eve,
            open_client(kind, server.ports["rooms"], "bot", "rooms", most=10) as bot,
        ):
            for number in range(25):
                eve.say(str(number))
            assert sorted(bot.users()) == ["bot", "eve"]
            lost, *said = bot.events(timeout=0)
            assert lost == Lost(15)
            assert [event.text for event in said] == [str(number) for number in range(15, 25)]
            eve.say("next")
            (event,) = until(bot, lambda event: True)
            assert event.text == "next"


def test_an_iteration_can_be_broken_off_and_taken_up(kind):
    with chat_server() as server:
        with (
            open_client("threads", server.ports["json"], "eve") as eve,
            open_client(kind, server.ports["json"], "bot") as bot,
        ):
            eve.say("one")
            eve.say("two")
            assert [event.text for event in until(bot, lambda event: True)] == ["one"]
            assert [event.text for event in until(bot, lambda event: True)] == ["two"]
            assert list(bot.events(timeout=0.01)) == []


def test_a_client_that_was_never_connected_has_no_events():
    with pytest.raises(NotConnected):
        next(iter(ChatClient(nick="ala")))

    async def take():
        async for _ in AsyncChatClient(nick="ala"):
            pass

    with pytest.raises(NotConnected):
        asyncio.run(take())


def test_events_end_when_the_client_is_closed_elsewhere(kind):
    with chat_server() as server:
        with open_client(kind, server.ports["json"], "bot") as bot:
            seen = []
            thread = threading.Thread(target=lambda: seen.extend(bot.events()))
            thread.start()
            with open_client("threads", server.ports["json"], "eve") as eve:
                eve.say("hello")
            wait_until(lambda: any(isinstance(event, LoggedOut) for event in seen))
            if kind == "threads":
                bot.close()
            else:
                bot.run(bot.client.close())
            thread.join(PATIENCE)
            assert not thread.is_alive()
            with pytest.raises(NotConnected):
                bot.say("too late")


def test_notices_that_belong_to_no_answer_are_events():
    life = Life().enter()
    pending, _ = life.call(calls.users())
    life.server("NOTICE it is late", "USERS ala", "USERS ala")
    assert pending.outcome() == ["ala"]
    assert life.told() == [Notice("it is late")]
