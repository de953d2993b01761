"""Moderation: how a client becomes a moderator, and what moderators may do then."""

import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network

from chatd.addresses import Addresses, host_of, source_of
from chatd.admins import admit, knows
from chatd.banfile import BanFile, BanFileError
from chatd.bans import Bans, Sanction, because, parse_target
from chatd.config import Admins
from chatd.dialects import check_text
from chatd.durations import duration_text
from chatd.events import CommandError, Failed, Moderated, Promoted, Refused, Warned
from chatd.hub import Hub
from chatd.limits import Limits
from chatd.mistakes import mistakes
from chatd.people import Client
from chatd.session import Session


class Moderation:
    """What all moderators share."""

    def __init__(
        self,
        hub: Hub,
        limits: Limits,
        *,
        bans: Bans | None = None,
        file: BanFile | None = None,
        addresses: Addresses | None = None,
        admins: Admins | None = None,
        reload: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hub = hub
        self.limits = limits
        self.bans = bans or Bans(limits)
        # At first it is empty, which counts as false.
        self.addresses = Addresses(limits, clock=clock) if addresses is None else addresses
        self.admins = admins or Admins()
        """Who may become a moderator from now on; those who are stay it. From any thread."""
        self.reload = reload
        self._file = file or BanFile(None)
        self._clock = clock
        self._began = clock()

    def promote(self, session: Session, name: str, secret: str) -> None:
        """Make a client a moderator, if name and secret are right; raises what prove raises."""
        self.prove(session.address, name, secret, self.hub.nick(session) or "")
        session.role = "moderator"

    def prove(self, address: str, name: str, secret: str, nick: str = "") -> None:
        """Have somebody show who may be a moderator; nick is empty for who has none.

        Raises CommandError("wrong-secret"), whichever is wrong, or "too-many-tries".
        """
        if not self.addresses.may_try(address):
            raise CommandError("too-many-tries", "too many tries, wait a minute")
        if not admit(self.admins, name, secret):
            # What is no moderator's name may be the secret, in the wrong place.
            asked = name if knows(self.admins, name) else "a moderator that there is not"
            by = f" by {nick}" if nick else ""
            self.hub.record(Refused(address, f"wrong secret of {asked}{by}"))
            raise CommandError("wrong-secret", "this is no moderator's name and secret")
        self.hub.record(Promoted(name, nick, address))

    def save(self) -> str:
        """Write bans and mutes down; say what is to be told behind the answer if that fails."""
        try:
            self._file.write(self.bans.kept)
        except BanFileError as error:
            self.hub.record(Warned(f"{error}; what is not written down ends with this server"))
            return ", until the server ends: it could not be written down"
        return ""

    def stats(self) -> Iterator[tuple[str, str]]:
        """Tell how the server is, as names and values."""
        users, connections = self.hub.counts()
        kept = self.bans.kept()
        yield "users", str(users)
        yield "connections", str(connections)
        yield "at_the_door", str(connections - users)
        yield "uptime", duration_text(self._clock() - self._began)
        yield "bans", str(len(kept.bans))
        yield "mutes", str(len(kept.mutes))
        yield "internal_errors", str(mistakes())


class Moderator:
    """What one moderator may do; most is confirmed by a line of text, and all is in the log.

    nick is how others know the moderator; session is missing for one who does not chat. Reasons
    are refused by CommandError("too-long" or "bad-text").
    Who is sent away is told by whom and why, and the others see an ordinary leave. ban, unban,
    mute and unmute may wait for a disk: for commands with `blocks=True`.
    """

    def __init__(self, moderation: Moderation, nick: str, session: Session | None = None) -> None:
        self._moderation = moderation
        self._session = session
        self._hub = moderation.hub
        self._bans = moderation.bans
        self._nick = nick

    def kick(self, nick: str, reason: str = "") -> str:
        """Send a user away, who may come again. Raises CommandError("no-such-user")."""
        self._check_reason(reason)
        client = self._find(nick)
        self._note("kicks", nick, reason)
        self._send_away(client, "kicked", "", reason)
        return f"{nick} is kicked"

    def ban(self, target: str, seconds: float | None = None, reason: str = "") -> str:
        """Let a nick, or those of an address or a network, not come in any more, and send them
        away; for so many seconds, or for ever.

        Raises CommandError("bad-name", "too-many-bans"), and "yourself" for whatever would shut
        out the moderator.
        """
        target = parse_target(target)
        if self._session in self._present(target):
            which = "address" if "/" in target else "nick"
            raise CommandError("yourself", f"{target} is your own {which}, too")
        span = self._span(seconds)
        self._bans.ban(self._sanction(target, seconds, reason))
        self._note(f"bans{span}", target, reason)
        for client in self._present(target):
            self._send_away(client, "banned", span, reason)
        return f"{target} is banned{span}{self._moderation.save()}"

    def unban(self, target: str) -> str:
        """Let them in again. Raises CommandError("bad-name" or "not-banned")."""
        target = parse_target(target)
        self._bans.unban(target)
        self._note("unbans", target)
        return f"{target} is not banned any more{self._moderation.save()}"

    def mute(self, nick: str, seconds: float | None = None, reason: str = "") -> str:
        """Let a user say nothing that others hear; for so many seconds, or for ever.

        Raises CommandError("no-such-user" or "too-many-bans").
        """
        client = self._find(nick)
        span = self._span(seconds)
        shared = self._moderation.addresses.is_exempt(client.address)
        source = "" if shared else source_of(client.address)
        replaced = self._bans.mute(self._sanction(nick, seconds, reason, source))
        # Whoever reconnected meanwhile may have looked into the book too early.
        meant = (client, self._hub.find(nick))
        for each in self._hub.present():
            if isinstance(each, Session) and (
                each in meant
                or (source_of(each.address) == source and each is not self._session)
                or (replaced and each.muted is replaced)
            ):
                each.muted = self._bans.find_mute(each.address, nick, each.muted)
        self._note(f"mutes{span}", nick, reason)
        return f"{nick} is muted{span}{self._moderation.save()}"

    def unmute(self, nick: str) -> str:
        """Let them speak again. Raises CommandError("not-muted")."""
        client = self._hub.find(nick)
        self._bans.unmute(nick, client.muted if isinstance(client, Session) else None)
        self._note("unmutes", nick)
        return f"{nick} is not muted any more{self._moderation.save()}"

    def bans(self) -> list[str]:
        """Describe all bans and mutes that are in force, oldest first."""
        return self._bans.describe()

    def reload(self) -> None:
        """Have the server read its settings again, which it does by and by."""
        self._note("reloads")
        self._moderation.reload()

    # -- inside ------------------------------------------------------------------------------

    def _check_reason(self, reason: str) -> None:
        most = self._moderation.limits.reason
        if len(reason) > most:
            raise CommandError("too-long", f"the reason is longer than {most} characters")
        check_text(reason)

    def _find(self, nick: str) -> Session:
        found = self._hub.find(nick)
        if not isinstance(found, Session):
            raise CommandError("no-such-user", f"there is no user {nick}")
        return found

    def _present(self, target: str) -> list[Client]:
        """Whom of those who are connected a target is about."""
        if "/" not in target:
            found = self._hub.find(target)
            return [found] if found else []
        network = ip_network(target)
        clients = self._hub.present()
        return [each for each in clients if ip_address(host_of(each.address)) in network]

    def _send_away(self, client: Client, how: str, span: str, reason: str) -> None:
        text = f"{how}{span} by {self._nick}{because(reason)}"
        client.end(text, Failed(how, f"you have been {text}"))

    def _sanction(
        self, target: str, seconds: float | None, reason: str, source: str = ""
    ) -> Sanction:
        self._check_reason(reason)
        return Sanction(target, self._nick, reason, self._bans.until(seconds), source)

    def _note(self, action: str, target: str = "", reason: str = "") -> None:
        nick, address = ("", target) if "/" in target else (target, "")
        self._hub.record(Moderated(self._nick, action, nick, address, reason))

    @staticmethod
    def _span(seconds: float | None) -> str:
        return "" if seconds is None else f" for {duration_text(seconds)}"
