"""Settings that change while the server runs: read again, compared, and used where that can be."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from msgspec import Struct
from msgspec.structs import replace

from chatd.certificates import Certificate, load_certificate
from chatd.config import Config, SettingsError, named
from chatd.events import Event, Reloaded, Warned
from chatd.flood import Pace
from chatd.workers import start_lasting


class Settings(Struct, frozen=True):
    """What the server is told, and what is in the files that this names."""

    config: Config
    certificate: Certificate | None

    @classmethod
    def of(cls, config: Config) -> "Settings":
        """Read the files. Raises SettingsError when one cannot be used."""
        return cls(config, load_certificate(config))

    def values(self) -> dict[str, object]:
        """Give all by name: options as on the command line, and what the files hold."""
        return {**named(self.config), "certificate": self.certificate}


Use = Callable[[Settings], None]
"""Puts a setting into use; it has been checked, so this neither raises nor waits."""


class Reload:
    """Reads the settings again whenever it is asked, on a thread of its own: a file may hang.

    read gives them as they are now, and raises SettingsError. live says by name how a setting
    is put into use; others need a restart. around is entered for as long as a reload takes.
    """

    def __init__(
        self,
        read: Callable[[], Config],
        live: Mapping[str, Use] | None = None,
        around: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._read = read
        self._live: dict[str, list[Use]] = {}
        self._add(live or {})
        self._around = around
        # A signal handler may ask while it interrupts one that asks: this queue bears that.
        self._asked: SimpleQueue[bool] = SimpleQueue()

    def start(
        self, settings: Settings, live: Mapping[str, Use], tell: Callable[[Event], None]
    ) -> None:
        """Be ready: later there may be no thread to be had.

        settings are those in use, live further ones that can change. tell is called with what
        came of each reload, on the thread.
        """
        self._in_use = settings.values()
        self._listen = settings.config.listen
        self._add(live)
        self._tell = tell
        self._thread: Thread = start_lasting("chatd-reload", self._run, lambda: False)

    def _add(self, live: Mapping[str, Use]) -> None:
        for name, use in live.items():
            self._live.setdefault(name, []).append(use)

    def ask(self) -> None:
        """Have the settings read again; from any thread or signal handler."""
        self._asked.put(True)

    def stop(self) -> None:
        """End the thread, unless a file hangs."""
        self._asked.put(False)
        self._thread.join(1.0)

    def _run(self) -> None:
        while self._asked.get():
            with self._around():
                self._reload()

    def _reload(self) -> None:
        try:
            new = Settings.of(self._read())
            if new.certificate is None:  # the listeners are those of the start, and may need one
                load_certificate(replace(new.config, listen=self._listen))
        except SettingsError as error:
            self._tell(Warned(f"cannot reload, nothing has changed: {error}"))
            return
        values, old = new.values(), self._in_use
        changed = [name for name in values if values[name] != old[name]]
        live = [name for name in changed if name in self._live]
        for use in dict.fromkeys(use for name in live for use in self._live[name]):
            use(new)
        self._in_use = old | {name: values[name] for name in live}
        told = tuple(_change(name, old[name], values[name]) for name in live)
        self._tell(Reloaded(told, tuple(name for name in changed if name not in live)))


def _change(name: str, old: object, new: object) -> str:
    """Write for people what has changed; of a file's contents no more than that."""
    old_text, new_text = shown(old), shown(new)
    return f"{name} {old_text} -> {new_text}" if old_text and new_text else name


def shown(value: object) -> str:
    """Write a setting's value for people; nothing where it may be secret, or is too long."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple | frozenset):
        return " ".join(sorted(map(str, value))) or "none"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, float):
        return f"{value:.0f} s"
    if isinstance(value, Path | Pace | int):
        return str(value)
    return "none" if value is None else ""
