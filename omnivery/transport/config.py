"""How a client behaves: time-outs, retries, limits. Frozen values, resolved once."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen
from attrs.validators import optional

from omnivery.errors import ConfigError

if TYPE_CHECKING:
    pass


class Credential(Protocol):
    """Anything that turns into a header field."""

    def header(self) -> tuple[str, str]:
        """Name and value of the header field that carries the credential."""
        ...


def _printable(_instance: object, _attribute: Attribute[Any], secret: str) -> None:
    if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigError(
            "the key or token is empty, or holds blanks, line breaks or other characters that none has: "
            "copy it again, without quotes"
        )


@frozen(kw_only=True)
class BasicKey:
    """HTTP Basic authentication (RFC 7617) as the Mailgun-compatible API wants it: user name `api`."""

    key: str = field(repr=False, validator=_printable)

    def header(self) -> tuple[str, str]:
        """The `Authorization` field."""
        return "authorization", "Basic " + b64encode(f"api:{self.key}".encode()).decode()


@frozen(kw_only=True)
class TokenHeader:
    """A token in a header field of its own, such as `ov-token`."""

    name: str
    token: str = field(repr=False, validator=_printable)

    def header(self) -> tuple[str, str]:
        """The field."""
        return self.name, self.token


def _seconds(instance: object, attribute: Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigError(f"{type(instance).__name__}({attribute.name}=…) takes seconds above zero, not {value!r}")


def _count(instance: object, attribute: Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{type(instance).__name__}({attribute.name}=…) takes a whole number from 1, not {value!r}")


def _header_fields(_instance: object, _attribute: Attribute[Any], headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not name or not (name + value).isascii() or not (name + value).isprintable():
            raise ConfigError("headers: a name must not be empty; names and values must be printable ASCII")


@frozen(kw_only=True)
class Timeouts:
    """How long one attempt may take at each step, in seconds."""

    connect: float = field(default=5.0, validator=_seconds)
    """To open a connection, TLS handshake included."""
    read: float = field(default=30.0, validator=_seconds)
    """Between two pieces of the answer. A single bot check alone takes a second or more by design."""
    write: float = field(default=30.0, validator=_seconds)
    """Between two pieces of the request."""

    def within(self, left: float | None) -> Timeouts:
        """These time-outs, none longer than what is left of a deadline."""
        if left is None or left >= max(self.connect, self.read, self.write):
            return self
        return Timeouts(connect=min(self.connect, left), read=min(self.read, left), write=min(self.write, left))


@frozen(kw_only=True)
class RetryPolicy:
    """When to try again. Which failures may be repeated at all is the operation's own matter.

    Waits grow as `base * 2**n` up to `max_backoff`, and each is drawn evenly between zero and that ("full jitter", see
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). The server's `Retry-After` is a floor.
    """

    attempts: int = field(default=4, validator=_count)
    """How often a request is tried in all; 1 means never again."""
    base: float = field(default=0.1, validator=_seconds)
    """First wait after a failed connection or a server's fault, in seconds, before jitter."""
    throttle_base: float = field(default=1.0, validator=_seconds)
    """First wait after a 429 or 503, in seconds, before jitter."""
    max_backoff: float = field(default=20.0, validator=_seconds)
    """Longest wait of our own, in seconds; a `Retry-After` may be longer."""
    max_retry_after: float = field(default=120.0, validator=_seconds)
    """Longest `Retry-After` that is waited for, in seconds; one beyond it ends the call at once."""


BULK_RETRY = RetryPolicy(attempts=10, max_retry_after=600.0)
"""How a bulk run retries unless told otherwise: a run is worth more patience than a single call."""


@frozen(kw_only=True)
class Limits:
    """How much may be under way at once."""

    concurrency: int = field(default=8, validator=_count)
    """Requests in flight. The queue for these slots is the only one in front of the network."""
    keepalive: float = field(default=15.0, validator=_seconds)
    """Seconds that an idle connection is kept; below the idle time of common servers, so that none goes stale."""


@frozen(kw_only=True)
class CallOptions:
    """What one call does differently from its client. Whatever is left out stays as the client has it."""

    timeouts: Timeouts | None = None
    """Time-outs of each attempt."""
    deadline: float | None = field(default=None, validator=optional(_seconds))
    """Seconds for the whole call: queueing, attempts and the waits between them. No limit when left out."""
    retry: RetryPolicy | None = None
    """When to try again."""
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False, validator=_header_fields)
    """Further header fields."""


def from_environment(value: str | None, variable: str) -> str | None:
    """An argument, or the environment variable used in its place; a blank one counts as not set."""
    return value if value is not None else (os.environ.get(variable, "").strip() or None)


def required(value: str | None, *, argument: str, variable: str, purpose: str) -> str:
    """A setting that the call cannot do without.

    Raises:
        ConfigError: it is missing; the message names argument and environment variable.
    """
    if not value:
        raise ConfigError(f"no {purpose}: pass {argument}=… or set {variable}. Nothing was sent.")
    return value


def web_address(value: str, *, argument: str) -> str:
    """An absolute http or https address, as it was given.

    Raises:
        ConfigError: it is something else.
    """
    try:
        parts = urlsplit(value)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not value.isprintable() or " " in value:
        raise ConfigError(f"{argument}: expected an address such as https://host/path. Nothing was sent.")
    return value


def base_address(value: str, *, argument: str = "base_url") -> str:
    """An address that paths can be appended to, without a slash at its end.

    Raises:
        ConfigError: it is no address, or has a user name, a query or a fragment.
    """
    parts = urlsplit(web_address(value, argument=argument))
    if "@" in parts.netloc or "?" in value or "#" in value:
        raise ConfigError(f"{argument}: must have no user name, query or fragment. Nothing was sent.")
    return value.rstrip("/")
