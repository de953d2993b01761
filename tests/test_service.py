"""Under a service manager: what it is told, its watchdog, the sockets that it passes."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from chat import PATIENCE, LineClient, RawClient, chatd_process, reachable, wait_until
from chatd.engines import Deadlines
from chatd.engines.threads import _Server
from chatd.service import Manager, ServiceError, passed_sockets
from chatd.testing import running_server
from commandline import assert_fatal
from plugging import write
from slash_chat import WELCOME

CONTRIB = Path(__file__).parent.parent / "contrib"


class Notified:
    """A service manager's socket, and what has come there."""

    def __init__(self, address):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.settimeout(PATIENCE)
        self.sock.bind(address)

    def message(self):
        return dict(line.split("=", 1) for line in self.sock.recv(4096).decode().splitlines())

    def until(self, key):
        """Give the first message that has a key."""
        while key not in (message := self.message()):
            pass
        return message


@contextmanager
def listening_to(address):
    notified = Notified(address)
    with notified.sock:
        yield notified


@pytest.fixture
def notified(tmp_path):
    with listening_to(str(tmp_path / "notify")) as notified:
        yield notified


@pytest.fixture
def environ(tmp_path):
    return {"NOTIFY_SOCKET": str(tmp_path / "notify")}


# -- what is told ----------------------------------------------------------------------------------


def test_from_the_start_to_the_end(engine, notified, environ, tmp_path):
    env = os.environ | environ
    with chatd_process(tmp_path, "--engine", engine, env=env) as process:
        told = notified.message()
        assert told["READY"] == "1"
        assert told["STATUS"] == "0 users, 0 connections, 0 internal errors"
        with RawClient(process.port, nick="ala"):
            process.send_signal(signal.SIGHUP)
            told = notified.message()
            assert told["RELOADING"] == "1"
            assert int(told["MONOTONIC_USEC"]) > 0
            assert notified.message() == {"READY": "1"}
        process.terminate()
        assert notified.message() == {"STOPPING": "1"}
        assert process.wait(PATIENCE) == 0


def test_a_socket_without_a_file():
    name = f"chatd-test-{os.getpid()}"
    with listening_to(f"\0{name}") as notified:
        Manager({"NOTIFY_SOCKET": f"@{name}"}, 1).tell("READY=1")
        assert notified.message() == {"READY": "1"}


@pytest.mark.parametrize("address", ["", "/no/such/socket", "nonsense"])
def test_where_nobody_listens_nothing_happens(address):
    manager = Manager({"NOTIFY_SOCKET": address}, 1)
    with manager.reloading():
        manager.tell("READY=1")


def test_a_manager_that_does_not_read_holds_up_nobody(notified, environ):
    manager = Manager(dict(environ), 1)
    for _ in range(5000):  # more than any queue takes
        manager.tell("STATUS=" + "x" * 100)


def test_plugins_are_not_taken_for_the_service():
    environ = dict.fromkeys(("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "PATH"), "x")
    environ |= dict.fromkeys(("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"), "x")
    Manager(environ, 1)
    passed_sockets(environ, 1)
    assert environ == {"PATH": "x"}


# -- the watchdog ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_how_often_the_watchdog_wants_to_hear(variables, seconds):
    assert Manager(dict(variables), 7).watchdog == seconds


def test_the_watchdog_hears_nothing_while_something_has_stalled(notified, environ):
    manager = Manager(environ | {"WATCHDOG_USEC": "30000"}, 1)
    parts = []
    manager.ready(lambda seconds: parts, lambda: "fine")
    assert notified.message() == {"READY": "1", "STATUS": "fine"}
    assert notified.until("WATCHDOG") == {"WATCHDOG": "1", "STATUS": "fine"}
    parts.append("flusher")
    while notified.message() != {"STATUS": "stalled: flusher"}:
        pass
    assert notified.message() == {"STATUS": "stalled: flusher"}
    parts.clear()
    notified.until("WATCHDOG")
    manager.stopping()
    notified.until("STOPPING")


def test_nothing_is_called_stalled_before_it_could_show_that_it_is_not(notified, environ):
    asked = []
    manager = Manager(environ | {"WATCHDOG_USEC": "30000"}, 1)
    manager.ready(lambda seconds: asked.append(seconds) or [], lambda: "fine")
    notified.until("WATCHDOG")
    assert asked[0] == 2.0
    manager.stopping()
    notified.until("STOPPING")


def test_who_ends_before_it_serves_is_never_ready(notified, environ):
    manager = Manager(environ, 1)
    manager.stopping()
    manager.ready(lambda seconds: [], lambda: "fine")
    manager.tell("STATUS=last")
    assert notified.message() == {"STOPPING": "1"}
    assert notified.message() == {"STATUS": "last"}


def test_a_server_that_works_is_heard(engine, notified, environ, tmp_path):
    env = os.environ | environ | {"WATCHDOG_USEC": "300000"}
    with chatd_process(tmp_path, "--engine", engine, env=env) as process:
        with RawClient(process.port, nick="ala"):
            while "1 users" not in notified.until("WATCHDOG")["STATUS"]:
                pass


HANG = """
    import threading
    from chatd import Command, hookimpl

    gate = threading.Event()

    @hookimpl
    def register_commands():
        return [Command("hang", lambda ctx: gate.wait(60))]
    """


@pytest.mark.parametrize("engine", ["select", "asyncio"])
def test_a_loop_that_hangs_has_stalled(engine, tmp_path):
    folder = write(tmp_path / "plugins", hang=HANG)
    with running_server(engine=engine, plugins_dir=folder) as running:
        gate = running.server.plugins.manager.get_plugin("hang").gate
        with RawClient(running.port, nick="ala") as ala:
            ala.send("HANG")
            wait_until(lambda: running.server.stalled(1.0) == ["loop"], "the loop to stall")
            gate.set()
            wait_until(lambda: running.server.stalled(1.0) == [], "it to go on")


@pytest.mark.parametrize("part", ["accept", "flusher", "timekeeper"])
def test_a_thread_that_hangs_has_stalled(part, monkeypatch):
    gate = threading.Event()

    def hanging(function):
        def call(*args):
            assert gate.wait(PATIENCE)
            return function(*args)

        return call

    with running_server(engine="threads") as running:
        engine = running.server._engine
        home, name = {
            "accept": (_Server, "get_request"),
            "flusher": (engine, "_drain"),
            "timekeeper": (Deadlines, "tick"),
        }[part]
        monkeypatch.setattr(home, name, hanging(getattr(home, name)))
        with RawClient(running.port) as ala:
            ala.send("LOGIN ala")

            def stalled():
                return {name.partition("-")[0] for name in running.server.stalled(1.0)}

            wait_until(lambda: stalled() == {part}, "the thread to stall")
            gate.set()
            wait_until(lambda: stalled() == set(), "it to go on")


# -- sockets that are passed -----------------------------------------------------------------------


@contextmanager
def passing(*socks, names="", pid=7):
    """Variables that pass sockets, and the first of their descriptors, which are in a row."""
    first = 500
    for n, sock in enumerate(socks):
        os.dup2(sock.fileno(), first + n)
    environ = {"LISTEN_FDS": str(len(socks)), "LISTEN_PID": str(pid), "LISTEN_FDNAMES": names}
    yield {"environ": environ, "pid": 7, "first": first}
    for n in range(len(socks)):
        with suppress(OSError):  # it was taken, and closed
            os.close(first + n)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_each_socket_has_a_name(listener):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
        with passing(listener, other, names="json") as given:
            (name, first), (nameless, second) = passed_sockets(**given)
            with first, second:
                assert (name, nameless) == ("json", "")
                assert first.getsockname() == listener.getsockname()
                assert second.getsockname() == other.getsockname()
                assert not first.get_inheritable()


def test_sockets_for_another_process_are_left_alone(listener):
    with passing(listener, pid=8) as given:
        assert passed_sockets(**given) == []


def test_what_does_not_listen_is_a_mistake(tmp_path):
    wrong = "is no listening TCP socket"
    with (
        socket.socket() as idle,
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
        socket.socket(socket.AF_UNIX) as local,
        (tmp_path / "file").open("wb") as file,
    ):
        local.bind(str(tmp_path / "local"))
        local.listen()
        for sock, reason in [
            (idle, wrong),
            (datagrams, wrong),
            (local, wrong),
            (file, "Socket operation on non-socket"),
        ]:
            with passing(sock, names="chat.socket") as given:
                with pytest.raises(ServiceError, match=reason) as caught:
                    passed_sockets(**given)
            assert str(caught.value).startswith("descriptor 500 (chat.socket) was passed: ")
    with pytest.raises(ServiceError, match="Bad file descriptor"):
        passed_sockets({"LISTEN_FDS": "1", "LISTEN_PID": "7"}, 7, 500)


def test_the_name_tells_the_dialect(engine, listener):
    with socket.create_server(("127.0.0.1", 0)) as other:
        passed = [("slash", listener.dup()), ("chatd.socket", other.dup())]
        with running_server(engine=engine, passed=passed) as running:
            places = [(one.spec.dialect, one.address) for one in running.server.listeners]
            assert places == [("slash", listener.getsockname()), ("auto", other.getsockname())]
            with RawClient(other.getsockname()[1], nick="ala"):
                with LineClient(listener.getsockname()[1]) as slash:
                    assert slash.line() == WELCOME


def test_who_passed_a_socket_goes_on_listening_with_it(engine, listener):
    """So nobody is refused while the server is started anew."""
    port = listener.getsockname()[1]
    for nick in ("ala", "bob"):
        with running_server(engine=engine, passed=[("crlf", listener.dup())]):
            with RawClient(port, nick=nick):
                pass
    early = RawClient(port)
    with running_server(engine=engine, passed=[("crlf", listener.dup())]):
        with early:
            early.login("eve")


def test_a_mistake_in_what_is_passed_is_one_line():
    done = subprocess.run(
        ["sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" -m chatd 3</dev/null', sys.executable],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert_fatal(done, 1, "descriptor 3 () was passed: Socket operation on non-socket")


def needs(program):
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program}")


def test_socket_activation(tmp_path):
    needs("systemd-socket-activate")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = f"127.0.0.1:{port}"
    activate = ["systemd-socket-activate", f"--listen={place}", "--fdname=json"]
    variables = ["-E", "CHATD_STORE=none", "-E", "CHATD_BANS=none", "-E", "PYTHONPATH"]
    process = subprocess.Popen(
        [*activate, *variables, sys.executable, "-m", "chatd", "-v"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: reachable("127.0.0.1", port), "the socket")
        with LineClient(port) as client:
            assert "has entered the chat" in client.line()
        assert f"listening on {place} (json)".encode() in process.stdout.readline()
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()


# -- the unit files --------------------------------------------------------------------------------


def test_the_unit_files_are_right(tmp_path):
    needs("systemd-analyze")
    units = []
    for name in ("chatd.service", "chatd.socket"):
        text = (CONTRIB / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/usr/local/bin/chatd", sys.executable))
        units.append(str(tmp_path / name))
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
