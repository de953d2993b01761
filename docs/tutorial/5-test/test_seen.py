"""The plugin in a running chat, on each engine."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from chatd.testing import running_server

PLUGINS = Path(__file__).parent.parent / "4-keep"


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
    with running_server(plugins_dir=PLUGINS, engine=engine) as server:
        with client(server, "ala") as ask:
            assert ask("SEEN bob") == "ERROR I have not seen bob"
        with client(server, "bob"):
            pass
    with running_server(plugins_dir=PLUGINS, engine=engine) as server, client(server, "ala") as ask:
        assert ask("SEEN Bob") == "NOTICE Bob left just now"
        assert ask("LAST ala") == "ERROR you are here now"
