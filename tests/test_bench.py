"""The benchmark's own programs: the relay relays, and the generator counts right."""

import json
import os
import shutil
import subprocess

import pytest

import wrong_relays
from cases import CASES
from chat import RawClient
from chatd.server import ENGINES
from compiling import compile_generator, has_openssl
from contestants import CONTESTANTS, certificate
from servers import ServerError, running

pytestmark = pytest.mark.skipif(
    not (shutil.which("cc") or shutil.which("gcc")), reason="needs a C compiler"
)
SLOW = pytest.param("slow", marks=pytest.mark.soak)  # two seconds for each engine
BY_NAME = {contestant.name: contestant for contestant in CONTESTANTS}
WRONG = ("lost", "duplicated", "out_of_order", "strayed", "died", "errors")


def generate(port, *options, pid=None, dialect="crlf", tls=False):
    """Run the generator for a moment and return its result."""
    command = [compile_generator(tls), f"--{dialect}", port, "--pid", pid or os.getpid()]
    command += ["--seconds", 0.3, "--warmup", 0.1, *options]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wrong(result):
    """The counts of a result that should be 0 and are not."""
    return {key for key in WRONG if result.get(key)}


@pytest.fixture
def relay():
    with running(BY_NAME["floor"]) as server:
        yield server


# -- the relay -------------------------------------------------------------------------------------


def test_the_relay_relays_byte_for_byte(relay):
    port = relay.ports["crlf"]
    with RawClient(port) as ala, RawClient(port) as ola, RawClient(port) as ula:
        assert ala.ask("PUB too early") == "ERROR log in first"
        ala.login("ala")
        assert ola.ask("LOGIN ala").startswith("ERROR ")
        ola.login("ola")
        ula.login("ula")
        ala.send(b"PUB one\r\nPUB  two  \nPUB th")  # a whole line, one with LF only, half a line
        assert [ola.line(), ola.line()] == ["PUB_MSG one", "PUB_MSG  two  "]
        ala.send(b"ree\r\nLIST\r\n")
        assert ola.line() == "PUB_MSG three"
        assert ala.line() == "USERS ala ola ula"
        assert [ula.line() for _ in range(3)] == ["PUB_MSG one", "PUB_MSG  two  ", "PUB_MSG three"]
        assert ola.ask("PRIV ala so  it is") == "OK"
        assert ala.line() == "PRIV_FROM ola so  it is"
        assert ola.ask("PRIV nobody hello").startswith("ERROR ")
        assert ola.ask("dance").startswith("ERROR ")
        ula.close()
        ola.send("PUB bye")
        assert ala.line() == "PUB_MSG bye"


def test_the_relay_keeps_what_a_slow_reader_does_not_take(relay):
    port = relay.ports["crlf"]
    lines = [f"{number:06} {'x' * 1000}" for number in range(8000)]  # more than any kernel buffer
    with RawClient(port, nick="slow", rcvbuf=4096) as slow, RawClient(port, nick="fast") as fast:
        fast.send("".join(f"PUB {line}\r\n" for line in lines).encode())
        assert fast.ask("LIST") == "USERS slow fast"  # all has been relayed
        assert [slow.line() for _ in lines] == [f"PUB_MSG {line}" for line in lines]


# -- the generator counts --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "heard"),
    [
        (("--mode", "fanout", "--clients", 20, "--senders", 3), 19),
        (("--mode", "fanout", "--clients", 12, "--senders", 12, "--window", 1), 11),
        (("--mode", "paced", "--clients", 5, "--senders", 2, "--rate", 500), 4),
        (("--mode", "priv", "--clients", 6, "--window", 2), 1),
    ],
)
def test_all_that_was_sent_arrives(relay, options, heard):
    result = generate(relay.ports["crlf"], *options, pid=relay.pid)
    assert not wrong(result)
    assert result["sent"] > 10
    assert result["arrived"] == result["sent"] * heard
    assert result["cpu_us_per_delivery"] > 0
    assert result["cpu_us_per_message"] == pytest.approx(
        result["cpu_us_per_delivery"] * heard, rel=0.01
    )


def test_a_storm_and_a_crowd_of_idle_clients(relay):
    port = relay.ports["crlf"]
    storm = generate(port, "--mode", "storm", "--clients", 8, pid=relay.pid)
    assert not wrong(storm)
    assert storm["logins"] > 10
    idle = generate(port, "--mode", "idle", "--clients", 300, pid=relay.pid)
    assert not wrong(idle)
    assert (idle["clients"], idle["threads"]) == (300, 1)


@pytest.mark.parametrize("name", sorted(ENGINES))
@pytest.mark.parametrize("case", ["mixed-100x10", "web-500x10", "rooms-10", SLOW])
def test_cases_that_only_chatd_knows(name, case):
    (chosen,) = (one for one in CASES if one.name == case)
    with running(BY_NAME[name]) as server:
        options = [*server.arguments(chosen), *chosen.arguments(100, 0.1)]
        command = [str(compile_generator(tls=False)), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert not wrong(result)
    heard = min(chosen.clients, 100) // (chosen.rooms or 1) - 1 - chosen.stalled
    assert result["arrived"] == result["sent"] * heard > 0


def test_irc():
    with wrong_relays.serving(wrong_relays.Irc) as port:
        result = generate(port, "--mode", "fanout", "--clients", 4, dialect="irc")
    assert not wrong(result)
    assert result["arrived"] == result["sent"] * 3 > 0


def test_tls():
    if not (has_openssl() and shutil.which("openssl")):
        command = [compile_generator(tls=False), "--tls", "1", "--crlf", "1", "--pid", "1"]
        done = subprocess.run(
            [*map(str, command), "--mode", "idle"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.strip()) == (
            2,
            "this generator was compiled without TLS",
        )
        return
    with wrong_relays.serving(wrong_relays.Doubling, certificate()) as port:
        options = ("--mode", "paced", "--clients", 5, "--rate", 300, "--size", 20_000, "--tls", 1)
        result = generate(port, *options, tls=True)
    assert wrong(result) == {"duplicated"}
    assert result["arrived"] == result["sent"] * 4 > 0


# -- and it notices what is wrong ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "mode", "noticed"),
    [
        (wrong_relays.Losing, "paced", "lost"),
        (wrong_relays.Doubling, "paced", "duplicated"),
        (wrong_relays.Reordering, "paced", "out_of_order"),
        (wrong_relays.Echoing, "paced", "duplicated"),
        (wrong_relays.Gossiping, "priv", "strayed"),
        (wrong_relays.Refusing, "paced", "errors"),
        (wrong_relays.Hanging, "paced", "died"),
    ],
)
def test_a_wrong_server_is_noticed(handler, mode, noticed):
    with wrong_relays.serving(handler) as port:
        result = generate(port, "--mode", mode, "--clients", 4, "--rate", 300)
    assert noticed in wrong(result)


def test_a_server_that_does_not_start_says_why():
    failing = BY_NAME["floor"].__class__("failing", lambda _: ["sh", "-c", "echo no luck; exit 3"])
    with pytest.raises(ServerError, match="did not start: no luck"), running(failing):
        pass
