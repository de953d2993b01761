"""Plugins that fail again and again are switched off, and nobody else is."""

import pytest

from chat import wait_until
from chatd.commands import Command, Filter
from chatd.events import CommandError, Notice, Overdue, Warned
from chatd.guard import FilterFailed, Guard, Guards
from chatd.limits import Limits
from chatd.taps import Tap
from clients import open_client
from fakes import World
from plugging import CRASH, chat, holding, plugin, write

OFF = "it failed 3 times in a row, the last time it"


@pytest.fixture
def told():
    return []


@pytest.fixture
def guard(told):
    return Guard("plugin dice", 3, told.append)


# -- the book ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (ValueError("x"), "raised ValueError"),
        (SystemExit(), "raised SystemExit"),
        (Overdue(), "took too long"),
    ],
)
def test_so_many_failures_in_a_row_switch_it_off_and_are_told_once(guard, told, error, how):
    for _ in range(2):
        guard.note(error)
    assert not guard.off
    for _ in range(3):
        guard.note(error)
    assert guard.off
    assert told == [f"plugin dice is switched off: {OFF} {how}"]


def test_one_success_in_between_forgives_all(guard):
    """R-25: it is ten in a row that count."""
    for _ in range(10):
        guard.note(ValueError())
        guard.note(ValueError())
        guard.note(None)
    assert not guard.off


def test_refusals_and_failures_of_others_are_neither(guard):
    for _ in range(2):
        guard.note(ValueError())
        for _ in range(10):
            guard.note(CommandError("no", "no"))
            guard.note(FilterFailed())
    assert not guard.off
    guard.note(ValueError())
    assert guard.off


def test_what_is_off_stays_off(guard):
    for _ in range(3):
        guard.note(ValueError())
    guard.note(None)  # of a command that began before
    assert guard.off
    with pytest.raises(CommandError, match="the plugin dice is switched off") as caught:
        guard.refuse()
    assert caught.value.code == "switched-off"


def test_each_plugin_has_one_and_each_tap_its_own(told):
    guards = Guards(1, told.append, spared=["talk"])
    assert guards.plugin("dice") is guards.plugin("dice")
    assert guards.tap("dice") is not guards.tap("dice")
    for guard in (guards.plugin("talk"), guards.plugin("dice"), guards.tap("seen")):
        guard.fail(ValueError())
    assert guards.off == ["dice", "seen"]
    assert [line.partition(":")[0] for line in told] == [
        "plugin dice is switched off",
        "tap of plugin seen is switched off",
    ]


# -- commands and filters ----------------------------------------------------------------------


def say(ctx, text):
    ctx.say("General", text)


def fail(ctx):
    raise ValueError("again")


def world_with(guard, *commands, filter=None):
    filters = [Filter(filter).under(guard)] if filter else []
    return World(
        [Command("say", lambda ctx, room, text: say(ctx, text)), *commands], filters=filters
    )


def test_a_command_that_keeps_failing_is_refused_clearly(guard, caplog):
    world = world_with(guard, Command("roll", fail).under(guard))
    ala = world.connect("ala")
    answers = ala.ask(*["ROLL"] * 5, "PUB hello")
    assert all(answer.startswith("ERROR internal error") for answer in answers[:3])
    assert answers[3:] == ["ERROR the plugin dice is switched off"] * 2
    assert len(caplog.records) == 3


def test_a_job_that_keeps_failing_or_hangs_counts(guard, told, caplog):
    """By what it ends with: what a job does that was given up is too late to count."""
    world = world_with(guard, Command("roll", fail, blocks=True).under(guard))
    ala = world.connect("ala")
    for hangs in (False, True, True):
        ala.send("ROLL")
        job = world.pool.jobs.popleft()
        if hangs:
            world.clock.pass_by(world.limits.command)
            ala.session.tick()
        job.run()
        ala.ask("")
    assert told == [f"plugin dice is switched off: {OFF} took too long"]
    assert guard.failures == 3
    assert ala.ask("ROLL")[-1] == "ERROR the plugin dice is switched off"


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_filter_that_keeps_failing_is_passed_over(guard, told, caplog, error):
    """R-25: then messages pass it unseen."""

    def see(message):
        raise error

    world = world_with(guard, filter=see)
    ala, ola = world.connect("ala"), world.connect("ola")
    assert len(ala.ask(*["PUB hello"] * 3)) == 3
    assert ola.read() == []
    assert ala.ask("PUB hello") == []
    assert ola.read() == ["PUB_MSG hello"]
    assert told == [f"plugin dice is switched off: {OFF} raised {error.__name__}"]


@pytest.mark.parametrize("changed", ["a text", 5, True])
def test_a_filter_that_gives_nonsense_has_failed(guard, changed, caplog):
    world = world_with(guard, filter=lambda message: changed)
    assert "internal error" in world.connect("ala").ask("PUB hello")[0]
    assert guard.failures == 1


def test_a_broken_filter_is_not_the_fault_of_who_talks(guard, caplog):
    def see(message):
        raise ValueError("again")

    other = Guard("plugin greeter", 3)
    world = world_with(guard, Command("greet", lambda ctx: say(ctx, "hi")).under(other), filter=see)
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.ask(*["GREET"] * 5)
    assert (guard.off, other.failures) == (True, 0)
    assert ola.read() == ["PUB_MSG hi"] * 2


def test_a_filter_that_refuses_works(guard):
    def see(message):
        raise CommandError("spam", "no spam here")

    ala = world_with(guard, filter=see).connect("ala")
    assert ala.ask(*["PUB buy"] * 20) == ["ERROR no spam here"] * 20


# -- servers -----------------------------------------------------------------------------------


def warnings(events):
    return [event.text for event in events if isinstance(event, Warned)]


@pytest.mark.parametrize("verb", ["CRASH", "CRASH-ASIDE"])
def test_a_plugin_is_switched_off_on_a_server(engine, verb, tmp_path, caplog):
    """R-25: its commands say so, its filters see nothing, all else goes on, and stats show it."""
    seen = []
    dice = CRASH.replace("crash", "roll").replace("complain", "grumble")
    folder = write(tmp_path / "plugins", crash=CRASH, dice=dice)
    settings = {"limits": Limits(failures=3), "taps": (Tap(seen.append),), "engine": engine}
    with chat("ala", "bob", plugins_dir=folder, **settings) as (_, ala, bob):
        assert not any("plugins_off" in line for line in ala.stats())
        for asker in (ala, bob, ala):
            assert asker.ask(f"{verb} ValueError").startswith("ERROR internal error")
        assert bob.ask(verb + " ValueError") == "ERROR the plugin crash is switched off"
        assert bob.ask("COMPLAIN x") == "ERROR the plugin crash is switched off"
        ala.send("PUB crash ValueError")
        assert bob.line() == "PUB_MSG crash ValueError"
        assert bob.ask("ROLL SystemExit").startswith("ERROR internal error")
        assert "NOTICE plugins_off crash" in ala.stats()
    assert warnings(seen) == [f"plugin crash is switched off: {OFF} raised ValueError"]


def test_bundled_plugins_are_never_switched_off(engine, monkeypatch, caplog):
    """R-25: without talk and people there were no chat any more."""
    with chat("ala", "bob", engine=engine, limits=Limits(failures=3)) as (server, ala, bob):
        with monkeypatch.context() as patched:
            patched.setattr(server.server.hub, "tell", lambda *_: 1 / 0)
            for _ in range(10):
                assert ala.ask("PRIV bob hello").startswith("ERROR internal error")
        assert ala.ask("PRIV bob hello") == "OK"
        assert bob.line() == "PRIV_FROM ala hello"


def test_the_library_knows_that_line_of_the_stats(tmp_path, caplog):
    """It asks for them when it comes, and takes nothing of them for news."""
    folder = write(tmp_path / "plugins", crash=CRASH)
    with chat("ala", plugins_dir=folder, limits=Limits(failures=1)) as (server, ala):
        ala.ask("CRASH ValueError")
        with open_client("threads", server.port, "bob", "crlf") as bob:
            bob.say("hello")
            assert [event for event in bob.events(timeout=0) if isinstance(event, Notice)] == []


WHERE = """
    import threading
    from chatd import Command, hookimpl

    threads = []

    def where(ctx):
        threads.append(threading.current_thread().name)
        ctx.reply("there")

    @hookimpl
    def register_commands():
        return [Command("here", where), Command("aside", where, blocks=True)]
    """


def test_what_may_block_runs_on_a_worker(engine, tmp_path):
    """R-26: never on the thread that serves others, be it the loop's or a reader's."""
    folder = write(tmp_path / "plugins", where=WHERE)
    with chat("ala", plugins_dir=folder, engine=engine) as (server, ala):
        assert [ala.ask("HERE"), ala.ask("ASIDE")] == ["NOTICE there"] * 2
        here, aside = plugin(server, "where").threads
    assert aside == "chatd-worker"
    assert here != aside


HANG = """
    import threading
    from chatd import Command, hookimpl

    gate = threading.Event()

    def hang(ctx):
        gate.wait(60)

    @hookimpl
    def register_commands():
        return [Command("hang", hang, blocks=True)]
    """


def test_a_plugin_that_hangs_is_switched_off(engine, tmp_path):
    """R-26: its threads stay lost, but no more of them."""
    seen = []
    folder = write(tmp_path / "plugins", hold=HANG)
    limits = Limits(failures=2, command=0.05)
    settings = {"limits": limits, "taps": (Tap(seen.append),), "engine": engine}
    with (
        chat("ala", plugins_dir=folder, **settings) as (server, ala),
        holding(server),
    ):
        for _ in range(2):
            assert ala.ask("HANG") == "ERROR the command took too long and was given up"
        assert ala.ask("HANG") == "ERROR the plugin hold is switched off"
        wait_until(lambda: warnings(seen), "the warning")
    why = "it failed 2 times in a row, the last time it took too long"
    assert warnings(seen) == [f"plugin hold is switched off: {why}"]
