"""What a client tells its user besides what happens in the chat: of its connection."""

from chatd.events import Event


class Disconnected(Event, frozen=True):
    """The connection is gone, and reason says why; what was said meanwhile follows later."""

    reason: str


class Reconnected(Event, frozen=True):
    """The client is back under its nick and in these rooms.

    Between `Disconnected` and this comes what was said meanwhile, and a `Missed` where something
    is missing.
    """

    nick: str
    rooms: tuple[str, ...]


class ReconnectFailed(Event, frozen=True):
    """The client tried to come back and could not: why, and in how many seconds it tries again."""

    reason: str
    delay: float


class Lost(Event, frozen=True):
    """So many events came here while nobody took them, and were left out: the oldest ones."""

    count: int


class NotConnected(ConnectionError):
    """Nothing was sent, since there is no connection."""


class Unconfirmed(ConnectionError):
    """The connection broke before the answer: it is not known whether it was carried out."""


class NoAnswer(TimeoutError):
    """The server did not answer in time: it is not known whether it was carried out."""
