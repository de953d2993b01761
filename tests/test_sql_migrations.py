"""The tables of the plugin sql: what migrations make of every version of them."""

import runpy
import sys
import types
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from chatd import StoreError
from chatd_plugins.sql import migrate, open_store
from chatd_plugins.sql.schema import metadata
from records import EPOCH, LATEST, numbers, said, told

ROOT = Path(__file__).parent.parent
FOLDER = Path(migrate.__file__).parent / "migrations"

SEARCH = ("events_fts", "search")
"""Beginnings of what the search needs, and only one kind of database has."""


def versions():
    """All versions of the tables, oldest first."""
    script = ScriptDirectory(str(FOLDER))
    return [each.revision for each in script.walk_revisions()][::-1]


def stored(url, version):
    """Make a store with tables of an old version, and records in it."""
    store = open_store(url)
    with store._database.open() as connection:
        with connection.begin():
            migrate.migrate(connection, "it", version)
    store.close()
    if version == versions()[-1]:
        store.begin(EPOCH)
        store.append([said(1, "a fox"), told(2)])
        store.end()
        store.close()
    else:
        raise AssertionError(f"write records as version {version} had them")


@pytest.mark.parametrize("version", versions())
def test_every_version_is_brought_up_to_date(store_url, version):
    stored(store_url, version)
    store = open_store(store_url)
    assert store.begin(EPOCH) == EPOCH + 1
    assert numbers(store.before("general", LATEST, 9, 9).records) == [1]
    assert numbers(hit.record for hit in store.search("fox", ["general"], "", 9, 0)) == [1]
    assert store.stats().records == 2
    store.close()


def test_the_migrations_make_the_tables_of_the_schema(store_url):
    def ours(name, kind, parent):
        return name is None or not name.startswith((*SEARCH, "events_search", "chatd_version"))

    def included(item, name, kind, reflected, other):
        return ours(name, kind, None)

    store = open_store(store_url)
    store.begin(EPOCH)
    options = {"include_name": ours, "include_object": included, "compare_type": True}
    with store._database.reading() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    store.close()


def test_a_newer_version_is_refused(store_url):
    store = open_store(store_url)
    store.begin(EPOCH)
    store.append([said(1)])
    with store._writing() as connection:
        connection.exec_driver_sql("UPDATE chatd_version SET version_num = '9999'")
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            store.begin(EPOCH)
        assert str(caught.value).endswith(
            ": was written by a newer chatd: its tables are of version 9999, "
            f"and this program knows them up to {versions()[-1]}"
        )
    assert store.stats().records == 1
    store.close()


def test_tables_of_others_are_left_alone(store_url):
    store = open_store(store_url)
    with store._database.open() as connection, connection.begin():
        connection.exec_driver_sql("CREATE TABLE bookmarks (url TEXT)")
    store.close()
    with pytest.raises(StoreError, match="has tables of another program"):
        store.begin(EPOCH)
    with pytest.raises(StoreError, match="there is no store in it"):
        store.stats()
    store.close()


def test_the_migrations_are_installed(monkeypatch):
    """They are no modules of a package, so setup.py has to name them."""
    setuptools, given = types.ModuleType("setuptools"), {}
    setuptools.setup = given.update
    setuptools.find_packages = lambda *_, **__: []
    monkeypatch.setitem(sys.modules, "setuptools", setuptools)
    runpy.run_path(str(ROOT / "setup.py"))
    patterns = given["package_data"]["chatd_plugins.sql"]
    installed = {file for pattern in patterns for file in FOLDER.parent.glob(pattern)}
    assert installed == set(FOLDER.rglob("*.py"))
    assert len(installed) > len(versions())
