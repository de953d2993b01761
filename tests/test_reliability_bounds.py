"""What the server remembers: who has left leaves nothing behind, and nothing grows for ever."""

from collections import Counter, deque
from functools import lru_cache
from importlib import import_module
from pkgutil import walk_packages

import chatd
from chat import RawClient, wait_until
from chatd.limits import Limits
from chatd.testing import running_server

CACHE = type(lru_cache()(len))
TABLES = (dict, list, set, frozenset, deque, tuple)


def attributes(value):
    """The attributes of an object of ours."""
    for kind in type(value).__mro__:
        slots = getattr(kind, "__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield name, getattr(value, name)
    yield from getattr(value, "__dict__", {}).items()


def tables(root):
    """How much is in each table that belongs to an object of ours, by its place in the code."""
    found, known, left = Counter(), set(), [("server", root)]
    while left:
        place, value = left.pop()
        if id(value) in known:
            continue
        known.add(id(value))
        if isinstance(value, TABLES):
            found[place] += len(value)
            parts = [*value, *value.values()] if isinstance(value, dict) else value
            left += [(f"{place}[]", part) for part in parts]
        elif type(value).__module__.startswith("chatd"):
            name = type(value).__name__
            left += [(f"{name}.{attribute}", part) for attribute, part in attributes(value)]
    return found


def live(port, number):
    """Come, do a bit of everything, and leave one way or another."""
    with RawClient(port, nick=f"u{number}") as client:
        den = f"den{number}"
        client.send(f"PUB hello\r\nCREATE {den}\r\nJOIN {den}\r\nSAY {den} hello\r\nHISTORY")
        client.send(f"PRIV u{number} psst\r\nDANCE\r\nPUB \x1b\r\nLOGIN v{number}")
        if number % 2:
            client.send(f"LEAVE {den}\r\nQUIT")
            client.rest()
        else:
            client.send(b"PUB half")


def test_who_has_left_leaves_nothing_behind(engine):
    """R-17: in no table of the server is there more after a hundred sessions than after thirty."""
    with running_server(engine=engine, limits=Limits(backlog=20, rooms=5)) as running:
        with RawClient(running.port, nick="ala") as ala:

            def settled():
                ala.send("LIST")
                while not (line := ala.line()).startswith("USERS"):
                    pass
                return line == "USERS ala"

            for number in range(30):
                live(running.port, number)
            wait_until(settled, "all to be gone")
            before = tables(running.server)
            assert before["Hub._users"] == before["Hub._by_key"] == 1
            for number in range(30, 130):
                live(running.port, number)
            wait_until(settled, "all to be gone")

            def grown():
                try:
                    return tables(running.server) - before
                except RuntimeError:  # somebody changed what was looked at
                    return {"not known": 1}

            try:
                wait_until(lambda: not grown(), "all to be as it was")
            except AssertionError:
                raise AssertionError(f"more than before: {grown()}") from None


def test_caches_are_bounded():
    """R-17: those that are kept for speed."""
    caches = [
        (name, value)
        for module in walk_packages(chatd.__path__, "chatd.")
        if not module.name.endswith("__main__")
        for name, value in vars(import_module(module.name)).items()
        if isinstance(value, CACHE)
    ]
    assert caches
    assert [name for name, value in caches if not value.cache_parameters()["maxsize"]] == []
