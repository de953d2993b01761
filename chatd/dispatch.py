"""Dispatch: finds the command of a request, and runs it with a context to act in."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, Protocol

from chatd.archive import Archive
from chatd.commands import Command, Filter
from chatd.delivery import Delivery
from chatd.dialects import check_text
from chatd.events import CommandError, Event, Fetch, Notice, Request, Said
from chatd.fetching import Fetcher
from chatd.guard import Guards
from chatd.hub import Hub
from chatd.limits import Limits
from chatd.moderation import Moderation, Moderator
from chatd.session import Job, Session


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
        if mute := bans.find_mute(session.address, nick, session.muted):
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
        return Moderator(self._dispatcher.moderation, self.nick, self._session)

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
        reserve: Pool | None = None,
    ) -> None:
        self.hub = hub
        self.guards = guards or Guards()
        self.archive = archive or Archive(hub, Limits())
        self.moderation = moderation or Moderation(hub, Limits())
        self.delivery = delivery
        self.filters = tuple(sorted(filters, key=lambda f: f.order))
        self.fetcher: Fetcher | None = None
        """Answers requests for web pages, if there are any."""
        self._pool = pool
        self._reserve = reserve or pool  # for moderators, whom others must not keep waiting
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
            if isinstance(request, Fetch) and self.fetcher is not None:
                return self.fetcher.fetch(session, request)
            raise CommandError("unknown-command", f"unknown command {request.verb}")
        for arg in request.args:
            check_text(arg)
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

        pool = self._reserve if command.role else self._pool
        return pool.submit(lambda: command.handler(context, *values), context.revoke, done)
