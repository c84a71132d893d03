"""How a client behaves: time-outs, retries, limits. Frozen values, resolved once."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen, validators

from omnivery.errors import ConfigError

_positive = validators.and_(validators.instance_of((int, float)), validators.gt(0))


@frozen(kw_only=True)
class Timeouts:
    """How long one attempt may take at each step, in seconds."""

    connect: float = field(default=5.0, validator=_positive)
    """To open a connection, TLS handshake included."""
    read: float = field(default=30.0, validator=_positive)
    """Between two pieces of the answer. A single bot check alone takes a second or more by design."""
    write: float = field(default=30.0, validator=_positive)
    """Between two pieces of the request."""

    def within(self, left: float | None) -> Timeouts:
        """These time-outs, none longer than what is left of a deadline."""
        if left is None or left >= max(self.connect, self.read, self.write):
            return self
        return Timeouts(
            connect=min(self.connect, left), read=min(self.read, left), write=min(self.write, left)
        )


@frozen(kw_only=True)
class RetryPolicy:
    """When to try again. Which failures may be repeated at all is the operation's own matter.

    Waits grow as `base * 2**n` up to `cap`, and each is drawn evenly between zero and that ("full jitter", see
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). The server's `Retry-After` is a floor.
    """

    attempts: int = field(default=4, validator=validators.and_(validators.instance_of(int), validators.ge(1)))
    """How often a request is tried in all; 1 means never again."""
    base: float = field(default=0.1, validator=_positive)
    """First wait after a failed connection or a server's fault, in seconds, before jitter."""
    throttle_base: float = field(default=1.0, validator=_positive)
    """First wait after a 429 or 503, in seconds, before jitter."""
    cap: float = field(default=20.0, validator=_positive)
    """Longest wait of our own, in seconds; a `Retry-After` may be longer."""


@frozen(kw_only=True)
class Limits:
    """How much may be under way at once."""

    concurrency: int = field(
        default=8, validator=validators.and_(validators.instance_of(int), validators.ge(1))
    )
    """Requests in flight. The queue for these slots is the only one in front of the network."""
    keepalive: float = field(default=15.0, validator=_positive)
    """Seconds that an idle connection is kept; below the idle time of common servers, so that none goes stale."""


@frozen(kw_only=True)
class CallOptions:
    """What one call does differently from its client. Whatever is left out stays as the client has it."""

    timeouts: Timeouts | None = None
    """Time-outs of each attempt."""
    deadline: float | None = field(default=None, validator=validators.optional(_positive))
    """Seconds for the whole call: queueing, attempts and the waits between them. No limit when left out."""
    retry: RetryPolicy | None = None
    """When to try again."""
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    """Further header fields."""

    @headers.validator
    def _check_headers(self, _attribute: object, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            if not name or set("\r\n\0") & set(name + value):
                raise ConfigError(f"header {name!r}: a name must not be empty, nor name or value hold a line break")
