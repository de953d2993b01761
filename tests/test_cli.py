"""chatd's command line, as a process: options, variables, TOML, fatal errors, signals."""

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import chatd
from chat import PATIENCE, RawClient, chatd_process, wait_until
from chatd.cli import chatd as command
from chatd.cli import main
from chatd.dialects.table import DIALECTS

CHATD = [sys.executable, "-m", "chatd"]
FAREWELL = b"ERROR the server is shutting down\r\n"

WAVE = """
from chatd import Command, hookimpl

@hookimpl
def register_commands():
    return [Command("wave", lambda ctx: ctx.reply("o/"))]
"""


def environment(variables):
    """The environment of this process, without settings for chatd but the given ones."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CHATD_")}
    return kept | variables


def run(*args, env=()):
    """Run chatd where it ends by itself."""
    return subprocess.run(
        [*CHATD, *args],
        env=environment(dict(env)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def running(port_file, *args, env=()):
    """Run chatd as it is told to; yield the process once it listens, and stop it in the end."""
    before = port_file.read_text() if port_file.exists() else ""

    def written():
        return port_file.read_text() if port_file.exists() else ""

    process = subprocess.Popen(
        [*CHATD, *args],
        env=environment(dict(env)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            wait_until(
                lambda: process.poll() is not None or written() not in ("", before), "the port file"
            )
            assert process.poll() is None, process.stderr.read()
            process.port = int(port_file.read_text().split()[2])
            yield process
        finally:
            process.kill()


def reachable(host, port):
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


def needs_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")


# -- options, and the other ways to give them ------------------------------------------------------


@pytest.fixture
def settings(tmp_path, certificate):
    """A value for each setting, none of them the default, but for two that shut others out."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "wave.py").write_text(WAVE)
    return {
        "port": 0,
        "greeting": "hej hej",
        "verbose": True,
        "quiet": False,
        "host": "127.0.0.1",
        "listen": ["crlf=127.0.0.1:0", "crlf=127.0.0.1:0?framing=line&quiet=1s"],
        "all": True,
        "web": "127.0.0.1:0",
        "no-web": False,
        "web-origin": ["https://example.org"],
        "metrics-from": ["192.0.2.0/24"],
        "engine": "select",
        "tls-cert": str(certificate.chain),
        "tls-key": str(certificate.key),
        "tls-only": False,
        "max-per-address": 9,
        "max-arrivals": 99,
        "exempt": ["127.0.0.0/8", "::1"],
        "flood": "20/4",
        "admin": ["ala", "ola"],
        "admin-secret-file": str(_secret_file(tmp_path)),
        "bans": str(tmp_path / "bans.json"),
        "guest-names": True,
        "no-log-addresses": True,
        "log-format": "json",
        "max-clients": 1,
        "store": f"sqlite:///{tmp_path}/history.db",
        "store-private": True,
        "keep": "90d",
        "keep-count": 5,
        "plugins-dir": str(folder),
        "no-plugin": ["talk", "rooms"],
        "port-file": str(tmp_path / "ports"),
    }


def _secret_file(folder):
    path = folder / "secret"
    path.write_text("open sesame\n")
    path.chmod(0o600)
    return path


def as_arguments(settings):
    for name, value in settings.items():
        for each in value if isinstance(value, list) else [value]:
            if each is True:
                yield f"--{name}"
            elif each is not False:
                yield f"--{name}={each}"


def as_variables(settings):
    for name, value in settings.items():
        text = " ".join(value) if isinstance(value, list) else str(value)
        yield "CHATD_" + name.upper().replace("-", "_"), text


def as_toml(settings):
    # What TOML and JSON have in common is enough here.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())


@pytest.mark.parametrize("way", ["arguments", "variables", "toml", "toml named by a variable"])
def test_every_setting_can_be_given_in_each_way(way, settings, tmp_path):
    args, env = [], {}
    file = tmp_path / "chatd.toml"
    if way == "arguments":
        args = as_arguments(settings)
    elif way == "variables":
        env = as_variables(settings)
    else:
        file.write_text(as_toml(settings))
        args, env = (["--config", str(file)], {}) if way == "toml" else ([], {"CHATD_CONFIG": file})
    with running(Path(settings["port-file"]), *args, env=env) as process:
        assert not reachable("127.0.0.2", process.port)
        places = Path(settings["port-file"]).read_text().splitlines()
        assert len(places) == 1 + 3 + len(DIALECTS.keys() - {"auto"})
        with RawClient(process.port) as ala, RawClient(process.port) as bob:
            assert ala.ask("LOGIN ala") == "OK"
            assert ala.line() == "hej hej"
            threads = Path(f"/proc/{process.pid}/task")
            if threads.exists():  # loop, store, certificate, log of --verbose, samples for /admin
                assert len(list(threads.iterdir())) == 5
            assert bob.ask("LOGIN bob") == "ERROR the server is full, try again later"
            assert bob.line() is None
            assert ala.ask("WAVE") == "NOTICE o/"
            assert ala.ask("OPER ola open sesame") == "NOTICE you are a moderator now"
            assert ala.ask("BAN eva") == "NOTICE eva is banned"
            assert (tmp_path / "bans.json").exists()
            assert ala.ask("HISTORY @ala") == "OK"
            assert (tmp_path / "history.db").exists()
            assert ala.ask("PUB hello") == "ERROR unknown command say"
            assert ala.ask("ROOMS") == "ERROR unknown command rooms"
        process.terminate()
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stderr) == (0, b"")
    log = [json.loads(line) for line in stdout.splitlines()]
    assert log[0].keys() == {"time", "event", "place"}
    assert {"event": "listening", "host": "127.0.0.1"}.items() <= log[1].items()
    assert {"", None} >= {each.get("address") for each in log}


def test_the_test_above_knows_all_settings(settings):
    options = {option.opts[-1].removeprefix("--") for option in command.params}
    assert options - {"config", "version"} == set(settings)


@pytest.mark.parametrize(
    ("given", "winner"),
    [
        ([], None),
        (["toml"], "toml"),
        (["toml", "variable"], "variable"),
        (["variable", "option"], "option"),
        (["toml", "variable", "option"], "option"),
    ],
)
def test_the_command_line_wins_over_the_environment_and_that_over_toml(given, winner, tmp_path):
    file = tmp_path / "chatd.toml"
    file.write_text("greeting = 'toml'\n" if "toml" in given else "")
    options = ["-t", "option"] if "option" in given else []
    variables = {"CHATD_GREETING": "variable"} if "variable" in given else {}
    env = environment(variables)
    with chatd_process(tmp_path, "--config", str(file), *options, env=env) as process:
        with RawClient(process.port, nick="ala") as ala:
            if winner is not None:
                assert ala.line() == winner
            assert ala.ask("WHOAMI") == "WHOAMI ala"


def test_short_options(tmp_path):
    port_file = tmp_path / "ports"
    args = ["-p", "0", "-t", "hej", "-v", "-q", "--port-file", str(port_file)]
    with running(port_file, *args) as process:
        with RawClient(process.port, nick="ala") as ala:
            assert ala.line() == "hej"
        process.terminate()
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout, stderr) == (0, b"", b"")


def test_names_in_toml_may_have_underscores(tmp_path):
    file = tmp_path / "chatd.toml"
    file.write_text("no_plugin = ['talk']\n")
    with chatd_process(tmp_path, "--config", str(file)) as process:
        with RawClient(process.port, nick="ala") as ala:
            assert ala.ask("PUB hello") == "ERROR unknown command say"


def test_the_defaults():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    assert "[default: 5000; 0<=x<=65535]" in text
    assert "[default: threads]" in text
    assert "[default: 10000; x>=1]" in text
    assert run("-h").stdout == done.stdout


def test_the_version():
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"chatd, version {chatd.__version__}\n")


# -- where it listens ------------------------------------------------------------------------------


def test_the_port_file_says_where_it_listens(tmp_path):
    port_file = tmp_path / "ports"
    before = "left over by another server, and much longer\n" * 100
    port_file.write_text(before)
    with port_file.open() as reader:
        with running(port_file, "-p", "0", "--port-file", str(port_file)) as process:
            assert port_file.read_text() == f"auto :: {process.port}\n"
            assert reader.read() == before  # it is another file, and whole from the beginning
    assert list(tmp_path.iterdir()) == [port_file]


def test_the_port_file_may_be_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen([*CHATD, "-p", "0", "--port-file", str(pipe)])
    with process:
        assert pipe.read_text().startswith("auto :: ")
        assert pipe.is_fifo()
        process.kill()


def test_a_port_that_the_system_chose_can_be_reached(tmp_path):
    port_file = tmp_path / "ports"
    with running(port_file, "-p", "0", "--port-file", str(port_file)) as process:
        assert process.port != 0
        assert reachable("127.0.0.1", process.port)


def test_ipv4_and_ipv6_by_default(tmp_path):
    needs_ipv6()
    with chatd_process(tmp_path) as process:
        with (
            RawClient(process.port, nick="ala") as ala,
            RawClient(process.port, host="::1", nick="bob") as bob,
        ):
            bob.send("PUB across")
            assert ala.line() == "PUB_MSG across"


def test_one_address_only(tmp_path):
    needs_ipv6()
    with chatd_process(tmp_path, "--host", "127.0.0.1") as process:
        assert (tmp_path / "ports").read_text() == f"auto 127.0.0.1 {process.port}\n"
        assert reachable("127.0.0.1", process.port)
        assert not reachable("::1", process.port)
    with chatd_process(tmp_path, "--host", "::1") as process:
        assert reachable("::1", process.port)
        assert not reachable("127.0.0.1", process.port)


# -- fatal errors ----------------------------------------------------------------------------------


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


def assert_fatal(done, status, *words):
    """One line on stderr that has all of words; nothing on stdout, no traceback."""
    assert (done.returncode, done.stdout) == (status, "")
    assert re.fullmatch("chatd: [^\n]+\n", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


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


# -- the end ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(engine, number, tmp_path):
    """R-23: everybody is told, also who is at the door, and the status is 0."""
    with chatd_process(tmp_path, "--engine", engine) as process, ExitStack() as stack:
        nicks = ["ala", "bob", None]  # the third is at the door
        clients = [stack.enter_context(RawClient(process.port, nick=nick)) for nick in nicks]
        clients[0].send("PUB hello")
        assert clients[1].line() == "PUB_MSG hello"
        assert clients[2].ask("LIST") == "ERROR log in first"  # so it has been accepted
        clients[2].send(b"LOG")
        process.send_signal(number)
        assert [client.rest() for client in clients] == [FAREWELL] * 3
        stack.close()
        stdout, stderr = process.communicate(timeout=PATIENCE)
        assert (process.returncode, stdout, stderr) == (0, b"", b"")


def test_a_client_that_does_not_close_delays_the_end_by_little(engine, tmp_path):
    """R-23: all of it takes less than ten seconds."""
    with chatd_process(tmp_path, "--engine", engine) as process:
        with RawClient(process.port, nick="ala"):
            process.terminate()
            assert process.wait(timeout=10) == 0  # two seconds, on an idle machine


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(engine, number, tmp_path):
    """R-23: whoever does not read is not waited for any longer."""
    with (
        chatd_process(tmp_path, "--engine", engine) as process,
        RawClient(process.port, nick="ala") as ala,
        RawClient(process.port, nick="stuck", rcvbuf=4096),
    ):
        # More than the stuck client's kernel takes while it does not read.
        for _ in range(16):
            ala.send("PUB " + "x" * 4000)
        assert ala.ask("WHOAMI") == "WHOAMI ala"
        process.send_signal(number)
        assert ala.line() == FAREWELL.decode().strip()  # the first one has arrived
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE) == -number  # not 0: it did not wait


def test_a_log_that_nobody_reads_any_more_stops_nothing(engine, tmp_path):
    with chatd_process(tmp_path, "-v", "--engine", engine) as process:
        assert b"listening" in process.stdout.readline()
        process.stdout.close()
        with (
            RawClient(process.port, nick="ala") as ala,
            RawClient(process.port, nick="bob") as bob,
        ):
            for number in range(3):
                ala.send(f"PUB {number}")
                assert bob.line() == f"PUB_MSG {number}"
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0
        assert process.stderr.read() == b""


def test_a_signal_need_not_interrupt_the_main_thread(engine, tmp_path):
    """It may arrive in the moment before a wait begins, or on any other thread."""
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        pytest.skip("this system does not number threads")
    with chatd_process(tmp_path, "-v", "--engine", engine) as process:
        with RawClient(process.port, nick="ala"):
            threads = {int(path.name) for path in Path(f"/proc/{process.pid}/task").iterdir()}
            others = threads - {process.pid}
            os.kill(min(others), signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0
