"""Who becomes a moderator, and what only moderators may do."""

import logging

import pytest

from chatd.admins import AdminError, make_admins, read_admins
from chatd.commands import Command
from chatd.events import Promoted, Refused
from chatd.mistakes import mistakes
from fakes import World
from moderating import COMMANDS, HOME, SECRET, come, make_world, moderator, order

WRONG = "ERROR this is no moderator's name and secret"


@pytest.fixture
def world():
    return make_world()


def test_name_and_secret_make_a_moderator(world):
    ala = world.connect("ala")
    assert ala.ask("KICK ala") == ["ERROR only moderators may do this"]
    assert ala.ask(f"OPER ROOT {SECRET}") == ["NOTICE you are a moderator now"]
    assert ala.ask("KICK bob") == ["ERROR there is no user bob"]
    assert world.seen(Promoted) == [Promoted("ROOT", "ala", "127.0.0.1:50000")]


def test_it_works_before_login(world):
    ala = world.connect()
    assert ala.ask(f"OPER root {SECRET}") == ["NOTICE you are a moderator now"]
    assert ala.ask("KICK ala") == ["ERROR log in first"]
    assert ala.ask("LOGIN ala") == ["OK"]
    assert ala.ask("BANS") == ["NOTICE there are no bans"]


@pytest.mark.parametrize(
    "words", ["root open sesam", f"eva {SECRET}", f"{SECRET} root", "ro/ot x", "root open\tsesame"]
)
def test_whatever_is_wrong_the_answer_is_the_same(world, words):
    ala = world.connect("ala")
    assert ala.ask(f"OPER {words}") == [WRONG]
    assert ala.ask("BANS") == ["ERROR only moderators may do this"]
    (refused,) = world.seen(Refused)
    assert refused.address == "127.0.0.1:50000"
    assert refused.text.endswith(" by ala")


def test_without_admins_nobody_becomes_one():
    world = make_world(moderation={"admins": None})
    assert world.connect("ala").ask("OPER root x", "OPER x ", "OPER  ") == [
        WRONG,
        "ERROR secret is missing",
        "ERROR nick is missing",
    ]


def test_tries_are_few_and_counted_by_source(world):
    ala = world.connect("ala", HOME)
    assert ala.ask(*["OPER root guess"] * 5) == [WRONG] * 5
    late = ["ERROR too many tries, wait a minute"]
    assert ala.ask(f"OPER root {SECRET}") == late
    bob = world.connect("bob", f"{HOME}1")
    assert bob.ask(f"OPER root {SECRET}") == late, "of the same address"
    moderator(world)
    world.clock.pass_by(19.9)
    assert ala.ask(f"OPER root {SECRET}") == late
    world.clock.pass_by(0.2)
    assert ala.ask(f"OPER root {SECRET}") == ["NOTICE you are a moderator now"]
    assert ala.ask(f"OPER root {SECRET}") == late
    assert len(world.seen(Refused)) == 5, "what is no try is no line of the log"


def test_of_an_address_that_many_share_one_who_tries_locks_out_nobody(world):
    """But all of them together have a bound, too: more connections do not help to guess."""
    ala = world.connect("ala", "127.0.0.1:4000")
    late = "ERROR too many tries, wait a minute"
    assert ala.ask(*["OPER root guess"] * 50) == [WRONG] * 5 + [late] * 45
    moderator(world, address="127.0.0.1:4001")
    others = [world.connect(address=f"127.0.0.1:{port}") for port in range(5000, 5020)]
    heard = [other.ask("OPER root guess") for other in others]
    assert heard == [[WRONG]] * 19 + [[late]]


def test_of_ipv6_all_of_a_network_are_one_source(world):
    for number in range(5):
        ala = world.connect(f"user{number}", f"[2001:db8::{number}]:4000")
        assert ala.ask("OPER root guess") == [WRONG]
    assert come(world, "ala", "[2001:db8::99]:4000")[0].ask("OPER root guess") != [WRONG]
    assert world.connect("bob", "[2001:db8:0:1::1]:4000").ask("OPER root guess") == [WRONG]


def test_tries_are_forgotten_in_time_and_not_before(world):
    """R-17: a table of addresses that does not grow."""
    guesser = "10.2.0.1:1"
    while world.addresses.may_try(guesser):
        pass
    for number in range(1500):
        world.addresses.may_try(f"10.3.{number // 250}.{number % 250}:1")
    assert not world.addresses.may_try(guesser)
    for number in range(3000):
        assert world.addresses.may_try(f"10.1.{number // 250}.{number % 250}:1")
        world.clock.pass_by(1.0)
    assert len(world.addresses) < 1200


def test_the_secret_is_nowhere(world, caplog):
    """R-33: not in an event, the log, an answer or what is kept; nor are parts of it."""
    caplog.set_level(logging.DEBUG)
    ala, bob = world.connect("ala"), world.connect("bob")
    tries = [f"root {SECRET}", f"{SECRET}", f"{SECRET} root", f"{SECRET} {SECRET} root"]
    heard = [ala.ask(f"OPER {words}") for words in tries]
    heard += [bob.ask(f"OPERR root {SECRET}", f"KICK {SECRET}", "HISTORY")]
    world.pool.jobs.popleft().run()
    heard += [ala.read(), bob.read(), world.events, world.moderation.admins, caplog.text]
    assert "sesame" not in repr(heard)
    assert "open" not in repr(heard)


@pytest.mark.parametrize(
    ("names", "secret", "problem"),
    [
        (["root"], "", "must have at least 8 characters"),
        (["root"], "   short \n", "must have at least 8 characters"),
        (["root"], "two\nlines of it", "must be one line"),
        (["ro ot"], SECRET, "'ro ot' cannot be a moderator: nick must not contain white space"),
    ],
)
def test_moderators_who_cannot_be(names, secret, problem):
    with pytest.raises(AdminError, match=problem):
        make_admins(names, secret)


def test_the_secret_is_in_a_file_or_a_variable(tmp_path):
    file, variable = tmp_path / "secret", {"CHATD_ADMIN_SECRET": SECRET}
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    assert read_admins(["root"], file, {}) == read_admins(["root"], None, variable)
    assert read_admins([], None, variable).names == ()
    for path, environment, problem in (
        (None, {}, "needs a secret"),
        (file, variable, "two secrets"),
        (tmp_path / "none", {}, "cannot read .*none: No such file"),
        (tmp_path, {}, "cannot read .*: Is a directory"),
    ):
        with pytest.raises(AdminError, match=problem):
            read_admins(["root"], path, environment)
    file.chmod(0o604)
    with pytest.raises(AdminError, match="others may use"):
        read_admins(["root"], file, {})
    file.chmod(0o600)
    file.write_bytes(b"\xff" * 10)
    with pytest.raises(AdminError, match="not UTF-8"):
        read_admins(["root"], file, {})


def test_a_role_that_there_is_not():
    with pytest.raises(ValueError, match="command x: there is no role king"):
        Command("x", lambda ctx: None, role="king")


def test_what_is_for_moderators_is_not_called_for_others(world):
    own = World([*COMMANDS, Command("own", lambda ctx: ctx.reply("done"), role="moderator")])
    assert own.connect("ala").ask("OWN") == ["ERROR only moderators may do this"]
    assert world.connect("ala").ask("BAN") == ["ERROR only moderators may do this"]


def test_ctx_moderator_is_for_moderators_whatever_the_command_says():
    def sneak(ctx):
        ctx.moderator.kick("ala")

    world = World([*COMMANDS, Command("sneak", sneak)])
    assert world.connect("ala").ask("SNEAK") == ["ERROR only moderators may do this"]


def test_moderators_see_more_of_the_server(world):
    assert len(world.connect("ala").ask("STATS")) == 2
    eva = moderator(world)
    world.connect()
    world.clock.pass_by(93_784)
    order(world, eva, "BAN bob")
    assert eva.ask("STATS")[2:] == [
        "NOTICE users 2",
        "NOTICE connections 3",
        "NOTICE at_the_door 1",
        "NOTICE uptime 1d 2h",
        "NOTICE bans 1",
        "NOTICE mutes 0",
        f"NOTICE internal_errors {mistakes()}",
    ]
