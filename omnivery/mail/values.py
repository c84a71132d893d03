"""Converts a message's values to texts of a form. A wrong type raises an error that names the caller's argument."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import format_datetime
from typing import Any, TypeVar

from omnivery import codec
from omnivery.errors import ConfigError

T = TypeVar("T")

HEADER_NAME = re.compile(r"[!-9;-~]+")
"""Printable ASCII without the colon (RFC 5322, section 2.2)."""
SWITCHES = ("yes", "no", "true", "false", "htmlonly")
"""Texts that the APIs accept for a switch; `htmlonly` is Mailgun's, for clicks."""

SWITCH_ARGUMENTS = {
    "t:text": "template_text",
    "o:tracking": "tracking",
    "o:tracking-opens": "tracking_opens",
    "o:tracking-clicks": "tracking_clicks",
    "o:dkim": "dkim",
    "o:require-tls": "require_tls",
    "o:skip-verification": "skip_verification",
}
"""Fields with the values yes and no, and the arguments that they come from."""


@contextmanager
def naming(argument: str) -> Iterator[None]:
    """Convert an exception of a wrongly typed value to a ConfigError that names the argument."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # a wrongly typed value may raise anything, and must not end a bulk run
        # Only the interpreter's texts about types are certain not to contain the value itself.
        reason = error if isinstance(error, TypeError | AttributeError) else type(error).__name__
        raise ConfigError(f"{argument}: a value is of a wrong type ({reason}). Nothing was sent.") from error


def text(value: object, argument: str) -> str:
    """Return a text.

    Raises:
        ConfigError: it is of another type, or not valid Unicode.
    """
    if not isinstance(value, str):
        raise ConfigError(f"{argument}: expected text, not {type(value).__name__}. Nothing was sent.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"{argument}: contains half of a surrogate pair, which is not text. Nothing was sent."
        ) from None
    return value


def line(value: object, argument: str) -> str:
    """Return a text of one line.

    Raises:
        ConfigError: it is of another type, or contains a line break.
    """
    found = text(value, argument)
    if set("\r\n\0") & set(found):
        raise ConfigError(f"{argument}: must not contain a line break: it goes into a header. Nothing was sent.")
    return found


def header_name(name: object) -> str:
    """Return the name of a header.

    Raises:
        ConfigError: it is not one.
    """
    if not isinstance(name, str) or not HEADER_NAME.fullmatch(name):
        raise ConfigError("headers: a name is not printable ASCII without colon and blanks. Nothing was sent.")
    return name


def header_value(value: object) -> str:
    """Return the value of a header; a whole number is written as text.

    Raises:
        ConfigError: it is neither one line of text nor a whole number.
    """
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return line(str(value) if is_number else value, "headers")


def switch(value: object, argument: str) -> str:
    """Return `yes` or `no` for a boolean, and a text that the APIs know as it is.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value.lower() in SWITCHES:
        return value
    raise ConfigError(f"{argument}: expected True or False, not {type(value).__name__}. Nothing was sent.")


def is_on(value: object, argument: str) -> bool:
    """Whether a switch is on, as a boolean or as a text for one says it.

    Raises:
        ConfigError: it is something else.
    """
    word = switch(value, argument).lower()
    if word == "htmlonly":
        raise ConfigError(f"{argument}: expected True or False, not {word!r}. Nothing was sent.")
    return word in {"yes", "true"}


def moment(value: object, argument: str) -> str:
    """Return a point in time: unix seconds, or RFC 2822 for a datetime.

    Raises:
        ConfigError: it is something else, or a datetime without a time zone.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ConfigError(f"{argument}: a datetime needs a time zone, such as tzinfo=UTC. Nothing was sent.")
        return format_datetime(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{argument}: expected a datetime with a time zone, or unix seconds. Nothing was sent.")
    return str(value)


def mapping(value: object, argument: str) -> dict[Any, Any]:
    """Return a copy of a mapping.

    Raises:
        ConfigError: it is of another type.
    """
    if not isinstance(value, Mapping):
        raise ConfigError(f"{argument}: expected a mapping, not {type(value).__name__}. Nothing was sent.")
    with naming(argument):
        return dict(value.items())


def items(value: object, kind: type[T], argument: str) -> list[T]:
    """Return a copy of a list whose items are of one type.

    Raises:
        ConfigError: it is not a list, or an item is of another type.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ConfigError(
            f"{argument}: expected a list of {kind.__name__}, not {type(value).__name__}. Nothing was sent."
        )
    with naming(argument):
        found = list(value)
    for item in found:
        if not isinstance(item, kind):
            raise ConfigError(f"{argument}: expected {kind.__name__}, not {type(item).__name__}. Nothing was sent.")
    return found


def json(value: object, argument: str) -> str:
    """Return a value as JSON.

    Raises:
        ConfigError: it has no JSON form.
    """
    try:
        return codec.dumps(value).decode()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{argument}: a value has no JSON form ({error}). Nothing was sent.") from None
