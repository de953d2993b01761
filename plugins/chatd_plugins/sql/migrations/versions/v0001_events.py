"""Begin: events, epochs, horizons, and the search for words."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# unicode61 of SQLite takes whatever is no letter or digit for a space, and drops diacritics. The
# parser of PostgreSQL knows addresses, paths and hyphens, so here it gets nothing but words.
_WORDS = (
    r"SELECT regexp_replace(regexp_replace(normalize($1, NFD), '[\u0300-\u036f]', '', 'g'), "
    r"'[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u007f]', ' ', 'g')"
)


def upgrade() -> None:
    make_tables()
    op.create_index("events_place", "events", ["place", "message", "id"])
    op.create_index("events_time", "events", ["time"])
    {"sqlite": search_in_sqlite, "postgresql": search_in_postgresql}[
        op.get_context().dialect.name
    ]()


def make_tables() -> None:
    op.create_table(
        "events",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("message", sa.SmallInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text) for name in ("room", "nick", "nick_key", "grp")),
        *(sa.Column(name, sa.Text) for name in ("other", "other_grp", "sender", "recipient")),
        sa.Column("count", sa.BigInteger),
        sa.Column("until", sa.BigInteger),
        sa.Column("text", sa.Text),
    )
    op.create_table(
        "epochs",
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ended", sa.Double),
    )
    op.create_table(
        "horizons",
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("id", sa.BigInteger, nullable=False),
    )


def search_in_sqlite() -> None:
    # No triggers: a trigger makes SQLite flush this index for each row (30 us of CPU time a
    # message, against 12). The store fills it, a batch at a time.
    op.execute(
        "CREATE VIRTUAL TABLE events_fts USING fts5("
        "text, content='events', content_rowid='id', tokenize='unicode61 remove_diacritics 2')"
    )
    # Merge pieces of the index less often than by default: a fifth less to write, and there are
    # up to 64 pieces of a size to look a word up in, which takes a millisecond.
    for name, value in (("automerge", 32), ("crisismerge", 64)):
        op.execute(f"INSERT INTO events_fts(events_fts, rank) VALUES ('{name}', {value})")


def search_in_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION chatd_words(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE "
        f"AS $${_WORDS}$$"
    )
    op.execute(
        "ALTER TABLE events ADD COLUMN search tsvector "
        "GENERATED ALWAYS AS (to_tsvector('simple', chatd_words(text))) STORED"
    )
    op.execute("CREATE INDEX events_search ON events USING gin (search) WHERE message = 1")
