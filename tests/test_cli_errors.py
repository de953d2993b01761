"""What is fatal at the start: one line that says why, and a status."""

import logging
import socket
import subprocess
import sys

import pytest

from chatd.cli import main
from commandline import assert_fatal, run


@pytest.fixture
def refused(monkeypatch, capsys):
    """Call what the program calls, where a process for each of many cases would cost minutes.

    No machine has the address it is to listen on: what is not refused ends soon as well.
    """
    logger = logging.getLogger("chatd")
    monkeypatch.setattr(logger, "handlers", list(logger.handlers))
    monkeypatch.setattr(logger, "propagate", logger.propagate)

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["chatd", "--host", "192.0.2.1", *args])
        with pytest.raises(SystemExit) as end:
            main()
        return subprocess.CompletedProcess(args, end.value.code, *capsys.readouterr())

    return call


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--nope"], ["--nope"]),
        (["-x"], ["-x"]),
        (["5000"], ["argument", "5000"]),
        (["-p"], ["-p"]),
        (["-p", "many"], ["--port", "many"]),
        (["-p", "65536"], ["--port", "65536"]),
        (["-p", "-1"], ["--port", "-1"]),
        (["--engine", "steam"], ["--engine", "steam", "threads"]),
        (["--max-clients", "0"], ["--max-clients", "0"]),
        (["--port-file", "/"], ["--port-file", "/"]),
        (["-t", "a\nb"], ["--greeting"]),
        (["-t", "\udcff"], ["--greeting"]),  # what is no UTF-8 arrives like this
        (["-t", "OK"], ["--greeting", "must not begin with OK: clients would take it for"]),
        (["-t", " PUB_MSG hi"], ["must not begin with PUB_MSG"]),
        (["-t", "USERS of this server: be kind"], ["must not begin with USERS"]),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line(args, words, refused):
    assert_fatal(refused(*args), 2, *words)


def test_a_wrong_command_line_of_a_process():
    assert_fatal(run("--nope"), 2, "--nope")
    assert_fatal(run("5000"), 2, "5000")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--host", "nowhere.invalid"], ["nowhere.invalid"]),
        (["--host", "a..b"], ["a..b"]),
        (["--host", "192.0.2.1"], ["192.0.2.1"]),  # an address that no machine has
        (["--plugins-dir", "/no/such/folder"], ["/no/such/folder"]),
        (["--no-plugin", "tlak"], ["tlak"]),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done(args, words, refused):
    assert_fatal(refused("-p", "0", *args), 1, *words)


def test_what_a_process_cannot_do():
    assert_fatal(run("-p", "0", "--plugins-dir", "/no/such/folder"), 1, "/no/such/folder")
    missing = "/no/such/folder/ports"
    assert_fatal(run("-p", "0", "--port-file", missing), 1, missing)


@pytest.mark.parametrize("host", ["127.0.0.1", ""])
def test_a_port_that_is_taken(host):
    with socket.create_server((host, 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_fatal(run("-p", port, *(["--host", host] if host else [])), 1, port, "in use")


@pytest.mark.parametrize(
    ("name", "value"),
    [("CHATD_PORT", "many"), ("CHATD_ENGINE", "steam"), ("CHATD_VERBOSE", "perhaps")],
)
def test_a_wrong_variable(name, value, refused, monkeypatch):
    monkeypatch.setenv(name, value)
    assert_fatal(refused(), 2, value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = ", ["cannot read", "chatd.toml"]),
        ("port = 1\nport = 2", ["cannot read", "chatd.toml"]),
        (b"greeting = '\xff'", ["utf-8"]),
        ("prot = 5000", ["prot"]),
        ("config = 'x'", ["config"]),
        ("version = true", ["version"]),
        ("[port]\nnumber = 5000", ["port"]),
        ("port = 'many'", ["port"]),
        ("port = 5000.5", ["port"]),
        ("port = true", ["port"]),
        ("port = [5000]", ["port"]),
        ("port = 70000", ["port", "70000"]),
        ("max-clients = []", ["max-clients"]),
        ("engine = ['select']", ["engine"]),
        ("engine = 'steam'", ["engine", "steam"]),
        ("verbose = 'yes'", ["verbose"]),
        ("greeting = 5", ["greeting"]),
        ("greeting = 'ERROR x'", ["must not begin with ERROR"]),
        ('greeting = "a\\nb"', ["greeting"]),
        ("host = 5", ["host"]),
        ("no-plugin = 'talk'", ["no-plugin"]),
        ("no-plugin = [5]", ["no-plugin"]),
        ("plugins-dir = 5", ["plugins-dir"]),
        ("plugins-dir = ['a']", ["plugins-dir"]),
        ("port-file = 1979-05-27", ["port-file"]),
        ('port-file = "a\\u0000b"', ["port-file"]),
    ],
    ids=str,
)
def test_a_wrong_toml_file(text, words, tmp_path, refused):
    file = tmp_path / "chatd.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert_fatal(refused("--config", str(file)), 2, *words)


def test_a_toml_file_that_cannot_be_read(tmp_path, refused):
    missing = str(tmp_path / "none.toml")
    assert_fatal(run(env={"CHATD_CONFIG": missing}), 2, missing, "No such file")
    assert_fatal(refused("--config", missing), 2, missing, "No such file")
    assert_fatal(refused("--config", str(tmp_path)), 2, str(tmp_path), "directory")
