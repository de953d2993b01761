"""What engines owe to connections, whatever is said on them."""

import os
import socket
import threading

import pytest

from chat import RawClient, chatd_process, files_of, reset, threads_of, wait_until
from chatd.engines import peer_name
from chatd.engines.threads import PARKED
from chatd.limits import Limits
from chatd.testing import running_server


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_internet_protocols_by_default(engine, host):
    with running_server(engine=engine) as server, RawClient(server.port, host) as client:
        client.login("ala")
        assert client.ask("LIST") == "USERS ala"


def test_one_byte_at_a_time(engine):
    with running_server(engine=engine) as server, RawClient(server.port) as client:
        for byte in b"LOGIN ala\r\nLIST\r\n":
            client.send(bytes([byte]))
        assert [client.line(), client.line()] == ["OK", "USERS ala"]


def test_who_stops_sending_still_hears_the_answers(engine):
    """As `printf … | nc` does: one half of the connection is closed at once."""
    with running_server(engine=engine) as server, RawClient(server.port) as client:
        client.send(b"LOGIN ala\r\nPRIV ala hi\r\nLIST\r\n")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.rest() == b"OK\r\nPRIV_FROM ala hi\r\nOK\r\nUSERS ala\r\n"


def test_a_client_that_ended_is_gone_at_once_however_it_ended(engine):
    with running_server(engine=engine) as server, RawClient(server.port, nick="ala") as ala:
        for end in (RawClient.close, reset, lambda c: c.send("QUIT")):
            for _ in range(10):
                client = RawClient(server.port, nick="ola")
                end(client)
                wait_until(lambda: ala.ask("LIST") == "USERS ala")
                client.close()


def test_descriptors_and_threads_return_to_where_they_were(engine, tmp_path):
    """R-17: after 400 sessions."""
    with chatd_process(tmp_path, "--engine", engine) as chatd:
        with RawClient(chatd.port, nick="ala") as ala:
            for number in range(100):  # parked threads are made once
                RawClient(chatd.port, nick=f"u{number}").close()
            wait_until(lambda: ala.ask("LIST") == "USERS ala")
            files, threads = files_of(chatd.pid), threads_of(chatd.pid)
            for number in range(400):
                client = RawClient(chatd.port, nick=f"u{number}")
                client.send(b"PUB half a line" if number % 3 else b"PUB a line\r\n")
                (reset if number % 2 else RawClient.close)(client)
            wait_until(lambda: ala.ask("LIST").startswith("USERS ala"))
            wait_until(lambda: abs(files_of(chatd.pid) - files) <= 2, "the descriptors")
            # How many are parked depends on how many clients were there at a time.
            most = threads + PARKED if engine == "threads" else threads
            wait_until(lambda: threads_of(chatd.pid) <= most, "the threads")


def test_threads_of_clients_that_left_serve_the_next(tmp_path):
    with chatd_process(tmp_path) as chatd:
        with RawClient(chatd.port, nick="ala") as ala:
            RawClient(chatd.port, nick="ola").close()
            wait_until(lambda: ala.ask("LIST") == "USERS ala")
            threads = threads_of(chatd.pid)
            for _ in range(50):
                RawClient(chatd.port, nick="ola").close()
                wait_until(lambda: ala.ask("LIST") == "USERS ala")
            assert threads_of(chatd.pid) <= threads + 1


def test_a_server_leaves_no_thread_and_no_descriptor_behind(engine):
    files, threads = files_of(os.getpid()), threading.active_count()
    with running_server(engine=engine) as server:
        clients = [RawClient(server.port, nick=f"u{n}") for n in range(5)]
        for client in clients:
            client.close()
    wait_until(lambda: threading.active_count() == threads, "the threads")
    wait_until(lambda: files_of(os.getpid()) == files, "the descriptors")


def test_stopping_tells_clients_and_does_not_wait_for_those_who_stay(engine):
    limits = Limits(linger=0.2)
    with running_server(engine=engine, limits=limits) as server:
        ala = RawClient(server.port, nick="ala")
        door = RawClient(server.port)
        assert door.ask("LIST") == "ERROR log in first"
        server.server.stop()
        for client in (ala, door):
            assert client.line() == "ERROR the server is shutting down"
            assert client.line() is None
    ala.close()
    door.close()


def test_stopping_delivers_what_is_on_its_way(engine):
    """R-23: a listener who reads late gets everything that was said before the end."""
    with running_server(engine=engine) as server:
        late = RawClient(server.port, nick="late")
        with RawClient(server.port, nick="ala") as ala:
            ala.send(b"".join(b"PUB %d\r\n" % n for n in range(5000)))
            assert ala.ask("LIST") == "USERS late ala"
        server.server.stop()
        lines = late.rest().decode().split("\r\n")
        late.close()
    assert lines[:5000] == [f"PUB_MSG {n}" for n in range(5000)]
    assert lines[5000:] == ["ERROR the server is shutting down", ""]


def test_stopping_cuts_off_who_does_not_read(engine):
    """R-23: nobody can put the end off for longer than `drain`, ten seconds by default."""
    assert Limits().drain == 10.0
    limits = Limits(drain=0.3, stall=60.0, outbox=2**24)
    with running_server(engine=engine, limits=limits) as server:
        deaf = RawClient(server.port, nick="deaf", rcvbuf=4096)
        with RawClient(server.port, nick="ala") as ala:
            ala.send(b"".join(b"PUB %s\r\n" % (b"x" * 1000) for n in range(1000)))
            assert ala.ask("LIST") == "USERS deaf ala"
    assert b"shutting down" not in deaf.rest()
    deaf.close()


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (("127.0.0.1", 5), "127.0.0.1:5"),
        (("::ffff:10.0.0.1", 5, 0, 0), "10.0.0.1:5"),
        (("::1", 5, 0, 0), "[::1]:5"),
        (("fe80::1%eth0", 5, 0, 2), "[fe80::1%eth0]:5"),
    ],
)
def test_addresses_of_peers(address, name):
    """D-3: IPv4-mapped addresses print as IPv4."""
    assert peer_name(address) == name


def test_whoever_comes_while_the_server_stops_is_let_go(engine):
    """Some connect in the very moment; none may be forgotten with its socket open."""
    files = files_of(os.getpid())
    for _ in range(20):
        with running_server(engine=engine) as server:
            clients = [RawClient(server.port) for _ in range(5)]
            server.server.stop()
            for client in clients:
                client.close()
    wait_until(lambda: files_of(os.getpid()) == files, "the descriptors")
