"""Ten thousand sessions of every kind: nobody misses a word, and nothing is left behind."""

import asyncio
import contextlib
import os
import re
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from chat import chatd_process
from chatd.dialects.table import CLIENTS
from chatd.events import GENERAL, Said, Users
from crowd import SPOKEN_TO, Client, Crowd, Gone

SESSIONS = 10_000
"""To be compared with what as many before them have left."""

RUSH = 100
"""More than the threads that are kept for clients, and for questions about the history."""

FILES = (4096, 4096)
"""Open files of the server. As it has a limit of its own, it is no fork of another process, whose
memory would be counted as its own."""

PAUSE = 0.4
"""Seconds between two things that a talker says."""

TALKERS = [f"{dialect}-{number}" for dialect in CLIENTS for number in range(2)]
LISTENERS = [f"{dialect}-hears" for dialect in CLIENTS]
ECHOING = {"json", "slash", "words"}
"""Dialects in which one hears what one says oneself."""

NO_CACHES = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=2"}
"""What a thread has freed, glibc keeps for that thread. With a hundred threads memory grows from 62
MiB after 5000 sessions to 67 after 10 000 and 79 after 30 000, ever slower, while Python's own
objects stay as many. Without these caches it is 51 after 5000, and 52 after 12 500."""

OPTIONS = [
    *("--all", "-v", "--host", "127.0.0.1"),
    *("--flood", "1000000/1000000", "--max-arrivals", "1000000", "--max-per-address", "1000"),
    *("--exempt", "192.0.2.0/24"),  # so the visitors, from this machine, are counted, too
]


class Regular:
    """Somebody who stays, and counts what is said; some second talkers use TLS."""

    def __init__(self, nick, ports, trust):
        self.nick = nick
        self.dialect, _, what = nick.partition("-")
        self.heard = []
        self.said = 0
        secure = what == "1" and self.dialect in SPOKEN_TO
        self._client = Client(ports[self.dialect], self.dialect, trust if secure else None)

    async def arrive(self):
        await self._client.connect("127.0.0.1")
        await self._client.shake_hands()
        await self._client.ask("login", self.nick)
        await self._client.settle()

    async def listen(self):
        while (data := await self._client.hear()) is not None:
            for event, _ in self._client.end.feed(data):
                if isinstance(event, Said) and (found := _COUNTED.fullmatch(event.text)):
                    self.heard.append(found.groups())
        raise Gone(self.nick)

    async def talk(self, over):
        """Count aloud until it is over."""
        while not over.is_set():
            await self._client.ask("say", GENERAL, f"counting {self.nick} {self.said}")
            self.said += 1
            await asyncio.sleep(PAUSE)

    def close(self):
        self._client.close()


_COUNTED = re.compile(r"counting (\S+) (\d+)")


class Regulars:
    """All of them."""

    def __init__(self, ports, trust):
        self.all = [Regular(nick, ports, trust) for nick in (*TALKERS, *LISTENERS)]
        self._talkers = [one for one in self.all if one.nick in TALKERS]

    @contextlib.asynccontextmanager
    async def present(self):
        """Have them there, listening."""
        for one in self.all:
            await one.arrive()
        async with asyncio.TaskGroup() as tasks:
            ears = [tasks.create_task(one.listen()) for one in self.all]
            yield
            for ear in ears:
                ear.cancel()
        for one in self.all:
            one.close()

    async def talk_during(self, crowd):
        """Talk while a crowd is there, and wait until everybody has heard everything."""
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for one in self._talkers:
                tasks.create_task(one.talk(over))
            await crowd
            over.set()
        await until(
            lambda: all(len(one.heard) >= self._wanted(one) for one in self.all),
            "everybody to have heard everything",
        )

    def _wanted(self, listener):
        own = 0 if listener.dialect in ECHOING else listener.said
        return sum(one.said for one in self._talkers) - own

    def check(self):
        """All have heard the same in the same order, each talker's numbers without a gap."""
        whole = self.all[-1].heard  # who says nothing hears it all
        for talker in self._talkers:
            numbers = [int(number) for nick, number in whole if nick == talker.nick]
            assert numbers == list(range(talker.said))
        for one in self.all:
            own = None if one.dialect in ECHOING else one.nick
            assert one.heard == [said for said in whole if said[0] != own], one.nick


async def until(condition, what):
    """Wait until condition() is true; fail with what after a minute."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"gave up waiting for {what}"
        await asyncio.sleep(0.05)


class Figures(NamedTuple):
    """What a process has; rss is resident memory in KiB."""

    threads: int
    descriptors: int
    rss: int

    @classmethod
    def of(cls, pid):
        status = Path(f"/proc/{pid}/status").read_text()
        threads, rss = (int(re.search(rf"{key}:\s+(\d+)", status)[1]) for key in _STATUS)
        return cls(threads, len(os.listdir(f"/proc/{pid}/fd")), rss)

    def __str__(self):
        return f"{self.threads} threads, {self.descriptors} descriptors, {self.rss / 1024:.1f} MiB"


_STATUS = ("Threads", "VmRSS")


class Place:
    """A server process, and how to come to it."""

    def __init__(self, pid, port_file, trust):
        self.pid = pid
        words = (line.split() for line in port_file.read_text().splitlines())
        self.ports = {dialect: int(port) for dialect, _, port in words}
        self.ports["crlf"] = self.ports.pop("auto")
        self.trust = trust

    def sockets(self):
        """Count the sockets of the process."""
        found = 0
        for fd in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
                found += os.readlink(fd).startswith("socket:")
        return found

    async def users(self):
        """Ask who is there, by somebody who comes for it."""
        asker = Client(self.ports["crlf"], "crlf")
        await asker.connect("127.0.0.1")
        await asker.ask("login", "asker")
        await asker.ask("users")
        (users,) = [event.nicks for event in await asker.settle() if isinstance(event, Users)]
        asker.close()
        return {*users} - {"asker"}


async def soak(place, seed, sessions):
    """Have the crowd come; give the figures before and after, and the seconds between."""
    regulars = Regulars(place.ports, place.trust)
    crowd = Crowd(place.ports, place.trust, seed)
    async with regulars.present():
        alone = place.sockets()
        await crowd.prepare()
        await crowd.rush(RUSH)
        await regulars.talk_during(crowd.visit(range(sessions)))
        await until(lambda: place.sockets() == alone, "the last visitor to be gone")
        before = Figures.of(place.pid)
        start = time.monotonic()
        await regulars.talk_during(crowd.visit(range(sessions, 2 * sessions)))
        seconds = time.monotonic() - start
        await until(lambda: place.sockets() == alone, "the last visitor to be gone")
        after = Figures.of(place.pid)
        assert await place.users() == {*TALKERS, *LISTENERS}
    regulars.check()
    return before, after, seconds


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("store", ["none", "sqlite"])
def test_nothing_is_left_of_ten_thousand_sessions(tmp_path, authority, certificate, engine, store):
    """R-04, R-17, R-40: nothing said meanwhile is lost, doubled or out of order for who stays.

    As many sessions before them fill what is kept on purpose: parked threads, those for questions,
    the backlogs of rooms, the names and addresses that are remembered, and what the allocator keeps
    of each peak. With a store SQLite goes on filling 2 MB for each of its connections: then memory
    is not compared, and there are fewer sessions.
    """
    sessions = SESSIONS if store == "none" else SESSIONS // 4
    seed = int(os.environ.get("CHATD_SEED") or time.time())
    print(f"CHATD_SEED={seed}")
    url = "none" if store == "none" else f"sqlite:///{tmp_path}/history.db"
    options = (*OPTIONS, "--store", url, "--tls-cert", str(certificate.both), "--engine", engine)
    env = {**os.environ, **NO_CACHES}
    with (tmp_path / "log").open("wb") as log:
        with chatd_process(tmp_path, *options, stdout=log, env=env, files=FILES) as process:
            place = Place(process.pid, tmp_path / "ports", authority.trust)
            before, after, seconds = asyncio.run(soak(place, seed, sessions))
            process.terminate()
            assert process.wait(60) == 0
    print(
        f"{engine}, store {store}: {sessions} sessions in {seconds:.0f} s; {before}, then {after}"
    )
    shown = (tmp_path / "log").read_text()
    assert not re.findall(r"warning: .*", shown)
    assert shown.count(" connected from ") > sessions
    assert abs(after.threads - before.threads) <= 2
    assert abs(after.descriptors - before.descriptors) <= 2
    assert store != "none" or abs(after.rss - before.rss) <= 0.05 * before.rss
