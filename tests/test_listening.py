"""How addresses are written, and listening on several of them."""

import subprocess
import sys

import pytest

from chat import PATIENCE, RawClient, chatd_process
from chatd.config import Listen
from chatd.dialects.table import DIALECTS
from chatd.listening import parse_listen
from chatd.testing import running_server


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("json=127.0.0.1:5555", Listen("json", "127.0.0.1", 5555)),
        ("json=:0", Listen("json", "", 0)),
        ("slash=[::1]:5001", Listen("slash", "::1", 5001)),
        ("words=chat.example:65535", Listen("words", "chat.example", 65535)),
        ("my-own2=:1", Listen("my-own2", "", 1)),
        ("rooms=:9000?framing=chunk", Listen("rooms", "", 9000, "chunk")),
        ("rooms=:9000?quiet=50ms", Listen("rooms", "", 9000, "auto", 0.05)),
        ("rooms=:9000?framing=line&quiet=1.5s", Listen("rooms", "", 9000, "line", 1.5)),
    ],
)
def test_an_address_and_how_clients_speak_there(text, listen):
    """D-2: framing and quiet are options of a listener."""
    assert parse_listen(text) == listen


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", " is not DIALECT=HOST:PORT, such as json=127.0.0.1:5555"),
        ("json", "json is not DIALECT=HOST:PORT, such as json=127.0.0.1:5555"),
        ("json=5555", "json=5555 is not DIALECT=HOST:PORT, such as json=127.0.0.1:5555"),
        ("json=::1:5555", "json=::1:5555 is not DIALECT=HOST:PORT, such as json=127.0.0.1:5555"),
        ("json=:65536", "json=:65536: there is no port 65536"),
        (
            "json=:1?colour=red",
            "json=:1?colour=red: there is no option colour, only framing, quiet and tls",
        ),
        ("json=:1?framing=frames", "framing is auto, line, chunk, not frames"),
        ("json=:1?quiet=30", "quiet is a time such as 30ms, not 30"),
        ("json=:1?quiet=-1s", "quiet is a time such as 30ms, not -1s"),
        ("json=:1?quiet=11s", "quiet is 10 seconds at most, not 11s"),
    ],
)
def test_what_is_no_address_is_told(text, problem):
    with pytest.raises(ValueError) as caught:
        parse_listen(text)
    assert str(caught.value) == problem


def test_clients_of_several_listeners_meet(engine):
    listen = (Listen("crlf", "127.0.0.1"), Listen("crlf", "::1", framing="line"))
    with running_server(engine=engine, listen=listen) as server:
        main, second, third = ((one.spec.host, one.address[1]) for one in server.server.listeners)
        with (
            RawClient(main[1], nick="ala") as ala,
            RawClient(second[1], nick="ola") as ola,
            RawClient(third[1], host="::1", nick="ela") as ela,
        ):
            ala.send("PUB hello")
            assert ola.line() == ela.line() == "PUB_MSG hello"
            ela.send("PUB hi")
            assert ala.line() == ola.line() == "PUB_MSG hi"


def test_all_opens_a_port_for_each_system(engine, tmp_path):
    options = ("--all", "--host", "127.0.0.1", "--engine", engine, "-v")
    with chatd_process(tmp_path, *options) as process:
        lines = (tmp_path / "ports").read_text().splitlines()
        assert {line.split()[0] for line in lines} == set(DIALECTS)
        for line in lines:
            _, host, port = line.split()
            RawClient(int(port), host=host).close()
        process.terminate()
        stdout, _ = process.communicate()
    for line in lines:
        dialect, host, port = line.split()
        assert f" listening on {host}:{port} ({dialect})" in stdout.decode()


@pytest.mark.parametrize(
    ("listen", "problem"),
    [
        ("nosuch=:0", "cannot listen on *:0: there is no dialect nosuch"),
        ("crlf=192.0.2.1:5000", "cannot listen on 192.0.2.1:5000: Cannot assign requested address"),
        ("crlf=nowhere.invalid:1", "cannot listen on nowhere.invalid:1: "),
    ],
)
def test_what_cannot_be_listened_on_is_one_line(listen, problem):
    options = ("-p", "0", "--host", "127.0.0.1", "--listen", listen)
    done = subprocess.run(
        [sys.executable, "-m", "chatd", *options], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"chatd: {problem}")
    assert done.stderr.count("\n") == 1
