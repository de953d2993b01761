"""What the two clients have in common: how one is made, and what it knows without asking."""

import ssl
from os import PathLike

from chatcli.client.backoff import Backoff
from chatcli.client.habits import Habits
from chatcli.client.news import NotConnected
from chatcli.client.presence import Presence
from chatcli.connection import Connection
from chatcli.tls import trusting
from chatd.dialects.table import CLIENTS


class Front:
    """A user of a chat.

    nick: as what it logs in. port: the dialect's own if none is given. tls: whether to speak TLS,
    and by which context; ca: the PEM file of those who are trusted then, instead of whom the
    system trusts. timeout: seconds that the
    server has for each answer. reconnect: come back when the connection breaks, at moments that
    backoff chooses. resume: then read in the server's history what was said meanwhile. keepalive:
    seconds without a byte after which the client asks whether the server is still there. most:
    events that wait until somebody takes them; beyond that the oldest are lost.

    Raises ValueError for a dialect that is none, for times that are not above 0 and for a ca
    without tls=True, CommandError for a nick that cannot be one, OSError for a ca that cannot be
    read.
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int | None = None,
        *,
        nick: str,
        dialect: str = "json",
        tls: bool | ssl.SSLContext = False,
        ca: str | PathLike[str] | None = None,
        timeout: float = 10.0,
        reconnect: bool = True,
        resume: bool = True,
        keepalive: float = 60.0,
        backoff: Backoff = Backoff(),  # noqa: B008  # it is frozen
        most: int = 10_000,
    ) -> None:
        if dialect not in CLIENTS:
            raise ValueError(f"there is no dialect {dialect}: there are {', '.join(CLIENTS)}")
        if not (timeout > 0 and keepalive > 0):
            raise ValueError("timeout and keepalive are seconds above 0")
        client = CLIENTS[dialect]
        self._place = (host, port or client.port)
        self._timeout = timeout
        self._tls = _context(tls, ca)
        habits = Habits(
            timeout=timeout,
            reconnect=reconnect,
            resume=resume,
            keepalive=keepalive,
            backoff=backoff,
            most=most,
        )
        self._presence = Presence(nick, client, habits)
        self._connection: Connection | None = None
        self._prepare()

    def _prepare(self) -> None:
        """Make what waiting needs."""

    @property
    def nick(self) -> str:
        """The nick that the client has, or will log in with."""
        return self._presence.nick

    @property
    def joined(self) -> list[str]:
        """The rooms that the client is in."""
        return list(self._presence.rooms.values())

    @property
    def connected(self) -> bool:
        """Whether the client is in the chat at this moment, as far as it knows."""
        return self._presence.present

    @property
    def trouble(self) -> str:
        """Why the client is not in the chat, as far as it knows; empty while it is."""
        return "" if self.connected else self._presence.trouble

    @property
    def closed(self) -> bool:
        """Whether it is over: closed, or given up with reconnect=False."""
        return self._presence.over

    # -- what carries bytes, whoever waits ---------------------------------------------------

    def _dialed(self, found: Connection | Exception) -> None:
        """Talk over a new connection, or take note of why there is none."""
        if isinstance(found, Exception):
            self._presence.unreachable(found)
        elif self._presence.over:  # it took too long
            found.close()
        else:
            self._connection = found
            try:
                self._presence.connected()
                found.send(self._presence.output)
            except Exception as error:  # nobody must wait for what will not happen
                self._presence.end(NotConnected(f"the client has failed: {error!r}"))

    def _carry(self) -> None:
        """Do what can be done without waiting: receive, think, send."""
        connection, presence = self._connection, self._presence
        if connection is not None and (data := connection.receive()) is not None:
            if data:
                presence.received(data)
            else:
                presence.lost(connection.reason)
        presence.tick()
        if connection is not None:
            if not presence.online:
                self._hang_up()
                return
            connection.send(presence.output)
            if presence.silent and not presence.output:
                connection.end_sending()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _context(tls: bool | ssl.SSLContext, ca: str | PathLike[str] | None) -> ssl.SSLContext | None:
    """Say whom to trust with TLS; nobody may believe that a server is checked which is not."""
    if tls is True:
        return trusting(ca)
    if ca is not None:
        raise ValueError("ca is for tls=True: nothing else looks at it")
    if tls and not isinstance(tls, ssl.SSLContext):
        raise ValueError("tls is True, False or an ssl.SSLContext")
    return tls or None
