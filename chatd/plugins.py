"""Finding plugins: bundled ones, installed ones (entry points), single files in a folder."""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

import chatd_plugins
from chatd import hookspecs
from chatd.commands import Command, Filter
from chatd.taps import Tap

GROUP = "chatd"
"""Entry points of this group are plugins."""


class PluginError(Exception):
    """A plugin that cannot be used; the text is one line and names the plugin and the cause."""


class Plugins:
    """The plugins of one server.

    folder holds plugins of one .py file each; excluded names plugins to leave out. Raises
    PluginError for one that cannot be loaded, implements an unknown hook, or repeats a command.
    """

    def __init__(self, folder: Path | None = None, excluded: frozenset[str] = frozenset()) -> None:
        self.manager = pluggy.PluginManager("chatd")
        self.manager.add_hookspecs(hookspecs)
        for name, load in _found(folder):
            if name in excluded:
                excluded -= {name}
                continue
            self._register(name, load)
        if excluded:
            raise PluginError(f"there is no plugin {min(excluded)} to leave out")
        self.commands = self._commands()
        self.filters: list[Filter] = [f for _, f in self._registered("register_filters", Filter)]
        self.taps: list[Tap] = [tap for _, tap in self._registered("register_taps", Tap)]

    @property
    def names(self) -> list[str]:
        """The plugins in use, in the order in which they were found."""
        return [name for name, plugin in self.manager.list_name_plugin() if plugin is not None]

    def _register(self, name: str, load: Any) -> None:
        try:
            self.manager.register(load(), name)
            self.manager.check_pending()
        except (Exception, SystemExit) as error:
            raise PluginError(f"plugin {name}: {_one_line(error)}") from error

    def _commands(self) -> list[tuple[str, Command]]:
        found: list[tuple[str, Command]] = []
        owners: dict[str, str] = {}
        for plugin, command in self._registered("register_commands", Command):
            for verb in (command.name, *command.aliases):
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
            try:
                items = implementation.function()
            except (Exception, SystemExit) as error:
                raise PluginError(f"plugin {name}: {hook}: {_one_line(error)}") from error
            if not isinstance(items, list | tuple):
                raise PluginError(f"plugin {name}: {hook}: it must return a list")
            for item in items:
                if not isinstance(item, kind):
                    raise PluginError(f"plugin {name}: {hook}: {item!r} is no {kind.__name__}")
                yield name, item


def _found(folder: Path | None) -> Iterator[tuple[str, Any]]:
    """Give the name of each plugin and a function that loads it, sorted within each kind."""
    for module in sorted(pkgutil.iter_modules(chatd_plugins.__path__), key=lambda m: m.name):
        full_name = f"{chatd_plugins.__name__}.{module.name}"
        yield module.name, lambda full_name=full_name: importlib.import_module(full_name)
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        yield point.name, point.load
    if folder is not None:
        if not folder.is_dir():
            raise PluginError(f"plugin folder {folder}: no such folder")
        for path in sorted(folder.glob("[!._]*.py")):
            yield path.stem, lambda path=path: _load_file(path)


def _load_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"chatd_dropin_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look their module up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ImportError(f"{path}: {_one_line(error)}") from error
    return module


def _one_line(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "it calls exit()"
    text = " ".join(str(error).split())
    return text if isinstance(error, ImportError) else f"{type(error).__name__}: {text}"
