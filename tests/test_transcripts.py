"""Every scenario strictly in every world: in memory, and on each engine over IPv4 and IPv6."""

from pathlib import Path

import pytest

from chat import PATIENCE, has_ipv6
from chatcli.check.scenario import ENDS, read, read_all
from chatcli.check.text import unescape
from memory_world import MemoryWorld
from socket_world import SocketWorld
from transcript import play

WIRE = Path(__file__).parent.parent / "docs" / "wire"
DOCUMENTED = read(WIRE / "crlf.md", "crlf")
SCENARIOS = [*(each for dialect in ENDS for each in read_all(dialect)), *DOCUMENTED]


def each(scenarios):
    return pytest.mark.parametrize("scenario", scenarios, ids=[one.name for one in scenarios])


def settings(scenario, **more):
    return {**more, "dialect": scenario.dialect, **scenario.settings}


def chunks(scenario):
    """Whether something is sent that ends with the quiet: sending it in pieces changes it."""
    if scenario.dialect in ("crlf", "json"):
        return False
    return any(step.verb == ">>" and step.text.data()[-1:] != b"\n" for step in scenario.steps)


@each(SCENARIOS)
@pytest.mark.parametrize("bytewise", [False, True], ids=["lines", "bytes"])
def test_in_memory(scenario, bytewise):
    world = MemoryWorld(settings(scenario), prompt=bytewise)
    play(scenario, world, bytewise and not chunks(scenario))


# Each scenario is played on all engines, over IPv4 or IPv6, of which select takes the other, and
# its neighbour the other way round; bytewise on one engine. All of it would take a minute more.
WITHOUT_CLOCK = [one for one in SCENARIOS if not one.takes_time]
WHOLE_LINES = [one for one in WITHOUT_CLOCK if not chunks(one)]


def turn(scenario):
    return SCENARIOS.index(scenario) % 2


@each(WITHOUT_CLOCK)
def test_over_sockets(scenario, engine):
    """D-5: engines do not change what is on the wire."""
    host = ("127.0.0.1", "::1")[turn(scenario) ^ (engine == "select")]
    if host == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with SocketWorld(host).serving(engine, settings(scenario)) as world:
        play(scenario, world)


@each(WHOLE_LINES)
def test_over_sockets_bytewise(scenario):
    """S0-12, D-2, D-5: the bytes of a line may come one by one, however slowly."""
    slow = {"limits.quiet": PATIENCE}
    engine = ("threads", "select", "asyncio")[SCENARIOS.index(scenario) % 3]
    with SocketWorld("127.0.0.1").serving(engine, settings(scenario, **slow)) as world:
        play(scenario, world, bytewise=True)


def test_the_documentation_shows_a_session():
    assert DOCUMENTED


# -- the player itself: it has to notice what is wrong ---------------------------------------


def played(tmp_path, text):
    path = tmp_path / "some.txt"
    path.write_text(text, encoding="utf-8")
    (scenario,) = read(path, "crlf")
    play(scenario, MemoryWorld(settings(scenario)))


@pytest.mark.parametrize(
    "text, complaint",
    [
        (
            "ala > LOGIN ala\nala < ERROR",
            r"some.txt:2: ala should see b'ERROR\\r\\n', but saw b'OK",
        ),
        ("ala > LOGIN ala", r"ala should see 'nothing more', but saw b'OK"),
        (
            "ala > LOGIN ala\nala << OK",
            r"ala should see 'nothing more', but saw b'\\r\\n and the end'",
        ),
        (
            "ala > LOGIN ala\nala < OK\nala < OK",
            r"some.txt:3: ala should see b'OK\\r\\n', but saw b''",
        ),
        (
            "logged in: ala ola\nala > PUB hi",
            r"ola should see 'nothing more', but saw b'PUB_MSG hi",
        ),
        ("logged in: ala\nala > QUIT", r"ala should see 'no end'"),
        ("logged in: ala\nala closed", r"some.txt:2: ala should see 'the end', but saw b''"),
        ("logged in: ala ola\nala < OK", r"some.txt:2: ala should see b'OK\\r\\n', but saw b''"),
        ("ala > LIST\nala < ERROR {any}!", r"should see 'ERROR {any}!.* but saw b'ERROR"),
        ("ala > LIST\nala <? ERROR", r"some.txt:2: ala should see b'ERROR\\r\\n', but saw"),
        ("ala > LIST\nala < {~ERROR}", r"some.txt:2: ala should see b'ERROR\\r\\n', but saw"),
        (
            "ala > LIST\nala < ERROR {any}\nala never < ERROR{*}",
            r"some.txt:3: ala should see 'never ERROR{\*}'",
        ),
        ("ala > LIST\nala closed", r"some.txt:2: ala should see 'the end', but saw b'ERROR log in"),
    ],
)
def test_the_player_notices(tmp_path, text, complaint):
    with pytest.raises(AssertionError, match=complaint):
        played(tmp_path, text)


@pytest.mark.parametrize("text", ["ala says hi", "ala: hi", "ala closed now", "ala > \\q"])
def test_the_reader_refuses_what_it_does_not_know(tmp_path, text):
    with pytest.raises(ValueError):
        played(tmp_path, text)


def test_escapes():
    assert unescape(r"a\r\n\t\\\s\xff\u0142\U0001f600{b*3}{c}") == (
        b"a\r\n\t\\ \xff" + "ł\U0001f600".encode() + b"bbb{c}"
    )
