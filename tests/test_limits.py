"""Bad input, slow readers, floods, exhausted descriptors: nobody else notices."""

import os
import re
import resource
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from chat import PATIENCE, RawClient, chatd_process, cpu_seconds, reset, wait_until
from chatd.events import LoggedOut, Refused
from chatd.limits import Limits
from chatd.taps import Tap
from chatd.testing import running_server


@pytest.fixture
def events():
    return []


@pytest.fixture
def recorded(events):
    """A tap that puts events into the list."""
    return (Tap(events.append),)


# -- lines -----------------------------------------------------------------------------------


def test_a_line_may_have_4096_bytes_and_not_one_more(engine):
    with running_server(engine=engine) as server, RawClient(server.port, nick="ala") as ala:
        with RawClient(server.port, nick="ola") as ola:
            text = "x" * (4096 - len("PUB "))
            ala.send(f"PUB {text}")
            assert ola.line() == f"PUB_MSG {text}"
            assert ala.ask(f"PUB {text}x") == "ERROR line is longer than 4096 bytes"
            ala.send("PUB still here")
            assert ola.line() == "PUB_MSG still here"


def test_an_over_long_line_is_refused_once_before_it_ends(engine):
    with running_server(engine=engine) as server, RawClient(server.port, nick="ala") as ala:
        ala.send(b"PUB " + b"x" * 5000)
        assert ala.line() == "ERROR line is longer than 4096 bytes"
        for _ in range(20):
            ala.send(b"y" * 5000)
        ala.send(b"\r\n")
        assert ala.ask("LIST") == "USERS ala"


def test_a_megabyte_without_a_newline_disconnects_and_costs_little(engine):
    """R-06: the endless line, which pins ngircd 26.1 at 100 % CPU."""
    with running_server(engine=engine) as server, RawClient(server.port, nick="ala") as ala:
        with RawClient(server.port) as bad:
            before = time.process_time()
            try:
                for _ in range(20):
                    bad.send(b"x" * 2**20)
            except ConnectionError:
                pass
            assert time.process_time() - before < 2.0  # the client's part included
            bad.close()
        wait_until(lambda: ala.ask("LIST") == "USERS ala")


def test_the_endless_line_is_told_why(engine):
    with running_server(engine=engine) as server, RawClient(server.port) as bad:
        bad.send(b"x" * (2**20 + 5000))
        assert bad.line() == "ERROR line is longer than 4096 bytes"
        assert bad.line() == "ERROR this line never ends"
        assert bad.line() is None


@pytest.mark.parametrize("junk", [b"PUB \xff\xfe", b"PUB a\x00b", b"PUB a\x1b[2Jb", b"\x80"])
def test_junk_costs_one_error_and_the_session_goes_on(engine, junk):
    with running_server(engine=engine) as server, RawClient(server.port, nick="ala") as ala:
        with RawClient(server.port, nick="ola") as ola:
            ala.send(junk + b"\r\n")
            assert ala.line().startswith("ERROR ")
            ala.send("PUB fine")
            assert ola.line() == "PUB_MSG fine"
            assert ala.ask("LIST") == "USERS ala ola"


def test_a_reset_in_the_middle_of_a_message_delivers_nothing(engine):
    with running_server(engine=engine) as server, RawClient(server.port, nick="ala") as ala:
        for _ in range(50):
            bad = RawClient(server.port, nick="bad")
            bad.send(b"PUB half a mess")
            reset(bad)
            wait_until(lambda: ala.ask("LIST") == "USERS ala")


# -- slow readers and floods -----------------------------------------------------------------


class Listener(threading.Thread):
    """Reads all that comes, like a client that keeps up."""

    def __init__(self, port, nick):
        super().__init__()
        self.client = RawClient(port, nick=nick)
        self.received = b""
        self.start()

    def run(self):
        self.received = self.client.rest()


class Paster(threading.Thread):
    """Sends something while it reads what others say."""

    def __init__(self, port, nick, data):
        super().__init__()
        self.client = RawClient(port, nick=nick)
        self.data = data
        self.start()

    def run(self):
        reading = threading.Thread(target=self.client.rest)
        reading.start()
        self.client.send(self.data)
        self.client.send("QUIT")
        reading.join(PATIENCE)
        self.client.close()


def paste(lines):
    return b"".join(b"PUB %08d %s\r\n" % (n, b"x" * 87) for n in range(lines))


def numbers(stream):
    return [int(line[8:16]) for line in stream.split(b"\r\n") if line.startswith(b"PUB_MSG ")]


def test_a_3_mb_paste_throws_out_nobody_who_reads(engine, events, recorded):
    lines = 30_000
    with running_server(engine=engine, taps=recorded) as server:
        listeners = [Listener(server.port, f"listener{n}") for n in range(5)]
        with RawClient(server.port, nick="ala") as ala:
            ala.send(paste(lines))
            ala.send("QUIT")
            assert ala.line() is None
        wait_until(lambda: any(isinstance(e, LoggedOut) for e in events))
        assert [e.reason for e in events if isinstance(e, LoggedOut)] == ["quit"]
        server.server.stop()
        for listener in listeners:
            listener.join(PATIENCE)
            listener.client.close()
            assert numbers(listener.received) == list(range(lines))


def test_many_pastes_at_once_throw_out_nobody_who_reads_slowly(engine, events, recorded):
    """Ten senders whose lines come to more than all the buffers on the way hold."""
    senders, lines = 10, 1000
    with running_server(engine=engine, taps=recorded) as server:
        listener = RawClient(server.port, nick="slow", rcvbuf=4096)
        threads = [Paster(server.port, f"paster{n}", paste(lines)) for n in range(senders)]
        heard = b""
        while heard.count(b"\r\n") < senders * lines:
            data = listener.sock.recv(8192)
            assert data, [e for e in events if isinstance(e, LoggedOut)]
            heard += data
            time.sleep(len(data) / 2_000_000)  # not to wait for anything: this is its speed
        for thread in threads:
            thread.join(PATIENCE)
        listener.close()
    assert sorted(numbers(heard)) == sorted([*range(lines)] * senders)
    assert not [e for e in events if isinstance(e, LoggedOut) and "slow" in e.reason]


def test_a_listener_that_stops_reading_is_dropped_and_costs_the_others_nothing(
    engine, events, recorded
):
    """R-03: on all engines."""
    lines = 30_000
    with running_server(engine=engine, taps=recorded) as server:
        deaf = RawClient(server.port, nick="deaf", rcvbuf=4096)
        reader = Listener(server.port, "reader")
        with RawClient(server.port, nick="ala") as ala:
            ala.send(paste(lines))
            assert ala.ask("LIST") == "USERS reader ala"
        wait_until(lambda: len([e for e in events if isinstance(e, LoggedOut)]) == 2)
        gone = {e.nick: e.reason for e in events if isinstance(e, LoggedOut)}
        assert re.match(r"too slow: \d+ bytes wait for it", gone["deaf"])
        deaf.close()
        server.server.stop()
        reader.join(PATIENCE)
        reader.client.close()
        assert numbers(reader.received) == list(range(lines))


def test_somebody_else_chats_during_a_flood(engine):
    with running_server(engine=engine) as server:
        deaf = RawClient(server.port, nick="deaf", rcvbuf=4096)
        with RawClient(server.port, nick="flood") as flood, RawClient(server.port) as ala:
            flooding = threading.Thread(target=flood.send, args=(paste(20_000),))
            flooding.start()
            ala.send("LOGIN ala")
            while ala.line() != "OK":
                pass
            ala.send("PRIV ala to myself")
            heard = []
            while "OK" not in heard:
                heard.append(ala.line())
            assert "PRIV_FROM ala to myself" in heard
            # Read on, so that the flood ends.
            reading = threading.Thread(target=ala.rest)
            reading.start()
            flooding.join(PATIENCE)
            deaf.close()
            ala.sock.shutdown(socket.SHUT_RDWR)
            reading.join(PATIENCE)


# -- the door --------------------------------------------------------------------------------


def test_the_login_deadline_is_not_extended_by_bytes(engine):
    limits = Limits(login=0.5)
    with running_server(engine=engine, limits=limits, dialect="crlf") as server:
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port) as idle:
            with RawClient(server.port) as drip:
                stop = threading.Event()

                def dripping():
                    try:
                        while not stop.wait(0.05):
                            drip.send(b"x")
                    except OSError:
                        pass

                thread = threading.Thread(target=dripping)
                thread.start()
                for slow in (idle, drip):
                    assert slow.line() == "ERROR no login within 0.5 seconds"
                    assert slow.rest() == b""
                stop.set()
                thread.join()
                assert ala.ask("LIST") == "USERS ala"


def test_more_users_than_max_clients_are_told_so(engine, events, recorded):
    """R-15: and so is the log."""
    limits = Limits(clients=2)
    with running_server(engine=engine, limits=limits, taps=recorded) as server:
        with RawClient(server.port, nick="a1") as one, RawClient(server.port, nick="a2") as two:
            with RawClient(server.port) as three:
                assert three.ask("LOGIN a3").startswith("ERROR the server is full")
                assert three.line() is None
            two.close()
            wait_until(lambda: one.ask("LIST") == "USERS a1")
            with RawClient(server.port, nick="a3"):
                assert one.ask("LIST") == "USERS a1 a3"
    assert "the server is full, try again later" in [
        e.text for e in events if isinstance(e, Refused)
    ]


def test_connections_at_the_door_are_bounded(engine):
    limits = Limits(door=3)
    with running_server(engine=engine, limits=limits) as server:
        with RawClient(server.port, nick="ala") as ala:
            waiting = [RawClient(server.port) for _ in range(3)]
            for client in waiting:
                assert client.ask("LIST") == "ERROR log in first"
            with RawClient(server.port) as late:
                assert late.line().startswith("ERROR too many connections")
                assert late.line() is None
            waiting[0].login("ola")
            assert ala.ask("LIST") == "USERS ala ola"
            with RawClient(server.port, nick="ela"):
                pass
            for client in waiting:
                client.close()


# -- descriptors -----------------------------------------------------------------------------


def admitted(port, nick):
    """Give a client that is logged in; None while the server has no descriptor for it."""
    client = RawClient(port)
    if client.ask(f"LOGIN {nick}") == "OK":
        return client
    client.close()
    return None


def test_running_out_of_descriptors_is_survived_and_said_once(engine, tmp_path):
    """R-14: EMFILE on accept, which ends miniircd and makes InspIRCd spin."""
    with chatd_process(tmp_path, "-v", "--engine", engine, files=(40, 40)) as chatd:
        with RawClient(chatd.port, nick="ala") as ala, RawClient(chatd.port, nick="ola") as ola:
            crowd = [RawClient(chatd.port) for _ in range(100)]
            assert ala.ask("LIST") == "USERS ala ola"
            before = cpu_seconds(chatd.pid)
            time.sleep(1.0)  # not a wait: the time over which the load is measured
            assert cpu_seconds(chatd.pid) - before < 0.3
            ala.send("PUB still here")
            assert ola.line() == "PUB_MSG still here"
            for client in crowd:
                client.close()
            new = wait_until(lambda: admitted(chatd.port, "new"), "a descriptor")
            with new:
                assert ala.ask("LIST") == "USERS ala ola new"
        chatd.terminate()
        log, errors = chatd.communicate(timeout=PATIENCE)
        assert log.decode().count("cannot accept: Too many open files") == 1
        assert errors == b""
        assert chatd.returncode == 0


def test_the_file_limit_is_raised_at_start(tmp_path):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = min(hard, 2048)
    with chatd_process(tmp_path, files=(64, hard)) as chatd:
        with open(f"/proc/{chatd.pid}/limits", encoding="ascii") as limits:
            line = next(line for line in limits if line.startswith("Max open files"))
        assert line.split()[3] == str(hard)


@contextmanager
def low_descriptors_taken():
    """Have new descriptors of this process, and so of a server in it, lie beyond 1023."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1200:
        pytest.skip("the system grants this process fewer than 1200 files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    taken = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while taken[-1] <= 1023:
            taken.append(os.dup(taken[0]))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_only_select_has_a_highest_descriptor_and_says_so(engine):
    with running_server(engine=engine) as server, RawClient(server.port, nick="ala") as ala:
        with low_descriptors_taken(), RawClient(server.port) as late:
            if engine == "select":
                full = "ERROR the server is full: select can watch no more connections"
                assert late.line() == full
                assert late.line() is None
            else:
                late.login("ola")
                late.send("PUB hello")
                assert ala.line() == "PUB_MSG hello"
                late.send("QUIT")
                assert late.line() is None
            assert ala.ask("LIST") == "USERS ala"


def test_a_few_bytes_cannot_ask_for_more_than_the_log_holds(engine):
    """Thousands of long lists fit into one receive; they are made one by one, as they go out."""
    limits = Limits(outbox=2**26, stall=60.0)
    with running_server(engine=engine, limits=limits) as server:
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="ola") as ola:
            ala.send(b"".join(b"CREATE %032d\r\n" % n for n in range(2000)))
            for _ in range(2000):
                assert ala.line() == "OK"
            most = 0
            delivery = server.server.delivery
            add = delivery.append

            def append(entry):
                nonlocal most
                add(entry)
                most = max(most, delivery._appended - delivery._taken)

            delivery.append = append
            ala.send(b"ROOMS\r\n" * 500)
            asked = threading.Thread(target=lambda: [ala.line() for _ in range(500)])
            asked.start()
            assert ola.ask("PRIV ola hi") == "PRIV_FROM ola hi"
            asked.join(PATIENCE)
            assert not asked.is_alive()
            assert most < 64 * 1024 + 2 * 16 * 2100  # the bound, and one answer of each
