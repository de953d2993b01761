"""What a store of the plugin sql does, the same in SQLite and PostgreSQL."""

import threading

import pytest

from chatd import (
    Created,
    Joined,
    LoggedIn,
    LoggedOut,
    Missed,
    Notice,
    Parted,
    Record,
    Renamed,
    Stats,
    StoreError,
    Told,
    make_id,
)
from chatd_plugins.sql import changes, open_store
from chatd_plugins.sql import store as store_module
from records import (
    ALA,
    BOB,
    EPOCH,
    LATEST,
    MIXED,
    WITH_ALA,
    WITH_BOB,
    all_of,
    happened,
    missed,
    numbers,
    opened,
    said,
    told,
)

# -- records ---------------------------------------------------------------------------------------


EVERYTHING = [
    happened(1, LoggedIn("Ala", group="root")),
    said(2, "zażółć gęślą jaźń \N{PARTY POPPER}"),
    happened(3, Renamed("Ala", "Ola", "root")),
    happened(4, Created("General", "Ola")),
    happened(5, Joined("General", "Ola", "users")),
    happened(6, Parted("General", "Ola", "users")),
    missed(7, 12),
    happened(8, LoggedOut("Ola", "connection closed", "users")),
    said(9, "", nick="10.0.0.1:5000"),
]


def test_events_come_back_as_they_were(store_url):
    with opened(store_url, *EVERYTHING) as store:
        assert list(all_of(store)) == EVERYTHING
        private = [told(10, "one"), told(11, "two", BOB, ALA), told(12, "to myself", ALA, ALA)]
        store.append(private)
        for place in (WITH_BOB, WITH_ALA):
            assert list(all_of(store, place)) == [EVERYTHING[6], *private[:2]]
        assert list(all_of(store, (ALA, "ala"))) == [EVERYTHING[6], private[2]]


def test_a_login_is_kept_without_address_and_greeting(store_url):
    event = LoggedIn("Ala", "10.0.0.1:5000", "welcome to the secret place", "root")
    with opened(store_url, happened(1, event)) as store:
        assert [record.event for record in all_of(store)] == [LoggedIn("Ala", group="root")]


def test_what_was_stored_is_there_after_the_next_start(store_url):
    with opened(store_url, said(1), told(2)) as store:
        pass
    store = open_store(store_url)
    assert numbers(all_of(store)) == [1]
    assert store.begin(EPOCH) == EPOCH + 1
    assert numbers(all_of(store)) == [1]
    assert numbers(all_of(store, WITH_BOB)) == [2]
    store.close()


def test_records_are_appended_once(store_url):
    records = [said(n, f"text {n}") for n in range(1, 6)]
    with opened(store_url, *records[:3]) as store:
        store.append(records)
        store.append([records[4], records[4], said(9, "twice"), said(9, "twice")])
        store.append([said(7, "late"), records[0]])
        store.append([])
        assert numbers(all_of(store)) == [1, 2, 3, 4, 5, 7, 9]
        for words in ("text", "twice", "late"):
            hits = numbers(hit.record for hit in store.search(words, ["general"], "", 9, 0))
            assert len(hits) == len(set(hits)) == {"text": 5}.get(words, 1)


def test_many_records_that_are_there_already(store_url, monkeypatch):
    monkeypatch.setattr(changes, "PIECE", 3)
    records = [said(n) for n in range(1, 11)]
    with opened(store_url, *records[::2]) as store:
        store.append(records)
        assert numbers(all_of(store)) == list(range(1, 11))


def test_all_or_none(store_url):
    with opened(store_url, said(1)) as store:
        with pytest.raises(TypeError, match="Notice"):
            store.append([said(2), happened(3, Notice("hello"))])
        with pytest.raises(ValueError):
            store.append([said(2), Record(make_id(EPOCH, 3), 1.0, "", Told("ala", "bob", "x"))])
        assert numbers(all_of(store)) == [1]


def test_what_databases_refuse_is_replaced(store_url):
    """Nothing that a text holds can stop the writer for good."""
    with opened(store_url, said(1, "half \ud800 a character")) as store:
        store.append([said(2, "nothing \0 here"), said(3)])
        texts = [record.event.text for record in all_of(store)]
        assert texts[0] == "half ? a character"
        assert texts[1].replace("\0", "\N{REPLACEMENT CHARACTER}") == "nothing \ufffd here"
        assert texts[2] == "hello"


def test_epochs(store_url):
    def begin(epoch, *records):
        store = open_store(store_url)
        begun = store.begin(epoch)
        assert store.begin(epoch) == begun  # in the same server it is the same
        store.append(records)
        store.close()
        return begun

    assert [begin(5), begin(5), begin(9, said(1, epoch=40)), begin(9)] == [5, 6, 9, 41]


def test_an_epoch_that_did_not_end_leaves_a_gap(store_url):
    """R-18: what was seen last may be missing, and whoever resumes from there learns it."""
    store = open_store(store_url)
    store.begin(EPOCH)
    store.append([said(1), said(2)])
    store.close()  # as when it was killed
    with opened(store_url, begin=EPOCH + 1) as store:
        *there, gap = all_of(store)
        assert numbers(there) == [1, 2]
        assert gap.event == Missed(0, make_id(EPOCH + 1, 0) - 1)
        assert numbers([gap]) == [3]
        known = [store.knows("general", make_id(EPOCH, n)) for n in (1, 2, 3, 4)]
        assert known == [True, True, False, False]
        assert [r.event for r in all_of(store, WITH_BOB)] == [gap.event]
    with opened(store_url, begin=EPOCH + 2) as store:
        assert len(all_of(store)) == 3


def test_a_gap_and_who_resumes_in_it(store_url):
    gap = Record(make_id(EPOCH, 3), 1003.0, "", Missed(3, make_id(EPOCH, 5)))
    with opened(store_url, said(1), said(2), gap, said(6)) as store:
        known = [store.knows("general", make_id(EPOCH, n)) for n in range(1, 7)]
        assert known == [True, True, False, False, True, True]


def test_it_has_to_begin_before_it_is_written(store_url):
    with opened(store_url, said(1)):
        pass
    store = open_store(store_url)
    with pytest.raises(StoreError, match="not open for writing"):
        store.append([said(2)])
    with pytest.raises(StoreError, match="not open for writing"):
        store.prune(0, 1)
    assert numbers(all_of(store)) == [1]
    store.close()


def test_two_writers(store_url):
    with opened(store_url, said(1)) as store:
        other = open_store(store_url)
        with pytest.raises(StoreError, match="is used by another chatd"):
            other.begin(EPOCH)
        assert numbers(all_of(other)) == [1]
        store.append([said(2)])
        assert numbers(all_of(other)) == [1, 2]
        store.close()
        assert other.begin(EPOCH) == EPOCH + 1
        other.append([said(3)])
        assert numbers(all_of(other)) == [1, 2, 3]
        with pytest.raises(StoreError, match="is used by another chatd"):
            store.begin(EPOCH)
        other.close()


def test_readers_while_it_is_written(store_url):
    """Every page is of one moment: its messages are without a gap."""
    pages, wrong = [], []
    with opened(store_url, said(1)) as store:
        done = threading.Event()

        def read():
            while not done.is_set() or not pages:
                page = store.before("general", LATEST, 30, 60)
                pages.append(page)
                found = numbers(page.records)
                if found != list(range(found[0], found[-1] + 1)) or page.more != (found[0] > 1):
                    wrong.append(page)

        readers = [threading.Thread(target=read) for _ in range(6)]
        for reader in readers:
            reader.start()
        for n in range(2, 200, 3):
            store.append([said(n), said(n + 1), said(n + 2)])
        done.set()
        for reader in readers:
            reader.join()
    assert len(pages) >= 6
    assert wrong == []


def test_what_is_read_is_of_one_moment(store_url):
    query = "SELECT count(*) FROM events"
    with opened(store_url, said(1)) as store:
        with store._database.reading() as connection:
            assert connection.exec_driver_sql(query).scalar_one() == 1
            store.append([said(2)])
            assert connection.exec_driver_sql(query).scalar_one() == 1
        assert store.stats().records == 2


# -- pages -----------------------------------------------------------------------------------------

BEFORE = [  # n, count, limit: the numbers that are given, and whether there are more
    (99, 2, 50, [7, 9, 10, 12, 13], True),
    (99, 4, 50, [2, 4, 5, 6, 7, 9, 10, 12, 13], False),
    (99, 5, 50, [1, 2, 4, 5, 6, 7, 9, 10, 12, 13], False),
    (99, 2, 3, [10, 12, 13], True),
    (99, 4, 8, [4, 5, 6, 7, 9, 10, 12, 13], True),
    (7, 1, 50, [4, 5, 6], True),
    (7, 2, 50, [2, 4, 5, 6], False),
    (2, 2, 50, [1], False),
    (1, 2, 50, [], False),
    (7, 0, 50, [], True),
    (7, 2, 0, [], True),
    (2, 0, 0, [], False),
]

AFTER = [
    (0, 2, 50, [1, 2, 4], True),
    (4, 1, 50, [5, 6, 7], True),
    (4, 2, 50, [5, 6, 7, 9, 10], False),
    (4, 3, 50, [5, 6, 7, 9, 10, 12, 13], False),
    (4, 2, 3, [5, 6, 7], True),
    (10, 2, 50, [12, 13], False),
    (13, 2, 50, [], False),
    (4, 0, 50, [], True),
]


def test_before(store_url):
    with opened(store_url, *MIXED) as store:
        for n, count, limit, expected, more in BEFORE:
            page = store.before("general", make_id(EPOCH, n), count, limit)
            assert (numbers(page.records), page.more) == (expected, more), (n, count, limit)


def test_after(store_url):
    with opened(store_url, *MIXED) as store:
        for n, count, limit, expected, more in AFTER:
            page = store.after("general", make_id(EPOCH, n), count, limit)
            assert (numbers(page.records), page.more) == (expected, more), (n, count, limit)


def test_places_are_apart(store_url):
    with opened(store_url, *MIXED) as store:
        assert numbers(all_of(store, "den")) == [3, 8, 9, 13]
        assert numbers(all_of(store, WITH_ALA)) == [9, 11, 13]
        assert numbers(all_of(store, (ALA, "eve"))) == [9, 13]
        assert numbers(all_of(store, "nowhere")) == [9, 13]
        assert store.after(WITH_BOB, 0, 1, 9).more is False


# -- what was there --------------------------------------------------------------------------------


def test_stats(store_url):
    with opened(store_url) as store:
        assert store.stats() == Stats(0, 0, 0, 0, store.stats().size)
        store.append(MIXED)
        stats = store.stats()
        assert stats == Stats(13, 7, make_id(EPOCH, 1), make_id(EPOCH, 13), stats.size)
        assert stats.size > 4096


def test_export_is_of_rooms_only(store_url, monkeypatch):
    monkeypatch.setattr(store_module, "BATCH", 3)
    with opened(store_url, *MIXED) as store:
        assert numbers(store.export("", 0)) == [n for n in range(1, 14) if n != 11]
        assert numbers(store.export("den", 0)) == [3, 8, 9, 13]
        assert numbers(store.export("den", 1008)) == [8, 9, 13]
        assert numbers(store.export("", 1012)) == [12, 13]
        assert list(store.export("", 5000)) == []


def test_whoever_takes_an_export_slowly_holds_up_nobody(store_url, monkeypatch):
    monkeypatch.setattr(store_module, "BATCH", 2)
    with opened(store_url, *(said(n) for n in range(1, 7))) as store:
        export = store.export("", 0)
        first = next(export)
        store.append([said(7)])
        assert store.prune(0, 4) == 3
        assert numbers([first, *export]) == [1, 2, 4, 5, 6, 7]
