"""Talking with the client library: both clients, every dialect, a real server."""

import contextlib
import threading
import time

import pytest

from chat import RawClient
from chatcli import GENERAL, CommandError, Failed, Notice, Parted, Said, Told
from chatd.testing import running_server
from clients import DIALECTS, chat_server, open_client, said_by, until

pytestmark = pytest.mark.usefixtures("nothing_is_left_behind")


def refusal(ask, *args, **settings):
    """The code of what is refused."""
    with pytest.raises(CommandError) as caught:
        ask(*args, **settings)
    assert caught.value.text
    return caught.value.code


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


def test_a_plain_client_sees_a_well_behaved_one():
    """S0-29: LOGIN first; nothing but the grammar of the document until something is asked."""
    with running_server() as server, RawClient(server.port, nick="ola") as ola:
        with open_client("threads", server.port, "ala", "crlf", resume=False) as ala:
            ala.say("hello")
            assert ola.line() == "PUB_MSG hello"
            ola.send("PUB hi")
            assert until(ala, lambda event: True) == [Said(GENERAL, "", "hi")]
