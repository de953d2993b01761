"""Private means private: who does not get to see private messages."""

import threading

from chat import PATIENCE, RawClient
from chatd import Filter, Said, Tap
from chatd.events import Told
from chatd.testing import running_server
from memory_world import MemoryWorld

PLUGIN = """
from pathlib import Path
from chatd import Filter, Tap, hookimpl

def note(event):
    with open({path!r}, "a", encoding="utf-8") as log:
        log.write(f"{{event}}\\n")

@hookimpl
def register_taps():
    return [Tap(note)]

@hookimpl
def register_filters():
    return [Filter(note)]
"""


def whisper(ala, ola):
    """Send what must not be seen, then something that may."""
    assert ala.ask("PRIV ola SECRET one") == "OK"
    assert ola.line() == "PRIV_FROM ala SECRET one"
    assert ala.ask("PRIV ala SECRET two") == "PRIV_FROM ala SECRET two"
    assert ala.line() == "OK"
    assert ala.ask("TELL ola SECRET three") == "OK"
    assert ola.line() == "PRIV_FROM ala SECRET three"
    assert ala.ask("PRIV nobody SECRET four") == "ERROR there is no user nobody"
    ala.send("PUB public")
    assert ola.line() == "PUB_MSG public"


def test_taps_do_not_see_them(engine):
    """D-10: a tap gets what is public, and nothing private."""
    events = []
    done = threading.Event()

    def note(event):
        events.append(event)
        if isinstance(event, Said):
            done.set()

    with (
        running_server(engine=engine, taps=(Tap(note),)) as server,
        RawClient(server.port, nick="ala") as ala,
        RawClient(server.port, nick="ola") as ola,
    ):
        whisper(ala, ola)
        assert done.wait(PATIENCE)
        ola.close()
        ala.close()
    assert "SECRET" not in repr(events)
    assert all(event.public for event in events)
    assert not any(isinstance(event, Told) for event in events)


def test_plugins_do_not_see_them(engine, tmp_path):
    """D-10: neither a plugin's tap nor its filter."""
    log = tmp_path / "log"
    (tmp_path / "spy.py").write_text(PLUGIN.format(path=str(log)), encoding="utf-8")
    with (
        running_server(engine=engine, plugins_dir=tmp_path) as server,
        RawClient(server.port, nick="ala") as ala,
        RawClient(server.port, nick="ola") as ola,
    ):
        whisper(ala, ola)
        ola.close()
        ala.close()
    noted = log.read_text(encoding="utf-8")
    assert noted.count("public") == 2  # the tap's and the filter's
    assert "SECRET" not in noted


def test_filters_do_not_see_them():
    """D-10: filters see messages to rooms only."""
    seen = []
    world = MemoryWorld(filters=[Filter(seen.append)])
    client = world.connect()
    client.send(b"LOGIN ala\r\nPRIV ala SECRET\r\nPUB public\r\n")
    assert [message.text for message in seen] == ["public"]
