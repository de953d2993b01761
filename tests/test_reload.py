"""Settings that change while the server runs, and those that do not."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from ipaddress import ip_network

import pytest

from chat import PATIENCE, RawClient, chatd_process, wait_until
from chatd.admins import make_admins
from chatd.config import Config, Listen, Retention, SettingsError, named
from chatd.console import describe
from chatd.events import Reloaded, Warned
from chatd.flood import UNBOUND, Pace
from chatd.limits import Limits
from chatd.reload import Reload
from chatd.taps import Tap
from chatd.testing import running_server
from warm import take_terminal


class Operator:
    """Has a server reload, and reads its log."""

    def __init__(self):
        self.asked = {"port": 0}
        self.seen = []
        self.tap = Tap(self.seen.append)
        self.reload = Reload(self.read)

    def read(self):
        return Config(**self.asked)

    def lines(self):
        kinds = (Reloaded, Warned)
        return [line for e in list(self.seen) if isinstance(e, kinds) for line in describe(e)]

    def tell(self, server, **settings):
        """Change settings, and give the line of the log that tells what came of it."""
        self.asked.update(settings)
        before = len(self.lines())
        server.server.reload()
        return wait_until(lambda: self.lines()[before:], "the reload")[0]


@pytest.fixture
def operator():
    return Operator()


@pytest.fixture
def server(operator, engine):
    settings = {"engine": engine, "taps": (operator.tap,), "reload": operator.reload}
    operator.asked["engine"] = engine
    with running_server(**settings) as running:
        yield running


# -- what is told ----------------------------------------------------------------------------------


def test_each_change_is_told(server, operator):
    told = operator.tell(
        server,
        greeting="hej",
        guest_names=True,
        flood=Pace(5, 0.5),
        exempt=(ip_network("10.0.0.0/8"),),
        retention=Retention(3600.0, None),
        limits=Limits(clients=3),
    )
    assert told == (
        'reloaded: greeting "" -> "hej", flood off -> 5/0.5, '
        "exempt 127.0.0.0/8 ::1/128 -> 10.0.0.0/8, guest-names off -> on, "
        "keep none -> 3600 s, max-clients 10000 -> 3"
    )
    assert operator.tell(server) == "reloaded: nothing has changed"


def test_what_needs_a_restart_is_told_each_time(server, operator):
    told = operator.tell(server, port=1, store="sqlite:///secret", greeting="hej")
    assert told == 'reloaded: greeting "" -> "hej"; a restart is needed for port, store'
    told = "reloaded: nothing has changed; a restart is needed for port, store"
    assert operator.tell(server) == told


def test_each_setting_either_changes_or_needs_a_restart():
    """A new one has to be thought of."""
    with running_server() as server:
        fixed = named(Config()).keys() - server.server._live().keys()
    assert fixed == {
        *("port", "host", "listen", "dialect", "engine", "store", "plugins-dir", "no-plugin"),
        "web",
        *("port-file", "verbose", "bans"),
        "log-format",  # whose log it is can change it
    }


def test_the_server_and_whose_log_it_is_both_use_a_setting():
    asked, used = {"port": 0}, []
    reload = Reload(lambda: Config(**asked), {"no-log-addresses": used.append})
    with running_server(reload=reload) as server:
        assert server.server.shows_addresses
        asked["no_log_addresses"] = True
        server.server.reload()
        wait_until(lambda: used and not server.server.shows_addresses, "both uses")


def test_a_mistake_changes_nothing(server, operator, tmp_path):
    told = operator.tell(server, greeting="hej", tls_cert=tmp_path / "none.pem")
    missing = f"cannot read {tmp_path}/none.pem: No such file or directory"
    assert told == f"warning: cannot reload, nothing has changed: {missing}"
    with RawClient(server.port, nick="ala") as ala:
        assert ala.ask("WHOAMI") == "WHOAMI ala"
    assert operator.tell(server, tls_cert=None) == 'reloaded: greeting "" -> "hej"'


def test_a_reading_that_fails_by_our_mistake_is_not_the_last(operator, caplog):
    with running_server(taps=(operator.tap,), reload=operator.reload) as server:
        operator.asked["nonsense"] = 1
        server.server.reload()
        wait_until(lambda: "in chatd-reload" in caplog.text, "the mistake")
        del operator.asked["nonsense"]
        assert operator.tell(server, greeting="hej") == 'reloaded: greeting "" -> "hej"'


def test_a_file_that_hangs_holds_up_nobody(engine, operator):
    begun, may_end = threading.Event(), threading.Event()

    def read():
        begun.set()
        assert may_end.wait(PATIENCE)
        raise SettingsError("it took too long")

    with running_server(engine=engine, taps=(operator.tap,), reload=Reload(read)) as server:
        server.server.reload()
        assert begun.wait(PATIENCE)
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="bob") as bob:
            ala.send("PUB hello")
            assert bob.line() == "PUB_MSG hello"
        may_end.set()
        wait_until(operator.lines, "the end")


# -- what it does ----------------------------------------------------------------------------------


def test_greeting_and_number_of_users(server, operator):
    with RawClient(server.port, nick="ala"):
        operator.tell(server, greeting="ahoj", limits=Limits(clients=2))
        with RawClient(server.port, nick="bob") as bob, RawClient(server.port) as late:
            assert bob.line() == "ahoj"
            assert late.ask("LOGIN eve") == "ERROR the server is full, try again later"
            operator.tell(server, limits=Limits(clients=1))
            assert bob.ask("LIST") == "USERS ala bob"  # who is in stays


def test_those_who_are_in_have_the_new_pace(server, operator):
    with RawClient(server.port, nick="ala") as ala:
        operator.tell(server, flood=Pace(1, 0.001))
        ala.send("PRIV ala hello")
        assert ala.line() == "PRIV_FROM ala hello"
        assert ala.line() == "OK"
        ala.send("PRIV ala hello")
        assert "wait" in ala.line()
        with RawClient(server.port) as bob:
            assert bob.ask("LOGIN bob") == "OK"
            assert "wait" in bob.ask("LOGIN bobby")
        operator.tell(server, flood=UNBOUND)
        assert ala.line() == "PRIV_FROM ala hello", "what waited by the old pace still waits"


def test_bounds_of_an_address(server, operator):
    operator.tell(server, exempt=(), limits=Limits(per_address=1))
    with RawClient(server.port, nick="ala"), RawClient(server.port) as second:
        assert second.line().startswith("ERROR too many connections from your address")
        operator.tell(server, exempt=(ip_network("127.0.0.0/8"),))
        with RawClient(server.port, nick="bob"):
            pass
    operator.tell(server, exempt=(), limits=Limits(arrivals=1))
    with RawClient(server.port, nick="ala"), RawClient(server.port) as second:
        assert second.line().startswith("ERROR too many new connections from your address")


def test_moderators(server, operator):
    with RawClient(server.port, nick="ala") as ala:
        assert operator.tell(server, admins=make_admins(["ala"], "ABRACADABRA")) == (
            "reloaded: admin"  # and not what the secret is
        )
        assert ala.ask("OPER ala ABRACADABRA") == "NOTICE you are a moderator now"


def test_guest_names():
    operator = Operator()
    listen = (Listen("json", "127.0.0.1"),)
    operator.asked["listen"] = listen
    with running_server(listen=listen, taps=(operator.tap,), reload=operator.reload) as server:
        operator.tell(server, guest_names=True)
        with RawClient(server.ports["json"]) as guest:
            guest.end = b"\n"
            assert "guest-0001 has entered" in json.loads(guest.line())["data"]["message"]


def test_private_messages_and_what_is_forgotten(operator, tmp_path):
    operator.asked["store"] = store = f"sqlite:///{tmp_path}/history.db"
    with running_server(store=store, taps=(operator.tap,), reload=operator.reload) as server:
        with RawClient(server.port, nick="ala") as ala:
            assert ala.ask("HISTORY @ala") == "ERROR private messages are not kept here"
            operator.tell(server, store_private=True)
            assert ala.ask("HISTORY @ala") == "OK"
        told = operator.tell(server, retention=Retention(None, 1))
        assert told == "reloaded: keep-count none -> 1"
        assert server.server._recorder._retention == Retention(None, 1)


def test_tls_can_be_begun_and_ended(server, operator, authority, certificate):
    trust = authority.trust
    with RawClient(server.port, nick="ala") as ala:
        told = operator.tell(server, tls_cert=certificate.both)
        assert told == f"reloaded: tls-cert none -> {certificate.both}, certificate"
        with RawClient(server.port, nick="bob", tls=trust) as bob:
            operator.tell(server, tls_only=True)
            with RawClient(server.port) as plain:
                plain.send("LOGIN eve")
                assert b"OK" not in plain.rest()
            operator.tell(server, tls_only=False, tls_cert=None)
            with RawClient(server.port, nick="eve") as eve:
                eve.send("PUB to all")
                assert ala.line() == bob.line() == "PUB_MSG to all"


def test_a_port_for_tls_alone_is_never_opened_in_clear(operator, certificate):
    """R-28: what is listened on stays as it was, so TLS stays as well."""
    listen = (Listen("crlf", "127.0.0.1", 0, tls="only"),)
    operator.asked.update(listen=listen, tls_cert=certificate.both)
    taps = (operator.tap,)
    with running_server(**operator.asked, taps=taps, reload=operator.reload) as server:
        told = operator.tell(server, listen=(), tls_cert=None)
        assert told.startswith("warning: cannot reload, nothing has changed: there is no TLS")
        with RawClient(server.ports["crlf"]) as plain:
            plain.send("LOGIN eve")
            assert b"OK" not in plain.rest()


def test_a_certificate_in_other_files(server, operator, authority, certificate, tmp_path):
    operator.tell(server, tls_cert=certificate.both)
    folder = tmp_path / "new"
    folder.mkdir()
    new = authority.issue(folder)
    told = operator.tell(server, tls_cert=new.chain, tls_key=new.key)
    assert told.endswith(f"tls-key none -> {new.key}, certificate")
    assert operator.tell(server) == "reloaded: nothing has changed"
    (folder / "cert.pem").write_bytes(certificate.chain.read_bytes())
    told = operator.tell(server)
    assert told.startswith("warning: cannot reload, nothing has changed: cannot use ")
    with RawClient(server.port, nick="ala", tls=authority.trust):
        pass


# -- the process -----------------------------------------------------------------------------------


def log_until(process, word):
    """Read the log up to a line with a word in it."""
    while word not in (line := process.stdout.readline().decode()):
        assert line, f"the log has no {word}"
    return line.split(" ", 2)[2].strip()


def test_sighup_reads_the_file_again(engine, tmp_path):
    """And the command line and variables win, as they did before."""
    file = tmp_path / "chatd.toml"
    file.write_text("greeting = 'one'\nmax-clients = 5\n")
    options = ["-v", "--engine", engine, "--config", str(file), "--max-clients", "4"]
    with chatd_process(tmp_path, *options) as process:

        def hang_up(text):
            file.write_text(text)
            process.send_signal(signal.SIGHUP)
            return log_until(process, "reload")

        changed = hang_up("greeting = 'two'\nmax-clients = 1\nport = 4\nengine = 'select'\n")
        assert changed == 'reloaded: greeting "one" -> "two"'
        with RawClient(process.port, nick="ala") as ala:
            assert ala.line() == "two"
        for mistake in ("greeting = ", "greting = 'x'", "keep = 'soon'", "greeting = 'OK'"):
            told = hang_up(f"guest-names = true\n{mistake}")
            assert told.startswith("warning: cannot reload, nothing has changed: ")
        file.unlink()
        process.send_signal(signal.SIGHUP)
        assert log_until(process, "cannot reload").endswith("No such file or directory")
        assert hang_up("greeting = 'two'") == "reloaded: nothing has changed"
        with RawClient(process.port, nick="ala") as ala:
            assert ala.line() == "two"
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == b""


def test_the_form_of_the_log_can_change(tmp_path):
    file = tmp_path / "chatd.toml"
    file.write_text("")
    with chatd_process(tmp_path, "-v", "--config", str(file)) as process:
        log_until(process, "listening")
        file.write_text("log-format = 'json'\nno-log-addresses = true\n")
        process.send_signal(signal.SIGHUP)
        told = json.loads(next(line for line in process.stdout if line.startswith(b"{")))
        assert told["event"] == "reloaded"
        assert told["changed"] == [
            'log-format "text" -> "json"',
            "no-log-addresses off -> on",
        ]
        with RawClient(process.port):
            assert json.loads(process.stdout.readline())["address"] == ""


def test_without_a_log_it_reloads_as_well(tmp_path):
    file = tmp_path / "chatd.toml"
    file.write_text("")
    with chatd_process(tmp_path, "--config", str(file)) as process:
        file.write_text("greeting = 'hej'")
        process.send_signal(signal.SIGHUP)

        def greeted():
            with RawClient(process.port, nick="ala") as ala:
                ala.send("WHOAMI")
                return ala.line() == "hej"

        wait_until(greeted, "the new greeting")
        assert process.poll() is None


def test_a_terminal_that_is_closed_takes_the_server_with_it(tmp_path):
    """Though SIGHUP is what tells of both."""
    command = [sys.executable, "-m", "chatd", "-p", "0"]
    ports = tmp_path / "ports"
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [*command, "--port-file", str(ports)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    try:
        wait_until(lambda: ports.exists() and ports.read_text(), "the port file")
        process.send_signal(signal.SIGHUP)
        with RawClient(int(ports.read_text().split()[2]), nick="ala") as ala:
            assert ala.ask("LIST") == "USERS ala"
            os.close(terminal)
            os.close(master)
            assert ala.line() == "ERROR the server is shutting down"
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
