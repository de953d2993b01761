"""The hooks that plugins implement. They run at start-up, never per message."""

import pluggy

from chatd.commands import Command, Filter
from chatd.dialects import Dialect
from chatd.store import Store
from chatd.taps import Tap

hookspec = pluggy.HookspecMarker("chatd")
hookimpl = pluggy.HookimplMarker("chatd")
"""Marks the functions of a plugin that implement hooks."""


@hookspec
def register_commands() -> list[Command]:
    """Give the commands of this plugin.

    Called once at start-up. Two commands with the same name or alias are an error that names
    both plugins.
    """
    raise NotImplementedError


@hookspec
def register_dialects() -> list[type[Dialect]]:
    """Give the dialects of this plugin.

    Called once at start-up. They can be listened with by their name; two of one name are an
    error.
    """
    raise NotImplementedError


@hookspec
def register_filters() -> list[Filter]:
    """Give the filters of this plugin.

    Called once at start-up. Messages to rooms pass all filters in their `order`.
    """
    raise NotImplementedError


@hookspec
def register_taps() -> list[Tap]:
    """Give the taps of this plugin.

    Called once at start-up. Each tap gets delivered public events on a thread of its own.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def open_store(url: str) -> Store | None:
    """Give the store that url means; None when its scheme is none of this plugin's.

    Called once at start-up, unless the history is not to be stored. Nothing is opened yet: that
    is `begin`, which may be tried again. Raises StoreError for what no trying again would mend.
    """
    raise NotImplementedError
