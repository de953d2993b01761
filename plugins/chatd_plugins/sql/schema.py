"""The tables, as the newest migration leaves them.

What finds words is not among them: it is `events_fts` in SQLite and the column `search` in
PostgreSQL, made by the migrations alone.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

metadata = MetaData()

# In SQLite only a primary key of the type INTEGER is the number of the row itself.
_Id = BigInteger().with_variant(Integer, "sqlite")

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    # The key of the room, both parties of a private talk, or empty for what all places share.
    Column("place", Text, nullable=False),
    # 1 for what somebody wrote, 0 for what else happened.
    Column("message", SmallInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("room", Text),
    Column("nick", Text),
    Column("nick_key", Text),
    Column("grp", Text),
    Column("other", Text),
    Column("other_grp", Text),
    Column("sender", Text),
    Column("recipient", Text),
    Column("count", BigInteger),
    Column("until", BigInteger),
    Column("text", Text),
    # Pages count messages and hold the rest too, so both are found by place and id.
    Index("events_place", "place", "message", "id"),
    Index("events_time", "time"),
)

epochs = Table(
    "epochs",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("started", Double, nullable=False),
    Column("ended", Double),
)
"""The starts of the server, in seconds since 1970, and its ends, where nothing was lost."""

horizons = Table(
    "horizons",
    metadata,
    Column("place", Text, primary_key=True),
    Column("id", BigInteger, nullable=False),
)
"""The greatest id that was pruned of each place."""
