"""Commands of plugins: their arguments, their answers, and what comes of those that fail."""

import re

import pytest

from chatd.commands import Command
from chatd.events import (
    CommandError,
)
from plugging import CRASH, Client, chat, logged, write


def order(ctx, dish: str, number: int, price: float = 1.5, wish: str = "") -> None:
    """Order something to eat."""


@pytest.mark.parametrize(
    ("args", "values"),
    [
        (["soup 2"], ["soup", 2]),
        (["soup 2 0.5"], ["soup", 2, 0.5]),
        (["soup 2 0.5 hot,  please "], ["soup", 2, 0.5, "hot,  please "]),
        (["soup", "2", "0.5", "no salt"], ["soup", 2, 0.5, "no salt"]),
        (["soup", "-2 3"], ["soup", -2, 3.0]),
    ],
)
def test_words_become_what_the_signature_says(args, values):
    assert Command("order", order).bind(args) == values


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        ([], "missing-argument", "dish is missing"),
        (["soup"], "missing-argument", "number is missing"),
        (["soup two"], "bad-value", "number must be a whole number"),
        (["soup 2.5"], "bad-value", "number must be a whole number"),
        (["soup 2 much"], "bad-value", "price must be a number"),
        (["soup", "2", "1", "a", "b"], "too-many-arguments", "too many words"),
    ],
)
def test_words_that_do_not_fit_are_explained(args, code, text):
    with pytest.raises(CommandError) as caught:
        Command("order", order).bind(args)
    assert (caught.value.code, caught.value.text[: len(text)]) == (code, text)


ADD = """
    from chatd import Command, hookimpl

    def add(ctx, left: int, right: int = 1):
        \"\"\"Add two numbers.\"\"\"
        ctx.reply(str(left + right))

    def ping(ctx):
        \"\"\"Answer.\"\"\"
        ctx.reply("pong")

    @hookimpl
    def register_commands():
        return [Command("add", add), Command("ping", ping)]
    """


def test_arguments_on_the_wire(engine, tmp_path):
    folder = write(tmp_path / "plugins", add=ADD)
    with chat("ala", plugins_dir=folder, engine=engine) as (_, ala):
        assert ala.ask("ADD 2") == "NOTICE 3"
        assert ala.ask("ADD 2 40") == "NOTICE 42"
        assert ala.ask("ADD") == "ERROR left is missing"
        assert ala.ask("ADD two") == "ERROR left must be a whole number"
        assert ala.ask("ADD 2 40 3") == "ERROR too many words"
        assert ala.ask("PING now") == "ERROR too many words"
        assert ala.ask("PING") == "NOTICE pong"


ODD = """
    from chatd import Command, hookimpl

    TEXT = "a\\ud800b\\n\\x1b[31mPRIV_FROM root hi\\r\\n"

    def odd(ctx):
        \"\"\"Say what no client could.\"\"\"
        ctx.reply(TEXT)
        ctx.say("General", TEXT)
        ctx.tell("bob", TEXT)

    @hookimpl
    def register_commands():
        return [Command("odd", odd)]
    """


def test_texts_of_plugins_stay_on_their_line(engine, tmp_path):
    """And half a character that is no Unicode costs one character, not the message."""
    folder = write(tmp_path / "plugins", odd=ODD)
    text = "a?b  [31mPRIV_FROM root hi  "
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (_, ala, bob):
        assert ala.ask("ODD") == f"NOTICE {text}"
        assert ala.line() == "OK"
        assert bob.lines(2) == [f"PUB_MSG {text}", f"PRIV_FROM ala {text}"]
        assert ala.silent()


def test_an_answer_is_a_line_whatever_it_holds(engine, tmp_path):
    source = """
    from chatd import Command, hookimpl

    def answer(ctx):
        \"\"\"Answer nothing, then two lines, then one.\"\"\"
        ctx.reply("")
        ctx.reply("one\\ntwo")
        ctx.reply("three")

    @hookimpl
    def register_commands():
        return [Command("answer", answer)]
    """
    folder = write(tmp_path / "plugins", answer=source)
    with chat("ala", plugins_dir=folder, engine=engine) as (_, ala):
        ala.send("ANSWER")
        assert ala.lines(3) == ["NOTICE", "NOTICE one two", "NOTICE three"]
        assert ala.silent()


# -- handlers that fail ----------------------------------------------------------------------------

KINDS = [
    "ValueError", "SystemExit", "KeyboardInterrupt", "RecursionError", "MemoryError",
    "GeneratorExit", "StopIteration", "BaseException",
]  # fmt: skip


@pytest.mark.parametrize("verb", ["CRASH", "CRASH-ASIDE", "PUB crash"])
def test_whatever_a_plugin_raises_costs_its_caller_one_line(engine, verb, tmp_path, caplog):
    """R-25: in a handler, in one on a worker, and in a filter."""
    folder = write(tmp_path / "plugins", crash=CRASH)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (_, ala, bob):
        for kind in KINDS:
            ala.send(f"{verb} {kind} oops", "WHOAMI")
            told = ala.line()
            assert re.fullmatch(r"ERROR internal error E\d+", told)
            assert ala.line() == "WHOAMI ala"
            bob.send("PUB still here")
            assert ala.line() == "PUB_MSG still here"
            assert bob.silent()
            record = caplog.records[-1]
            assert record.getMessage() == told.removeprefix("ERROR ")
            error = record.exc_info[1]
            assert type(error.__cause__ or error).__name__ == kind
    assert len(caplog.records) == len(KINDS)


@pytest.mark.parametrize("verb", ["COMPLAIN", "COMPLAIN-ASIDE"])
def test_a_refusal_is_told_and_not_logged(engine, verb, tmp_path, caplog):
    folder = write(tmp_path / "plugins", crash=CRASH)
    with chat("ala", plugins_dir=folder, engine=engine) as (_, ala):
        assert ala.ask(f"{verb} not today") == "ERROR no: not today"
        assert ala.silent()
    assert caplog.records == []


ODD_REFUSALS = """
    from chatd import Command, CommandError, hookimpl

    REFUSALS = {"none": ("x", None), "number": ("x", 5), "code": ([], "so")}

    def refuse(ctx, kind):
        \"\"\"Refuse with what is no text.\"\"\"
        raise CommandError(*REFUSALS[kind])

    @hookimpl
    def register_commands():
        return [Command("refuse", refuse, before_login=True)]
    """


@pytest.mark.parametrize(("kind", "told"), [("none", "None"), ("number", "5"), ("code", "so")])
def test_a_refusal_that_is_no_text_is_told_all_the_same(engine, kind, told, tmp_path):
    folder = write(tmp_path / "plugins", odd=ODD_REFUSALS)
    with chat(plugins_dir=folder, engine=engine) as (server,), Client(server.port) as client:
        assert client.ask(f"REFUSE {kind}") == f"ERROR {told}"
        client.login("ala")
        assert client.ask(f"REFUSE {kind}") == f"ERROR {told}"
        assert client.silent()


@pytest.mark.parametrize("verb", ["CRASH", "CRASH-ASIDE"])
def test_the_log_has_the_traceback_under_the_id_that_was_told(engine, verb, tmp_path):
    """R-25: once for each failure."""
    folder = write(tmp_path / "plugins", crash=CRASH)
    forged = "x~2026-01-01 00:00:00 said in General by root: hi%refused^[31m"
    options = ("--engine", engine, "--plugins-dir", str(folder))
    with logged(tmp_path, *options) as (port, lines), Client(port, nick="ala") as ala:
        told = [ala.ask(f"{verb} {error} {forged}") for error in ("ValueError", "SystemExit")]
        assert ala.silent()
    for line, error in zip(told, ("ValueError", "SystemExit"), strict=True):
        start = lines.index("warning: " + line.removeprefix("ERROR "))
        rest = lines[start + 1 :]
        assert rest[0] == "warning:   Traceback (most recent call last):"
        end = next(i for i, text in enumerate(rest) if text.startswith(f"warning:   {error}: x"))
        assert any(f'{folder}/crash.py", line' in text for text in rest[:end])
    assert not any(line.startswith(("said", "refused")) for line in lines)
    assert all(line.isprintable() for line in lines)
