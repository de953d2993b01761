"""A clock that is set forward or back, or that there is none: only what is shown goes by it."""

import ast
import time
from pathlib import Path

import pytest

import chatd
from chatd.config import Retention
from chatd.events import Said
from chatd.ids import BEGINNING, epoch_at, epoch_of, id_text, parse_id
from chatd.ledger import Ledger
from chatd.limits import Limits
from chatd.recorder import Recorder
from chatd.testing import running_server
from chatd_plugins.sql import open_store
from fakes import Clock
from memory_store import MemoryStore
from records import EPOCH, all_of, numbers, opened, said

CHATD = Path(chatd.__file__).parent
DAY = 86400.0

TIME_OF_DAY = {"time.time", "time.time_ns", "time.localtime", "datetime.now", "datetime.today"}
SHOWN_OR_KEPT = {
    "activity.py::__init__": "when something happened, for moderators",
    "bans.py::__init__": "until when a ban is in force, also by the next start",
    "console.py::structured": "when something happened, in the log",
    "doctor.py::_certificate": "whether a certificate is valid now",
    "ledger.py::__init__": "the same as of the log, in the history",
    "options.py::convert": "what `chatctl --since 2h` means",
    "overview.py::_log": "the same, as it is shown",
    "recorder.py::__init__": "what is too old to be kept",
    "server.py::start": "the number of the epoch, unless the store has seen it",
}


def asking(tree):
    """The functions that ask for the time of day."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            asked = {ast.unparse(n) for n in ast.walk(function) if isinstance(n, ast.Attribute)}
            if asked & TIME_OF_DAY:
                yield function.name


def test_who_asks_for_the_time_of_day():
    """R-22: nobody who waits, drops or orders."""
    found = {
        f"{path.name}::{name}"
        for path in CHATD.rglob("*.py")
        for name in asking(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set(SHOWN_OR_KEPT)


def test_the_servers_clock_is_never_set(engine):
    """R-22: all deadlines are met by it."""
    with running_server(engine=engine) as running:
        assert running.server.clock is time.monotonic


def test_ids_grow_whatever_the_clock_says():
    """R-22, R-40: the order is theirs."""
    times = [1e9, 1e9 + DAY, 1e9 - DAY, 0.0, 1e9]
    clock = iter(times)
    ledger = Ledger(lambda: next(clock))
    records = [ledger.enter("general", Said("General", "ala", str(time))) for time in times]
    assert [record.time for record in records] == times
    ids = [record.id for record in records]
    assert ids == sorted(set(ids))


def test_the_history_is_in_the_order_of_what_happened(tmp_path):
    """R-22: and so are its pages."""
    backwards = [said(n, time=1e9 - n * DAY) for n in range(1, 6)]
    with opened(f"sqlite:///{tmp_path}/history.db", *backwards) as store:
        assert numbers(all_of(store)) == [1, 2, 3, 4, 5]
        assert numbers(store.after("general", backwards[1].id, 2, 99).records) == [3, 4]
        hits = store.search("hello", ["general"], "", 9, context=1)
        assert sorted(numbers(hit.record for hit in hits)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("now", [0.0, BEGINNING - 1.0, BEGINNING + 2.0**31])
def test_a_start_at_a_time_that_cannot_be(now, tmp_path):
    """R-22: before 2026, or after 2094: the history goes on behind what there is."""
    assert epoch_at(BEGINNING + 100.5) == EPOCH
    url = f"sqlite:///{tmp_path}/history.db"
    with opened(url, said(1)):
        pass
    store = open_store(url)
    epoch = store.begin(epoch_at(now))
    store.append([said(1, epoch=epoch)])
    assert epoch == EPOCH + 1
    first, second = store.after("general", 0, 9, 9).records
    assert [epoch_of(record.id) for record in (first, second)] == [EPOCH, epoch]
    assert parse_id(id_text(second.id)) == second.id
    store.close()


def test_what_is_too_old_is_looked_for_though_the_clock_was_set_back():
    """R-22: within a minute, not when the clock is there again."""
    store, clock = MemoryStore(), Clock(1e9)
    recorder = Recorder(store, Limits(), print, Retention(DAY), lambda action: action(), clock)
    for passed in (0, 10, -DAY, 10, DAY):
        clock.pass_by(passed)
        recorder._prune()
    assert [oldest - 1e9 + DAY for oldest, _ in store.pruned] == [0.0, 10.0 - DAY, 20.0]
