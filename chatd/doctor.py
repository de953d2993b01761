"""`chatctl doctor`: what a server would find if it were started now. Nothing is changed.

Each check gives findings, and one that cannot be carried out is a finding, too.
"""

import errno
import os
import platform
import resource
import shutil
import sqlite3
import ssl
import time
from collections.abc import Container, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

import click
import msgspec
from click.core import ParameterSource
from msgspec.structs import asdict

from chatd import __version__, binding, web
from chatd.banfile import BanFile, BanFileError
from chatd.certificates import CertificateError, load_certificate
from chatd.cli import chatd
from chatd.config import Config
from chatd.dialects.table import DIALECTS, WEB
from chatd.ids import id_text
from chatd.limits import MIB, Limits
from chatd.plugins import PluginError, Plugins
from chatd.reload import shown
from chatd.store import Store, StoreError

State = Literal["ok", "warning", "error"]

OWN_FILES = 64
"""Descriptors that the server needs beside those of clients."""

SELECTABLE = 1023
"""The highest descriptor that select can watch."""

LITTLE_SPACE = 100 * MIB
"""Bytes on a disk below which it is about to be full."""

RENEWAL_DAYS = 14
"""Days before the end of a certificate from which on it should have been renewed."""

LIBRARIES = ("alembic", "click", "msgspec", "platformdirs", "pluggy", "precis-i18n", "sqlalchemy")


class Finding(NamedTuple):
    """One line of the report."""

    state: State
    topic: str
    text: str


def examine(config: Config, options: click.Context) -> Iterator[Finding]:
    """Look at all there is; options are those that config was made of."""
    yield from _versions()
    yield from _settings(options)
    yield from _limits(config.limits)
    yield from _descriptors(config)
    yield from _certificate(config)
    yield from _bans(config)
    yield from _web(config)
    dialects = {**DIALECTS, **(WEB if config.web else {})}
    try:
        plugins = Plugins(config.plugins_dir, config.no_plugin, dialects)
    except PluginError as error:
        yield Finding("error", "plugins", str(error))
        yield from _listeners(config, dialects)
        yield Finding("warning", "store", "not looked at, since it is a plugin that opens it")
        return
    yield from _plugins(plugins)
    yield from _listeners(config, plugins.dialects)
    yield from _store(config, plugins)


def _versions() -> Iterator[Finding]:
    yield Finding("ok", "versions", f"chatd {__version__}, Python {platform.python_version()}")
    yield Finding("ok", "versions", f"{ssl.OPENSSL_VERSION}, SQLite {sqlite3.sqlite_version}")
    for name in LIBRARIES:
        try:
            yield Finding("ok", "versions", f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Finding("error", "versions", f"{name} is not installed")


# -- what was asked for ----------------------------------------------------------------------------

_SOURCES = {
    ParameterSource.COMMANDLINE: "the command line",
    ParameterSource.ENVIRONMENT: "a variable",
    ParameterSource.DEFAULT_MAP: "the file",
}


def _settings(options: click.Context) -> Iterator[Finding]:
    for option in chatd.params:
        if option.name in options.params:
            source = options.get_parameter_source(option.name)
            value = options.params[option.name]
            told = _without_password(value) if option.name == "store" else shown(value) or value
            text = f"{option.opts[-1][2:]} {told}"
            where = f" (by {_SOURCES[source]})" if source in _SOURCES else ""
            yield Finding("ok", "settings", text + where)


def _without_password(store: str) -> str:
    """Leave out all that may hold one; the store itself is told of without."""
    return store if store.startswith("sqlite:") else store.partition("//")[0]


def _limits(limits: Limits) -> Iterator[Finding]:
    usual = asdict(Limits())
    for name, value in asdict(limits).items():
        changed = "" if value == usual[name] else f" (instead of {usual[name]})"
        yield Finding("ok", "limits", f"{name} {value}{changed}")


# -- what the system gives -------------------------------------------------------------------------


def _descriptors(config: Config) -> Iterator[Finding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, SELECTABLE) if config.engine == "select" else hard
    text = f"soft limit {soft}, hard limit {hard}, which chatd makes its own"
    if most < config.limits.clients + config.limits.reserved + OWN_FILES:
        reason = "select can watch no more" if most < hard else "raise the hard limit"
        few = f"{text}: {most - OWN_FILES} of --max-clients {config.limits.clients} fit, {reason}"
        yield Finding("warning", "descriptors", few)
    else:
        yield Finding("ok", "descriptors", f"{text}: {config.limits.clients} clients fit")


def _listeners(config: Config, dialects: Container[str]) -> Iterator[Finding]:
    for spec in binding.places(config):
        what = f"{spec.dialect} on {binding.place(spec)}"
        if spec.dialect not in dialects:
            yield Finding("error", "listeners", f"{what}: there is no dialect {spec.dialect}")
            continue
        try:
            for sock in binding.bind(spec.host, spec.port):
                sock.close()
        except (OSError, UnicodeError) as error:
            taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            hint = "; by chatd itself, if it is running" if taken else ""
            state: State = "warning" if taken else "error"
            yield Finding(state, "listeners", f"{what}: {binding.reason(error)}{hint}")
        else:
            yield Finding("ok", "listeners", f"{what} can be bound")


def _certificate(config: Config) -> Iterator[Finding]:
    try:
        certificate = load_certificate(config)
        if certificate is None:
            yield Finding("ok", "certificate", "none, so there is no TLS")
            return
        seen = certificate.seen_by_client()
    except CertificateError as error:
        yield Finding("error", "certificate", str(error))
        return
    names = ", ".join(str(name) for _, name in seen.get("subjectAltName", ()))
    days = int((ssl.cert_time_to_seconds(str(seen["notAfter"])) - time.time()) // 86_400)
    begun = ssl.cert_time_to_seconds(str(seen["notBefore"])) <= time.time()
    about = f"of {names or 'no host'}, its key fits"
    if days < 0:
        yield Finding("error", "certificate", f"{about}: it ended on {seen['notAfter']}")
    elif not begun:
        yield Finding("error", "certificate", f"{about}: it begins on {seen['notBefore']}")
    else:
        state: State = "ok" if days >= RENEWAL_DAYS else "warning"
        yield Finding(state, "certificate", f"{about}: it ends in {days} days")


def _bans(config: Config) -> Iterator[Finding]:
    try:
        kept = BanFile(config.bans).read()
    except BanFileError as error:
        yield Finding("error", "bans", str(error))
    else:
        count = f"{len(kept.bans)} bans and {len(kept.mutes)} mutes"
        yield Finding("ok", "bans", f"{count} in {config.bans}" if config.bans else "none are kept")


def _web(config: Config) -> Iterator[Finding]:
    missing = web.lacking()
    if not config.web:
        yield Finding("ok", "web", "none was asked for")
    elif missing:
        yield Finding("warning", "web", f"{web.MISSING}; there is no {', '.join(missing)}")
    else:
        found = ", ".join(f"{name} {version(name)}" for name in web.NEEDS)
        yield Finding("ok", "web", f"page, metrics and health: {found}")
        admin = (
            "for " + ", ".join(config.admins.names) if config.admins.names else "off, no --admin"
        )
        yield Finding("ok", "web", f"/admin is {admin}")


# -- what it works with ----------------------------------------------------------------------------


def _plugins(plugins: Plugins) -> Iterator[Finding]:
    for name in plugins.names:
        verbs = [command.name for owner, command in plugins.commands if owner == name]
        dialects = [f"dialect {each.name}" for owner, each in plugins.own_dialects if owner == name]
        yield Finding("ok", "plugins", f"{name}: {', '.join(verbs + dialects) or 'no commands'}")


def _store(config: Config, plugins: Plugins) -> Iterator[Finding]:
    if config.store == "none":
        yield Finding("ok", "store", "none: nothing is kept")
        return
    try:
        store = plugins.open_store(config.store)
    except StoreError as error:
        yield Finding("error", "store", str(error))
        return
    try:
        path = Path(store.place) if config.store.startswith("sqlite:") else None
        if path is not None:
            yield from _disk(path)
        if path is not None and not path.exists():
            yield Finding("ok", "store", f"{path} does not exist yet")
        else:
            yield from _content(store)
    finally:
        store.close()


def _disk(path: Path) -> Iterator[Finding]:
    folder = next(each for each in path.absolute().parents if each.exists())
    free = shutil.disk_usage(folder).free
    state: State = "ok" if free >= LITTLE_SPACE else "warning"
    yield Finding(state, "store", f"{free // MIB} MiB are free for {path}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        yield Finding("error", "store", f"{path} cannot be written by this user")


def _content(store: Store) -> Iterator[Finding]:
    try:
        stats = store.stats()
        last = f", the last is {id_text(stats.last_id)}" if stats.last_id else ""
        size = f", {stats.size // MIB} MiB" if stats.size else ""
        yield Finding("ok", "store", f"{store.place}: {stats.records} events{size}{last}")
        damage = store.check()
    except StoreError as error:
        yield Finding("error", "store", str(error))
        return
    if damage:
        yield Finding("error", "store", f"{store.place} is damaged: {damage}")
    else:
        yield Finding("ok", "store", f"{store.place}: no damage was found")


# -- the report ------------------------------------------------------------------------------------


def as_text(finding: Finding) -> str:
    """Write a finding for people."""
    return f"{finding.state:8}{finding.topic:13}{finding.text}"


def as_json(finding: Finding) -> str:
    """Write a finding for programs."""
    return msgspec.json.encode(finding._asdict()).decode()
