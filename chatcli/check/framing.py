"""Find out how somebody's server wants messages: as lines, or as chunks that nothing ends."""

from chatcli.check.connections import Connections, Patience

_FIRST = {"slash": b"1", "words": b"whoami", "rooms": b"probe"}
"""By dialect, a first message that is answered; those of crlf and json are always lines."""

_ENOUGH = 1.0
"""Seconds in which a server answers a message that it has understood."""


def wants_chunks(dialect: str, host: str, port: int, patience: Patience) -> bool:
    """Send a message without an end, and say whether it is answered.

    In crlf and json only connect. Raises CannotConnect.
    """
    connections = Connections(host, port, patience)
    try:
        one = connections.open("probe")
        if dialect not in _FIRST:
            return False
        if dialect == "slash":  # speaks first
            connections.wait(lambda: one.seen, _ENOUGH)
            connections.wait_for_quiet(patience.pause)
        said = len(one.seen)
        connections.send(one, _FIRST[dialect])
        return connections.wait(lambda: len(one.seen) > said, _ENOUGH)
    finally:
        connections.close()
