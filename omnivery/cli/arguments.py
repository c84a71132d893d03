"""What several commands take: spans of time, places to listen, named values, and secrets."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from omnivery.errors import ConfigError

if TYPE_CHECKING:
    _Seconds = click.ParamType[float]
    _Place = click.ParamType[tuple[str, int]]
else:
    _Seconds = _Place = click.ParamType  # not every click that will do has it generic

Command = TypeVar("Command", bound=Callable[..., Any])

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST = 1000 * 365 * 86_400
"""Seconds of a span of time. No date is as far away as the next longer ones."""


class Duration(_Seconds):
    """A span of time as seconds: `90`, or with a unit, `90s`, `5m`, `1.5h`, `2d`.

    Args:
        unit_needed: whether a number alone is refused, as it may be meant in other units than seconds.
    """

    name = "duration"

    def __init__(self, *, unit_needed: bool = False) -> None:
        self._unit_needed = unit_needed

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it."""
        if isinstance(value, int | float):
            return float(value)
        if (found := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", value.strip(), re.ASCII)) is None:
            self.fail(f"{value!r} is no span of time: write 90, 90s, 5m, 1h or 2d", param, ctx)
        if self._unit_needed and not found[2] and float(found[1]):
            self.fail(f"{value!r} has no unit: write {found[1]}d for days, {found[1]}s for seconds", param, ctx)
        if (seconds := float(found[1]) * _UNITS[found[2]]) > _LONGEST:
            self.fail(f"{value!r} is longer than a thousand years", param, ctx)
        return seconds


class HostPort(_Place):
    """Where to listen: `127.0.0.1:8080`, or `[::1]:8080`."""

    name = "host:port"

    def convert(
        self, value: str | tuple[str, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Read it."""
        if isinstance(value, tuple):
            return value
        if (place := _place(value)) is None:
            self.fail(f"{value!r} is no place to listen: write 127.0.0.1:8080 or [::1]:8080", param, ctx)
        return place


def _place(text: str) -> tuple[str, int] | None:
    with suppress(ValueError):  # of a port that is none
        parts = urlsplit(f"//{text}")
        if parts.hostname and parts.port is not None and parts.netloc == text and "@" not in text:
            return parts.hostname, parts.port
    return None


def as_text(argument: str) -> str:
    """Return an argument as text. Python reads it by the locale; bytes that are none there may be UTF-8 all the same.

    Raises:
        UnicodeError: they are not.
    """
    try:
        argument.encode()
    except UnicodeEncodeError:
        return os.fsencode(argument).decode()
    return argument


def pair(text: str) -> tuple[str, str]:
    """Read `NAME=VALUE`.

    Raises:
        click.BadParameter: it has another form.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.BadParameter(f"{text!r} is not NAME=VALUE")
    return name.strip(), value


def connection_options(command: Command) -> Command:
    """Give a command the options `--proxy` and `--ca`; `connection` reads them."""
    command = click.option(
        "--ca",
        type=click.Path(exists=True, path_type=Path),
        help="Trust the certificate authorities in this PEM file or directory instead of the usual ones.",
    )(command)
    return click.option("--proxy", metavar="URL", help="Send requests through this HTTP or SOCKS proxy.")(command)


def connection(proxy: str | None, ca: Path | None) -> dict[str, Any]:
    """Return the client's settings for `--proxy` and `--ca`.

    Raises:
        click.BadParameter: the file has no certificates.
    """
    settings: dict[str, Any] = {} if proxy is None else {"proxy": proxy}
    if ca is not None:
        import ssl

        try:
            place = {"capath" if ca.is_dir() else "cafile": str(ca)}
            settings["verify"] = ssl.create_default_context(**place)  # type: ignore[arg-type]  # either is text
        except OSError as error:
            no_certificates = isinstance(error, ssl.SSLError)  # whose words are those of OpenSSL's source
            reason = "it has no certificates in PEM form" if no_certificates else error.strerror
            raise click.BadParameter(f"{str(ca)!r} cannot be used: {reason}", param_hint="'--ca'") from None
    return settings


def secret(variable: str, name: str) -> str:
    """A secret from the environment, or asked for on a terminal.

    Raises:
        ConfigError: the environment has none, and there is nobody to ask.
    """
    if value := os.environ.get(variable, "").strip():
        return value
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(f"no {name}: set {variable}")
    return str(click.prompt(f"{name[:1].upper()}{name[1:]} ({variable} is not set)", hide_input=True, err=True))
