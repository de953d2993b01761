"""Stores in files: damage, locks, full disks, sudden ends, and who may read."""

import os
import re
import sqlite3
import stat
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from chatd import StoreError
from chatd_plugins.sql import open_store, sqlite
from records import EPOCH, WITH_BOB, said, told
from store_files import COUNT, TESTS, begun, check, filled, run, there


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "history.db"


# -- the URL ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["redis://here/0", "sqlite3:///x.db", "x.db", "", "postgres://x"])
def test_other_urls_are_for_other_plugins(url):
    assert open_store(url) is None


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://x.db"])
def test_a_store_is_a_file(url):
    with pytest.raises(StoreError, match="a store of SQLite is a file: sqlite:///FILE"):
        open_store(url)


def test_a_path_may_be_relative_and_odd(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begun("a b/50%?#é.db", said(1)).close()
    assert (tmp_path / "a b" / "50%?#é.db").exists()
    store = open_store("sqlite:///a b/50%?#é.db")
    assert there(store) == [1]
    store.close()


# -- the file --------------------------------------------------------------------------------------


def test_the_file_is_for_its_owner_only(path):
    store = begun(path, said(1))
    store.append([said(2)])
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes) == {"history.db", "history.db-wal", "history.db-shm", "history.db.lock"}
    assert set(modes.values()) == {0o600}
    store.close()
    assert sorted(os.listdir(path.parent)) == ["history.db", "history.db.lock"]


def test_it_begins_again(path):
    store = begun(path, said(1))
    assert store.begin(EPOCH) == EPOCH
    store.append([said(2)])
    store.close()
    store.close()
    assert store.begin(EPOCH) == EPOCH
    assert there(store) == [1, 2]
    store.close()


def test_what_is_not_there_cannot_be_read(path):
    store = open_store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match=f"there is no store at {re.escape(str(path))}"):
        store.stats()
    assert not path.parent.exists()
    store.begin(EPOCH)
    assert store.stats().records == 0
    store.close()
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="there is no store in it"):
        store.stats()
    store.close()


def test_reading_changes_nothing(path):
    filled(path)
    before = path.read_bytes()
    store = open_store(f"sqlite:///{path}")
    assert len(there(store)) == 300
    assert store.search("text", ["general"], "", 1, 1)
    assert len(list(store.export("", 0))) == 300
    store.close()
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_process_reads_while_it_is_written(path):
    store = begun(path, said(1), told(2))
    for n in (3, 4):
        store.append([said(n)])
        assert run(COUNT, f"sqlite:///{path}") == f"{n}\n"
    assert there(store, WITH_BOB) == [2]
    store.close()
    check(path)


# -- files that cannot be opened, and are left as they are -----------------------------------------


def refused(path, words):
    before = path.read_bytes() if path.is_file() else None
    store = open_store(f"sqlite:///{path}")
    for _ in range(2):  # whatever it was does not lock itself out
        with pytest.raises(StoreError, match=words) as caught:
            store.begin(EPOCH)
        assert "\n" not in str(caught.value)
        assert "another chatd" not in str(caught.value)
    assert before is None or path.read_bytes() == before
    assert not [name for name in os.listdir(path.parent) if "damaged" in name]
    assert list(store.notices) == []


def test_a_folder_is_no_file(path):
    path.mkdir(parents=True)
    refused(path, "history.db: Is a directory")


def test_a_file_of_another_kind(path):
    """Only what is called like a database is taken for a damaged one, and set aside."""
    path = path.with_name("passwd")
    path.parent.mkdir()
    path.write_text("root:x:0:0:root:/root:/bin/bash\n")
    refused(path, "passwd: is no file of SQLite, and is left alone")


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    store = open_store(f"sqlite:///{tmp_path}/file/history.db")
    with pytest.raises(StoreError, match="history.db: (File exists|Not a directory)"):
        store.begin(EPOCH)


def test_the_database_of_another_program(path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    refused(path, "has tables of another program")


OTHER_USER = """
    import os, sys
    from chatd import StoreError, make_id
    from chatd_plugins.sql import open_store, sqlite, store
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        open_store(f"sqlite:///{sys.argv[1]}").begin(1)
    except StoreError as error:
        print(error)
    """


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o777, 0o444), (0o555, 0o666)])
def test_a_file_that_may_not_be_written(folder_mode, file_mode):
    """By another user than root, whom nothing stops."""
    with tempfile.TemporaryDirectory() as outer:  # those of pytest are closed to others
        os.chmod(outer, 0o755)
        path = Path(outer, "folder", "history.db")
        filled(path)
        os.remove(f"{path}.lock")
        path.chmod(file_mode)
        path.parent.chmod(folder_mode)
        assert re.fullmatch(r".*/history\.db: Permission denied\n", run(OTHER_USER, path))
        path.parent.chmod(0o755)
        store = open_store(f"sqlite:///{path}")
        assert len(there(store)) == 300
        store.close()


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_locked_by_another_program(path, begin, monkeypatch):
    """R-20: the store says so soon, and takes the same records again later."""
    monkeypatch.setattr(sqlite, "WRITER_PATIENCE", 0.05)
    store = begun(path, said(1))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(begin)
        with pytest.raises(StoreError, match="history.db: database is locked$"):
            store.append([said(2)])
        assert there(store) == [1]
        with pytest.raises(StoreError, match="history.db: database is locked$"):
            store.begin(EPOCH)
        other.execute("ROLLBACK")
    assert store.begin(EPOCH) == EPOCH
    store.append([said(2)])
    assert there(store) == [1, 2]
    store.close()


def test_a_full_disk(path):
    """R-19: what was kept stays, nothing by halves, and it goes on when there is room."""
    store = begun(path, *(said(n) for n in range(1, 101)))
    driver = store._writer.connection.dbapi_connection
    pages = driver.execute("PRAGMA page_count").fetchone()[0]
    driver.execute(f"PRAGMA max_page_count = {pages + 2}")
    store._writer.rollback()
    many = [said(n, "x" * 2000) for n in range(101, 301)]
    for _ in range(2):
        with pytest.raises(StoreError, match="history.db: database or disk is full$"):
            store.append(many)
        assert there(store) == list(range(1, 101))
    driver.execute("PRAGMA max_page_count = 1000000")
    store._writer.rollback()
    store.append(many)
    assert there(store) == list(range(1, 301))
    store.close()
    check(path)


LIMITED = """
    import resource, signal, sys
    sys.path.insert(0, sys.argv[2])
    from chatd import StoreError, make_id
    from chatd_plugins.sql import open_store
    from records import EPOCH, LATEST, said
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = open_store(sys.argv[1])
    store.begin(EPOCH)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
    kept, errors = 0, set()
    for n in range(1, 2000, 20):
        try:
            store.append([said(m, "x" * 500) for m in range(n, n + 20)])
            kept += 20
        except StoreError as error:
            errors.add(str(error))
    found = len(store.before("general", LATEST, 9999, 9999).records)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    store.append([said(9000)])
    print(kept == found, 0 < kept < 2000, *errors, sep="\\n")
    store.close()
    """


def test_a_file_that_must_not_grow(path):
    right, some, *errors = run(LIMITED, f"sqlite:///{path}", TESTS).splitlines()
    assert (right, some) == ("True", "True")
    assert errors
    for error in errors:
        assert re.fullmatch(r".*history\.db: (database or disk is full|disk I/O error)", error)
    check(path)


def test_who_reads_when_it_is_closed(path):
    """Gets to the end of it, and the connection is closed as well."""
    store = begun(path, said(1))
    with store._database.reading() as connection:
        driver = connection.connection.dbapi_connection
        store.close()
        assert connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one() == 1
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        driver.execute("SELECT 1")
    assert there(store) == [1]
    store.close()


def test_a_question_that_takes_too_long(path, monkeypatch):
    monkeypatch.setattr(sqlite, "PATIENCE", 0.05)
    store = begun(path, said(1))
    numbers = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n FROM n LIMIT 20000000)"
    with pytest.raises(StoreError, match="history.db: that took too long$"):
        with store._database.reading() as connection:
            connection.exec_driver_sql(f"{numbers} SELECT count(*) FROM n")
    assert there(store) == [1]
    store.close()
