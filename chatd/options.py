"""Kinds of option values, and the options that chatd and chatctl share."""

import re
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path

import click
from platformdirs import user_data_path

from chatd.config import Listen
from chatd.durations import parse_duration
from chatd.flood import UNBOUND, Pace
from chatd.listening import parse_listen
from chatd.networks import Network

_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+")
_PACE = re.compile(r"(\d{1,9})/(\d{1,9}(?:\.\d{1,3})?)")


class ListenType(click.ParamType[Listen]):
    """An address to listen on, and how clients speak there."""

    name = "listen"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Listen:
        try:
            return parse_listen(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class WebType(click.ParamType[Listen]):
    """An address of its own for the web page."""

    name = "web"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Listen:
        try:
            return value if isinstance(value, Listen) else parse_listen(f"web={value}")
        except ValueError:
            self.fail(f"{value} is not HOST:PORT, such as 127.0.0.1:8080", param, ctx)


class OriginType(click.ParamType[str]):
    """Where web pages come from."""

    name = "origin"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if not _ORIGIN.fullmatch(origin := str(value).lower()):
            self.fail(f"{value} is no origin such as https://example.org", param, ctx)
        return origin


class NetworkType(click.ParamType[Network]):
    """A network of addresses, or one address."""

    name = "network"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Network:
        try:
            return ip_network(str(value), strict=False)
        except ValueError:
            self.fail(f"{value} is no network such as 192.168.0.0/16", param, ctx)


class PaceType(click.ParamType[Pace]):
    """How much anybody may ask for: 10/2 is ten requests at once, then two a second; or off."""

    name = "pace"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Pace:
        if value == "off":
            return UNBOUND
        found = _PACE.fullmatch(str(value))
        if not found or not (pace := Pace(int(found[1]), float(found[2]))).rate or not pace.burst:
            self.fail(f"{value} is neither `off` nor like 10/2", param, ctx)
        return pace


class Age(click.ParamType[float]):
    """A time such as 90d, 12h or 30m; in seconds."""

    name = "age"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if (seconds := parse_duration(str(value))) is None or seconds == 0:
            self.fail(f"{value} is no time such as 90d, 12h or 30m", param, ctx)
        return seconds


class BansType(click.ParamType[Path | None]):
    """The file of bans, or none."""

    name = "bans"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | None:
        return None if value == "none" else Path(str(value))


class Since(click.ParamType[float]):
    """A moment, or how long ago it was; in seconds since 1970."""

    name = "since"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):  # click converts the default of a default, too
            return value
        if (seconds := parse_duration(str(value))) is not None:
            return datetime.now().timestamp() - seconds
        try:
            return datetime.fromisoformat(str(value)).timestamp()
        except ValueError:
            self.fail(
                f"{value} is neither a date such as 2026-11-01 nor an age like 7d", param, ctx
            )


def default_store() -> str:
    """Give the URL of the store that is used when none is asked for."""
    return f"sqlite:///{user_data_path('chatd') / 'history.db'}"


# The variables would have other names in chatctl if they were not given.
plugins_dir_option = click.option(
    "--plugins-dir",
    type=click.Path(path_type=Path),
    envvar="CHATD_PLUGINS_DIR",
    metavar="DIR",
    help="Load each .py file in DIR as a plugin.",
)
no_plugin_option = click.option(
    "--no-plugin",
    multiple=True,
    envvar="CHATD_NO_PLUGIN",
    metavar="NAME",
    help="Leave a plugin out; repeatable.",
)
bans_option = click.option(
    "--bans",
    type=BansType(),
    metavar="FILE|none",
    default=lambda: str(user_data_path("chatd") / "bans.json"),
    show_default="a file in your data folder",
    help="Keep bans and mutes in FILE.",
)
store_option = click.option(
    "--store",
    envvar="CHATD_STORE",
    metavar="URL|none",
    default=default_store,
    show_default="a file in your data folder",
    help="Keep the history in sqlite:///FILE or postgresql://USER@HOST/NAME.",
)
