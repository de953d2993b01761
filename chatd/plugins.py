"""Finding plugins: bundled ones, installed ones (entry points), single files in a folder."""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pluggy

import chatd_plugins
from chatd import hookspecs
from chatd.commands import Command, Filter
from chatd.dialects import Dialect
from chatd.store import Store, StoreError
from chatd.taps import Tap

GROUP = "chatd"
"""Entry points of this group are plugins."""


class PluginError(Exception):
    """A plugin that cannot be used; the text is one line and names the plugin and the cause."""


class Plugins:
    """The plugins of one server.

    folder holds plugins of one .py file each. excluded names plugins to leave out: of several
    with one name that is the one found first, so that a file can replace what is bundled.
    dialects are those known already, by name; a word that one of them reserves is no command.
    Raises PluginError for a plugin that cannot be loaded, has the name of another, implements an
    unknown hook, or repeats a command or a dialect.
    """

    def __init__(
        self,
        folder: Path | None = None,
        excluded: frozenset[str] = frozenset(),
        dialects: Mapping[str, type[Dialect]] = MappingProxyType({}),
    ) -> None:
        self.manager = pluggy.PluginManager("chatd")
        self.manager.add_hookspecs(hookspecs)
        for name, place, load in _found(folder):
            if name in excluded:
                excluded -= {name}
                continue
            self._register(name, place, load)
        if excluded:
            raise PluginError(f"there is no plugin {min(excluded)} to leave out")
        self.own_dialects = self._own_dialects(dialects)
        self.dialects = {**dialects, **{each.name: each for _, each in self.own_dialects}}
        words = {word: each.name for each in self.dialects.values() for word in each.reserved}
        self.commands = self._commands(words)
        self.filters: list[tuple[str, Filter]]
        self.filters = list(self._registered("register_filters", Filter))
        self.taps: list[tuple[str, Tap]] = list(self._registered("register_taps", Tap))

    @property
    def names(self) -> list[str]:
        """The plugins in use, in the order in which they were found."""
        return [name for name, plugin in self.manager.list_name_plugin() if plugin is not None]

    @property
    def bundled(self) -> frozenset[str]:
        """Those of them that come with chatd."""
        return frozenset(
            name
            for name, plugin in self.manager.list_name_plugin()
            if getattr(plugin, "__name__", "").startswith(f"{chatd_plugins.__name__}.")
        )

    def open_store(self, url: str) -> Store:
        """Ask the plugins for the store that url means.

        Raises StoreError when there is none, or when it cannot be used.
        """
        scheme = url.partition(":")[0]
        with _blaming(f"the store {scheme}", StoreError):  # a URL may hold a password
            store: Store | None = self.manager.hook.open_store(url=url)
        if store is None:
            raise StoreError(f"there is no kind of store called {scheme}")
        return store

    def _register(self, name: str, place: object, load: Callable[[], object]) -> None:
        with _blaming(f"plugin {name}"):
            if self.manager.has_plugin(name):
                raise PluginError(f"{place} has the name of another plugin")
            plugin = load()
            if (known := self.manager.get_name(plugin)) is not None:
                raise PluginError(f"{place} is plugin {known} already")
            self.manager.register(plugin, name)
            self.manager.check_pending()

    def _own_dialects(self, known: Container[str]) -> list[tuple[str, type[Dialect]]]:
        found: list[tuple[str, type[Dialect]]] = []
        for plugin, dialect in self._registered("register_dialects", type):
            name = getattr(dialect, "name", None)
            if not issubclass(dialect, Dialect) or not isinstance(name, str):
                raise PluginError(f"plugin {plugin}: register_dialects: {dialect!r} is no dialect")
            if name in known or any(name == each.name for _, each in found):
                raise PluginError(f"plugin {plugin}: there is a dialect {name} already")
            found.append((plugin, dialect))
        return found

    def _commands(self, reserved: Mapping[str, str]) -> list[tuple[str, Command]]:
        found: list[tuple[str, Command]] = []
        owners: dict[str, str] = {}
        for plugin, command in self._registered("register_commands", Command):
            for verb in (command.name, *command.aliases):
                if verb in reserved:
                    raise PluginError(
                        f"plugin {plugin}: {verb} cannot be a command: "
                        f"the word has another meaning in {reserved[verb]}"
                    )
                if owners.get(verb) == plugin:
                    raise PluginError(f"plugin {plugin}: it has {verb} twice")
                if verb in owners:
                    raise PluginError(f"plugins {owners[verb]} and {plugin}: both have {verb}")
                owners[verb] = plugin
            found.append((plugin, command))
        return found

    def _registered(self, hook: str, kind: type) -> Iterator[tuple[str, Any]]:
        """Call one hook, one plugin at a time so that errors name theirs."""
        for implementation in self.manager.hook.__getattribute__(hook).get_hookimpls():
            name = implementation.plugin_name
            with _blaming(f"plugin {name}: {hook}"):
                items = implementation.function()
                if not isinstance(items, list | tuple):
                    raise PluginError("it must return a list")
                for item in items:
                    if not isinstance(item, kind):
                        raise PluginError(f"{item!r} is no {kind.__name__}")
            for item in items:
                yield name, item


def _found(folder: Path | None) -> Iterator[tuple[str, object, Callable[[], object]]]:
    """Give each plugin's name, its place, and a function that loads it; sorted by kind and name."""
    for module in sorted(pkgutil.iter_modules(chatd_plugins.__path__), key=lambda m: m.name):
        full_name = f"{chatd_plugins.__name__}.{module.name}"
        yield module.name, full_name, partial(importlib.import_module, full_name)
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        yield point.name, point.value, point.load
    if folder is not None:
        if not folder.is_dir():
            raise PluginError(f"plugin folder {folder}: no such folder")
        for path in sorted(folder.glob("[!._]*.py")):
            yield path.stem, path, partial(_load_file, path)


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"chatd_dropin_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look their module up there
    with _blaming(str(path)):
        spec.loader.exec_module(module)
    return module


@contextmanager
def _blaming(place: str, kind: type[Exception] = PluginError) -> Iterator[None]:
    """Turn whatever a plugin raises into one line of a kind that begins with place."""
    try:
        yield
    except KeyboardInterrupt:  # the operator's, who waits for a slow import
        raise
    except BaseException as error:
        raise kind(f"{place}: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "it calls exit()"
    text = " ".join(str(error).split())
    plain = isinstance(error, ImportError | PluginError | StoreError)
    return text if plain else f"{type(error).__name__}: {text}"
