"""Commands: what a handler's signature means, what is refused, filters, who may call."""

import contextlib
import functools
from typing import Optional

import pytest

from chatd.commands import Command, Filter
from chatd.events import GENERAL, CommandError, Request, Said
from fakes import World
from sessions import login, say


def two(ctx, nick, text):
    pass


def dice(ctx, sides: int = 6):
    """Roll a die.

    More about dice.
    """


def scale(ctx, factor: float, text: str = "thing"):
    pass


def nothing(ctx):
    pass


def many(ctx, first, second="2", third="3"):
    pass


def count(ctx, a: int, b: int):
    pass


# -- arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "args", "values"),
    [
        (nothing, (), []),
        (two, ("ala", "hi"), ["ala", "hi"]),
        (two, ("ala hi",), ["ala", "hi"]),
        (two, ("ala two words",), ["ala", "two words"]),
        (two, ("ala", "two words"), ["ala", "two words"]),
        (two, ("ala  two  words  ",), ["ala", " two  words  "]),
        (two, ("ala\tola hi\tthere",), ["ala\tola", "hi\tthere"]),
        (dice, (), []),
        (dice, ("",), []),
        (dice, ("20",), [20]),
        (dice, (" -3",), [-3]),
        (count, ("1 2",), [1, 2]),
        (count, ("1", "2"), [1, 2]),
        (scale, ("1.5",), [1.5]),
        (scale, ("2 big thing",), [2.0, "big thing"]),
        (scale, ("1e3", "x"), [1000.0, "x"]),
        (many, ("a",), ["a"]),
        (many, ("a b",), ["a", "b"]),
        (many, ("a b c  d",), ["a", "b", "c  d"]),
        (many, ("a", "b c"), ["a", "b", "c"]),
        (many, ("a", "", "c"), ["a", "2", "c"]),
        (many, ("a  c",), ["a", "2", "c"]),
        (many, ("a", "b", "", ""), ["a", "b"]),
        (two, ("ala", " "), ["ala", " "]),
    ],
)
def test_arguments_become_what_the_signature_says(handler, args, values):
    bound = list(Command("x", handler).bind(args))
    assert bound == values
    assert [type(value) for value in bound] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("handler", "args", "code", "text"),
    [
        (two, (), "missing-argument", "nick is missing"),
        (two, ("",), "missing-argument", "nick is missing"),
        (two, ("ala",), "missing-argument", "text is missing"),
        (two, ("ala ",), "missing-argument", "text is missing"),
        (two, ("ala", ""), "missing-argument", "text is missing"),
        (two, (" ala hi",), "missing-argument", "nick is missing"),
        (scale, (), "missing-argument", "factor is missing"),
        (nothing, ("word",), "too-many-arguments", "too many words"),
        (two, ("a", "b", "c"), "too-many-arguments", "too many words"),
        (dice, ("six",), "bad-value", "sides must be a whole number"),
        (dice, ("6.5",), "bad-value", "sides must be a whole number"),
        (dice, ("6 7",), "too-many-arguments", "too many words"),
        (dice, ("9" * 4100 + "9" * 900,), "bad-value", "sides must be a whole number"),
        (scale, ("much",), "bad-value", "factor must be a number"),
        (scale, ("nan",), "bad-value", "factor must be a number"),
        (scale, ("-inf",), "bad-value", "factor must be a number"),
        (scale, ("Infinity",), "bad-value", "factor must be a number"),
        (scale, ("1e999",), "bad-value", "factor must be a number"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(handler, args, code, text):
    with pytest.raises(CommandError) as caught:
        Command("x", handler).bind(args)
    assert (caught.value.code, caught.value.text) == (code, text)


# -- descriptions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "usage"),
    [
        (nothing, "x"),
        (two, "x NICK TEXT"),
        (dice, "x [SIDES]"),
        (scale, "x FACTOR [TEXT]"),
    ],
)
def test_the_usage_comes_from_the_signature(handler, usage):
    assert Command("x", handler).usage == usage


def test_the_summary_is_the_first_line_of_the_docstring():
    assert Command("roll", dice).summary == "Roll a die."
    assert Command("x", nothing).summary == ""


@pytest.mark.parametrize("verb", ["", "Roll", "two words", "ro_ll", "żółw", "roll!", "-x", "2d6"])
@pytest.mark.parametrize("as_alias", [False, True])
def test_a_verb_is_lower_case_letters_digits_and_hyphens(verb, as_alias):
    names = ("roll", (verb,)) if as_alias else (verb, ())
    with pytest.raises(ValueError, match="is no verb"):
        Command(names[0], dice, aliases=names[1])


def test_aliases_are_a_list_and_no_text():
    """Each letter of a text would be one, and they are verbs."""
    with pytest.raises(ValueError, match="command roll: aliases must be a list of verbs"):
        Command("roll", dice, aliases="bcd")


def test_hyphens_and_digits_may_be_in_a_verb():
    assert Command("roll-2-d6", dice).name == "roll-2-d6"


def no_context():
    pass


def star(ctx, *words):
    pass


def stars(ctx, **words):
    pass


def keyword_only(ctx, *, word):
    pass


def positional_only(ctx, word, /):
    pass


def boolean(ctx, flag: bool):
    pass


def optional(ctx, word: Optional[str] = None):  # noqa: UP045  # as people write it
    pass


def listed(ctx, words: [str]):
    pass


async def asynchronous(ctx):
    pass


def unknown_name(ctx, word: "NoSuchName"):  # noqa: F821  # that is the point
    pass


@pytest.mark.parametrize(
    "handler",
    [
        no_context,
        star,
        stars,
        keyword_only,
        positional_only,
        boolean,
        optional,
        listed,
        unknown_name,
        asynchronous,
        "not even callable",
    ],
)
def test_a_handler_that_cannot_be_a_commands_is_refused_by_name(handler):
    with pytest.raises(ValueError, match="roll"):
        Command("roll", handler)


def test_annotations_may_be_strings():
    def handler(ctx, sides: "int"):
        pass

    assert Command("roll", handler).bind(("7",)) == [7]


@pytest.mark.parametrize("handler", [functools.partial(count, a=1), lambda ctx, word: None])
def test_any_callable_will_do_or_is_refused_like_the_others(handler):
    with contextlib.suppress(ValueError):
        Command("roll", handler)


# -- running ---------------------------------------------------------------------------------


def hello(ctx, name="world"):
    ctx.reply(f"hello {name}")


def whoami(ctx):
    ctx.reply(f"you are {ctx.nick!r}")


COMMANDS = [
    Command("login", login, before_login=True),
    Command("say", say),
    Command("hello", hello, aliases=("hi", "good-day")),
    Command("whoami", whoami, before_login=True),
]


@pytest.fixture
def world():
    return World(COMMANDS)


def test_an_alias_is_the_command(world):
    ala = world.connect("ala")
    assert ala.ask("HELLO", "HI you", "GOOD-DAY") == [
        "NOTICE hello world",
        "NOTICE hello you",
        "NOTICE hello world",
    ]


def test_an_unknown_verb_is_refused(world):
    assert world.connect("ala").ask("HOLA") == ["ERROR unknown command hola"]


def test_only_commands_for_the_door_work_before_login(world):
    client = world.connect()
    assert client.ask("HELLO", "WHOAMI", "LOGIN ala", "HELLO", "WHOAMI") == [
        "ERROR log in first",
        "NOTICE you are ''",
        "OK",
        "NOTICE hello world",
        "NOTICE you are 'ala'",
    ]


@pytest.mark.parametrize("code", [*range(9), *range(11, 32), 127, 128, 155, 159])
def test_control_characters_are_refused_in_any_argument(world, code):
    ala, ola = world.connect("ala"), world.connect("ola")
    bad = f"a{chr(code)}b"
    for args in [(GENERAL, bad), (bad, "text")]:
        with pytest.raises(CommandError) as caught:
            world.dispatcher.run(ala.session, Request("say", args))
        assert caught.value.code == "bad-text"
    assert ola.read() == []


@pytest.mark.parametrize("character", ["\t", " ", "~", "\xa0", "ż", "\U0001f600"])
def test_other_characters_are_delivered_as_they_are(world, character):
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.send(f"PUB a{character}b")
    assert ola.read() == [f"PUB_MSG a{character}b"]


def test_the_commands_are_listed_by_name_without_aliases(world):
    assert list(world.dispatcher.commands) == ["hello", "login", "say", "whoami"]


def test_a_handler_sees_the_commands():
    seen = []
    world = World([Command("what", lambda ctx: seen.extend(ctx.commands), before_login=True)])
    world.connect().send("WHAT")
    assert seen == ["what"]


# -- filters ---------------------------------------------------------------------------------


def appending(word, order=100):
    return Filter(
        lambda message: Said(message.room, message.nick, f"{message.text} {word}"), order=order
    )


def talk(*filters):
    """Say hi through filters; give what the sender and a listener are told."""
    world = World(COMMANDS, filters=filters)
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.send("PUB hi")
    return ala.read(), ola.read()


def test_filters_run_in_their_order_and_each_sees_what_the_one_before_made():
    filters = [appending("last", 200), appending("first", 1), appending("middle")]
    assert talk(*filters) == ([], ["PUB_MSG hi first middle last"])


@pytest.mark.parametrize("apply", [5, None, "hello", asynchronous])
def test_what_is_no_plain_function_is_no_filter(apply):
    with pytest.raises(ValueError, match="a filter needs a plain function"):
        Filter(apply)


@pytest.mark.parametrize("order", ["x", "5", None, float("nan")])
def test_the_order_of_a_filter_is_a_whole_number(order):
    with pytest.raises(ValueError, match="order of a filter must be a whole number"):
        Filter(print, order=order)


def test_filters_see_rooms_as_they_are_written_and_only_what_can_be_said():
    seen = []
    create = Command("open", lambda ctx, room: ctx.create(room))
    join = Command("join", lambda ctx, room: ctx.join(room))
    world = World([*COMMANDS, create, join], filters=[Filter(seen.append)])
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.send("OPEN Tea", "JOIN tea", "SAY TEA hi", "SAY coffee hi")
    assert ola.ask("SAY tea hi") == ["ERROR you are not in room tea"]
    assert ala.read()[-1] == "ERROR there is no room coffee"
    assert seen == [Said("Tea", "ala", "hi")]


def test_filters_of_one_order_run_as_they_were_registered():
    assert talk(appending("one"), appending("two")) == ([], ["PUB_MSG hi one two"])


def test_a_filter_that_returns_nothing_leaves_the_message():
    assert talk(Filter(lambda message: None)) == ([], ["PUB_MSG hi"])


def test_a_filter_that_refuses_tells_the_sender_and_nobody_else():
    def refuse(message):
        raise CommandError("rude", f"not to {message.room}, {message.nick}")

    never = appending("never", 200)
    assert talk(Filter(refuse), never) == ([f"ERROR not to {GENERAL}, ala"], [])


def test_a_filter_that_fails_costs_the_sender_one_error(caplog):
    sender, listener = talk(Filter(lambda message: 1 / 0))
    assert sender == [f"ERROR {record.getMessage()}" for record in caplog.records]
    assert (len(sender), listener) == (1, [])


def test_a_filter_cannot_make_a_message_empty():
    emptied = Filter(lambda message: Said(message.room, message.nick, ""))
    assert talk(emptied) == (["ERROR the message is empty"], [])


def test_private_messages_pass_no_filter():
    seen = []
    tell = Command("tell", lambda ctx, nick, text: ctx.tell(nick, text))
    world = World([tell], filters=[Filter(seen.append)])
    ala, ola = world.connect("ala"), world.connect("ola")
    ala.send("PRIV ola psst")
    assert ola.read() == ["PRIV_FROM ala psst"]
    assert seen == []


# -- what a handler may do -------------------------------------------------------------------


def test_a_context_offers_the_hubs_operations():
    deeds = {
        "create": lambda ctx: ctx.create("tea"),
        "join": lambda ctx: ctx.join("tea"),
        "leave": lambda ctx: ctx.leave("tea"),
        "rooms": lambda ctx: ctx.rooms(),
        "users": lambda ctx: ctx.users(),
        "me": lambda ctx: ctx.whoami(),
        "quit": lambda ctx: ctx.quit(),
    }
    world = World([Command(name, deed) for name, deed in deeds.items()])
    ala = world.connect("ala")
    answers = ala.ask("CREATE", "JOIN", "LEAVE", "ROOMS", "LIST", "ME", "QUIT")
    assert answers == ["OK", "OK", "OK", "ROOMS General tea", "USERS ala", "WHOAMI ala"]
    assert ala.wire.calls["end_output"] == 1
