"""The installed plugin: a part of it, and the whole in a running chat, on each engine."""

from contextlib import contextmanager

import pytest
from chatd_seen import ago

from chatd.testing import running_server


@contextmanager
def client(server, nick):
    """Log in; yield a function that sends a line and returns the answer."""
    with server.connect() as sock, sock.makefile("rw", encoding="utf-8", newline="\r\n") as wire:

        def ask(line):
            wire.write(f"{line}\n")
            wire.flush()
            return wire.readline().rstrip()

        assert ask(f"LOGIN {nick}") == "OK"
        yield ask


@pytest.mark.parametrize("engine", ["threads", "select", "asyncio"])
def test_who_left_is_remembered(engine, tmp_path, monkeypatch):
    monkeypatch.setenv("SEEN_FILE", str(tmp_path / "seen.sqlite"))
    with running_server(engine=engine) as server:
        with client(server, "ala") as ask:
            assert ask("SEEN bob") == "ERROR I have not seen bob"
        with client(server, "bob"):
            pass
    with running_server(engine=engine) as server, client(server, "ala") as ask:
        assert ask("SEEN Bob") == "NOTICE Bob left just now"
        assert ask("LAST ala") == "ERROR you are here now"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (90000, "1 day ago")],
)
def test_time_spans(seconds, text):
    assert ago(seconds) == text
