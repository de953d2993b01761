"""Commands of plugins that block, and hold up nobody else."""

import re
import socket
from contextlib import ExitStack

import pytest

from chat import PATIENCE, wait_until
from chatd.admins import make_admins
from chatd.dispatch import Context
from chatd.limits import Limits
from chatd.plugins import Plugins
from chatd.store import StoreError
from chatd.testing import running_server
from plugging import Client, TabsClient, chat, holding, plugin, write

HOLD = """
    import threading
    from chatd import Command, hookimpl

    begun, gate = threading.Semaphore(0), threading.Event()
    noted = []

    def hold(ctx):
        \"\"\"Wait for the gate.\"\"\"
        begun.release()
        gate.wait(60)
        ctx.reply("held")

    def note(ctx, text):
        \"\"\"Note a text.\"\"\"
        noted.append(text)
        ctx.reply(text)

    @hookimpl
    def register_commands():
        return [Command("hold", hold, blocks=True), Command("note", note)]
    """


def test_a_command_that_blocks_holds_up_nobody_else(engine, tmp_path):
    """R-26: but what its caller sends meanwhile waits."""
    folder = write(tmp_path / "plugins", hold=HOLD)
    with (
        chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob),
        holding(server) as hold,
    ):
        ala.send("HOLD", "NOTE one", "PUB two", "NOTE three")
        assert hold.begun.acquire(timeout=PATIENCE)
        assert bob.ask("NOTE meanwhile") == "NOTICE meanwhile"
        bob.send("PUB hello")
        assert bob.silent()
        with Client(server.port, nick="eve") as eve:  # newcomers are let in as well
            assert eve.ask("PRIV ala psst") == "OK"
        assert ala.lines(2) == ["PUB_MSG hello", "PRIV_FROM eve psst"]
        assert hold.noted == ["meanwhile"]  # her own later commands wait
        hold.gate.set()
        assert ala.lines(3) == ["NOTICE held", "NOTICE one", "NOTICE three"]
        assert bob.line() == "PUB_MSG two"
        assert hold.noted == ["meanwhile", "one", "three"]


def test_the_server_ends_while_a_command_blocks(engine, tmp_path):
    """R-26: nobody waits for it."""
    folder = write(tmp_path / "plugins", hold=HOLD)
    settings = {"plugins_dir": folder, "engine": engine, "limits": Limits(linger=0.1)}
    with ExitStack() as stack:
        with chat(**settings) as (server,):
            hold = stack.enter_context(holding(server))
            ala = stack.enter_context(Client(server.port, nick="ala"))
            ala.send("HOLD")
            assert hold.begun.acquire(timeout=PATIENCE)
        assert ala.line() == "ERROR the server is shutting down"
        assert ala.line() is None


def test_when_all_workers_are_taken_callers_hear_busy(engine, tmp_path):
    """R-26: the pool is bounded."""
    folder = write(tmp_path / "plugins", hold=HOLD)
    settings = {"plugins_dir": folder, "engine": engine, "limits": Limits(workers=2)}
    settings["admins"] = make_admins(["root"], "open-sesame")
    with (
        chat("ala", "bob", "eve", **settings) as (server, ala, bob, eve),
        holding(server) as hold,
    ):
        for holder in (ala, bob):
            holder.send("HOLD")
            assert hold.begun.acquire(timeout=PATIENCE)
        assert eve.ask("HOLD") == "ERROR the server is busy, try again later"
        assert eve.ask("NOTE fine") == "NOTICE fine"
        assert eve.ask("OPER root open-sesame") == "NOTICE you are a moderator now"
        assert eve.ask("BAN troll") == "NOTICE troll is banned", "which others cannot keep off"
        hold.gate.set()
        assert [ala.line(), bob.line()] == ["NOTICE held", "NOTICE held"]
        wait_until(lambda: eve.ask("HOLD") == "NOTICE held", "a worker is free again")


MEMORY = """
    from chatd import Page, Stats, hookimpl

    class Memory:
        place = "mind"
        notices = ("all is kept in mind",)

        def __init__(self, url):
            self.records = []

        def begin(self, epoch):
            return epoch

        def append(self, records):
            self.records += records

        def before(self, place, id, count, limit):
            return Page(tuple(r for r in self.records if r.room == place and r.id < id)[-count:])

        def close(self):
            pass

    @hookimpl
    def open_store(url):
        return Memory(url) if url.startswith("memory:") else None
    """


def test_the_store_of_a_plugin_that_cannot_be_used(tmp_path):
    with pytest.raises(StoreError, match="the store drawer: it is locked"):
        broken = """
            from chatd import StoreError, hookimpl

            @hookimpl
            def open_store(url):
                raise StoreError("it is locked")
            """
        Plugins(write(tmp_path / "plugins", broken=broken)).open_store("drawer:left")
    with pytest.raises(StoreError, match="there is no kind of store called drawer"):
        Plugins().open_store("drawer:left")


def test_a_plugin_may_bring_a_store(engine, tmp_path):
    settings = {"plugins_dir": write(tmp_path / "plugins", memory=MEMORY), "store": "memory:"}
    with chat("ala", engine=engine, limits=Limits(backlog=0), **settings) as (_, ala):
        ala.send("PUB hello", "HISTORY General 1")
        assert re.fullmatch(r"HISTORY \d+-2 \S+Z General ala hello", ala.line())
        assert ala.line() == "OK"
        assert ala.ask("STATS") == "NOTICE store ok"


OVERDUE = """
    import threading
    from chatd import Command, CommandError, hookimpl

    gate, over = threading.Event(), threading.Event()
    ACTS = {
        "reply": ("late",), "login": ("late",), "say": ("General", "late"),
        "tell": ("bob", "late"), "create": ("late",), "join": ("den",), "leave": ("General",),
        "users": (), "rooms": (), "whoami": (), "history": ("General",), "search": ("late",),
        "stats": (), "inspect": (), "oper": ("root", "late"), "moderator": None,
        "quit": (), "nick": None,
    }
    outcomes = {}

    def overdue(ctx):
        \"\"\"Do everything too late.\"\"\"
        gate.wait(60)
        for name, args in ACTS.items():
            try:
                act = getattr(ctx, name)
                outcomes[name] = act(*args)
            except CommandError as error:
                outcomes[name] = error.code
        over.set()
        raise ValueError("and an error that is nobody's any more")

    def later(ctx):
        \"\"\"Answer.\"\"\"
        ctx.reply("later")

    @hookimpl
    def register_commands():
        return [Command("overdue", overdue, blocks=True), Command("later", later)]
    """


ASIDE = """
    from threading import Event, Thread

    from chatd import Command, hookimpl

    gate = Event()

    def work(ctx):
        ctx.reply("working")
        ctx.say("General", "ala works")
        gate.wait(10)

    def remind(ctx):
        def later():
            gate.wait(10)
            ctx.reply("remember")
            ctx.tell("bob", "ala remembers")

        Thread(target=later, daemon=True).start()

    @hookimpl
    def register_commands():
        return [Command("work", work, blocks=True), Command("remind", remind)]
"""


def test_what_a_command_says_while_it_works_arrives_at_once(engine, tmp_path):
    """From a worker, and from a thread of the plugin's own: with no other traffic at all."""
    settings = {"plugins_dir": write(tmp_path / "plugins", aside=ASIDE), "engine": engine}
    with chat("ala", "bob", **settings) as (server, ala, bob):
        aside = plugin(server, "aside")
        ala.send("WORK")
        assert ala.line() == "NOTICE working"
        assert bob.line() == "PUB_MSG ala works"
        aside.gate.set()
        assert ala.ask("WHOAMI") == "WHOAMI ala"
        aside.gate.clear()
        ala.send("REMIND")
        assert ala.ask("WHOAMI") == "WHOAMI ala"
        aside.gate.set()
        assert ala.lines(2) == ["NOTICE remember", "OK"]
        assert bob.line() == "PRIV_FROM ala ala remembers"


def test_a_job_that_a_chunk_began_is_answered(engine, tmp_path):
    """Begun when the quiet had passed, or when the client had closed its sending side."""
    slow = """
        from chatd import Command, CommandError, hookimpl

        def refuse(ctx):
            raise CommandError("no", "no way")

        @hookimpl
        def register_commands():
            return [Command("refuse", refuse, before_login=True, blocks=True)]
    """
    folder = write(tmp_path / "plugins", slow=slow)
    with running_server(dialect="words", plugins_dir=folder, engine=engine) as server:
        for closes in (False, True):
            with TabsClient(server.port) as client:
                client.send(b"refuse")
                if closes:
                    client.sock.shutdown(socket.SHUT_WR)
                assert client.line() == "[ServerMessage] - no way"


def test_who_is_refused_in_rooms_is_sent_away_whatever_commands_there_are(engine, tmp_path):
    """S4-17: without the plugin that has quit, too."""
    own = """
        from chatd import Command, hookimpl

        @hookimpl
        def register_commands():
            return [Command("login", lambda ctx, nick: ctx.login(nick), before_login=True)]
    """
    folder = write(tmp_path / "plugins", people=own)
    settings = {"plugins_dir": folder, "no_plugin": frozenset({"people"}), "engine": engine}
    with running_server(dialect="rooms", **settings) as server:
        with TabsClient(server.port) as client:
            assert client.ask("a b") == "nick must not contain white space"
            assert client.line() is None


def test_a_command_past_its_deadline_is_given_up(engine, tmp_path, caplog):
    """R-26: and whatever it does later, nothing comes of it."""
    folder = write(tmp_path / "plugins", hold=OVERDUE)
    limits = Limits(command=0.1, workers=1)
    settings = {"plugins_dir": folder, "engine": engine, "limits": limits}
    with (
        chat("ala", "bob", **settings) as (server, ala, bob),
        holding(server) as overdue,
    ):
        assert bob.ask("CREATE den") == "OK"
        ala.send("OVERDUE", "LATER")
        assert ala.line() == "ERROR the command took too long and was given up"
        assert ala.line() == "NOTICE later"
        # The worker is not free yet: Python cannot kill it.
        assert bob.ask("OVERDUE") == "ERROR the server is busy, try again later"
        overdue.gate.set()
        assert overdue.over.wait(PATIENCE)
        acts = set(overdue.ACTS)
        assert overdue.outcomes == dict.fromkeys(acts, "timeout") | {"quit": None}
        # Nothing of it happened: no word to anybody, the same nick, the same rooms.
        assert ala.ask("WHOAMI") == "WHOAMI ala"
        assert ala.ask("LEAVE den") == "ERROR you are not in room den"
        assert ala.ask("ROOMS") == "ROOMS General den"
        assert bob.silent()
        ala.send("PUB still in General")
        assert bob.line() == "PUB_MSG still in General"
    assert acts == {
        name for name in dir(Context) if not name.startswith("_") and name not in _HARMLESS
    }
    assert caplog.records == []


_HARMLESS = {"commands", "revoke"}
"""Names of Context that do nothing in anybody's name."""
