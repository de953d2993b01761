"""Bring the tables of a database up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from chatd import StoreError

VERSION_TABLE = "chatd_version"


def migrate(connection: Connection, shown: str, revision: str = "head") -> None:
    """Run what migrations are missing, in the transaction of connection.

    Raises StoreError for tables that are newer than this program, or not its own; shown is how
    it calls the database.
    """
    config = _config(connection)
    options = {"version_table": VERSION_TABLE}
    versions = MigrationContext.configure(connection, opts=options).get_current_heads()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if unknown := set(versions) - known:
        raise StoreError(
            f"{shown}: was written by a newer chatd: its tables are of version {min(unknown)}, "
            f"and this program knows them up to {max(known)}"
        )
    if not versions and inspect(connection).get_table_names():
        raise StoreError(f"{shown}: has tables of another program; give chatd one of its own")
    command.upgrade(config, revision)


def _config(connection: Connection) -> Config:
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
