"""Clients that make trouble: `python troublemakers.py KIND PORT`, until it is ended.

They come from 127.0.0.2, so that a server can tell them from everybody else, and hold what they
have for as long as they may.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

SOURCE = ("127.0.0.2", 0)
#: As a client begins TLS: a record's header, and the first bytes of what it announces.
HALF_A_HELLO = bytes.fromhex("1603010200010001fc0303")


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), source_address=SOURCE, timeout=10)


def log_in(port: int, nick: str, take: int = 0) -> socket.socket:
    """Enter under a nick; take: bytes that the kernel takes for us."""
    sock = socket.socket()
    if take:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, take)
    sock.bind(SOURCE)
    sock.connect(("127.0.0.1", port))
    sock.sendall(f"LOGIN {nick}\r\n".encode())
    sock.recv(100)
    return sock


def side_by_side(work: Callable[[int], None], count: int) -> None:
    """Run work(0), work(1)… on a thread each, again and again; a server may end each any time."""

    def go_on(number: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                work(number)
            time.sleep(0.01)

    for number in range(count):
        threading.Thread(target=go_on, args=(number,), daemon=True).start()
    threading.Event().wait()


def slow_login(port: int) -> None:
    """Fifty say nothing, and fifty a byte a second."""

    def work(number: int) -> None:
        with connect(port) as sock:
            while number % 2 or not sock.send(b"L"):
                sock.settimeout(60)
                if not sock.recv(100):
                    return
            while True:
                time.sleep(1)
                sock.sendall(b"L")

    side_by_side(work, 100)


def slow_reader(port: int) -> None:
    """Five never read, and are sent as much as goes in."""
    names = itertools.count()

    def work(number: int) -> None:
        nick = f"deaf{next(names)}"
        with log_in(port, nick, take=4096), log_in(port, f"pours{nick}") as sock:
            while True:
                sock.sendall(f"PRIV {nick} {'x' * 4000}\r\n".encode())
                sock.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while sock.recv(65536).find(b"ERROR") < 0:
                        pass
                    return  # it is gone
                sock.setblocking(True)

    side_by_side(work, 5)


def endless_line(port: int) -> None:
    """Four send bytes without a line end, and come again when they are thrown out."""
    names = itertools.count()

    def work(number: int) -> None:
        with log_in(port, f"endless{next(names)}") as sock:
            while True:
                sock.sendall(b"x" * 65536)

    side_by_side(work, 4)


def storm(port: int) -> None:
    """Connect and go, by a FIN or a reset, as fast as it goes."""

    def work(number: int) -> None:
        with connect(port) as sock:
            if number % 2:
                linger = struct.pack("ii", 1, 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    side_by_side(work, 4)


def no_descriptors(port: int) -> None:
    """Two hundred connect and stay, more than the server has descriptors for."""
    time.sleep(2.0)  # for those who are to talk to be in
    held: list[socket.socket] = []
    while len(held) < 200:
        with contextlib.suppress(OSError):
            held.append(connect(port))
    threading.Event().wait()


def flood(port: int) -> None:
    """Five write ten thousand lines at once, and more when those are taken."""
    lines = b"".join(b"PUB flood %d\r\n" % number for number in range(10_000))

    def work(number: int) -> None:
        with log_in(port, f"flood{number}") as sock:
            threading.Thread(target=drain, args=(sock,), daemon=True).start()
            while True:
                sock.sendall(lines)

    side_by_side(work, 5)


def drain(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while sock.recv(65536):
            pass


def tls_stall(port: int) -> None:
    """A hundred begin TLS, and send no more."""

    def work(number: int) -> None:
        with connect(port) as sock:
            sock.sendall(HALF_A_HELLO[: 1 + number % len(HALF_A_HELLO)])
            sock.settimeout(60)
            sock.recv(100)

    side_by_side(work, 100)


KINDS: dict[str, Callable[[int], None]] = {
    "R-01": slow_login,
    "R-03": slow_reader,
    "R-06": endless_line,
    "R-13": storm,
    "R-14": no_descriptors,
    "R-16": flood,
    "R-27": tls_stall,
}

if __name__ == "__main__":
    KINDS[sys.argv[1]](int(sys.argv[2]))
