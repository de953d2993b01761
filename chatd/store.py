"""What a store of the history can do; plugins provide them by the hook open_store.

A store keeps records: what happened in rooms and, only if the operator wants that, private
messages. It is written by one thread, and read by any others meanwhile.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from chatd.events import Hit, Record

Place = str | tuple[str, str]
"""The key of a room; or of a private talk, one party and the key of the other's nick."""


class StoreError(Exception):
    """A store that cannot do what was asked of it; the text is one line and says why."""


class Page(Struct, frozen=True):
    """A piece of a room's history, oldest first."""

    records: tuple[Record, ...]
    more: bool = False
    """Whether the store has messages beyond the page's far end."""


class Stats(Struct, frozen=True):
    """What a store holds. Ids are 0 where there is none."""

    records: int
    messages: int
    first_id: int
    last_id: int
    size: int
    """Bytes on disk; 0 when that is not known."""


class Store(Protocol):
    """Keeps records. Every method raises StoreError when the store does not work.

    Before begin, and by other programs while a server runs, it can be read and not written.

    The parties of a private talk are `nick key@address`.
    """

    place: str
    """What the operator knows it by; without a password."""

    notices: Sequence[str]
    """What the operator should know of how it was opened, such as a file that was set aside."""

    def begin(self, epoch: int) -> int:
        """Open and check the store, bring its schema up to date, and enter a new epoch.

        Returns the epoch: at least the given one, and above all that the store has seen. By the
        writing thread, before anything else; again after it failed, and then in the same epoch.
        """

    def append(self, records: Sequence[Record]) -> None:
        """Keep records, all or none; those that it has already are left alone."""

    def before(self, place: Place, id: int, count: int, limit: int) -> Page:
        """Give the last count messages with smaller ids, and what happened between them.

        limit is how many records there may be in all. Gaps are given for every room.
        """

    def after(self, place: Place, id: int, count: int, limit: int) -> Page:
        """Give the first count messages with greater ids, and what happened between them."""

    def knows(self, place: Place, id: int) -> bool:
        """Say whether everything in place after id is still there, or a gap behind id is.

        It is not when the id's epoch is none of the store's, when something behind it has been
        pruned, and when it lies within a gap itself.
        """

    def search(
        self, words: str, places: Sequence[Place], nick: str, count: int, context: int
    ) -> list[Hit]:
        """Find messages with all the words, best first, at most count.

        Words in double quotes are a phrase. nick is the key of the sender, empty for anybody;
        context is how many messages before and after each are given.
        """

    def prune(self, oldest: float, keep: int) -> int:
        """Forget what is older than oldest (seconds since 1970, 0 for no bound), and of each
        place all but the last keep messages (0 for no bound).

        By the writing thread. Works off a bounded piece, in one transaction; says how many
        records went, so that the caller goes on while there are any.
        """

    def export(self, room: str, since: float) -> Iterator[Record]:
        """Give all that happened in rooms, oldest first; private messages never.

        room is the key of the only one wanted, or empty; since is in seconds since 1970.
        """

    def stats(self) -> Stats:
        """Count what there is."""

    def check(self) -> str:
        """Look for damage, for a few seconds at most; say in one line what is damaged, if
        anything is. Nothing is changed, and a server may be writing meanwhile.
        """

    def end(self) -> None:
        """Note that the epoch has ended, and that all of it is stored; by the writing thread.

        Where this is missing at the next begin, a gap of unknown size is noted.
        """

    def close(self) -> None:
        """Let go of it; by the writing thread."""
