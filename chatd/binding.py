"""The sockets that a server listens on: bound here, or passed by whoever has started it."""

import os
import socket
from collections.abc import Container, Iterator, Sequence

from chatd.config import Config, Listen
from chatd.engines import Listener

Passed = tuple[str, socket.socket]
"""A listening socket that was passed, and the name that it was given."""


class ListenError(Exception):
    """An address that cannot be listened on; the text says which and why."""


def places(config: Config) -> tuple[Listen, ...]:
    """Give all that is to be listened on, the main one first."""
    return (Listen(config.dialect, config.host, config.port), *config.listen)


def listen(
    config: Config, dialects: Container[str], passed: Sequence[Passed] = ()
) -> list[Listener]:
    """Listen on all that is configured; what was passed takes the place of host and port.

    The name of a passed socket is its dialect; without such a dialect it is the main one.
    Raises ListenError.
    """
    listeners = [
        Listener(Listen(name if name in dialects else config.dialect), sock, shared=True)
        for name, sock in passed
    ]
    for spec in places(config)[bool(passed) :]:
        try:
            if spec.dialect not in dialects:
                raise ListenError(f"there is no dialect {spec.dialect}")
            for sock in bind(spec.host, spec.port):
                listeners.append(Listener(spec, sock))
        except (OSError, UnicodeError, ListenError) as error:
            for listener in listeners:
                listener.sock.close()
            raise ListenError(f"cannot listen on {place(spec)}: {reason(error)}") from None
    return listeners


def place(spec: Listen) -> str:
    """Write where it is."""
    return f"{spec.host or '*'}:{spec.port}"


def reason(error: Exception) -> str:
    """Say why, without what the socket module adds to it."""
    if isinstance(error, UnicodeError):
        return "this is no host name"
    if not isinstance(error, OSError) or error.errno is None or isinstance(error, socket.gaierror):
        return str(getattr(error, "strerror", None) or error)
    return os.strerror(error.errno)


def bind(host: str, port: int) -> Iterator[socket.socket]:
    """Bind a host name, on all the addresses it has; no name is all addresses there are."""
    if not host:
        yield _bind_everywhere(port)
        return
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, *_, address in dict.fromkeys(found):
        sock = socket.create_server((str(address[0]), port), family=family, backlog=1024)
        port = sock.getsockname()[1]  # where the system chose one, the others follow
        yield sock


def _bind_everywhere(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", port), family=socket.AF_INET6, backlog=1024, dualstack_ipv6=True
        )
    return socket.create_server(("", port), backlog=1024)
