"""A client's settings: timeouts, retries, limits. Frozen values, resolved once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from inspect import iscoroutinefunction
from ipaddress import ip_address
from types import UnionType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen
from attrs.validators import optional

from omnivery.errors import ConfigError

T = TypeVar("T")


def _seconds(instance: object, attribute: Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigError(f"{type(instance).__name__}({attribute.name}=…) takes seconds above zero, not {value!r}")


def _seconds_or_zero(instance: object, attribute: Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ConfigError(f"{type(instance).__name__}({attribute.name}=…) takes seconds from zero up, not {value!r}")


def _count(instance: object, attribute: Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{type(instance).__name__}({attribute.name}=…) takes a whole number from 1, not {value!r}")


def checked(value: T, kind: type | UnionType, *, argument: str, expected: str) -> T:
    """Return an argument unchanged.

    Raises:
        ConfigError: it is of another kind.
    """
    if not isinstance(value, kind):
        # Its type alone: the value may be a key that was passed as the wrong argument.
        raise ConfigError(f"{argument}: expected {expected}, not {type(value).__name__}. Nothing was sent.")
    return value


def flag(value: bool, *, argument: str) -> bool:  # noqa: FBT001  # it is what is checked
    """Return a boolean argument unchanged.

    Raises:
        ConfigError: it is another value. A text such as `no` would count as true.
    """
    return checked(value, bool, argument=argument, expected="True or False")


def required_text(value: str, *, argument: str) -> str:
    """Return a text argument unchanged.

    Raises:
        ConfigError: it is no text, or blank.
    """
    if not checked(value, str, argument=argument, expected="text").strip():
        raise ConfigError(f"{argument}: must not be empty. Nothing was sent.")
    return value


def one_or_several(value: str | Iterable[str], *, argument: str) -> list[str]:
    """Return an argument that is one text or several as a list.

    Raises:
        ConfigError: it is neither.
    """
    if isinstance(value, str):
        return [value]
    expected = "a text, or a list of texts"
    if isinstance(value, bytes | Mapping):
        raise ConfigError(f"{argument}: expected {expected}, not {type(value).__name__}. Nothing was sent.")
    each = checked(value, Iterable, argument=argument, expected=expected)
    return [checked(one, str, argument=argument, expected=expected) for one in each]


def instance_of(kind: type) -> Callable[[object, Attribute[Any], Any], None]:
    """Return a validator of a field that holds one of our own values."""

    def validate(_instance: object, attribute: Attribute[Any], value: Any) -> None:
        checked(value, kind, argument=attribute.name, expected=f"{kind.__name__}(…)")

    return validate


def callback(function: T, *, argument: str) -> T:
    """Return a function that is to be called during a run, or None, unchanged.

    Raises:
        ConfigError: it cannot be called, or is a coroutine function, which nobody would await.
    """
    if function is not None and (not callable(function) or iscoroutinefunction(function)):
        kind = "a coroutine function" if callable(function) else type(function).__name__
        raise ConfigError(f"{argument}: expected a function, not {kind}. Nothing was sent.")
    return function


FRAMING = frozenset({"content-length", "transfer-encoding"})
"""Header fields that HTTP libraries set: another value would break the request, or the one after it."""


def _header_fields(_instance: object, _attribute: Attribute[Any], headers: Mapping[str, str]) -> None:
    checked(headers, Mapping, argument="headers", expected="a mapping of names to values")
    for name, value in headers.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise ConfigError("headers: names and values must be text")
        # RFC 9110, section 5.6.2: a name is a token.
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise ConfigError("headers: a name must be letters, digits and any of !#$%&'*+-.^_`|~")
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise ConfigError("headers: a value must be printable ASCII, without spaces at its ends")
        if name.lower() in FRAMING:
            raise ConfigError(f"headers: {name.lower()} is set by the SDK")


@frozen(kw_only=True)
class Timeouts:
    """Limits in seconds for the steps of one attempt. Each starts anew with every read or write."""

    connect: float = field(default=5.0, validator=_seconds)
    """For opening a connection, TLS handshake included."""
    read: float = field(default=30.0, validator=_seconds)
    """Between two received pieces of the response. A single bot check takes a second or more by design."""
    write: float = field(default=30.0, validator=_seconds)
    """Between two sent pieces of the request."""

    def within(self, left: float) -> Timeouts:
        """Return these timeouts, none longer than the `left` seconds until a deadline."""
        if left >= max(self.connect, self.read, self.write):
            return self
        return Timeouts(connect=min(self.connect, left), read=min(self.read, left), write=min(self.write, left))


@frozen(kw_only=True)
class RetryPolicy:
    """When to retry. Whether a failure may be retried at all depends on the operation (`Operation.safety`).

    The backoff grows as `base * 2**n` up to `max_backoff`, with full jitter: each wait is drawn uniformly between zero
    and the backoff (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). The server's
    `Retry-After` is a lower bound.
    """

    attempts: int = field(default=4, validator=_count)
    """Total number of attempts; 1 means no retry."""
    base: float = field(default=0.1, validator=_seconds)
    """First backoff after a failed connection, a lost response or a 5xx, in seconds, before jitter."""
    throttle_base: float = field(default=1.0, validator=_seconds)
    """First backoff after 429, 503 or 408, in seconds, before jitter."""
    max_backoff: float = field(default=20.0, validator=_seconds)
    """Longest backoff in seconds; a `Retry-After` may be longer."""
    max_retry_after: float = field(default=120.0, validator=_seconds)
    """Longest `Retry-After` that is waited for, in seconds; a longer one ends the call at once."""


BULK_RETRY = RetryPolicy(attempts=10, max_retry_after=600.0)
"""The retry policy of a bulk run where neither the call nor the client sets one: a run may wait longer than a call."""


@frozen(kw_only=True)
class Limits:
    """Limits of a client's connections and responses."""

    concurrency: int = field(default=8, validator=_count)
    """Requests in flight. Further requests wait for one of these slots; there is no other queue."""
    keepalive: float = field(default=15.0, validator=_seconds_or_zero)
    """Seconds that an idle connection is kept: less than common servers keep theirs, so that none goes stale. 0 closes
    each connection after its response: nothing is left open that only its event loop could close."""
    max_response_bytes: int = field(default=16_000_000, validator=_count)
    """Largest response in bytes, after decoding its content coding. A larger success raises `AmbiguousError`."""


@frozen(kw_only=True)
class CallOptions:
    """Options of one call. The client's settings apply to what is left out."""

    timeouts: Timeouts | None = field(default=None, validator=optional(instance_of(Timeouts)))
    """Timeouts of each attempt."""
    deadline: float | None = field(default=None, validator=optional(_seconds))
    """Seconds for the whole call: queueing, attempts and the waits between them. None is no limit."""
    retry: RetryPolicy | None = field(default=None, validator=optional(instance_of(RetryPolicy)))
    """When to retry."""
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False, validator=_header_fields)
    """Additional header fields."""


NO_OPTIONS = CallOptions()
"""The options of a call without any."""


def from_environment(value: str | None, variable: str) -> str | None:
    """Return an argument, or the environment variable in its place; a blank variable counts as not set."""
    return value if value is not None else (os.environ.get(variable, "").strip() or None)


def origin(value: str | None, argument: str, variable: str) -> str:
    """Return what an error is to name: the argument, or the environment variable in its place."""
    return argument if value is not None else variable


def required(value: str | None, *, argument: str, variable: str, purpose: str) -> str:
    """Return a required setting.

    Raises:
        ConfigError: it is missing; the message names the argument and the environment variable.
    """
    if not value:
        raise ConfigError(f"no {purpose}: pass {argument}=… or set {variable}. Nothing was sent.")
    return value


def valid_url(value: str, *, argument: str) -> str:
    """Return an absolute http or https URL unchanged.

    Raises:
        ConfigError: the value is not such a URL.
    """
    try:
        parts = urlsplit(checked(value, str, argument=argument, expected="a URL as text"))
        sound = parts.scheme in {"http", "https"} and is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not value.isprintable() or " " in value:
        raise ConfigError(f"{argument}: expected a URL such as https://host/path. Nothing was sent.")
    return value


def valid_base_url(value: str, *, argument: str) -> str:
    """Return a URL that paths can be appended to, without a trailing slash.

    Raises:
        ConfigError: the value is not a URL, or has a user name, a query or a fragment.
    """
    parts = urlsplit(valid_url(value, argument=argument))
    if "@" in parts.netloc or "?" in value or "#" in value:
        raise ConfigError(f"{argument}: must have no user name, query or fragment. Nothing was sent.")
    return value.rstrip("/")


_LABEL = r"(?!-)[\w-]{1,63}(?<!-)"
"""One label: letters of any alphabet, digits, hyphens, and underscores, which some hosts have."""
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST = 253


def is_host(name: str) -> bool:
    """Whether a text can be a host: a name or an IP address, without brackets."""
    return is_ip(name) or _is_name(name.removesuffix("."))


def valid_domain(value: object, *, argument: str = "domain") -> str:
    """Return the name of a domain unchanged.

    Raises:
        ConfigError: it is not one: a URL, an e-mail address, an IP address, a placeholder, a name without a dot.
    """
    # A name that ends with a letter is no IPv4 address, and none is an IPv6 one. Each call asks for this.
    if isinstance(value, str) and "." in value and _is_name(value) and not (value[-1].isdigit() and is_ip(value)):
        return value
    # Not shown: it may be an e-mail address, or a key that was passed as the wrong argument.
    raise ConfigError(f"{argument}: expected the name of a domain, such as mail.example.com. Nothing was sent.")


def _is_name(name: str) -> bool:
    return len(name) <= _LONGEST and _NAME.fullmatch(name) is not None


def is_ip(name: str) -> bool:
    """Whether a text is an IP address, without brackets."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
