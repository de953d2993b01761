"""Taps of plugins: they see what is public, and stop nobody."""

import threading

from chat import PATIENCE, wait_until
from chatd.events import (
    Connected,
    Listening,
    LoggedIn,
    LoggedOut,
    Said,
    Warned,
)
from chatd.limits import Limits
from chatd.taps import Tap, TapRunner
from plugging import Client, chat, holding, logged, plugin, write

LISTEN = """
    import threading
    from chatd import Said, Tap, hookimpl

    seen, closed = [], []
    gate = threading.Event()

    def receive(event):
        seen.append(event)
        text = event.text if isinstance(event, Said) else ""
        if "bug" in text:
            raise ValueError("a bug in the tap")
        if "exit" in text:
            raise SystemExit
        if "wait" in text:
            gate.wait(60)

    @hookimpl
    def register_taps():
        return [Tap(receive, close=lambda: closed.append(threading.current_thread().name))]
    """


def said(events):
    return [event.text for event in events if isinstance(event, Said)]


def logins(events):
    return [event.nick for event in events if isinstance(event, LoggedIn)]


def test_a_tap_sees_what_is_public_and_nothing_private(engine, tmp_path):
    folder = write(tmp_path / "plugins", hold=LISTEN)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob):
        tap = plugin(server, "hold")
        assert ala.ask("PRIV bob a secret") == "OK"
        assert ala.ask("PRIV ala a secret") == "PRIV_FROM ala a secret"
        assert ala.line() == "OK"
        assert ala.ask("PRIV nobody a secret") == "ERROR there is no user nobody"
        ala.send("HELP", "LIST", "PUB in public")
        assert bob.lines(2) == ["PRIV_FROM ala a secret", "PUB_MSG in public"]
        wait_until(lambda: said(tap.seen), "the tap sees the public message")
        assert tap.closed == []
    assert said(tap.seen) == ["in public"]
    assert logins(tap.seen) == ["ala", "bob"]
    # No private message, no answer, no error.
    assert {type(event) for event in tap.seen} <= {Listening, Connected, LoggedIn, Said, LoggedOut}
    assert "secret" not in repr(tap.seen)
    assert len(tap.closed) == 1


def test_a_tap_that_raises_goes_on_with_the_next_event(engine, tmp_path, caplog):
    folder = write(tmp_path / "plugins", hold=LISTEN)
    with chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob):
        ala.send("PUB bug", "PUB exit", "PUB fine")
        assert bob.lines(3) == ["PUB_MSG bug", "PUB_MSG exit", "PUB_MSG fine"]
        assert ala.silent()
        wait_until(lambda: said(plugin(server, "hold").seen)[2:], "the tap sees the third message")
    assert len(caplog.records) == 2


def test_a_tap_that_blocks_stops_nobody(engine, tmp_path):
    folder = write(tmp_path / "plugins", hold=LISTEN)
    with (
        chat("ala", "bob", plugins_dir=folder, engine=engine) as (server, ala, bob),
        holding(server) as tap,
    ):
        ala.send("PUB wait", "PUB one", "PRIV bob two", "PUB three")
        assert bob.lines(4) == ["PUB_MSG wait", "PUB_MSG one", "PRIV_FROM ala two", "PUB_MSG three"]
        wait_until(lambda: said(tap.seen), "the tap sees the first message")
        assert said(tap.seen) == ["wait"]
        tap.gate.set()
        wait_until(lambda: said(tap.seen)[2:], "the tap has caught up")
        assert said(tap.seen) == ["wait", "one", "three"]


def test_a_tap_that_cannot_keep_up_loses_events(engine, tmp_path):
    folder = write(tmp_path / "plugins", hold=LISTEN)
    settings = {"plugins_dir": folder, "engine": engine, "limits": Limits(tap_queue=5)}
    with chat("ala", "bob", **settings) as (server, ala, bob), holding(server) as tap:
        wait_until(lambda: len(logins(tap.seen)) == 2, "the tap sees the logins")
        ala.send("PUB wait")
        wait_until(lambda: said(tap.seen), "the tap sees the first message")
        assert bob.line() == "PUB_MSG wait"
        texts = [f"message {number}" for number in range(100)]
        ala.send(*(f"PUB {text}" for text in texts))
        assert bob.lines(100) == [f"PUB_MSG {text}" for text in texts]
        assert ala.silent()  # by now all of them were offered to the tap
        tap.gate.set()
    assert said(tap.seen)[1:] == texts[:5]


def test_events_that_a_tap_loses_are_counted():
    gate, seen = threading.Event(), []

    def receive(event):
        seen.append(event)
        gate.wait(PATIENCE)

    runner = TapRunner(Tap(receive), 3)
    events = [Said("General", "ala", str(number)) for number in range(10)]
    runner.offer(events[:1])
    wait_until(lambda: seen, "the tap has taken the first event")
    runner.offer(events[1:3])
    assert runner.lost == 0
    runner.offer(events[3:6])
    runner.offer(events[6:])
    assert runner.lost == 6
    gate.set()
    runner.stop(PATIENCE)
    assert seen == [*events[:4], Warned("6 events came too fast and are left out")]


def test_a_tap_that_always_raises_is_left_alone(engine, tmp_path):
    """R-25: after ten failures in a row."""
    source = """
    from chatd import Tap, hookimpl

    def receive(event):
        raise ValueError("again")

    @hookimpl
    def register_taps():
        return [Tap(receive)]
    """
    folder = write(tmp_path / "plugins", again=source)
    options = ("--engine", engine, "--plugins-dir", str(folder))
    with logged(tmp_path, *options) as (port, lines), Client(port, nick="ala") as ala:
        ala.send(*(f"PUB {number}" for number in range(30)))
        assert ala.silent()
        wait_until(lambda: "NOTICE plugins_off again" in ala.stats(), "its end")
    # After ten failures in a row it is left alone.
    assert lines.count("warning:   ValueError: again") == 10
    why = "it failed 10 times in a row, the last time it raised ValueError"
    assert lines.count(f"warning: tap of plugin again is switched off: {why}") == 1
    assert "said in General by ala: 29" in lines


def test_a_tap_that_often_raises_does_not_feed_itself_by_the_log(engine, tmp_path):
    """Its tracebacks are in the log of -v, and no events for it to fail on."""
    source = """
    from itertools import count
    from chatd import Tap, hookimpl

    numbers = count(1)

    def receive(event):
        if next(numbers) % 5 == 0:
            raise ValueError("again")

    @hookimpl
    def register_taps():
        return [Tap(receive)]
    """
    folder = write(tmp_path / "plugins", often=source)
    options = ("--engine", engine, "--plugins-dir", str(folder))
    with logged(tmp_path, *options) as (port, lines), Client(port, nick="ala") as ala:
        ala.send(*(f"PUB {number}" for number in range(30)))
        assert ala.silent()
    events = [line for line in lines if not line.startswith("warning:")]
    assert len(events) == 34  # one more of each: listening, connected, logged in, left
    assert lines.count("warning: tap of plugin often failed") == 34 // 5
    assert lines.count("warning:   ValueError: again") == 34 // 5
