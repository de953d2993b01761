"""The requests of one client: carried out in order, and what it is told of those that fail."""

import logging

import pytest

from chatd.commands import Command
from chatd.events import CommandError, Goodbye, LoggedOut
from fakes import World
from sessions import COMMANDS, notices


def raising(error, **options):
    """Make a command FAIL that raises error."""

    def fail(ctx):
        raise error

    return Command("fail", fail, before_login=True, **options)


def test_requests_are_carried_out_in_order_however_they_arrive(world):
    ala = world.connect("ala")
    for byte in b"ECHO one\r\nECHO two\r\nECHO thr":
        ala.session.receive(bytes([byte]))
    ala.session.receive(b"ee\r\nECHO four\r\n")
    assert ala.read() == notices("one", "two", "three", "four")


def test_a_bad_message_costs_one_error_and_the_session_goes_on(world):
    ala = world.connect("ala")
    ala.session.receive(b"ECHO \xff\r\nNOSUCH\r\nECHO\r\nECHO fine\r\n")
    assert ala.read() == [
        "ERROR this is not UTF-8",
        "ERROR unknown command nosuch",
        "ERROR text is missing",
        "NOTICE fine",
    ]


def test_what_makes_no_going_on_possible_is_told_and_ends_the_session():
    world = World(COMMANDS, line=10, endless=30)
    ala, ola = world.connect("ala"), world.connect("ola")
    for _ in range(4):
        ala.session.receive(b"x" * 10)
    ala.send("ECHO never")
    assert ala.read() == ["ERROR line is longer than 10 bytes", "ERROR this line never ends"]
    assert ala.wire.calls["end_output"] == 1
    assert world.seen(LoggedOut) == [LoggedOut("ala", "this line never ends")]
    assert ola.ask("USERS") == ["USERS ola"]


@pytest.mark.parametrize(
    "error", [KeyError("secret"), SystemExit("secret"), KeyboardInterrupt("secret")]
)
def test_an_internal_error_is_logged_under_the_id_that_the_client_is_told(error, caplog):
    world = World([*COMMANDS, raising(error)])
    ala = world.connect("ala")
    with caplog.at_level(logging.ERROR):
        first, second, alive = ala.ask("FAIL", "FAIL", "ECHO alive")
    assert alive == "NOTICE alive"
    assert first != second
    for told, record in zip((first, second), caplog.records, strict=True):
        assert told.startswith("ERROR internal error E")
        assert "secret" not in told
        assert record.getMessage() == told.removeprefix("ERROR ")
        assert record.exc_info[1] is error


def test_an_internal_error_of_a_job_is_handled_alike(caplog):
    world = World([*COMMANDS, raising(ZeroDivisionError("secret"), blocks=True)])
    ala = world.connect("ala")
    ala.send("FAIL", "ECHO alive")
    world.pool.jobs.popleft().run()
    ala.session.receive(b"")
    told, alive = ala.read()
    assert alive == "NOTICE alive"
    assert told == f"ERROR {caplog.records[0].getMessage()}"
    assert "secret" not in told


def test_the_users_own_errors_are_not_logged(caplog):
    world = World([*COMMANDS, raising(CommandError("nope", "no way"))])
    ala = world.connect("ala")
    assert ala.ask("FAIL", "NOSUCH") == ["ERROR no way", "ERROR unknown command nosuch"]
    assert caplog.records == []


@pytest.mark.parametrize("blocks", [False, True])
def test_a_goodbye_closes_behind_the_reply_and_nothing_follows(blocks):
    calls = []

    def note(ctx):
        calls.append(ctx)

    commands = [raising(Goodbye("full", "no room"), blocks=blocks), Command("note", note)]
    world = World([*COMMANDS, *commands])
    ala = world.connect("ala")
    ala.send("ECHO before", "FAIL", "NOTE", "NOTE")
    if blocks:
        world.pool.jobs.popleft().run()
        ala.session.receive(b"")
    assert ala.read() == ["NOTICE before", "ERROR no room"]
    assert ala.wire.calls["end_output"] == 1
    assert world.seen(LoggedOut) == [LoggedOut("ala", "no room")]
    assert calls == []


def test_a_client_that_quits_gets_all_it_was_sent_and_nothing_follows(world):
    ala, ola = world.connect("ala"), world.connect("ola")
    ola.send("PUB one")
    ala.send("ECHO two", "QUIT", "ECHO three")
    ola.send("PUB four")
    assert ala.read() == ["PUB_MSG one", "NOTICE two"]
    assert ala.wire.calls == {"want_read": 1, "end_output": 1}
    assert world.seen(LoggedOut) == [LoggedOut("ala", "bye bye")]
