"""The book of bans and mutes: who may not come in, and who may not speak."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import Struct

from chatd.addresses import host_of, source_of
from chatd.durations import duration_text
from chatd.events import CommandError, Goodbye
from chatd.limits import Limits
from chatd.names import name_key, parse_name


class Sanction(Struct, frozen=True, omit_defaults=True):
    """What a moderator has decided about a nick, or about those of a network."""

    target: str
    by: str
    """The moderator's nick."""
    reason: str = ""
    until: float | None = None
    """Seconds since 1970; None is for ever."""
    source: str = ""
    """Of a mute: the address from which that nick came, if it is told apart by it."""


class Kept(Struct, frozen=True):
    """All sanctions, as they are kept while no server runs."""

    bans: tuple[Sanction, ...] = ()
    mutes: tuple[Sanction, ...] = ()


def parse_target(text: str) -> str:
    """Understand whom a ban is about: a network, which has a slash in it, or else a nick.

    A single address of IPv6 is its /64, since whoever has one has all of them. Raises
    CommandError("bad-name").
    """
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return parse_name(text).shown
    address, prefix = network.network_address, network.prefixlen
    if isinstance(address, IPv6Address):
        if prefix >= 96 and (mapped := address.ipv4_mapped):
            network = IPv4Network((mapped, prefix - 96))
        elif prefix == 128:
            network = IPv6Network((address, 64), strict=False)
    return str(network)


def because(reason: str) -> str:
    """Put a reason behind a colon, if there is one."""
    return f": {reason}" if reason else ""


def _key(target: str) -> str:
    """The key of a target in the book: of a nick its own, unless it is an ip:port (SPEC D-3)."""
    return target if "/" in target else name_key(target) or target


def _end(sanction: Sanction) -> float:
    return math.inf if sanction.until is None else sanction.until


class Bans:
    """Bans and mutes, by the wall clock, since they outlive the process; for any thread.

    Those who ask take no lock: the hub does it under its own.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        kept: Kept | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._most = (limits or Limits()).bans
        self._now = now
        self._lock = threading.Lock()
        kept = kept or Kept()
        self._bans = {_key(one.target): one for one in kept.bans}
        self._mutes = {_key(one.target): one for one in kept.mutes}
        self._prefixes: frozenset[tuple[int, int]] = frozenset()
        self._index_locked()

    # -- what is asked -----------------------------------------------------------------------

    def check(self, address: str, key: str) -> None:
        """Raise CommandError("banned") for a nick, and Goodbye("banned") for an address."""
        if text := self.refusal(address):
            raise Goodbye("banned", text)
        if ban := self._in_force(self._bans, key):
            raise CommandError("banned", f"nick is banned{self._span(ban)}{because(ban.reason)}")

    def refusal(self, address: str) -> str | None:
        """Say why nobody may come from ip:port; None if they may."""
        for network in self._networks_of(address):
            if ban := self._in_force(self._bans, network):
                return f"your address is banned{self._span(ban)}{because(ban.reason)}"
        return None

    def _networks_of(self, address: str) -> Iterator[str]:
        """The networks around ip:port, of the sizes in which there are bans."""
        if self._prefixes:
            ip = ip_address(host_of(address))
            for version, prefix in self._prefixes:
                if version == ip.version:
                    yield str(ip_network((ip, prefix), strict=False))

    def find_mute(self, address: str, nick: str, held: Sanction | None) -> Sanction | None:
        """Of the mutes of a nick, those of ip:port, and held, give the one that ends last."""
        if not self._mutes:
            return None
        key, source = _key(nick), source_of(address)
        with self._lock:
            mutes = self._mutes.items()
            found = [m for k, m in mutes if k == key or m.source == source or m is held]
        return max(found, key=_end, default=None)

    def concern(self, nick: str) -> bool:
        """Whether a nick is banned or muted."""
        key = _key(nick)
        return any(self._in_force(book, key) for book in (self._bans, self._mutes))

    def check_voice(self, mute: Sanction) -> None:
        """Raise CommandError("muted") while this very mute is in force, and not a later one of
        the same nick, who may be somebody else."""
        if self._is_muting(mute):
            raise CommandError("muted", f"you are muted{self._span(mute)}{because(mute.reason)}")

    def _is_muting(self, mute: Sanction) -> bool:
        return self._in_force(self._mutes, _key(mute.target)) is mute

    def _in_force(self, book: dict[str, Sanction], key: str) -> Sanction | None:
        found = book.get(key)
        return found if found and _end(found) > self._now() else None

    def _span(self, sanction: Sanction) -> str:
        """Say for how long it goes on, unless that is for ever."""
        if sanction.until is None:
            return ""
        return f" for another {duration_text(sanction.until - self._now())}"

    def describe(self) -> list[str]:
        """Write all that is in force, a line each, oldest first."""
        kept = self.kept()
        return [
            f"{kind} {one.target} by {one.by}{self._span(one)}{because(one.reason)}"
            for kind, book in (("ban", kept.bans), ("mute", kept.mutes))
            for one in book
        ]

    def kept(self) -> Kept:
        """Give all that is in force."""
        with self._lock:
            self._forget_locked()
            return Kept(tuple(self._bans.values()), tuple(self._mutes.values()))

    # -- what is decided ---------------------------------------------------------------------

    def ban(self, sanction: Sanction) -> None:
        """Put a ban in force, in the place of one of the same target.

        Raises CommandError("too-many-bans"); so does mute.
        """
        self._add(self._bans, sanction)

    def mute(self, sanction: Sanction) -> Sanction | None:
        """Put a mute in force; give the one whose place it takes."""
        return self._add(self._mutes, sanction)

    def unban(self, target: str) -> Sanction:
        """Lift a ban. Raises CommandError("not-banned")."""
        return self._remove(self._bans, _key(target), "not-banned", f"{target} is not banned")

    def unmute(self, nick: str, held: Sanction | None = None) -> Sanction:
        """Lift the mute of a nick, or the one that its user is under. Raises
        CommandError("not-muted")."""
        key = _key(held.target if held and self._is_muting(held) else nick)
        return self._remove(self._mutes, key, "not-muted", f"{nick} is not muted")

    def until(self, seconds: float | None) -> float | None:
        """Give the end of a span that begins now; of none there is none."""
        return None if seconds is None else self._now() + seconds

    def _add(self, book: dict[str, Sanction], sanction: Sanction) -> Sanction | None:
        key = _key(sanction.target)
        with self._lock:
            self._forget_locked()
            if key not in book and len(self._bans) + len(self._mutes) >= self._most:
                text = f"there are {self._most} bans and mutes already, lift some first"
                raise CommandError("too-many-bans", text)
            replaced = book.get(key)
            book[key] = sanction
            self._index_locked()
        return replaced

    def _remove(self, book: dict[str, Sanction], key: str, code: str, text: str) -> Sanction:
        with self._lock:
            self._forget_locked()
            if key not in book:
                raise CommandError(code, text)
            found = book.pop(key)
            self._index_locked()
            return found

    def _forget_locked(self) -> None:
        """Leave out what is over."""
        for book in (self._bans, self._mutes):
            for key in [key for key in book if not self._in_force(book, key)]:
                del book[key]
        self._index_locked()

    def _index_locked(self) -> None:
        networks = (ip_network(key) for key in self._bans if "/" in key)
        self._prefixes = frozenset((each.version, each.prefixlen) for each in networks)
