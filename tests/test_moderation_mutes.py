"""Mutes: who says nothing that others hear, under which nicks and addresses."""

import pytest

from moderating import HOME, come, make_world, moderator, order


@pytest.fixture
def world():
    return make_world()


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
