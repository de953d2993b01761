"""Filters of plugins: they change messages or refuse them, before anybody hears them."""

import re

from plugging import chat, plugin, write

EDITOR = """
    from chatd import CommandError, Filter, Said, hookimpl

    seen = []

    def edit(message):
        seen.append((message.room, message.nick, message.text))
        if "spam" in message.text:
            raise CommandError("spam", "no spam here")
        if "bug" in message.text:
            raise ValueError("a bug in the filter")
        if "shout" in message.text:
            return Said("Elsewhere", "Somebody", message.text.upper())
        if "nothing" in message.text:
            return Said(message.room, message.nick, "")
        return None

    @hookimpl
    def register_filters():
        return [Filter(edit)]
    """


def test_a_filter_changes_refuses_or_leaves_alone(engine, tmp_path, caplog):
    folder = write(tmp_path / "plugins", editor=EDITOR)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob):
        ala.send("PUB hello", "PUB shout it")
        assert bob.lines(2) == ["PUB_MSG hello", "PUB_MSG SHOUT IT"]
        assert ala.ask("PUB buy spam") == "ERROR no spam here"
        assert caplog.records == []
        assert re.fullmatch(r"ERROR internal error E\d+", ala.ask("PUB a bug"))
        assert ala.ask("PUB nothing left") == "ERROR the message is empty"
        assert ala.silent()
        assert bob.silent()
        seen = ["hello", "shout it", "buy spam", "a bug", "nothing left"]
        assert plugin(server, "editor").seen == [("General", "ala", text) for text in seen]
    assert len(caplog.records) == 1


def test_a_filter_changes_the_text_and_nothing_else(engine, tmp_path):
    folder = write(tmp_path / "plugins", editor=EDITOR)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (_, ala, bob):
        assert [ala.ask("CREATE den"), ala.ask("JOIN den"), bob.ask("JOIN den")] == ["OK"] * 3
        ala.send("SAY den shout")
        assert bob.line() == "ROOM_MSG den ala SHOUT"


def test_private_messages_pass_no_filter(engine, tmp_path):
    folder = write(tmp_path / "plugins", editor=EDITOR)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob):
        assert ala.ask("PRIV bob shout spam, a bug") == "OK"
        assert bob.line() == "PRIV_FROM ala shout spam, a bug"
        assert plugin(server, "editor").seen == []


def test_a_filter_sees_the_room_as_it_is_called(engine, tmp_path):
    """Else a filter that is for one room is got round by writing its name in capitals."""
    folder = write(tmp_path / "plugins", editor=EDITOR)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob):
        ala.send("SAY GENERAL hello")
        assert bob.line() == "PUB_MSG hello"
        assert ala.ask("SAY nowhere hello") == "ERROR there is no room nowhere"
        assert plugin(server, "editor").seen == [("General", "ala", "hello")]


def mark(sign, order):
    return f"""
    from chatd import Filter, Said, hookimpl

    @hookimpl
    def register_filters():
        return [Filter(lambda m: Said(m.room, m.nick, m.text + {sign!r}), order={order})]
    """


def test_filters_run_in_their_order(engine, tmp_path):
    folder = write(tmp_path / "plugins", a=mark("3", 300), b=mark("1", -1), c=mark("2", 100))
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (_, ala, bob):
        ala.send("PUB x")
        assert bob.line() == "PUB_MSG x123"
