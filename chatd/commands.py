"""Commands: what a verb does, described by the signature of its handler.

A handler takes a context and the words of the request:

    def roll(ctx, sides: int = 6) -> None: ...

Parameters are words (`str`), whole numbers (`int`) or numbers (`float`); one with a default may
be left out, and a last parameter of type `str` takes the rest of the line as it is.
"""

import inspect
import re
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, NamedTuple, get_type_hints

from chatd.events import CommandError, Said
from chatd.guard import FilterFailed, Guarded

Handler = Callable[..., None]

_VERB = re.compile(r"[a-z][a-z0-9-]*")  # what clients of every dialect can send


class Parameter(NamedTuple):
    """One argument of a command."""

    name: str
    convert: Callable[[str], Any]
    default: Any

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


_ROLES = ("", "moderator")

_KINDS: dict[type, str] = {str: "text", int: "a whole number", float: "a number"}


class Command(Guarded):
    """A verb and its handler.

    name and aliases are the verbs, in lower case. before_login lets clients use it that are not
    users yet. blocks=True runs it on a worker thread, because it may wait: for a disk, a
    network, a lock. usage says how the arguments are written, for a handler that reads a whole
    line by itself. role="moderator" keeps it for moderators. Raises ValueError for verbs that no
    client could send, for a handler that cannot be a command's, and for a role that there is not.
    """

    def __init__(
        self,
        name: str,
        handler: Handler,
        *,
        aliases: Sequence[str] = (),
        before_login: bool = False,
        blocks: bool = False,
        usage: str | None = None,
        role: str = "",
    ) -> None:
        if role not in _ROLES:
            raise ValueError(f"command {name}: there is no role {role}")
        if isinstance(aliases, str):  # else each of its letters were one
            raise ValueError(f"command {name}: aliases must be a list of verbs")
        for verb in (name, *aliases):
            if not _VERB.fullmatch(verb):
                raise ValueError(f"{verb!r} is no verb: a lower-case letter, then those, digits, -")
        self.name = name
        self.handler = handler
        self.aliases = tuple(aliases)
        self.before_login = before_login
        self.blocks = blocks
        self.role = role
        self.parameters = _parameters(name, handler)
        self._usage = usage
        self._plain = all(parameter.convert is str for parameter in self.parameters)
        self.summary = (inspect.getdoc(handler) or "").partition("\n")[0]

    @property
    def usage(self) -> str:
        """The verb and its arguments, as `roll [SIDES]`."""
        if self._usage is not None:
            return f"{self.name} {self._usage}"
        words = (p.name.upper() if p.required else f"[{p.name.upper()}]" for p in self.parameters)
        return " ".join((self.name, *words))

    def bind(self, args: Sequence[str]) -> Sequence[Any]:
        """Turn a request's arguments into the handler's.

        Raises CommandError("missing-argument", "too-many-arguments" or "bad-value").
        """
        words = list(args)
        wanted = len(self.parameters)
        spare = wanted - len(words)
        if words and spare > 0:
            words += words.pop().split(" ", spare)
        if self._plain and len(words) == wanted and all(words):
            return words  # most messages are this simple
        while words and not words[-1]:
            words.pop()
        if len(words) > wanted:
            raise CommandError("too-many-arguments", "too many words")
        values = []
        for index, parameter in enumerate(self.parameters):
            word = words[index] if index < len(words) else ""
            if word:
                values.append(_convert(parameter, word))
            elif parameter.required:
                raise CommandError("missing-argument", f"{parameter.name} is missing")
            elif index < len(words):
                values.append(parameter.default)
        return values


def _parameters(name: str, handler: Handler) -> tuple[Parameter, ...]:
    if inspect.iscoroutinefunction(handler):
        raise ValueError(f"command {name}: its handler is async, a plain function is needed")
    try:
        hints = get_type_hints(handler)
        parameters = list(inspect.signature(handler).parameters.values())
    except (NameError, TypeError, ValueError) as error:
        raise ValueError(f"command {name}: {error}") from None
    if not parameters:
        raise ValueError(f"command {name}: its handler must take a context first")
    found = []
    for parameter in parameters[1:]:
        kind = hints.get(parameter.name, str)
        if kind not in tuple(_KINDS) or parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            raise ValueError(f"command {name}: {parameter} must be plain str, int or float")
        found.append(Parameter(parameter.name, kind, parameter.default))
    return tuple(found)


def _convert(parameter: Parameter, word: str) -> Any:
    if parameter.convert is not str and " " in word.strip():
        raise CommandError("too-many-arguments", "too many words")
    try:
        value = parameter.convert(word)
        if isinstance(value, float) and not isfinite(value):
            raise ValueError  # no range that a handler checks is proof against nan
        return value
    except ValueError:
        kind = _KINDS[parameter.convert]  # type: ignore[index]  # the converters are the types
        raise CommandError("bad-value", f"{parameter.name} must be {kind}") from None


class Filter(Guarded):
    """Sees each message to a room before it is delivered.

    apply gets the message and returns a changed one, or None to leave it as it is; it raises
    CommandError to refuse it. Filters run by ascending order. Private messages never pass one.
    Raises ValueError for what cannot be called, or ordered.
    """

    def __init__(self, apply: Callable[[Said], Said | None], *, order: int = 100) -> None:
        if not callable(apply) or inspect.iscoroutinefunction(apply):
            raise ValueError("a filter needs a plain function")
        if not isinstance(order, int):
            raise ValueError("the order of a filter must be a whole number")
        self.apply = apply
        self.order = order

    def pass_on(self, message: Said) -> Said:
        """Give what becomes of a message. Raises CommandError and FilterFailed."""
        if self.guard.off:
            return message
        try:
            changed = self.apply(message)
            if changed is not None and not isinstance(changed.text, str):
                raise TypeError(f"{changed.text!r} is no text")
        except CommandError:
            raise
        except BaseException as error:  # whatever a plugin raises
            self.guard.fail(error)
            raise FilterFailed(f"a filter of {self.guard.name} failed") from error
        self.guard.failures = 0
        return changed or message
