"""Commands: what a verb does, described by the signature of its handler.

A handler takes a context and the words of the request:

    def roll(ctx, sides: int = 6) -> None: ...

Parameters are words (`str`), whole numbers (`int`) or numbers (`float`); one with a default may
be left out, and a last parameter of type `str` takes the rest of the line as it is.
"""

import inspect
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple, Protocol, get_type_hints

from chatd.archive import Archive
from chatd.delivery import Delivery
from chatd.dialects import CONTROL
from chatd.events import CommandError, Event, Notice, Request, Said
from chatd.guard import FilterFailed, Guarded, Guards
from chatd.hub import Hub
from chatd.limits import Limits
from chatd.moderation import Moderation, Moderator
from chatd.session import Job, Session

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


class Context:
    """What a handler may do, in the name of the client that asked.

    It may be kept and used later, from any thread.
    """

    def __init__(self, session: Session, dispatcher: "Dispatcher", apart: bool) -> None:
        self._session = session
        self._dispatcher = dispatcher
        self._revoked = False
        self._apart = apart  # used elsewhere than in a request, whose reader has the log drained

    @property
    def _hub(self) -> Hub:
        if self._revoked:
            self._check_time()
        return self._dispatcher.hub

    def _check_time(self) -> None:
        if self._revoked:
            raise CommandError("timeout", "the command took too long and was given up")

    def _ask(self, operation: Callable[..., None], *args: Any) -> None:
        operation(self._session, *args)
        if self._apart:
            self._dispatcher.delivery.wake()

    def _answer(self, question: Callable[..., Iterable[Event]], *args: Any) -> None:
        self._check_time()
        for event in question(self._session, *args):
            self._ask(self._hub.reply, event)

    def revoke(self) -> None:
        """Let nothing more happen in the client's name."""
        self._revoked = True

    @property
    def nick(self) -> str:
        """The caller's nick; empty before login."""
        return self._hub.nick(self._session) or ""

    @property
    def commands(self) -> Mapping[str, Command]:
        """All commands by name, without aliases, in alphabetical order."""
        return self._dispatcher.commands

    def reply(self, text: str) -> None:
        """Answer the caller with one line of text: line breaks in it become spaces.

        Call it once for each line of a longer answer. An empty text is an empty line, since a
        caller waits for something.
        """
        self._ask(self._hub.reply, Notice(text))

    def login(self, nick: str) -> None:
        """Register the caller, or change its nick."""
        session, bans = self._session, self._dispatcher.moderation.bans
        self._check_voice()
        self._ask(self._hub.login, nick, bool(session.role))
        if not session.is_user:
            session.logged_in()
            if mute := bans.mute_key(session.address, nick):
                session.muted = mute

    def _check_voice(self) -> None:
        """Raise CommandError("muted") while the caller may say nothing that others hear."""
        if self._session.muted:
            self._dispatcher.moderation.bans.check_voice(self._session.muted)

    def say(self, room: str, text: str) -> None:
        """Send a message to a room, through the filters."""
        self._check_voice()
        if filters := self._dispatcher.filters:
            message = Said(self._hub.room_name(self._session, room), self.nick, text)
            for filter in filters:
                message = filter.pass_on(message)
            text = message.text
        self._ask(self._hub.say, room, text)

    def tell(self, nick: str, text: str) -> None:
        """Send a private message."""
        self._check_voice()
        self._ask(self._hub.tell, nick, text)

    def create(self, room: str) -> None:
        """Create a room."""
        self._check_voice()
        self._ask(self._hub.create, room)

    def join(self, room: str) -> None:
        """Enter a room."""
        self._ask(self._hub.join, room)

    def leave(self, room: str) -> None:
        """Leave a room."""
        self._ask(self._hub.leave, room)

    def users(self) -> None:
        """Answer with everybody's nick."""
        self._ask(self._hub.users)

    def rooms(self) -> None:
        """Answer with all rooms."""
        self._ask(self._hub.rooms)

    def history(
        self, room: str, count: int | None = None, before: str = "", after: str = ""
    ) -> None:
        """Answer with what was said in a room of late; the room `@nick` is a private talk.

        Or with count messages, before or after an id. May wait for the store: for commands with
        `blocks=True`.
        """
        self._answer(self._dispatcher.archive.history, room, count, before, after)

    def search(self, words: str, room: str = "", nick: str = "") -> None:
        """Answer with messages that have all the words, from one room or one nick if given.

        May wait for the store, like history.
        """
        self._answer(self._dispatcher.archive.search, words, room, nick)

    def stats(self) -> None:
        """Answer with the state of the store, one `name value` a line.

        And with the plugins that are switched off, if any; for moderators, with more.
        """
        figures = self._dispatcher.archive.stats()
        if self._session.role:
            figures += self._dispatcher.moderation.stats()
        for name, value in figures:
            self.reply(f"{name} {value}")
        if off := self._dispatcher.guards.off:
            self.reply(f"plugins_off {' '.join(off)}")

    def oper(self, name: str, secret: str) -> None:
        """Make the caller a moderator. Raises CommandError("wrong-secret", "too-many-tries")."""
        self._check_time()
        self._dispatcher.moderation.promote(self._session, name, secret)

    @property
    def moderator(self) -> Moderator:
        """What a caller who is a moderator may do; for others it raises CommandError."""
        self._check_time()
        _check_role(self._session, "moderator")
        return Moderator(self._dispatcher.moderation, self._session)

    def inspect(self) -> None:
        """Show the server's books on its console, if it has one."""
        self._ask(lambda _: self._hub.inspect())

    def whoami(self) -> None:
        """Answer with the caller's nick."""
        self._ask(self._hub.whoami)

    def quit(self, reason: str = "quit") -> None:
        """End the caller's session behind everything it was sent."""
        if not self._revoked:
            self._session.end(reason)


def _check_role(session: Session, role: str) -> None:
    if session.role != role:
        raise CommandError("not-a-moderator", f"only {role}s may do this")


class Pool(Protocol):
    """Runs what may block."""

    def submit(
        self,
        work: Callable[[], None],
        give_up: Callable[[], None],
        done: Callable[[BaseException | None], None],
    ) -> Job:
        """Run work on a thread; done gets what it raised, or None, when it is over or given up.

        Raises CommandError("busy") when no thread is left.
        """


class Dispatcher:
    """Finds the command of a request and runs it. Made once, then only read."""

    def __init__(
        self,
        hub: Hub,
        delivery: Delivery,
        pool: Pool,
        commands: Iterable[Command],
        filters: Iterable[Filter] = (),
        archive: Archive | None = None,
        guards: Guards | None = None,
        moderation: Moderation | None = None,
    ) -> None:
        self.hub = hub
        self.guards = guards or Guards()
        self.archive = archive or Archive(hub, Limits())
        self.moderation = moderation or Moderation(hub, Limits())
        self.delivery = delivery
        self.filters = tuple(sorted(filters, key=lambda f: f.order))
        self._pool = pool
        self.commands: Mapping[str, Command] = {
            command.name: command for command in sorted(commands, key=lambda c: c.name)
        }
        self.verbs: Container[str]
        self.verbs = self._by_verb = {
            verb: command
            for command in self.commands.values()
            for verb in (command.name, *command.aliases)
        }

    def run(self, session: Session, request: Request) -> Job | None:
        """Carry out a request; return the job when it goes on elsewhere.

        Raises CommandError when it cannot be carried out, and whatever the handler raised.
        """
        command = self._by_verb.get(request.verb)
        if command is None:
            raise CommandError("unknown-command", f"unknown command {request.verb}")
        for arg in request.args:
            if not arg.isprintable() and CONTROL.search(arg):  # the quicker look first
                raise CommandError("bad-text", "control characters are not allowed")
        if command.role:
            _check_role(session, command.role)
        guard = command.guard
        if guard.off:
            guard.refuse()
        values = command.bind(request.args)
        if not command.before_login and not session.is_user:
            raise CommandError("not-logged-in", "log in first")
        context = Context(session, self, apart=command.blocks)
        if command.blocks:
            return self._submit(command, context, values, session)
        try:
            command.handler(context, *values)
        except BaseException as error:
            guard.note(error)
            raise
        finally:
            context._apart = True  # the handler may have kept it
        guard.failures = 0
        return None

    def _submit(
        self, command: Command, context: Context, values: Sequence[Any], session: Session
    ) -> Job:
        def done(error: BaseException | None) -> None:
            command.guard.note(error)
            session.job_done()

        return self._pool.submit(lambda: command.handler(context, *values), context.revoke, done)
