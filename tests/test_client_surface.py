"""The client library as its users write it: what it exports, and what it refuses at once."""

import inspect
import ssl

import pytest

import chatcli
from chatcli import AsyncChatClient, ChatClient, CommandError, Missed, NotConnected
from clients import CLIENTS, chat_server, open_client

pytestmark = pytest.mark.usefixtures("nothing_is_left_behind")


def surface(client):
    return {
        name: member
        for name, member in inspect.getmembers(client)
        if not name.startswith("_") and name not in ("connect",)
    }


def test_the_two_clients_have_the_same_surface():
    one, other = surface(ChatClient), surface(AsyncChatClient)
    assert set(one) == set(other)
    for name, member in one.items():
        if isinstance(member, property):
            assert member is other[name]
            continue
        mine, theirs = inspect.signature(member), inspect.signature(other[name])
        assert list(mine.parameters.values()) == list(theirs.parameters.values()), name
        assert inspect.getdoc(member) == inspect.getdoc(other[name]), name
        if name == "events":
            assert inspect.isasyncgenfunction(other[name])
        else:
            assert inspect.iscoroutinefunction(other[name])
            assert mine.return_annotation == theirs.return_annotation
    assert inspect.signature(ChatClient) == inspect.signature(AsyncChatClient)


def test_what_chatcli_exports_is_there():
    for name in chatcli.__all__:
        assert getattr(chatcli, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Chat'"):
        chatcli.Chat  # noqa: B018  # looking it up is the point


def test_missed_is_an_event_of_the_library():
    assert Missed(0, 0) == chatcli.Missed(0, 0)
    assert CLIENTS["threads"] is ChatClient


def test_what_makes_no_sense():
    with pytest.raises(ValueError, match="there is no dialect x: there are crlf, json"):
        ChatClient(nick="bot", dialect="x")
    with pytest.raises(CommandError):
        ChatClient(nick="a b")
    with pytest.raises(NotConnected):
        ChatClient(nick="bot").say("hi")


@pytest.mark.parametrize(
    "settings",
    [
        {"ca": "ca.pem"},
        {"ca": "ca.pem", "tls": ssl.create_default_context()},
        {"tls": "yes"},
        {"timeout": 0},
        {"keepalive": 0},
        {"dialect": "latin"},
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("client", [ChatClient, AsyncChatClient])
def test_settings_that_make_no_sense(client, settings):
    with pytest.raises(ValueError):
        client("localhost", 1, nick="ala", **settings)


def test_a_page_has_one_edge(kind):
    with chat_server() as server, open_client(kind, server.ports["json"], "bot") as bot:
        with pytest.raises(ValueError, match="before an id, or after one"):
            bot.history(before=2, after=1)


def test_a_client_connects_once(kind):
    with chat_server() as server:
        with open_client(kind, server.ports["json"], "bot") as bot:
            with pytest.raises(RuntimeError, match="connects once"):
                if kind == "threads":
                    bot.connect()
                else:
                    bot.run(bot.client.connect())


def test_times_of_months(kind):
    month = 30 * 86_400.0
    with chat_server() as server:
        settings = {"timeout": month, "keepalive": month}
        with open_client(kind, server.ports["json"], "ala", **settings) as ala:
            assert ala.users() == ["ala"]
