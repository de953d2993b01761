"""Keep the history in SQLite or PostgreSQL.

SQLAlchemy and Alembic take a quarter of a second to load, and are not before a store is opened.
"""

from chatd import Store, StoreError, hookimpl

SCHEMES = {"sqlite", "postgresql", "postgresql+psycopg"}


@hookimpl
def open_store(url: str) -> Store | None:
    """Open what url names: sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/DATABASE."""
    scheme = url.partition(":")[0]
    if scheme not in SCHEMES:
        return None
    from chatd_plugins.sql.store import SqlStore

    if scheme == "sqlite":
        from chatd_plugins.sql.sqlite import File

        return SqlStore(File.of_url(url))
    try:
        from chatd_plugins.sql.postgres import Server
    except ImportError:
        raise StoreError("postgresql needs: pip install 'chatd[postgres]'") from None
    return SqlStore(Server.of_url(url))
