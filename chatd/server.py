"""The server: puts the parts together, starts them, stops them."""

import time
from collections.abc import Callable, Sequence
from itertools import count

from chatd.addresses import Addresses
from chatd.archive import Archive
from chatd.banfile import BanFile
from chatd.bans import Bans
from chatd.binding import Passed, listen
from chatd.config import Config, Listen
from chatd.delivery import Delivery
from chatd.dialects import Setting
from chatd.dialects.auto import Auto
from chatd.dialects.table import DIALECTS, WEB
from chatd.dispatch import Dispatcher
from chatd.engines import Engine, Host
from chatd.engines.selecting import SelectEngine
from chatd.engines.threads import ThreadsEngine
from chatd.events import SERVER_STOPS, Event, Failed, Keeping, Listening, Refused, Warned
from chatd.fetching import Fetcher, Pages
from chatd.guard import Guard, Guards
from chatd.health import Health
from chatd.hub import Hub
from chatd.ids import epoch_at
from chatd.layers import Layer, Tls, TlsOrPlain
from chatd.ledger import Ledger
from chatd.limits import Security
from chatd.metrics import Metrics
from chatd.mistakes import mistakes
from chatd.moderation import Moderation
from chatd.output import Transport
from chatd.plugins import Plugins
from chatd.recorder import Recorder
from chatd.reload import Reload, Settings, Use
from chatd.session import Session
from chatd.taps import Tap, TapRunner
from chatd.workers import Workers


def _asyncio_engine(host: Host) -> Engine:
    # To import asyncio takes 60 ms and some MiB, which only those pay who asked for it.
    from chatd.engines.aio import AsyncioEngine

    return AsyncioEngine(host)


ENGINES: dict[str, Callable[[Host], Engine]] = {
    "threads": ThreadsEngine,
    "select": SelectEngine,
    "asyncio": _asyncio_engine,
}


_TAP_TIMEOUT = 2.0
"""Seconds that a tap gets to finish its queue when the server stops."""

_STORE_TIMEOUT = 5.0
"""Seconds that the store gets for the last commit when the server stops."""


class Server:
    """One chat server.

    taps are further listeners beside those of plugins. reload says where settings are read
    again; without it only the files that config names are. passed are sockets that listen already,
    in place of config's host and port. pages makes what answers browsers; without it there is no
    web. Raises PluginError when a plugin cannot
    be used, StoreError when there is no such store, CertificateError when the certificate cannot be
    used, BanFileError when the bans cannot be read, ListenError when an address cannot be bound or
    there is no such dialect.
    """

    def __init__(
        self,
        config: Config,
        *,
        taps: tuple[Tap, ...] = (),
        reload: Reload | None = None,
        passed: Sequence[Passed] = (),
        pages: "Callable[[Server], Pages] | None" = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = config.limits
        self.clock = clock
        dialects = {**DIALECTS, **(WEB if pages else {})}
        self.plugins = Plugins(config.plugins_dir, config.no_plugin, dialects)
        self.delivery = Delivery(config.limits, clock)
        self._ledger = Ledger()
        self._bans_file = BanFile(config.bans)
        self._bans_trouble = self._bans_file.claim()
        self._bans = Bans(config.limits, self._bans_file.read())
        self.hub = Hub(
            self.delivery, config.limits, config.greeting, self._ledger, self._bans.check
        )
        self._recorder = self._open_store(config)
        self._store_private = config.store_private
        self._addresses = Addresses(config.limits, config.flood, config.exempt, clock=clock)
        self._guest_names = config.guest_names
        self._guests = count(1)
        self._workers = Workers(config.limits.workers)
        self._reserve = Workers(config.limits.moderator_workers)
        self.moderation = Moderation(
            self.hub,
            config.limits,
            bans=self._bans,
            file=self._bans_file,
            addresses=self._addresses,
            admins=config.admins,
            reload=self.reload,
            clock=clock,
        )
        guards = Guards(config.limits.failures, self._tell, self.plugins.bundled)
        self._dispatcher = Dispatcher(
            self.hub,
            self.delivery,
            self._workers,
            [command.under(guards.plugin(name)) for name, command in self.plugins.commands],
            [each.under(guards.plugin(name)) for name, each in self.plugins.filters],
            Archive(self.hub, config.limits, self._recorder),
            guards,
            self.moderation,
            self._reserve,
        )
        self.metrics = Metrics(config.engine, self.hub, self.delivery, self._recorder, guards)
        self.health = Health(self.hub, self._recorder, config.limits)
        if pages is not None:
            self._dispatcher.fetcher = Fetcher(self.hub, self.delivery, pages(self), config.limits)
        self._settings = Settings.of(config)
        self._use_tls(self._settings)
        self._use_origins(self._settings)
        self._use_for_operators(self._settings)
        self._reload = reload or Reload(lambda: config)
        self._warned: dict[str, float] = {}
        self._stopping = False
        self.listeners = listen(config, self.plugins.dialects, passed)
        self._engine = ENGINES[config.engine](self)
        self._start_taps(taps, guards)

    def _start_taps(self, own: tuple[Tap, ...], guards: Guards) -> None:
        queue, most = self.limits.tap_queue, self.limits.failures
        self._own_taps = [TapRunner(tap, queue, Guard("a tap", most, self._tell)) for tap in own]
        self._taps = [
            *(TapRunner(tap, queue, guards.tap(name)) for name, tap in self.plugins.taps),
            *self._own_taps,  # the last to stop: the others may have something to log
        ]
        self.delivery.observers += [tap.offer for tap in self._taps]

    def _open_store(self, config: Config) -> Recorder | None:
        if config.store == "none":
            return None
        store = self.plugins.open_store(config.store)
        return Recorder(store, config.limits, self._tell, config.retention, self.hub.pause)

    def start(self) -> None:
        """Open the store, and begin to accept connections."""
        self._reload.start(self._settings, self._live(), self.record)
        if self._bans_trouble:
            self._tell(f"{self._bans_trouble}; new bans and mutes end with this server")
        if self._recorder is not None:
            epoch = self._recorder.start(epoch_at(time.time()))
            self._ledger.keep_in(self._recorder.keep, epoch, private=self._store_private)
            if not self._recorder.trouble:
                self.record(Keeping(self._recorder.store.place))
        for listener in self.listeners:
            spec = listener.spec
            security, pages = self._security_of(spec), self._has_pages(spec)
            self.record(Listening(spec.dialect, *listener.address, security, pages))
        if self._dispatcher.fetcher is not None:
            self._dispatcher.fetcher.start()
        self._engine.start(self.listeners)

    def run(self) -> None:
        """Serve until stop() is called, then end cleanly; by the thread that called start()."""
        try:
            self._engine.run(lambda: self._stopping)
            self._engine.stop_accepting()
            farewell = Failed("shutdown", "the server is shutting down")
            self.hub.end_all(SERVER_STOPS, farewell)
            self._engine.run(lambda: not self._engine.sessions, timeout=self.limits.drain)
        finally:
            self._engine.close()
            self._workers.close()
            self._reserve.close()
            if self._dispatcher.fetcher is not None:
                self._dispatcher.fetcher.close()
            self.health.close()
            self._bans_file.close()
            self._reload.stop()
            if self._recorder is not None:
                self._recorder.close(_STORE_TIMEOUT)
            for tap in self._taps:
                self.delivery.drain()  # what the one that stopped had to say
                tap.stop(_TAP_TIMEOUT)

    def stop(self) -> None:
        """Have run() end; from any thread or signal handler."""
        self._stopping = True
        self._engine.wake()

    def reload(self) -> None:
        """Have the settings read again, soon; from any thread or signal handler."""
        self._reload.ask()

    def stalled(self, seconds: float) -> list[str]:
        """Name what should go on and has not for so long; from any thread."""
        return self._engine.stalled(seconds)

    def status(self) -> str:
        """Say in one line how the server does."""
        users, connections = self.hub.counts()
        return f"{users} users, {connections} connections, {mistakes()} internal errors"

    @property
    def wakeup_fileno(self) -> int:
        """A descriptor to which a byte can be written to wake the thread in run()."""
        return self._engine.waker.write_fileno

    def record(self, event: Event) -> None:
        """Put an event that no client hears into the log, for taps."""
        self.hub.record(event)
        self.delivery.wake()

    def _tell(self, text: str) -> None:
        self.record(Warned(text))

    def note(self, events: Sequence[Event]) -> None:
        """Show events to `taps` alone, from any thread: plugins' taps might be their cause."""
        for tap in self._own_taps:
            tap.offer(events)

    # -- what can change ---------------------------------------------------------------------

    def _live(self) -> dict[str, Use]:
        """Say how a setting is put into use while the server runs, by its name."""
        return {
            "greeting": self._use_in_hub,
            "max-clients": self._use_in_hub,
            "max-per-address": self._use_for_addresses,
            "max-arrivals": self._use_for_addresses,
            "exempt": self._use_for_addresses,
            "flood": self._use_for_addresses,
            "admin": self._use_admins,
            "guest-names": self._use_guest_names,
            "store-private": self._use_store_private,
            "keep": self._use_retention,
            "keep-count": self._use_retention,
            "tls-cert": self._use_tls,
            "tls-key": self._use_tls,
            "tls-only": self._use_tls,
            "certificate": self._use_tls,
            "web-origin": self._use_origins,
            "metrics-from": self._use_for_operators,
            "no-log-addresses": self._use_for_operators,
        }

    def _use_in_hub(self, settings: Settings) -> None:
        self.limits = settings.config.limits
        self.hub.tune(self.limits, settings.config.greeting)

    def _use_for_addresses(self, settings: Settings) -> None:
        config = settings.config
        self._addresses.tune(config.limits, config.flood, config.exempt)
        for session in list(self._engine.sessions):
            session.set_pace(config.flood)

    def _use_admins(self, settings: Settings) -> None:
        self.moderation.admins = settings.config.admins

    def _use_guest_names(self, settings: Settings) -> None:
        self._guest_names = settings.config.guest_names

    def _use_store_private(self, settings: Settings) -> None:
        self._ledger.private = settings.config.store_private and self._recorder is not None

    def _use_retention(self, settings: Settings) -> None:
        if self._recorder is not None:
            self._recorder.retain(settings.config.retention)

    def _use_origins(self, settings: Settings) -> None:
        self._origins = settings.config.web_origins if self._dispatcher.fetcher else None

    def _use_for_operators(self, settings: Settings) -> None:
        self.metrics_from = settings.config.metrics_from
        self.shows_addresses = not settings.config.no_log_addresses

    def _use_tls(self, settings: Settings) -> None:
        self._certificate = settings.certificate
        self._security: Security = "only" if settings.config.tls_only else "auto"

    # -- what engines ask for ----------------------------------------------------------------

    def session(self, spec: Listen, transport: Transport, address: str) -> Session:
        """Make the session of a new connection."""
        setting = Setting(
            self.limits,
            address,
            self._dispatcher.verbs,
            spec.framing,
            self.limits.quiet if spec.quiet is None else spec.quiet,
            self._guest_name,
            self._guest_names,
            self._origins,
            self.hub.is_full,
        )
        return Session(
            self.plugins.dialects[spec.dialect](setting),
            transport,
            address,
            self.hub,
            self.delivery,
            self._dispatcher,
            self.limits,
            self.clock,
            self._layer(spec),
            self._addresses.flow(address),
        )

    def _guest_name(self) -> str:
        names = (f"guest-{number:04}" for number in self._guests)
        # Bans and mutes outlive the server, which counts from one again.
        return next(n for n in names if self.hub.is_free(n) and not self._bans.concern(n))

    def _has_pages(self, spec: Listen) -> bool:
        return self._dispatcher.fetcher is not None and spec.dialect in (Auto.name, *WEB)

    def _security_of(self, spec: Listen) -> Security:
        if self._certificate is None:
            return "off"
        return spec.tls or self._security

    def _layer(self, spec: Listen) -> Layer | None:
        certificate, security = self._certificate, self._security_of(spec)
        if certificate is None or security == "off":
            return None
        context = certificate.context
        return Tls(context) if security == "only" else TlsOrPlain(context)

    def refusal(self, address: str) -> str | None:
        """Count a connection, or say why it cannot be taken now; gone() takes the count back."""
        if self.hub.at_the_door >= self.limits.door:
            return "too many connections are not logged in, try again later"
        return self._bans.refusal(address) or self._addresses.enter(address)

    def gone(self, address: str) -> None:
        """Take note that a connection that was counted is closed."""
        self._addresses.leave(address)

    def refuse(self, spec: Listen, address: str, text: str) -> bytes:
        """Note that a connection is refused; return what it is told, as far as it can be."""
        self.record(Refused(address, text))
        if self._security_of(spec) == "only":
            return b""
        return self.plugins.dialects[spec.dialect].encode(Failed("full", text), True)

    def warn(self, text: str, every: float = 60.0) -> None:
        """Tell the operator, at most once in `every` seconds for the same text."""
        now = self.clock()
        if now - self._warned.get(text, -every) >= every:
            self._warned[text] = now
            self._tell(text)
