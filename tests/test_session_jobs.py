"""Commands that block, from the session's side: it pauses, and gives up what takes too long."""

from math import inf

import pytest

from chatd.commands import Command
from chatd.events import GENERAL, CommandError
from fakes import World
from sessions import COMMANDS, notices


def test_reading_pauses_while_a_job_runs_and_goes_on_in_order(world):
    ala = world.connect("ala")
    ala.send("ECHO one", "SLOW two", "ECHO three", "SLOW four", "ECHO five")
    assert ala.read() == notices("one")
    for expected in (("two", "three"), ("four", "five")):
        assert ala.session.waits
        assert not ala.session.can_read
        ala.session.receive(b"")
        assert ala.read() == []
        asked = ala.wire.calls["want_read"]
        world.pool.jobs.popleft().run()
        assert ala.wire.calls["want_read"] == asked + 1
        assert not ala.session.waits
        assert not ala.session.can_read  # what is left comes before new bytes
        ala.session.receive(b"")
        assert ala.read() == notices(*expected)
    assert ala.session.can_read
    assert not world.pool.jobs


def test_bytes_that_arrive_while_a_job_runs_wait_for_it(world):
    ala = world.connect("ala")
    ala.send("SLOW one")
    ala.send("ECHO two")
    assert ala.read() == []
    world.pool.jobs.popleft().run()
    ala.send("ECHO three")
    assert ala.read() == notices("one", "two", "three")


def test_a_job_that_is_done_at_once_costs_no_pause(world):
    ala = world.connect("ala")
    submit = world.pool.submit

    def submit_and_run(*args):
        job = submit(*args)
        job.run()
        return job

    world.pool.submit = submit_and_run
    assert ala.ask("SLOW one", "ECHO two") == notices("one", "two")


def test_others_are_served_while_a_job_runs(world):
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.send("SLOW")
    assert ola.ask("ECHO hi") == notices("hi")
    ola.send("PUB hi")
    assert ala.read() == ["PUB_MSG hi"]


def test_no_free_worker_is_one_error(world):
    def busy(*args):
        raise CommandError("busy", "try later")

    ala = world.connect("ala")
    world.pool.submit = busy
    assert ala.ask("SLOW", "ECHO hi") == ["ERROR try later", "NOTICE hi"]
    assert ala.session.deadline == inf


def test_a_job_is_given_up_at_its_deadline_and_its_late_end_changes_nothing(world):
    ala = world.connect("ala")
    ala.send("SLOW late", "ECHO next")
    assert ala.session.deadline == world.clock() + 10
    world.clock.pass_by(9.9)
    ala.session.tick()
    assert not ala.session.can_read
    world.clock.pass_by(0.1)
    ala.session.tick()
    assert not ala.session.waits
    ala.session.receive(b"")
    assert ala.read() == ["ERROR the command took too long and was given up", "NOTICE next"]
    assert ala.session.deadline == inf
    asked = ala.wire.calls["want_read"]
    world.pool.jobs.popleft().run()
    assert ala.ask("ECHO again") == notices("again")
    assert ala.wire.calls["want_read"] == asked


def test_a_job_that_ended_in_time_has_no_deadline(world):
    ala = world.connect("ala")
    ala.send("SLOW one")
    world.pool.jobs.popleft().run()
    ala.session.receive(b"")
    assert ala.session.deadline == inf
    world.clock.pass_by(100)
    ala.session.tick()
    assert ala.read() == notices("one")


def test_a_job_that_was_given_up_can_do_nothing_in_its_callers_name():
    refusals = []

    def stubborn(ctx):
        for deed in (
            lambda: ctx.reply("late"),
            lambda: ctx.login("ela"),
            lambda: ctx.say(GENERAL, "late"),
            lambda: ctx.tell("ola", "late"),
            lambda: ctx.create("tea"),
            lambda: ctx.join("tea"),
            lambda: ctx.leave(GENERAL),
            ctx.users,
            ctx.rooms,
            ctx.whoami,
            ctx.inspect,
            lambda: ctx.history(GENERAL),
            lambda: ctx.nick,
        ):
            with pytest.raises(CommandError) as caught:
                deed()
            refusals.append(caught.value.code)
        ctx.quit()

    world = World([*COMMANDS, Command("stubborn", stubborn, blocks=True)])
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.send("STUBBORN")
    world.clock.pass_by(10)
    ala.session.tick()
    ala.session.receive(b"")
    ala.read()
    world.events.clear()
    world.pool.jobs.popleft().run()
    assert refusals == ["timeout"] * 13
    assert ala.ask("USERS") == ["USERS ala ola"]
    assert ola.read() == []
    assert world.events == []


def test_a_job_of_a_session_that_ended_tells_nobody(world):
    ala = world.connect("ala")
    ala.send("SLOW late", "ECHO next")
    ala.session.end("the server stops")
    assert not ala.session.waits
    assert ala.session.can_read  # to see the client close
    world.pool.jobs.popleft().run()
    ala.session.receive(b"")
    assert ala.read() == []


def test_a_job_that_hangs_is_given_up_after_the_end_of_its_session_too(world):
    ala = world.connect("ala")
    ala.send("SLOW late")
    ala.session.end("the server stops")
    world.deliver()
    world.clock.pass_by(10)
    while ala.session.deadline <= world.clock():
        ala.session.tick()
    assert world.pool.jobs[0].done
