"""The activity log of -v: what it shows, what it never shows, and that nobody can forge it."""

import json
import logging
import os
import re
import resource
import sys
import time
from ast import literal_eval
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import PATIENCE, RawClient, chatd_process
from chatd.console import Console, WarningHandler, describe, printable, structured
from chatd.engines import peer_name
from chatd.events import (
    Connected,
    Disconnected,
    Done,
    Joined,
    LoggedIn,
    LoggedOut,
    Parted,
    Refused,
    Renamed,
    Said,
    Told,
    Users,
    Warned,
)
from chatd.taps import Tap, TapRunner

STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")


def lines_of(process, *clients):
    """End the server, and clients with it; return its log without time stamps."""
    process.terminate()
    for client in clients:
        assert client.rest() == b"ERROR the server is shutting down\r\n"
        client.close()
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert stderr == b""
    *lines, rest = stdout.decode().split("\n")
    assert rest == ""
    assert all(STAMP.match(line) for line in lines)
    return [STAMP.sub("", line) for line in lines]


def address(client):
    return peer_name(client.sock.getsockname())


def until_closed(client):
    client.send("QUIT")
    assert client.line() is None
    client.close()


def test_all_there_is_to_see(tmp_path, engine):
    """D-7: each event is one line: who, where, what, why; in the order of the chat."""
    with chatd_process(tmp_path, "-v", "--engine", engine, "--max-clients", "2") as process:
        ala = RawClient(process.port)
        assert ala.ask("LIST") == "ERROR log in first"
        ala.login("ala")
        ola = RawClient(process.port, "::1")
        assert ola.ask("LOGIN ala") == "ERROR nick ala is taken"
        assert ola.ask("LOGIN o@la") == "ERROR nick must not contain @"
        ola.login("ola")
        eva = RawClient(process.port)
        assert eva.ask("LOGIN eva") == "ERROR the server is full, try again later"
        assert eva.line() is None
        ala.send("PUB hello  all")
        assert ola.line() == "PUB_MSG hello  all"
        assert ola.ask("LOGIN Basia") == "OK"
        assert ola.ask("CREATE games") == "OK"
        assert ola.ask("JOIN games") == "OK"
        ola.send("SAY games your turn")
        assert ola.ask("LEAVE games") == "OK"
        where = [address(client) for client in (ala, ola, eva)]
        until_closed(ola)
        zoe = RawClient(process.port)
        where.append(address(zoe))
        until_closed(zoe)
        eva.close()
        log = lines_of(process, ala)
    assert log == [
        f"listening on [::]:{process.port} (auto), join with: chatcli -p {process.port} "
        f"or http://localhost:{process.port}/",
        f"connected from {where[0]}",
        f"logged in ala from {where[0]}",
        f"connected from {where[1]}",
        f"refused {where[1]}: nick ala is taken",
        f"refused {where[1]}: nick must not contain @",
        f"logged in ola from {where[1]}",
        f"connected from {where[2]}",
        f"refused {where[2]}: the server is full, try again later",
        f"disconnected {where[2]}: the server is full, try again later",
        "said in General by ala: hello  all",
        "renamed ola to Basia",
        "created room games by Basia",
        "joined games: Basia",
        "said in games by Basia: your turn",
        "parted games: Basia",
        "left Basia: quit",
        f"connected from {where[3]}",
        f"disconnected {where[3]}: quit",
        "left ala: the server stops",
    ]
    assert where[0].startswith("127.0.0.1:")
    assert where[1].startswith("[::1]:")


def test_each_way_to_leave_has_its_reason(tmp_path, engine):
    """D-7: the log says why somebody left."""
    with chatd_process(tmp_path, "-v", "--engine", engine) as process:
        with RawClient(process.port, nick="ala"):
            pass
        with RawClient(process.port, nick="ola") as ola:
            ola.send(b"x" * (2**20 + 5000))
            ola.rest()
        with RawClient(process.port, nick="eva") as eva:
            while eva.ask("LIST") != "USERS eva":
                pass
        log = lines_of(process)
    assert "left ala: connection closed" in log
    assert "left ola: this line never ends" in log


def test_it_is_written_while_things_happen(tmp_path, engine):
    """D-7: a line is there as soon as its event is, not when a buffer is full."""
    with (
        chatd_process(tmp_path, "-v", "--engine", engine) as process,
        RawClient(process.port, nick="ala") as ala,
    ):
        ala.send("PUB hello")
        deadline = time.monotonic() + PATIENCE
        while b"said in General by ala: hello\n" not in (line := process.stdout.readline()):
            assert line and time.monotonic() < deadline


def test_private_texts_are_never_in_it(tmp_path, engine):
    """D-7, D-10, R-33: neither the text of a private message nor that there was one."""
    with (
        chatd_process(tmp_path, "-v", "--engine", engine) as process,
        RawClient(process.port, nick="ala") as ala,
        RawClient(process.port, nick="ola") as ola,
    ):
        assert ala.ask("PRIV ola SECRET one") == "OK"
        assert ola.line() == "PRIV_FROM ala SECRET one"
        assert ala.ask("PRIV nobody SECRET two") == "ERROR there is no user nobody"
        assert ala.ask("PRIV ola SECRET\x1b three").startswith("ERROR")
        assert ala.ask(b"PRIV ola SECRET \xff\r\n").startswith("ERROR")
        assert ala.ask("TELL ola SECRET four") == "OK"
        assert ola.line() == "PRIV_FROM ala SECRET four"
        assert ala.ask("PRIVATE ola SECRET five").startswith("ERROR")
        assert ala.ask("priv ola SECRET six").startswith("ERROR")
        assert ala.ask("PRIV ola " + "SECRET" * 1000).startswith("ERROR")
        ala.send("PUB public")
        assert ola.line() == "PUB_MSG public"
        where = [address(ala), address(ola)]
        until_closed(ola)
        log = lines_of(process, ala)
    assert log == [
        f"listening on [::]:{process.port} (auto), join with: chatcli -p {process.port} "
        f"or http://localhost:{process.port}/",
        f"connected from {where[0]}",
        f"logged in ala from {where[0]}",
        f"connected from {where[1]}",
        f"logged in ola from {where[1]}",
        "said in General by ala: public",
        "left ola: quit",
        "left ala: the server stops",
    ]


def test_nobody_can_forge_it(tmp_path, engine):
    """D-7, R-33: nicks and texts cannot make a line of their own, or drive the terminal."""
    nasty = "\u202egnp.exe \u2028%n %s {} {0.__class__} \u200b\\n C:\\new"
    with (
        chatd_process(tmp_path, "-v", "--engine", engine) as process,
        RawClient(process.port, nick="%n{}") as ala,
    ):
        for refused in ("PUB a\rleft ala: quit", "PUB \x1b[2J", "PUB a\x9bm", "LOGIN a\x1bb"):
            assert ala.ask(refused) == "ERROR control characters are not allowed"
        ala.send(f"PUB {nasty}")
        assert ala.ask("LOGIN {0}%s") == "OK"
        ala.send("PUB a\tb")
        assert ala.ask("LIST") == "USERS {0}%s"
        where = address(ala)
        _listening, *log = lines_of(process, ala)
    assert log == [
        f"connected from {where}",
        f"logged in %n{{}} from {where}",
        "said in General by %n{}: \\u202egnp.exe \\u2028%n %s {} {0.__class__} \\u200b"
        "\\\\n C:\\\\new",
        "renamed %n{} to {0}%s",
        "said in General by {0}%s: a\\tb",
        "left {0}%s: the server stops",
    ]


anything = st.text()
shown = st.one_of(
    st.builds(Said, anything, anything, anything),
    st.builds(LoggedIn, anything, anything, anything),
    st.builds(Renamed, anything, anything),
    st.builds(LoggedOut, anything, anything),
    st.builds(Joined, anything, anything),
    st.builds(Parted, anything, anything),
    st.builds(Connected, anything),
    st.builds(Disconnected, anything, anything),
    st.builds(Refused, anything, anything),
    st.builds(Warned, anything),
)


@given(shown)
def test_an_event_is_one_printable_line(event):
    """D-7, R-33: whatever an event holds."""
    assert all(line.isprintable() for line in describe(event))


@given(anything)
def test_what_was_typed_is_told_from_what_was_escaped(text):
    """D-7: an escape can be read back, and a typed one is none."""
    escapes = re.compile(r"\\(?:[\\nrt]|x..|u.{4}|U.{8})")
    assert escapes.sub(lambda escape: literal_eval(f"'{escape[0]}'"), printable(text)) == text


def test_a_typed_backslash_is_no_escape():
    assert describe(Said("General", "ala", "a\\nb")) == [r"said in General by ala: a\\nb"]
    assert describe(Said("General", "ala", "a\nb")) == [r"said in General by ala: a\nb"]


# -- what it is written to -------------------------------------------------------------------------


def said(text):
    return Said("General", "ala", text)


def lines_in(path):
    *lines, rest = path.read_text().split("\n")
    assert rest == ""
    assert all(STAMP.match(line) for line in lines)
    return [STAMP.sub("", line) for line in lines]


def test_a_full_disk_costs_lines_and_not_the_log(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    file = tmp_path / "log"
    with open("/dev/full", "wb") as full, file.open("wb") as disk:
        console = Console(full)
        console.show(said("lost"))
        os.dup2(disk.fileno(), full.fileno())  # somebody has made room
        console.show(said("kept"))
    assert lines_in(file) == ["said in General by ala: kept"]


def test_a_line_that_was_torn_is_completed_once_there_is_room(tmp_path):
    """Else the next one would begin in the middle of it."""
    file = tmp_path / "log"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with file.open("wb") as disk:
        console = Console(disk)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60, before[1]))
        try:
            console.show(said("torn" * 10))
            console.show(said("lost"))
            console.show(said("lost too"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert file.stat().st_size == 60
        console.show(said("kept"))
    assert lines_in(file) == [
        f"said in General by ala: {'torn' * 10}",
        "said in General by ala: kept",
    ]


def test_a_stream_that_does_not_block_is_waited_for():
    """A program that shares the terminal may have set it so."""
    texts = [str(number) * 1000 for number in range(200)]  # more than a pipe holds
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with open(reading, "rb") as log, open(writing, "wb") as stream:
        tap = TapRunner(Tap(Console(stream).show), len(texts))
        tap.offer([said(text) for text in texts])
        lines = [log.readline().decode() for _ in texts]
        tap.stop(PATIENCE)
    assert [STAMP.sub("", line) for line in lines] == [
        f"said in General by ala: {text}\n" for text in texts
    ]


def test_a_stream_that_nobody_reads_is_given_up(tmp_path):
    file = tmp_path / "log"
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as stream, file.open("wb") as another:
        console = Console(stream)
        console.show(said("lost"))
        # Whatever has this number next, a client perhaps, is not what was meant.
        os.dup2(another.fileno(), stream.fileno())
        console.show(said("lost too"))
    assert file.read_bytes() == b""


def test_without_a_stream_there_is_no_log():
    Console(None).show(said("hello"))


def test_the_lines_of_one_traceback_stay_together():
    shown = []
    handler = WarningHandler(shown.append)
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        record = logging.LogRecord("chatd", logging.ERROR, "x.py", 1, "%s", ("oh",), sys.exc_info())
    handler.emit(record)
    ((first, *rest),) = shown
    assert first == Warned("oh")
    assert rest[-2:] == [Warned("  ValueError: one"), Warned("  two")]


@given(anything, anything, anything)
def test_what_is_private_has_no_line(sender, recipient, text):
    """D-10: private messages, answers and acknowledgements are not shown."""
    for event in (Told(sender, recipient, text), Users((sender, recipient)), Done()):
        assert describe(event) == []
        assert not event.public


# -- for programs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["hello", "żółć", "a\nb", "\x1b]0;x\x07", "\u202e", "\ud800"])
def test_an_event_is_a_json_object_of_one_line_in_ascii(text):
    """R-33: for programs, too."""
    (line,) = structured(Said("General", "ala", text))
    assert line.isascii()
    assert line.isprintable()
    said = json.loads(line)
    assert datetime.fromisoformat(said.pop("time")).utcoffset() == timedelta(0)
    assert said == {"event": "said", "room": "General", "nick": "ala", "text": text, "group": ""}


def test_what_is_not_shown_to_people_is_not_shown_to_programs():
    for event in (Told("ala", "ola", "psst"), Users(("ala",))):
        assert structured(event) == describe(event) == []
