"""Guards: a plugin that fails again and again is switched off, and the operator is told why."""

import copy
import threading
from collections.abc import Callable, Container
from math import inf
from typing import NoReturn, Self

from chatd.events import CommandError, Overdue


class FilterFailed(Exception):
    """A filter's failure, which is not that of the command whose message it saw."""


class Guard:
    """Counts how often in a row what a plugin provides has failed; for any thread.

    After `most` times it is off, for as long as the server runs, and tell gets a line that says so.
    name is what that line calls it.
    """

    def __init__(
        self,
        name: str,
        most: float = inf,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.name = name
        self.off = False
        self.failures = 0
        """In a row, up to now; whoever sees a success sets it to 0."""
        self._most = most
        self._tell = tell
        self._lock = threading.Lock()

    def refuse(self) -> NoReturn:
        """Say that it is off. Raises CommandError("switched-off")."""
        raise CommandError("switched-off", f"the {self.name} is switched off")

    def note(self, error: BaseException | None) -> None:
        """Take note of what a command ended with: an error, or None.

        What it refused is neither a failure nor a success.
        """
        if error is None:
            self.failures = 0
        elif isinstance(error, Overdue) or not isinstance(error, CommandError | FilterFailed):
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Take note of a failure."""
        with self._lock:
            self.failures += 1
            if self.off or self.failures < self._most:
                return
            self.off = True
        how = "took too long" if isinstance(error, Overdue) else f"raised {type(error).__name__}"
        times = f"{self._most} times in a row"
        self._tell(f"{self.name} is switched off: it failed {times}, the last time it {how}")


UNGUARDED = Guard("plugin")
"""For what is never switched off."""


class Guarded:
    """What a plugin provides, beside the guard that watches whether it works."""

    guard: Guard = UNGUARDED

    def under(self, guard: Guard) -> Self:
        """Give the same under a guard of its own."""
        guarded = copy.copy(self)
        guarded.guard = guard
        return guarded


class Guards:
    """The guards of one server's plugins. Those spared are never switched off."""

    def __init__(
        self,
        most: float = inf,
        tell: Callable[[str], None] = lambda text: None,
        spared: Container[str] = (),
    ) -> None:
        self._most = most
        self._tell = tell
        self._spared = spared
        self._shared: dict[str, Guard] = {}
        self._all: list[tuple[str, Guard]] = []

    def plugin(self, name: str) -> Guard:
        """Give the guard that all commands and filters of a plugin share."""
        if name not in self._shared:
            self._shared[name] = self._add(name, f"plugin {name}")
        return self._shared[name]

    def tap(self, name: str) -> Guard:
        """Give a tap of a plugin its own guard: it has successes without end."""
        return self._add(name, f"tap of plugin {name}")

    def _add(self, name: str, title: str) -> Guard:
        guard = Guard(title, inf if name in self._spared else self._most, self._tell)
        self._all.append((name, guard))
        return guard

    @property
    def off(self) -> list[str]:
        """The plugins that are switched off, or of which a tap is."""
        return list(dict.fromkeys(name for name, guard in self._all if guard.off))
