"""The client library: both clients, every dialect, a real server."""

import asyncio
import contextlib
import inspect
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

import chatcli
from chat import PATIENCE, RawClient, wait_until
from chatcli import (
    GENERAL,
    AsyncChatClient,
    ChatClient,
    CommandError,
    Disconnected,
    Failed,
    Joined,
    LoggedIn,
    LoggedOut,
    Lost,
    Missed,
    NoAnswer,
    NotConnected,
    Notice,
    Parted,
    ReconnectFailed,
    Renamed,
    Said,
    Told,
    Unconfirmed,
)
from chatd.limits import Limits
from chatd.testing import running_server
from clients import CLIENTS, DIALECTS, KINDS, QUICK, Proxy, chat_server, open_client, until
from test_chatcli_foreign import foreign_server


@pytest.fixture(params=KINDS)
def kind(request):
    """Each client in turn."""
    return request.param


@pytest.fixture(params=DIALECTS)
def dialect(request):
    """Each dialect in turn."""
    return request.param


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "chatcli-client"]


def refusal(ask, *args, **settings):
    """The code of what is refused."""
    with pytest.raises(CommandError) as caught:
        ask(*args, **settings)
    assert caught.value.text
    return caught.value.code


def said_by(client, nick, text, room=GENERAL):
    """Wait for a message, and give what came before it."""
    *before, said = until(client, lambda event: isinstance(event, Said) and event.text == text)
    assert said.room == room
    assert said.nick in (nick, "")
    return before


# -- the two of them -------------------------------------------------------------------------


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


# -- talking ---------------------------------------------------------------------------------


def test_a_conversation(kind, dialect):
    """D-1, D-6: say, tell, users, rename, and what others do; whatever is spoken."""
    with chat_server(greeting="Hej hej") as server:
        with (
            open_client("threads", server.ports["json"], "eve") as eve,
            open_client(kind, server.ports[dialect], "bot", dialect) as bot,
        ):
            assert bot.nick == "bot"
            assert bot.connected
            assert not bot.closed
            assert sorted(bot.users()) == ["bot", "eve"]
            bot.say("hello  all")
            said_by(eve, "bot", "hello  all")
            bot.say("/quit")  # which is no command here
            said_by(eve, "bot", "/quit")
            bot.tell("EVE", "psst")
            *_, told = until(eve, lambda event: isinstance(event, Told))
            assert told == Told("bot", "eve", "psst")
            eve.say("welcome")
            eve.tell("bot", "yes?")
            assert until(bot, lambda event: isinstance(event, Told)) == [
                Notice("Hej hej"),
                Said(GENERAL, "" if dialect == "crlf" else "eve", "welcome"),
                Told("eve", "bot", "yes?"),
            ]
            bot.tell("bot", "to myself")
            (told,) = until(bot, lambda event: True)
            assert (told.sender, told.recipient, told.text) == ("bot", "bot", "to myself")
            bot.rename("Bot2")
            assert bot.nick == "Bot2"
            assert sorted(bot.users()) == ["Bot2", "eve"]
        assert bot.closed
        assert not bot.connected


def test_rooms(kind, dialect):
    """D-6: rooms are created, entered, spoken in and left."""
    with chat_server() as server:
        with (
            open_client(kind, server.ports[dialect], "bot", dialect) as bot,
            open_client("threads", server.ports["words"], "eve", "words") as eve,
        ):
            bot.create("tea")
            assert bot.rooms() == eve.rooms() == [GENERAL, "tea"]
            assert bot.joined == [GENERAL]
            bot.join("tea")
            eve.join("Tea")
            assert bot.joined == [GENERAL, "tea"]
            bot.say("a cup?", "tea")
            said_by(eve, "bot", "a cup?", "tea")
            eve.say("please", "tea")
            said_by(bot, "eve", "please", "tea")
            bot.leave("tea")
            assert bot.joined == [GENERAL]
            assert refusal(bot.say, "still here?", "tea") == "not-a-member"
            (parted,) = until(eve, lambda event: True)
            assert parted == Parted("tea", "bot")


def test_what_is_refused(kind, dialect):
    """Errors have the same codes everywhere, and nothing was done."""
    with chat_server() as server:
        with (
            open_client("threads", server.ports["json"], "eve") as eve,
            open_client(kind, server.ports[dialect], "bot", dialect) as bot,
        ):
            assert refusal(bot.tell, "nobody", "hi") == "no-such-user"
            assert refusal(bot.say, "hi", "nowhere") == "no-such-room"
            assert refusal(bot.join, "nowhere") == "no-such-room"
            assert refusal(bot.leave, "nowhere") == "no-such-room"
            assert refusal(bot.create, GENERAL) == "room-exists"
            assert refusal(bot.join, GENERAL) == "already-a-member"
            assert refusal(bot.rename, "EVE") == "nick-taken"
            assert refusal(bot.rename, "a/b") == "bad-name"
            assert refusal(bot.say, " ") == "empty-message"
            assert refusal(bot.say, "x" * 10_000) == "too-long"
            assert refusal(bot.ask, "dance") == "unknown-command"
            for name in ("", "a b", "a\nPUB b"):
                for ask in (bot.join, bot.create, bot.leave, bot.rename):
                    assert refusal(ask, name) == "bad-name"
                assert refusal(bot.tell, name, "hi") == "bad-name"
                assert refusal(bot.say, "hi", name) == "bad-name"
            assert refusal(bot.ask, "PUB hi") == "unknown-command"
            assert bot.nick == "bot"
            assert bot.joined == [GENERAL]
            bot.say("two\nlines")
            heard = [
                event.text for event in said_by(eve, "bot", "two lines") if type(event) is Said
            ]
            assert heard == (["/dance"] if dialect == "slash" else [])  # S1-17


def test_history(kind, dialect):
    """D-6: ids and texts are the same in every dialect, and so is reading on."""
    with chat_server() as server:
        with open_client(kind, server.ports[dialect], "bot", dialect) as bot:
            begun = time.time()
            assert bot.history() == []
            for number in range(5):
                bot.say(f"text: {number}")
            last = bot.history(2)
            assert [record.event.text for record in last] == ["text: 3", "text: 4"]
            assert {record.event.nick for record in last} == {"bot"}
            assert all(abs(record.time - begun) < 90 for record in last)
            ids = [record.id for record in bot.history(500)]
            assert len(ids) == 5
            assert ids == sorted(ids)
            before = bot.history(2, before=last[0].id)
            assert [record.id for record in before] == ids[1:3]
            after = bot.history(1, after=ids[0])
            assert [record.id for record in after] == ids[1:2]
            assert bot.history(5, after=ids[-1]) == []
            assert refusal(bot.history, 0) == "bad-value"
            assert refusal(bot.history, room="nowhere") == "no-such-room"
            assert refusal(bot.history, room="@eve") == "not-kept"


def test_ids_are_the_same_in_every_dialect(tmp_path):
    with chat_server(store=f"sqlite:///{tmp_path}/history.db", store_private=True) as server:
        with open_client("threads", server.ports["crlf"], "bot", "crlf") as bot:
            bot.say("hello")
            bot.tell("bot", "note")
            public, private = bot.history(1), bot.history(1, "@bot")
        found = []
        for dialect in DIALECTS:
            with open_client("threads", server.ports[dialect], "bot", dialect) as bot:
                found.append((bot.history(1)[0].id, bot.history(1, "@bot")[0].id))
                assert isinstance(bot.history(1, "@bot")[0].event, Told)
        assert set(found) == {(public[0].id, private[0].id)}


def test_any_other_command(kind, dialect):
    """D-6: what the server answers is given as it was said."""
    with chat_server() as server:
        with open_client(kind, server.ports[dialect], "bot", dialect) as bot:
            told = [event.text for event in bot.ask("stats")]
            assert told[0] == "store none"
            assert told[1].startswith("last_id ")
            (whoami,) = bot.ask("whoami")
            assert whoami.nick == "bot"
            for verb in ("help", "userlist", "users"):  # what the client itself may use for a mark
                with contextlib.suppress(CommandError):  # not every dialect has it
                    bot.ask(verb)
                assert bot.users() == ["bot"]
            bot.ask("stats")
            assert list(bot.events(timeout=0)) == []


@pytest.mark.parametrize("verb", ["say", "tell"])
def test_without_waiting(kind, dialect, verb):
    """What is not waited for is said all the same, in order, and a refusal is an event."""
    with chat_server() as server:
        with open_client("threads", server.ports["crlf"], "eve", "crlf") as eve:
            with open_client(kind, server.ports[dialect], "bot", dialect) as bot:
                for number in range(200):
                    if verb == "say":
                        bot.say(str(number), wait=False)
                    else:
                        bot.tell("eve", str(number), wait=False)
                bot.tell("nobody", "hi", wait=False)
                *_, failed = until(bot, lambda event: isinstance(event, Failed))
                assert failed.code == "no-such-user"
                bot.say("the last one", wait=False)
            heard = until(eve, lambda event: event.text == "the last one")
            assert [event.text for event in heard[:-1]] == [str(number) for number in range(200)]


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


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_both_families(kind, host):
    with running_server(host="::1" if host == "::1" else "127.0.0.1", dialect="json") as server:
        with open_client(kind, server.port, "bot", host=host) as bot:
            assert bot.users() == ["bot"]


def test_the_port_for_all(kind):
    """D-5: json, crlf and words are recognised by their first words."""
    with running_server() as server:
        for dialect in ("json", "crlf", "words"):
            with open_client(kind, server.port, "bot", dialect) as bot:
                bot.say("hello")
                assert [record.event.text for record in bot.history(1)] == ["hello"]


def test_many_threads_at_once():
    """Each gets the answer to its own question."""
    with chat_server() as server:
        with open_client("threads", server.ports["crlf"], "bot", "crlf") as bot:
            wrong = []

            def work(number):
                for turn in range(20):
                    room = f"room-{number}-{turn}"
                    bot.create(room)
                    bot.join(room)
                    if room not in bot.rooms() or refusal(bot.join, room) != "already-a-member":
                        wrong.append(room)
                    if refusal(bot.say, "hi", f"no-{room}") != "no-such-room":
                        wrong.append(room)
                    bot.leave(room)

            threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert wrong == []


# -- coming and going ------------------------------------------------------------------------


def test_nobody_is_there(kind):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        with open_client(kind, port, "bot"):
            pass


def test_a_host_that_is_none(kind):
    with pytest.raises(OSError):
        with open_client(kind, 5555, "bot", host="no host at all"):
            pass


@pytest.mark.parametrize("bad", ["eve", "a/b"])
def test_a_nick_that_is_refused(kind, dialect, bad):
    with chat_server() as server:
        with open_client("threads", server.ports["json"], "eve") as eve:
            with pytest.raises(CommandError) as caught:
                with open_client(kind, server.ports[dialect], bad, dialect):
                    pass
            assert caught.value.code == ("nick-taken" if bad == "eve" else "bad-name")
            wait_until(lambda: eve.users() == ["eve"], "the end of the other")


def test_what_makes_no_sense():
    with pytest.raises(ValueError, match="there is no dialect x: there are crlf, json"):
        ChatClient(nick="bot", dialect="x")
    with pytest.raises(CommandError):
        ChatClient(nick="a b")
    with pytest.raises(NotConnected):
        ChatClient(nick="bot").say("hi")


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


def test_a_server_that_never_answers_the_login(kind):
    """The connection is there, but nothing comes."""

    def serve(peer):
        assert peer.line() == b"LOGIN bot\r\n"
        assert peer.line() == b""

    with foreign_server(serve) as port:
        with pytest.raises(TimeoutError, match=r"no answer .* within 0\.1 seconds"):
            with open_client(kind, port, "bot", "crlf", timeout=0.1):
                pass


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


def test_closing_while_a_connection_hangs(kind):
    """A server that takes no connection: closing does not wait for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        taken = []

        def take():
            peer, _ = listener.accept()
            taken.append(peer)
            peer.recv(100)
            peer.sendall(b"OK\r\n")

        thread = threading.Thread(target=take)
        thread.start()
        port = listener.getsockname()[1]
        with open_client(kind, port, "bot", "crlf", timeout=3600.0, resume=False) as bot:
            thread.join()
            crowd = [socket.socket() for _ in range(3)]
            for sock in crowd:  # more than wait there
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", port))
            taken[0].close()
            until(bot, lambda event: isinstance(event, Disconnected))
            time.sleep(0.1)  # it may connect at once: what is tested holds at any moment
        for sock in crowd:
            sock.close()


def test_ctrl_c_at_any_moment_leaves_no_lock_behind():
    """As long as it waits for events; each round it comes a little later."""
    program = """
import sys
from chatcli import ChatClient
try:
    with ChatClient("127.0.0.1", int(sys.argv[1]), nick="bot", dialect="rooms") as bot:
        print("here", flush=True)
        while True:
            list(bot.events(timeout=0))
except KeyboardInterrupt:
    print("gone")
"""
    with chat_server() as server:
        for moment in range(0, 20, 3):
            command = [sys.executable, "-c", program, str(server.ports["rooms"])]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as bot:
                assert bot.stdout.readline() == b"here\n"
                time.sleep(moment / 10_000)
                bot.send_signal(signal.SIGINT)
                try:
                    assert bot.communicate(timeout=PATIENCE)[0] == b"gone\n"
                finally:
                    bot.kill()


def test_the_nick_is_free_when_the_client_is_closed(kind, dialect):
    with chat_server() as server:
        for _ in range(20):
            with open_client(kind, server.ports[dialect], "bot", dialect):
                pass


def test_closing_while_there_is_no_server(kind):
    with chat_server() as server, Proxy(server.ports["json"]) as proxy:
        with open_client(kind, proxy.port, "bot") as bot:
            proxy.target = 1
            proxy.cut()
            until(bot, lambda event: isinstance(event, Disconnected))


def test_what_was_said_last_is_not_lost_by_closing(kind, dialect):
    with chat_server() as server:
        with open_client("threads", server.ports["json"], "eve") as eve:
            with open_client(kind, server.ports[dialect], "bot", dialect) as bot:
                for number in range(50):
                    bot.say(str(number), wait=False)
            heard = said_by(eve, "bot", "49")
            assert [event.text for event in heard if isinstance(event, Said)] == [
                str(number) for number in range(49)
            ]


def test_a_server_that_talks_nonsense(kind):
    def serve(peer):
        peer.login("bot")
        with contextlib.suppress(ConnectionError):
            peer.sock.sendall(b"x" * 2**22)
            while peer.sock.recv(1000):  # to close now could throw away what is on its way
                pass

    with foreign_server(serve) as port:
        with pytest.raises(ConnectionError, match="nonsense"):
            with open_client(kind, port, "bot", "crlf"):
                pass


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


def test_a_plain_client_sees_a_well_behaved_one():
    """S0-29: LOGIN first; nothing but the grammar of the document until something is asked."""
    with running_server() as server, RawClient(server.port, nick="ola") as ola:
        with open_client("threads", server.port, "ala", "crlf", resume=False) as ala:
            ala.say("hello")
            assert ola.line() == "PUB_MSG hello"
            ola.send("PUB hi")
            assert until(ala, lambda event: True) == [Said(GENERAL, "", "hi")]


def test_missed_is_an_event_of_the_library():
    assert Missed(0, 0) == chatcli.Missed(0, 0)
    assert CLIENTS["threads"] is ChatClient


# -- what is easily got wrong ----------------------------------------------------------------------


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


def test_a_client_that_was_never_connected_has_no_events():
    with pytest.raises(NotConnected):
        next(iter(ChatClient(nick="ala")))

    async def take():
        async for _ in AsyncChatClient(nick="ala"):
            pass

    with pytest.raises(NotConnected):
        asyncio.run(take())


def test_times_of_months(kind):
    month = 30 * 86_400.0
    with chat_server() as server:
        settings = {"timeout": month, "keepalive": month}
        with open_client(kind, server.ports["json"], "ala", **settings) as ala:
            assert ala.users() == ["ala"]


@pytest.mark.parametrize("dialect", ["json", "words"])
def test_a_nick_that_was_changed_by_other_words(kind, dialect):
    """However it was asked for: what is said under it is one's own."""
    with chat_server() as server, RawClient(server.ports["crlf"], nick="ola") as ola:
        with open_client(kind, server.ports[dialect], "ala", dialect) as ala:
            ala.ask("rename", "neo")
            assert ala.nick == "neo"
            ala.say("hello")
            assert ola.line() == "PUB_MSG hello"
            ola.send("PUB over")
            (said,) = [e for e in until(ala, lambda e: isinstance(e, Said)) if isinstance(e, Said)]
            assert said.text == "over"


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


def test_a_server_that_is_full(kind, dialect):
    with chat_server(limits=Limits(clients=1)) as server, RawClient(server.port, nick="ola"):
        with pytest.raises(CommandError) as caught:
            with open_client(kind, server.ports[dialect], "ala", dialect):
                pass
    assert caught.value.code == "full"


def test_who_never_came_in_has_not_said_anything(kind):
    """A server that hangs up at the door: that is no reason to wonder what it has carried out."""
    with foreign_server(lambda peer: peer.line()) as port:
        with pytest.raises(NotConnected, match="^the server closed the connection$"):
            with open_client(kind, port, "ala", "crlf"):
                pass
