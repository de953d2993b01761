"""Moderators over real sockets: in each dialect, on each engine; a full server; a restart."""

import json
import subprocess
import sys

import pytest

from chat import PATIENCE, LineClient, RawClient, chatd_process, wait_until
from chatd.admins import make_admins
from chatd.config import Listen
from chatd.dialects import Setting
from chatd.dialects.jsonl import Json
from chatd.events import Reloaded, Warned
from chatd.limits import Limits
from chatd.taps import Tap
from chatd.testing import running_server
from conversation import PEERS, conversation

SECRET = "open sesame"
ADMINS = make_admins(["root"], SECRET)
HOME = "192.0.2.7:4000"
YES = "you are a moderator now"


def send_away(talk, peer, reason):
    """See somebody be sent away: they are told, the others see them leave."""
    peer.error(f"you have been {reason}")
    talk.peers.remove(peer)
    for other in talk.peers:
        other.left(peer.nick)
    peer.finish()
    peer.close()


@pytest.mark.parametrize("dialect", PEERS)
def test_moderators_of_each_dialect(engine, dialect):
    with conversation(engine, dialect, "words", admins=ADMINS) as talk:
        eva = talk.enter(dialect, "eva")
        bob = talk.enter(dialect, "bob")
        talk.enter("words", "witness")
        bob.command("kick", "eva")
        bob.error("only moderators may do this")
        eva.command("oper", "root wrong secret")
        eva.error("this is no moderator's name and secret")
        eva.command("oper", f"root {SECRET}")
        eva.notice(YES)
        talk.settle()
        kick(talk, eva, bob)
        mute(talk, eva, talk.enter(dialect, "bob"))
        ban_a_nick(talk, eva, talk.enter(dialect, "bob"))
        ban_an_address(talk, eva)
        talk.leave(eva)


def kick(talk, eva, bob):
    eva.command("kick", "bob no shouting")
    send_away(talk, bob, "kicked by eva: no shouting")
    eva.notice("bob is kicked")
    talk.settle()


def mute(talk, eva, bob):
    eva.command("mute", "bob")
    eva.notice("bob is muted")
    eva.settle()
    bob.command("say", "General hello")
    bob.error("you are muted")
    talk.settle()
    eva.command("unmute", "bob")
    eva.notice("bob is not muted any more")
    talk.settle()
    talk.say(bob, "hello")
    talk.leave(bob)


def ban_a_nick(talk, eva, bob):
    eva.command("ban", "Bob for no reason")
    send_away(talk, bob, "banned by eva: for no reason")
    eva.notice("Bob is banned")
    talk.settle()
    again = talk.connect(bob.dialect)
    again.meet()
    again.banned("bob", "nick is banned: for no reason")
    again.settle()
    again.close()
    if again.dialect == "json":  # whose clients are users at once
        for other in talk.peers:
            other.came(again.address)
            other.left(again.address)
    talk.settle()


def ban_an_address(talk, eva):
    eva.command("ban", "127.0.0.2 spam")
    eva.notice("127.0.0.2/32 is banned")
    eva.settle()
    late = talk.connect(eva.dialect, source="127.0.0.2")
    late.error("your address is banned: spam")
    late.finish()
    late.close()
    eva.command("bans", "127")
    eva.notice("ban 127.0.0.2/32 by eva: spam")
    talk.settle()


@pytest.mark.parametrize("dialect", PEERS)
def test_a_full_server_has_places_for_moderators(engine, dialect):
    """R-15: whoever leaves makes room for one more, whoever came by such a place."""
    """R-15: the eleventh is told so; when one leaves, the twelfth comes in."""
    limits = Limits(clients=10, first_byte=PATIENCE)  # for json, which is heard first then
    with conversation(engine, dialect, admins=ADMINS, limits=limits) as talk:
        users = [RawClient(talk.server.port, nick=f"user{n}") for n in range(10)]

        def try_in_vain():
            peer = talk.connect(dialect)
            peer.meet()
            peer.full("late")
            peer.finish()
            peer.close()

        try_in_vain()
        eva = talk.connect(dialect)
        eva.meet()
        eva.command("oper", f"root {SECRET}")
        eva.notice(YES)
        eva.asked_again()
        talk.log_in(eva, "eva")
        try_in_vain()
        assert users[0].ask("QUIT") is None
        eva.left("user0")
        talk.settle()
        talk.enter(dialect, "twelfth")
        try_in_vain()
        for user in users:
            user.close()


def test_who_enters_a_full_server_in_json_and_is_silent_is_told_soon(engine):
    limits = Limits(clients=1, first_byte=0.02)
    listen = (Listen("json", "127.0.0.1"),)
    with running_server(engine=engine, limits=limits, listen=listen) as server:
        with RawClient(server.port, nick="ala"), LineClient(server.ports["json"]) as bob:
            assert "the server is full, try again later" in bob.line()
            assert bob.line() is None


def test_places_for_moderators_have_a_bound():
    """R-15: and whoever leaves one gives it back."""
    """R-15: ten by default."""
    limits = Limits(clients=1, reserved=1)
    with running_server(limits=limits, admins=ADMINS) as server:
        ala, eva, ola = (RawClient(server.port) for _ in range(3))
        for one in (ala, eva, ola):
            assert one.ask(f"OPER root {SECRET}") == f"NOTICE {YES}"
        assert [ala.ask("LOGIN ala"), eva.ask("LOGIN eva")] == ["OK", "OK"]
        assert ola.ask("LOGIN ola") == "ERROR the server is full, try again later"
        assert (ola.line(), eva.ask("QUIT")) == (None, None)
        with RawClient(server.port) as ela, RawClient(server.port) as another:
            assert ela.ask("LOGIN ela") == "ERROR the server is full, try again later"
            another.ask(f"OPER root {SECRET}")
            another.login("ola")
        for one in (ala, eva, ola):
            one.close()


@pytest.mark.parametrize("settings", [{"admins": ADMINS}, {"no_plugin": frozenset({"moderation"})}])
def test_a_wrong_secret_at_the_door_costs_one_error_and_is_no_name(engine, settings):
    """Not even without the plugin: in slash it would be a group, for all to see."""
    with conversation(engine, "slash", "rooms", **settings) as talk:
        unknown = {"slash": "unknown command oper", "rooms": "Unknown command 'oper'!"}
        for dialect, text in unknown.items():
            peer = talk.connect(dialect)
            peer.meet()
            peer.command("oper", "root sesame open")
            wrong = "this is no moderator's name and secret"
            peer.error(wrong if "admins" in settings else text)
            peer.asked_again()
            talk.log_in(peer, f"user-{dialect}")


def test_what_comes_first_to_a_full_server_in_json_is_not_lost():
    """When there is a place in the end."""
    dialect = Json(Setting(Limits(), HOME, is_full=lambda: True))
    assert dialect.next_request() is None
    assert dialect.patience == Limits().first_byte
    dialect.feed(b'{"type":"message","data":"hello"}\n{"type":"users"}\n')
    verbs = []
    while request := dialect.next_request():
        verbs.append(request.verb)
        dialect.done(request, None)
    assert verbs == ["login", "say", "users"]
    assert dialect.patience is None


def test_tries_are_counted_by_the_servers_own_networks():
    with running_server(admins=ADMINS, exempt=()) as server:
        for left in range(5, -1, -1):
            with RawClient(server.port) as client:
                answer = client.ask("OPER root wrong-secret")
            assert answer == (
                "ERROR this is no moderator's name and secret"
                if left
                else "ERROR too many tries, wait a minute"
            )


def test_reload_is_asked_of_the_server(engine, certificate):
    seen = []
    settings = {"tls_cert": certificate.chain, "tls_key": certificate.key, "admins": ADMINS}
    with running_server(engine=engine, taps=(Tap(seen.append),), **settings) as server:
        with RawClient(server.port, nick="eva") as eva:
            assert eva.ask("RELOAD") == "ERROR only moderators may do this"
            eva.ask(f"OPER root {SECRET}")
            assert eva.ask("RELOAD").startswith("NOTICE the server reads its settings again")
            wait_until(lambda: any(isinstance(event, Reloaded) for event in seen), "the reload")


# -- as a process ----------------------------------------------------------------------------


def test_bans_and_mutes_outlive_the_server(tmp_path, monkeypatch):
    """R-33: also one that is killed: what was confirmed is on the disk. The secret is in no log."""
    monkeypatch.setenv("CHATD_ADMIN_SECRET", SECRET)
    bans = tmp_path / "bans.json"
    options = ("-v", "--admin", "root", "--bans", str(bans))
    with chatd_process(tmp_path, *options) as chatd, RawClient(chatd.port, nick="eva") as eva:
        assert "this is no moderator" in eva.ask(f"OPER wrong {SECRET}")
        assert eva.ask(f"OPER root {SECRET}") == f"NOTICE {YES}"
        with RawClient(chatd.port, nick="ala"), RawClient(chatd.port, nick="bob"):
            assert eva.ask("BAN ala 1h spam") == "NOTICE ala is banned for 1h"
            assert eva.ask("MUTE bob") == "NOTICE bob is muted"
            assert eva.ask("BAN 127.0.0.2") == "NOTICE 127.0.0.2/32 is banned"
        chatd.kill()
        log, errors = chatd.communicate()
    assert errors == b""
    assert b"sesame" not in log
    assert log.count(b" refused 127.0.0.1:") == 1
    assert b": wrong secret of a moderator that there is not by eva\n" in log
    assert b" moderator root: eva from 127.0.0.1:" in log
    assert b" eva bans for 1h ala: spam\n" in log
    assert {"bans", "mutes"} == json.loads(bans.read_text()).keys()
    with chatd_process(tmp_path, *options) as chatd:
        with RawClient(chatd.port) as ala, RawClient(chatd.port, nick="bob") as bob:
            assert ala.ask("LOGIN ALA").startswith("ERROR nick is banned for another ")
            assert bob.ask("PUB hello") == "ERROR you are muted"


def test_of_two_servers_with_one_file_the_first_writes_it(tmp_path):
    seen, settings = [], {"bans": tmp_path / "bans.json", "admins": ADMINS}

    def ban(server, nick):
        with RawClient(server.port, nick="eva") as eva:
            assert eva.ask(f"OPER root {SECRET}") == f"NOTICE {YES}"
            return eva.ask(f"BAN {nick}")

    with running_server(**settings) as first:
        assert ban(first, "ala") == "NOTICE ala is banned"
        with running_server(taps=(Tap(seen.append),), **settings) as second:
            wait_until(lambda: any(isinstance(event, Warned) for event in seen), "the warning")
            with RawClient(second.port) as ala:
                assert ala.ask("LOGIN ala") == "ERROR nick is banned", "of what was kept before"
            told = "NOTICE bob is banned, until the server ends: it could not be written down"
            assert ban(second, "bob") == told
        assert ban(first, "ola") == "NOTICE ola is banned"
    with running_server(**settings) as third:
        assert ban(third, "eve") == "NOTICE eve is banned"
    kept = json.loads(settings["bans"].read_text())["bans"]
    assert [each["target"] for each in kept] == ["ala", "ola", "eve"]
    warned = [event.text for event in seen if isinstance(event, Warned)]
    problem = f"cannot write {settings['bans']}: it is used by another chatd; "
    assert warned == [
        f"{problem}new bans and mutes end with this server",
        f"{problem}what is not written down ends with this server",
    ]


def run(*options):
    line = [sys.executable, "-m", "chatd", "-p", "0", *map(str, options)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=20, check=False)
    assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr


def test_mistakes_are_one_line_at_the_start(tmp_path):
    secret, bans = tmp_path / "secret", tmp_path / "bans.json"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    bans.write_text("{")
    status, error = run("--admin", "root")
    assert (status, error) == (
        2,
        "chatd: --admin needs a secret: --admin-secret-file or CHATD_ADMIN_SECRET\n",
    )
    status, error = run("--admin", "root", "--admin-secret-file", secret)
    assert status == 2
    assert f"others may use {secret}" in error
    assert SECRET not in error
    status, error = run("--bans", bans)
    assert status == 1
    assert f"cannot use the bans in {bans}: " in error
