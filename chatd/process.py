"""A server as a process: its log on stdout, its signals, its files, its end."""

import gc
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import click

from chatd.banfile import BanFileError
from chatd.binding import ListenError
from chatd.config import Config, SettingsError
from chatd.console import (
    Console,
    Render,
    WarningHandler,
    stamped,
    structured,
    without_addresses,
)
from chatd.events import Warned
from chatd.mistakes import log_mistake
from chatd.plugins import PluginError
from chatd.reload import Reload, Settings
from chatd.server import Server
from chatd.service import Manager, ServiceError, passed_sockets
from chatd.store import StoreError
from chatd.taps import Tap
from chatd.web import MISSING, Site, available

_FATAL = (PluginError, StoreError, SettingsError, BanFileError, ListenError, ServiceError)
"""What keeps a server from starting; each says why in one line."""


def serve(config: Config, read: Callable[[], Config]) -> None:
    """Run a server until a signal ends it; read gives the settings as they are later.

    Raises click.ClickException when it cannot be started.
    """
    console = Console(sys.stdout if config.verbose else None, _render(config))

    def use_log(settings: Settings) -> None:
        console.render = _render(settings.config)

    manager = Manager(os.environ, os.getpid())
    live = dict.fromkeys(("log-format", "no-log-addresses"), use_log)
    reload = Reload(read, live, manager.reloading)
    _raise_file_limit()
    try:
        taps = (Tap(console.show),) if config.verbose else ()
        passed = passed_sockets(os.environ, os.getpid())
        pages = Site if config.web and available() else None
        server = Server(config, taps=taps, reload=reload, passed=passed, pages=pages)
    except _FATAL as error:
        raise click.ClickException(str(error)) from None
    if config.verbose:
        _log_warnings(server)
    threading.excepthook = _note_end_of_thread
    _stop_on_signals(server, manager)
    _reload_on_hangup(server)
    if config.port_file is not None:
        _write_port_file(config.port_file, server)
    server.start()
    if config.web and pages is None:
        server.record(Warned(MISSING))
    gc.freeze()  # what is there now stays: a full collection of it stops the chat for 20 ms
    manager.ready(server.stalled, server.status)
    server.run()


def _render(config: Config) -> Render:
    render: Render = structured if config.log_format == "json" else stamped
    return without_addresses(render) if config.no_log_addresses else render


def _raise_file_limit() -> None:
    """Each client takes a descriptor: use all that the system grants."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _log_warnings(server: Server) -> None:
    """Show our own mistakes in the activity log; without `-v` nothing is printed."""
    logging.getLogger("chatd").addHandler(WarningHandler(server.note))


def _write_port_file(path: Path, server: Server) -> None:
    lines = (f"{one.spec.dialect} {one.address[0]} {one.address[1]}\n" for one in server.listeners)
    text = "".join(lines)
    try:
        if path.exists() and not path.is_file():  # such as a pipe
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path, text)
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from None


def _replace(path: Path, text: str) -> None:
    """Write a file in one step: nobody ever reads half of it."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _note_end_of_thread(end: threading.ExceptHookArgs) -> None:
    """Take note of a thread that an exception has ended: a plugin's own, since ours go on."""
    if end.exc_value is not None and not isinstance(end.exc_value, SystemExit):
        log_mistake(end.exc_value, end.thread.name if end.thread else "")


def _stop_on_signals(server: Server, manager: Manager) -> None:
    """End cleanly at the first SIGTERM or Ctrl-C, at once at the second."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)
        server.stop()
        manager.stopping()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    # The system may hand a signal to any thread; the handler runs once the main one wakes.
    signal.set_wakeup_fd(server.wakeup_fileno, warn_on_full_buffer=False)


def _reload_on_hangup(server: Server) -> None:
    """Read the settings again at SIGHUP, unless it says that our terminal is gone."""
    minded = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()

    def hang_up(number: int, frame: FrameType | None) -> None:
        if minded and not _has_terminal():
            server.stop()
        else:
            server.reload()

    signal.signal(signal.SIGHUP, hang_up)


def _has_terminal() -> bool:
    """Whether there is a terminal that can hang up on us, wherever our streams go."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
    except OSError:
        return False
    return True
