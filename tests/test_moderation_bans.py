"""Kicks and bans: who is sent away, who is kept out, and for how long."""

import pytest

from chatd.events import LoggedOut, Moderated, Refused
from moderating import HOME, come, make_world, moderator, order


@pytest.fixture
def world():
    return make_world()


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
        ("KICK bob " + "x" * 201, "the reason is longer than 200 characters"),
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
