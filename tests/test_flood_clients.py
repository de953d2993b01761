"""Clients that are too fast for a server: they are told, and count nothing as refused."""

import subprocess

from chatcli import Notice, Said
from chatd.dialects.notices import is_slow_down, slow_down
from chatd.flood import Pace
from clients import chat_server, open_client, until
from piped import command, environment


def test_a_paste_through_chatcli(client_engine, dialect):
    """It waits for its end as long as the server goes on, and counts nothing as refused."""
    login = {"slash": "0\nala\n", "words": "login ala\n", "rooms": ""}.get(dialect, "")
    say = {"words": "msgall ", "rooms": "public General "}.get(dialect, "")
    name = ("-l", "ala") if dialect in ("crlf", "json", "rooms") else ()
    with chat_server(flood=Pace(10, 100.0)) as server:
        with open_client("threads", server.ports["json"], "ola") as ola:
            line = command(server.ports[dialect], "--dialect", dialect, *name)
            typed = login + "".join(f"{say}{n}\n" for n in range(25))
            options = ["--engine", client_engine, "--timeout", "8"]
            done = subprocess.run(
                [*line, *options], input=typed.encode(), capture_output=True, env=environment()
            )
            assert (done.returncode, done.stderr) == (0, b"")
            heard = until(ola, lambda event: isinstance(event, Said) and event.text == "24")
            said = [event.text for event in heard if isinstance(event, Said)]
            assert said == [str(n) for n in range(25)]


def test_a_program_that_talks_fast(kind, dialect):
    """R-16: it is told, and hears of every message that it was said."""
    with chat_server(flood=Pace(10, 100.0)) as server:
        with open_client(kind, server.ports[dialect], "bot", dialect, timeout=2.0) as bot:
            for n in range(20):
                bot.say(str(n), wait=False)
            bot.say("the end")
            news = [event for event in bot.events(timeout=0) if isinstance(event, Notice)]
            assert [event for event in news if is_slow_down(event)]


def test_the_notice_is_known_again():
    assert is_slow_down(slow_down(0.5))
    assert not is_slow_down(Said("General", "ala", slow_down(1.0).text))
    assert slow_down(0.5).text.endswith(" (0.5 a second)")
