"""Stores in PostgreSQL: passwords, lost connections, and servers that do not answer."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from chat import PATIENCE, wait_until
from chatd import StoreError
from chatd_plugins.sql import open_store, postgres
from records import EPOCH, LATEST, numbers, said


@pytest.fixture
def database(cluster, caplog):
    """The name of an empty database. Nothing is logged of what goes wrong: it is told once."""
    with cluster.database() as name:
        yield name
    assert caplog.messages == []


@contextmanager
def begun(url, *records):
    store = open_store(url)
    try:
        store.begin(EPOCH)
        store.append(records)
        yield store
    finally:
        store.close()


def there(store):
    return numbers(store.before("general", LATEST, 10_000, 10_000).records)


def refusal(action, *arguments):
    """The one line with which an action is refused."""
    with pytest.raises(StoreError) as caught:
        action(*arguments)
    assert "\n" not in str(caught.value)
    assert "events" not in str(caught.value)  # no statement is shown
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


# -- opening ---------------------------------------------------------------------------------------


def test_without_the_driver():
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from chatd import StoreError\nfrom chatd_plugins.sql import open_store\n"
        "try: open_store('postgresql://ala@here/chat')\n"
        "except StoreError as error: print(error)\n"
        "print(open_store('sqlite:///x.db') is not None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stdout == "postgresql needs: pip install 'chatd[postgres]'\nTrue\n"


@pytest.mark.parametrize("url", ["postgresql:chat", "postgresql://ala:secret@here:port/chat"])
def test_what_is_no_url_is_not_repeated(url):
    """R-33: it may hold a password."""
    said = refusal(open_store, url)
    assert said == "a store of PostgreSQL is: postgresql://USER@HOST/DATABASE"


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_a_server_that_is_not_there(scheme):
    """R-33: the log does not say by which password it was asked."""
    store = open_store(f"{scheme}://ala:secret@127.0.0.1:1/chat")
    for action, *arguments in [(store.begin, EPOCH), (store.stats,)]:
        said = refusal(action, *arguments)
        assert said.startswith("chat at 127.0.0.1: ")
        assert "refused" in said
        assert "secret" not in said
    store.close()


def test_passwords(cluster, database):
    cluster.execute("DROP ROLE IF EXISTS guarded")
    cluster.execute("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'right'")
    said = refusal(open_store(cluster.url(database, "guarded:wrong")).begin, EPOCH)
    assert "password authentication failed" in said
    assert "wrong" not in said
    with begun(cluster.url(database, "guarded:right")) as store:
        assert store.stats().records == 0


def test_what_is_missing(cluster, database):
    said = refusal(open_store(cluster.url("nothing")).begin, EPOCH)
    assert 'database "nothing" does not exist' in said
    store = open_store(cluster.url(database))
    assert refusal(store.stats) == f"{database} at here: there is no store in it"
    store.close()


def test_texts_have_to_be_unicode(cluster):
    with cluster.database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0") as name:
        said = refusal(open_store(cluster.url(name)).begin, EPOCH)
        assert said == f"{name} at here: keeps texts as LATIN1, and has to as UTF8"


# -- connections that are lost ---------------------------------------------------------------------


def end_writer(cluster, store):
    pid = store._writer.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    store._writer.rollback()
    cluster.execute(f"SELECT pg_terminate_backend({pid}, 5000)")


def test_the_writer_loses_its_connection(cluster, database):
    """And its lock: so it has to begin again, and nothing is written without the lock."""
    with begun(cluster.url(database), said(1)) as store:
        end_writer(cluster, store)
        assert "terminat" in refusal(store.append, [said(2)])
        assert "the connection was lost" in refusal(store.append, [said(2)])
        assert there(store) == [1]
        with begun(cluster.url(database), said(3)) as other:
            assert "is used by another chatd" in refusal(store.begin, EPOCH)
            assert there(other) == [1, 2, 3]  # 2 is the gap: the first one did not end
        assert store.begin(EPOCH) == EPOCH + 2  # as the other one has been here
        store.append([said(5, epoch=EPOCH + 2)])
        assert there(store)[:3] == [1, 2, 3]
        assert store.stats().last_id == said(5, epoch=EPOCH + 2).id


def test_the_server_is_away_for_a_while(cluster, database):
    with begun(cluster.url(database), said(1)) as store:
        assert there(store) == [1]
        cluster.stop()
        try:
            for _ in range(2):
                refusal(store.append, [said(2)])
                refusal(store.stats)
            assert "is the server running" not in refusal(store.begin, EPOCH).lower()
        finally:
            cluster.start()
        assert there(store) == [1]
        assert store.begin(EPOCH) == EPOCH
        store.append([said(2)])
        assert there(store) == [1, 2]


def pids(cluster, database):
    """The processes of the server that serve a database."""
    query = f"SELECT pid FROM pg_stat_activity WHERE datname = '{database}'"
    return [pid for (pid,) in cluster.execute(query)]


@contextmanager
def stopped(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_server_that_does_not_answer(cluster, database, monkeypatch):
    monkeypatch.setattr(postgres.Patient, "patience", 0.3)
    with begun(cluster.url(database), said(1)) as store:
        assert there(store) == [1]
        with stopped(pids(cluster, database)):
            assert "the server does not answer" in refusal(store.append, [said(2)])
            assert "the connection was lost" in refusal(store.append, [said(2)])
            # The reader has one connection that is silent, and gets another.
            wait_until(lambda: readable(store), "a new connection")
        wait_until(lambda: not pids(cluster, database)[1:], "the end of the old connections")
        store.begin(EPOCH)
        store.append([said(2)])
        assert there(store) == [1, 2]


def readable(store):
    try:
        return there(store) == [1]
    except StoreError as error:
        assert "the server does not answer" in str(error)
        return False


def test_what_accepts_and_says_nothing(monkeypatch):
    monkeypatch.setattr(postgres, "PATIENCE", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = open_store(f"postgresql://ala@127.0.0.1:{silent.getsockname()[1]}/chat")
        assert "time" in refusal(store.begin, EPOCH)


def test_a_statement_that_takes_too_long(cluster, database, monkeypatch):
    monkeypatch.setattr(postgres, "_SETTINGS", ("SET statement_timeout = 50",))

    def sleep(store):
        with store._database.reading() as connection:
            connection.exec_driver_sql("SELECT pg_sleep(30)")

    with begun(cluster.url(database), said(1)) as store:
        assert refusal(sleep, store) == f"{database} at here: that took too long"
        assert there(store) == [1]
        timeout = store._writer.exec_driver_sql("SHOW statement_timeout").scalar_one()
        assert timeout == "50ms"  # for the migrations it was off
        store._writer.rollback()


def test_many_read_at_once(cluster, database, monkeypatch):
    monkeypatch.setattr(postgres, "PATIENCE", 0.1)
    with begun(cluster.url(database)) as store:
        readers = [store._database.reading() for _ in range(15)]
        for reader in readers:
            reader.__enter__()
        assert refusal(store.stats) == f"{database} at here: too many are reading"
        for reader in readers:
            reader.__exit__(None, None, None)
        assert store.stats().records == 0
