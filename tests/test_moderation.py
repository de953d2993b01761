"""Moderators, in memory and with a clock to move: who becomes one, bans, mutes."""

import logging
import os
import threading

import pytest

from chat import wait_until
from chatd.admins import AdminError, make_admins, read_admins
from chatd.banfile import BanFile, BanFileError
from chatd.bans import Bans, Kept, Sanction
from chatd.commands import Command
from chatd.durations import duration_text, parse_duration
from chatd.events import LoggedOut, Moderated, Promoted, Refused, Warned
from chatd.limits import Limits
from chatd.mistakes import mistakes
from chatd_plugins import history, moderation, people, rooms, talk
from fakes import World

SECRET = "open sesame"
COMMANDS = [
    c for plugin in (history, moderation, people, rooms, talk) for c in plugin.register_commands()
]
WRONG = "ERROR this is no moderator's name and secret"
HOME = "192.0.2.7:4000"


@pytest.fixture
def world():
    return make_world()


def make_world(**settings):
    given = {"admins": make_admins(["root"], SECRET), **settings.pop("moderation", {})}
    return World(COMMANDS, moderation=given, **settings)


def moderator(world, nick="eva", address="198.51.100.1:5000"):
    caller = world.connect(nick, address)
    assert caller.ask(f"OPER root {SECRET}") == ["NOTICE you are a moderator now"]
    return caller


def order(world, caller, line):
    """Send a command that waits for the disk, let it run and return the answer."""
    caller.send(line)
    world.pool.jobs.popleft().run()
    caller.session.receive(b"")
    return caller.read()


def come(world, nick, address=HOME):
    """Connect and try to log in; give the client and what it hears."""
    caller = world.connect(address=address)
    return caller, caller.ask(f"LOGIN {nick}")


# -- who becomes a moderator -----------------------------------------------------------------


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


# -- roles -----------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.1, "1s"), (59.5, "1m"), (1800, "30m"), (3661, "1h 1m"), (6e8, "6944d 10h")],
)
def test_spans_are_written(seconds, text):
    assert duration_text(seconds) == text


def test_spans_are_read():
    spans = ["30m", "12h", "7d", "2w", "5s", "", "m", "30", "1y", "-1m", "\u0663m"]
    assert [parse_duration(span) for span in spans] == [1800, 43200, 604800, 1209600, 5] + [
        None
    ] * 6


# -- kicks -----------------------------------------------------------------------------------


def test_who_is_kicked_is_told_by_whom_and_why_and_may_come_again(world):
    eva, ala = moderator(world), world.connect("ala", HOME)
    assert eva.ask("KICK ALA be  nice") == ["NOTICE ALA is kicked"]
    assert ala.read() == ["ERROR you have been kicked by eva: be  nice"]
    assert ala.wire.calls["end_output"] == 1
    assert world.seen(LoggedOut) == [LoggedOut("ala", "kicked by eva: be  nice")]
    assert world.seen(Moderated) == [Moderated("eva", "kicks", "ALA", "", "be  nice")]
    assert come(world, "ala")[1] == ["OK"]


def test_moderators_can_be_kicked_by_moderators(world):
    eva, ola = moderator(world), moderator(world, "ola", HOME)
    assert eva.ask("KICK ola") == ["NOTICE ola is kicked"]
    assert ola.read() == ["ERROR you have been kicked by eva"]
    ola, heard = come(world, "ola")
    assert (heard, ola.ask("BANS")) == (["OK"], ["ERROR only moderators may do this"])


def test_a_user_without_a_name_can_be_kicked_and_muted(world):
    """Whoever enters json has an address for a name."""
    eva, guest = moderator(world), world.connect(HOME, HOME)
    assert order(world, eva, f"MUTE {HOME}") == [f"NOTICE {HOME} is muted"]
    assert guest.ask("PUB hello") == ["ERROR you are muted"]
    assert order(world, eva, f"UNMUTE {HOME}") == [f"NOTICE {HOME} is not muted any more"]
    assert guest.ask("PUB hello") == []
    assert eva.ask(f"KICK {HOME}")[-1] == f"NOTICE {HOME} is kicked"
    assert guest.read() == ["ERROR you have been kicked by eva"]


# -- bans ------------------------------------------------------------------------------------


def test_a_banned_nick_is_kept_out_under_each_of_its_forms(world):
    eva, ala, bob = moderator(world), world.connect("Ala", HOME), world.connect("bob", HOME)
    assert order(world, eva, "BAN ala 30m spam, again") == ["NOTICE ala is banned for 30m"]
    assert ala.read() == ["ERROR you have been banned for 30m by eva: spam, again"]
    world.clock.pass_by(60.5)
    refusal = ["ERROR nick is banned for another 29m: spam, again"]
    for nick in ("ala", "ALA", "\uff21la"):  # full width
        assert bob.ask(f"LOGIN {nick}") == refusal
        assert come(world, nick)[1] == refusal
    assert world.seen(Refused)[-1] == Refused(HOME, refusal[0].removeprefix("ERROR "))
    world.clock.pass_by(29 * 60)
    assert bob.ask("LOGIN ala") == ["OK"]


def test_who_was_there_and_who_was_not_can_be_banned_for_ever(world):
    eva = moderator(world)
    assert order(world, eva, "BAN ala") == ["NOTICE ala is banned"]
    world.clock.pass_by(1e9)
    assert come(world, "ala")[1] == ["ERROR nick is banned"]
    assert order(world, eva, "UNBAN Ala") == ["NOTICE Ala is not banned any more"]
    assert order(world, eva, "UNBAN ala") == ["ERROR ala is not banned"]
    assert come(world, "ala")[1] == ["OK"]


@pytest.mark.parametrize(
    ("target", "shown", "inside", "outside"),
    [
        ("192.0.2.7", "192.0.2.7/32", "192.0.2.7:1", "192.0.2.8:1"),
        ("192.0.2.7/24", "192.0.2.0/24", "192.0.2.99:1", "192.0.3.1:1"),
        ("2001:db8::7", "2001:db8::/64", "[2001:db8::1234]:1", "192.0.2.7:1"),
        ("2001:db8::/32", "2001:db8::/32", "[2001:db8:9::7]:1", "[2001:db9::7]:1"),
        ("::ffff:192.0.2.7", "192.0.2.7/32", "192.0.2.7:1", "[2001:db8::7]:1"),
        ("::ffff:192.0.2.7/120", "192.0.2.0/24", "192.0.2.99:1", "192.0.3.1:1"),
    ],
)
def test_a_banned_address_is_refused_at_the_door_and_sent_away(
    world, target, shown, inside, outside
):
    eva = moderator(world)
    ala, door = world.connect("ala", inside), world.connect(address=inside)
    bob = world.connect("bob", outside)
    assert order(world, eva, f"BAN {target} 7d spam") == [f"NOTICE {shown} is banned for 7d"]
    for one in (ala, door):
        assert one.read() == ["ERROR you have been banned for 7d by eva: spam"]
    refusal = "your address is banned for another 7d: spam"
    assert world.moderation.bans.refusal(inside) == refusal
    assert world.moderation.bans.refusal(outside) is None
    # Whoever had passed the door in that moment gets no further.
    late, heard = come(world, "late", inside)
    assert heard == [f"ERROR {refusal}"]
    assert late.wire.calls["end_output"] == 1
    assert bob.ask("LIST") == ["USERS eva bob"]
    assert world.seen(Moderated)[-1] == Moderated("eva", "bans for 7d", "", shown, "spam")
    assert order(world, eva, f"UNBAN {target}") == [f"NOTICE {shown} is not banned any more"]
    assert come(world, "late", inside)[1] == ["OK"]


@pytest.mark.parametrize(
    "target", ["Eva", "198.51.100.1", "198.51.100.0/24", "0.0.0.0/0", "::ffff:0:0/96"]
)
def test_nobody_shuts_out_oneself(world, target):
    eva, ala = moderator(world), world.connect("ala", HOME)
    (heard,) = order(world, eva, f"BAN {target}")
    assert heard.endswith(
        " is your own nick, too" if target == "Eva" else " is your own address, too"
    )
    assert eva.ask("BANS") == ["NOTICE there are no bans"]
    assert ala.ask("LIST") == ["USERS eva ala"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("BAN", "target is missing"),
        ("BAN a/b", "nick must not contain /"),
        ("BAN 192.0.2.0/33", "nick must not contain /"),
        ("BAN ala 0m", "0m is no time such as 30m, 12h or 7d"),
        ("BAN ala 2y spam", "2y is no time such as 30m, 12h or 7d"),
        ("BAN ala 90", "90 is no time such as 30m, 12h or 7d"),
        ("BAN ala " + "x" * 201, "the reason is longer than 200 characters"),
        ("MUTE nobody", "there is no user nobody"),
        ("UNMUTE nobody", "nobody is not muted"),
        ("UNBAN 192.0.2.7", "192.0.2.7/32 is not banned"),
    ],
)
def test_one_clear_error_for_what_makes_no_sense(world, line, error):
    eva = moderator(world)
    heard = eva.ask(line) or order(world, eva, "")
    assert heard == [f"ERROR {error}"]
    assert eva.ask("BANS") == ["NOTICE there are no bans"]


def test_the_list(world):
    eva = moderator(world)
    for line in ("BAN ala 30m spam", "BAN 192.0.2.0/24", "MUTE eva 90s test"):
        order(world, eva, line)
    world.clock.pass_by(30.5)
    assert eva.ask("BANS") == [
        "NOTICE ban ala by eva for another 29m 30s: spam",
        "NOTICE ban 192.0.2.0/24 by eva",
        "NOTICE mute eva by eva for another 1m: test",
    ]
    assert eva.ask("BANS 192.0") == ["NOTICE ban 192.0.2.0/24 by eva"]
    assert eva.ask("BANS ola") == ["NOTICE there are no such bans"]
    for number in range(99):
        order(world, eva, f"BAN troll{number}")
    assert eva.ask("BANS")[:2] == ["NOTICE the newest 100 of 102:", "NOTICE ban troll0 by eva"]


def test_bans_have_a_bound_and_make_room_when_they_are_over():
    """R-17: bans and mutes together."""
    """R-17: a thousand of them."""
    world = make_world(bans=2)
    eva = moderator(world)
    order(world, eva, "BAN ala 1m")
    order(world, eva, "MUTE eva")
    full = ["ERROR there are 2 bans and mutes already, lift some first"]
    assert order(world, eva, "BAN ola") == full
    assert order(world, eva, "BAN ala 2m") == ["NOTICE ala is banned for 2m"], "in its own place"
    world.clock.pass_by(121)
    assert order(world, eva, "BAN ola") == ["NOTICE ola is banned"]
    assert order(world, eva, "BAN ala") == full


# -- mutes -----------------------------------------------------------------------------------


def test_who_is_muted_says_nothing_that_others_hear(world):
    eva, ala = moderator(world), world.connect("ala", HOME)
    assert order(world, eva, "MUTE ala 10m shouting") == ["NOTICE ala is muted for 10m"]
    world.clock.pass_by(1)
    told = "ERROR you are muted for another 9m 59s: shouting"
    lines = ("PUB hello", "SAY General hello", "PRIV eva hi", "LOGIN alas", "CREATE I-say-hello")
    assert ala.ask(*lines) == [told] * len(lines)
    assert eva.read() == []
    assert ala.ask("LIST", "WHOAMI") == ["USERS eva ala", "WHOAMI ala"]
    world.clock.pass_by(600)
    ala.send("PUB hello")
    assert eva.read() == ["PUB_MSG hello"]


def test_a_mute_outlives_the_connection_and_the_nick(world):
    eva, ala, bob = moderator(world), world.connect("ala", HOME), world.connect("bob", HOME)
    order(world, eva, "MUTE ala")
    ala.session.eof()
    again, _ = come(world, "another", "192.0.2.7:4999")
    assert again.ask("PUB it is me") == ["ERROR you are muted"]
    elsewhere, _ = come(world, "Ala", "203.0.113.1:1")
    assert elsewhere.ask("PUB it is me") == ["ERROR you are muted"]
    assert bob.ask("PRIV bob I was here before") == ["ERROR you are muted"]
    assert order(world, eva, "UNMUTE another") == ["NOTICE another is not muted any more"]
    for one in (again, elsewhere, bob):
        assert one.ask("WHOAMI")[0].startswith("WHOAMI")
        assert one.ask("PRIV eva thanks") == ["OK"]


def test_an_address_that_many_share_is_not_muted_for_one_of_them(world):
    """Tunnels and bridges bring everybody under the address of the machine itself."""
    eva, ala = moderator(world), world.connect("ala")
    order(world, eva, "MUTE ala")
    assert ala.ask("PUB hello") == ["ERROR you are muted"]
    assert world.connect().ask("LOGIN ola", "PUB hello") == ["OK"]
    ala.session.eof()
    assert world.connect().ask("LOGIN ALA", "PUB hello") == ["OK", "ERROR you are muted"]


def test_a_mute_is_renewed_in_its_place(world):
    eva, ala = moderator(world), world.connect("ala", HOME)
    order(world, eva, "MUTE ala 1m")
    order(world, eva, "MUTE ala 1h")
    world.clock.pass_by(61)
    assert ala.ask("PUB hello") == ["ERROR you are muted for another 58m 59s"]
    assert order(world, eva, "UNMUTE ala") == ["NOTICE ala is not muted any more"]
    assert ala.ask("PUB hello") == []


def test_of_several_mutes_the_one_that_ends_last_counts(world):
    eva, eve = moderator(world), world.connect("eve", HOME)
    order(world, eva, "MUTE eve 10m")
    bob, _ = come(world, "bob", "192.0.2.7:4999")
    order(world, eva, "MUTE bob")
    order(world, eva, "MUTE eve 1m")
    for one in (eve, bob):
        assert one.ask("PUB hello") == ["ERROR you are muted"]
        one.session.eof()
    world.clock.pass_by(3600)
    assert come(world, "bob")[0].ask("PUB hello") == ["ERROR you are muted"]


def test_whoever_takes_a_muted_nick_is_muted(world):
    eva, bob = moderator(world), world.connect("bob", HOME)
    order(world, eva, "MUTE bob")
    bob.session.eof()
    ala = world.connect("ala", "203.0.113.1:1")
    told = ["OK", "ERROR you are muted", "ERROR you are muted"]
    assert ala.ask("LOGIN Bob", "PUB hello", "LOGIN ala") == told


def test_a_mute_that_is_over_does_not_come_back_with_its_nick(world):
    eva, ala = moderator(world), world.connect("bob", HOME)
    order(world, eva, "MUTE bob 1m")
    world.clock.pass_by(61)
    assert ala.ask("LOGIN ala") == ["OK"]
    bob = world.connect("bob", "203.0.113.1:1")
    order(world, eva, "MUTE bob")
    assert ala.ask("PRIV eva hi") == ["OK"]
    assert order(world, eva, "UNMUTE ala")[-1] == "ERROR ala is not muted"
    assert bob.ask("PUB hello") == ["ERROR you are muted"]


def test_a_renewed_mute_holds_for_all_who_were_under_it(world):
    eva, bob = moderator(world), world.connect("bob", HOME)
    order(world, eva, "MUTE bob 1m")
    bob.session.eof()
    ala, _ = come(world, "ala", "192.0.2.7:4999")
    come(world, "bob", "203.0.113.1:1")
    order(world, eva, "MUTE bob")
    world.clock.pass_by(61)
    assert ala.ask("PUB hello") == ["ERROR you are muted"]


def test_whoever_reconnects_while_muted_is_muted(world, monkeypatch):
    eva, bob = moderator(world), world.connect("bob", "127.0.0.1:1")
    bans, came = world.moderation.bans, []

    def late(sanction):
        bob.session.eof()
        came.append(world.connect("bob", "127.0.0.1:2"))
        return put(sanction)

    put = bans.mute
    monkeypatch.setattr(bans, "mute", late)
    order(world, eva, "MUTE bob")
    assert came[0].ask("PUB hello") == ["ERROR you are muted"]


def test_a_moderator_is_not_muted_by_muting_a_neighbour(world):
    eva = moderator(world, address=HOME)
    world.connect("bob", "192.0.2.7:4999")
    order(world, eva, "MUTE bob")
    assert eva.ask("PRIV eva hi") == ["PRIV_FROM eva hi", "OK"]
    assert order(world, eva, "MUTE eva") == ["NOTICE eva is muted"]
    assert eva.ask("PRIV eva hi") == ["ERROR you are muted"]


# -- what is kept ----------------------------------------------------------------------------


def test_what_is_kept_is_read_again_and_what_is_over_is_not(tmp_path):
    path = tmp_path / "deep" / "bans.json"
    kept = Kept(
        (Sanction("Ala", "eva", "spam", 2000.0), Sanction("192.0.2.0/24", "eva")),
        (Sanction("bob", "ola", until=1000.0), Sanction("eve", "ola", source="192.0.2.7")),
    )
    BanFile(path).write(lambda: kept)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["bans.json"]
    bans = Bans(Limits(), BanFile(path).read(), now=lambda: 1500.0)
    assert bans.kept() == Kept(kept.bans, kept.mutes[1:])
    assert bans.refusal("192.0.2.9:1") == "your address is banned"
    assert bans.find_mute("192.0.2.7:1", "ola", None) == kept.mutes[1]


def test_a_file_may_be_written_by_hand(tmp_path):
    path = tmp_path / "bans.json"
    path.write_text('{"bans": [{"target": "192.0.2.7", "by": "me"}]}')
    assert Bans(Limits(), BanFile(path).read()).refusal("192.0.2.7:1") == "your address is banned"


def test_without_a_file_nothing_is_kept(tmp_path):
    assert BanFile(tmp_path / "none").read() == BanFile(None).read() == Kept()
    BanFile(None).write(lambda: pytest.fail("nobody wants it"))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "truncated"),
        (b"{]", "malformed"),
        (b'{"bans": 5}', "Expected `array`"),
        (b'{"bans": [{"target": "a b", "by": "me"}]}', "white space"),
        (b'{"bans": [{"target": "\xff", "by": "me"}]}', "utf-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path, data, problem):
    path = tmp_path / "bans.json"
    path.write_bytes(data)
    with pytest.raises(BanFileError, match=rf"^cannot use the bans in .*bans\.json: .*{problem}"):
        BanFile(path).read()
    path.unlink()
    path.mkdir()
    with pytest.raises(BanFileError, match=r"^cannot read the bans in .*: Is a directory$"):
        BanFile(path).read()


def test_a_ban_that_cannot_be_written_is_in_force_and_both_are_told(tmp_path):
    (tmp_path / "file").touch()
    world = make_world(moderation={"file": BanFile(tmp_path / "file" / "bans.json")})
    eva, ala = moderator(world), world.connect("ala", HOME)
    assert order(world, eva, "BAN ala") == [
        "NOTICE ala is banned, until the server ends: it could not be written down"
    ]
    assert ala.read() == ["ERROR you have been banned by eva"]
    (warned,) = world.seen(Warned)
    assert warned.text.startswith(f"cannot write {tmp_path}/file/bans.json: File exists; ")


def test_a_crash_while_it_is_written_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "bans.json"
    old = Kept((Sanction("ala", "eva"),))
    BanFile(path).write(lambda: old)

    def fail(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(BanFileError, match="Input/output error"):
        BanFile(path).write(Kept)
    assert BanFile(path).read() == old
    assert [each.name for each in tmp_path.iterdir()] == ["bans.json"]


def test_of_two_who_write_at_once_the_later_state_stays(tmp_path):
    """Each writes what is in force when its turn has come."""
    bans, file = Bans(), BanFile(tmp_path / "bans.json")
    first_writes, second_waits = threading.Event(), threading.Event()

    def slowly():
        first_writes.set()
        assert second_waits.wait(20)
        return Kept()

    first = threading.Thread(target=file.write, args=(slowly,))
    first.start()
    assert first_writes.wait(20)
    bans.ban(Sanction("ala", "eva"))
    second = threading.Thread(target=file.write, args=(bans.kept,))
    second.start()
    second_waits.set()
    first.join()
    second.join()
    assert file.read() == bans.kept()


def test_a_disk_that_hangs_is_not_waited_for_and_both_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr("chatd.banfile._PATIENCE", 0.01)
    hangs, fsync = threading.Event(), os.fsync
    monkeypatch.setattr("os.fsync", lambda file: hangs.wait(20) and fsync(file))
    file = BanFile(tmp_path / "bans.json")
    world = make_world(moderation={"file": file})
    eva = moderator(world)
    for nick in ("ala", "bob"):
        assert order(world, eva, f"BAN {nick}") == [
            f"NOTICE {nick} is banned, until the server ends: it could not be written down"
        ]
        assert come(world, nick)[1] == ["ERROR nick is banned"]
        assert "bans.json: the disk hangs; " in world.seen(Warned)[-1].text
    hangs.set()
    wait_until(lambda: len(file.read().bans) == 2, "the disk to go on")


def test_a_mistake_while_bans_are_written_is_told_and_not_repeated(tmp_path, caplog):
    file = BanFile(tmp_path / "bans.json")
    with pytest.raises(BanFileError, match="internal error"):
        file.write(lambda: 1 / 0)
    file.write(Kept)
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]
