"""kill -9 at any moment: what the store had confirmed is there, and what is missing is noted."""

import contextlib
import json
import random
import re
import selectors
import sqlite3
import subprocess
import sys
import time

import pytest

from chat import PATIENCE, RawClient, chatd_process

ROUNDS = {"threads": 2, "select": 1, "asyncio": 1}
SOAK_STORES, SOAK_ROUNDS = 7, 10  # all that is stored is read in each round
SENDERS = 4


class Sender:
    """Somebody who says numbered things as fast as the server takes them."""

    def __init__(self, port, nick):
        self.nick = nick
        self.client = RawClient(port, nick=nick)
        self.client.sock.setblocking(False)
        self.said = 0
        self._pending = b""

    def go_on(self):
        """Send and receive what can be sent and received now."""
        if not self._pending:
            lines = [
                f"PUB {self.nick} {n} {'x' * 60}\r\n" for n in range(self.said, self.said + 10)
            ]
            self._pending = "".join(lines).encode()
            self.said += 10
        with contextlib.suppress(BlockingIOError):
            self._pending = self._pending[self.client.sock.send(self._pending) :]
        with contextlib.suppress(BlockingIOError):
            while self.client.sock.recv(1 << 20):
                pass


class Watcher:
    """Somebody who asks how far the store is, again and again."""

    def __init__(self, port):
        self.client = RawClient(port, nick="watcher")
        self.client.sock.setblocking(False)
        self._buffer = b""
        self._asked = False
        self.stored = (0, 0)
        self.answers = 0

    def go_on(self):
        if not self._asked:
            self.client.sock.send(b"STATS\r\n")
            self._asked = True
        try:
            self._buffer += self.client.sock.recv(1 << 20)
        except BlockingIOError:
            return
        *lines, self._buffer = self._buffer.split(b"\r\n")
        for line in lines:
            if found := re.fullmatch(rb"NOTICE stored_id (\d+)-(\d+)", line):
                self.stored = tuple(map(int, found.groups()))
            elif line.startswith(b"NOTICE not_stored "):
                self._asked = False
                self.answers += 1


def chat_until_killed(process, seconds, confirmed, pause):
    """Have people talk for so long, and until something is confirmed if that is asked for; kill
    the server; give the last id that it confirmed. pause is between two looks at the sockets:
    without one the queue for the store overflows."""
    watcher = Watcher(process.port)
    people = [Sender(process.port, f"n{n}") for n in range(SENDERS)]
    ready = selectors.DefaultSelector()
    for one in (watcher, *people):
        ready.register(one.client.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, one)
    end = time.monotonic() + seconds
    while time.monotonic() < end or not (watcher.stored[1] if confirmed else watcher.answers):
        assert time.monotonic() < end + PATIENCE, "the server does not answer"
        for key, _ in ready.select(0.1):
            key.data.go_on()
        time.sleep(pause)
    process.kill()
    process.wait()
    for one in (watcher, *people):
        one.client.close()
    return watcher.stored


def exported(url):
    """All that is stored, by id, as chatctl gives it while no server runs."""
    command = [sys.executable, "-m", "chatd.ctl", "history", "export", "--format", "jsonl"]
    done = subprocess.run([*command, "--store", url], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(url, path, epoch, n):
    """Everything up to (epoch, n) is there or noted as missing, and each sender's in order."""
    numbers = set()
    complete = True
    said = {}
    for event in exported(url):
        its_epoch, number = map(int, event["id"].split("-"))
        if its_epoch != epoch:
            continue
        last = int(event.get("until", event["id"]).split("-")[1])
        numbers.update(range(number, last + 1))
        if event["event"] == "Said":
            said.setdefault(event["nick"], []).append(int(event["text"].split()[1]))
        elif event["event"] == "Missed" and event["count"]:
            complete = False
    assert not set(range(1, n + 1)) - numbers
    for texts in said.values():
        assert texts == (list(range(len(texts))) if complete else sorted(texts))
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def rounds(tmp_path, count, engine, seed, pauses):
    chance = random.Random(seed)
    path = tmp_path / "history.db"
    url = f"sqlite:///{path}"
    confirmed = 0
    for number in range(count):
        with chatd_process(tmp_path, "--store", url, "--engine", engine) as process:
            seconds = chance.uniform(0.05, 1.2)
            pause = pauses[number % len(pauses)]
            epoch, n = chat_until_killed(process, seconds, number % 3 < 2, pause)
        check(url, path, epoch, n)
        confirmed += n
    assert confirmed
    assert not list(tmp_path.glob("*.damaged*"))
    gaps = [one for one in exported(url) if one["event"] == "Missed" and not one["count"]]
    assert len(gaps) == count - 1  # each start but the first noted how the one before it ended


def test_what_was_confirmed_survives(tmp_path, engine):
    """R-18: and ids have no gap that is not noted."""
    rounds(tmp_path, ROUNDS[engine], engine, seed=engine, pauses=[0.01])


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_what_was_confirmed_survives_many_kills(tmp_path, engine):
    """R-18: two hundred of them, on all engines together."""
    for number in range(SOAK_STORES):
        folder = tmp_path / str(number)
        folder.mkdir()
        rounds(folder, SOAK_ROUNDS, engine, seed=time.time(), pauses=[0.01, 0.002, 0])
