"""Files of stores for the tests, and programs that run beside them."""

import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

from chat import PATIENCE
from chatd_plugins.sql import open_store
from records import EPOCH, LATEST, numbers, said

TESTS = Path(__file__).parent


def begun(path, *records):
    store = open_store(f"sqlite:///{path}")
    store.begin(EPOCH)
    store.append(records)
    return store


def filled(path, count=300):
    """Make a file of many pages, whose log has been written back."""
    store = begun(path, *(said(n, f"text {n} " + "x" * 200) for n in range(count)))
    store.end()
    store.close()


def run(script, *arguments):
    """Run a script that ends by itself, and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def there(store, place="general"):
    return numbers(store.before(place, LATEST, 10_000, 10_000).records)


def check(path):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.execute("INSERT INTO events_fts(events_fts) VALUES ('integrity-check')")
        count = "SELECT count(*) FROM "
        found = connection.execute(count + "events_fts_docsize").fetchone()
        assert found == connection.execute(count + "events WHERE message = 1").fetchone()


COUNT = """
    import sys
    from chatd_plugins.sql import open_store
    store = open_store(sys.argv[1])
    print(store.stats().records)
    store.close()
    """
"""Prints how many records the store of a URL has."""
