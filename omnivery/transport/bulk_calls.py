"""The calls of a bulk run: those of its client, with limits and a circuit breaker of their own."""

from __future__ import annotations

import math
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import evolve, frozen

from omnivery.errors import ConfigError
from omnivery.transport import body as encoding
from omnivery.transport.adaptive_rate import AdaptiveRate
from omnivery.transport.circuit_breaker import CircuitBreaker
from omnivery.transport.client import AsyncBaseClient, call_options
from omnivery.transport.config import BULK_RETRY, CallOptions, RetryPolicy
from omnivery.transport.http import Request
from omnivery.transport.limits import rate_limiter
from omnivery.transport.retry import RetryBudget

if TYPE_CHECKING:
    from omnivery.transport.http import Response
    from omnivery.transport.operation import Operation

ClientT = TypeVar("ClientT", bound=AsyncBaseClient[Any])

_MOST_REQUESTS = 10_000
"""In flight at once. Each has a task, and a process has no more ports than some ten thousands."""


@frozen(kw_only=True)
class BulkCalls(Generic[ClientT]):
    """The client of a bulk run, and the settings of its calls."""

    client: ClientT
    """A clone with slots, a rate and a circuit breaker of its own."""
    options: CallOptions
    """Options of each call."""
    breaker: CircuitBreaker
    ready: Callable[[], Awaitable[None]]
    """Waits until the circuit is closed."""
    max_retry_after: float
    """Longest `Retry-After` in seconds that is waited for."""

    @classmethod
    def of(
        cls,
        client: ClientT,
        concurrency: int,
        options: CallOptions | None,
        *,
        requests_per_second: float | None = None,
        max_outage: float | None = None,
        probe: Operation[Any] | None = None,
        domain: str | None = None,
    ) -> BulkCalls[ClientT]:
        """Return the calls of a run over a client.

        They share the client's connections, but have slots, a rate and a circuit breaker of their own. They retry by
        `BULK_RETRY`, unless the caller has chosen a policy for the run or for the client. They have no retry budget,
        because the circuit breaker keeps an outage from multiplying traffic.

        Args:
            client: the caller's client.
            concurrency: requests in flight.
            options: options of the run's calls.
            requests_per_second: most requests that go out in a second, retries among them.
            max_outage: seconds without an acceptance after which requests are refused; None for no limit.
            probe: a safe operation that finds out whether the service is back. If left out, the run's next request
                does.
            domain: the sending domain, for the probe.

        Raises:
            ConfigError: `concurrency` is not a whole number from 1 to 10,000, the rate is not above zero, or
                `max_outage` is below zero.
        """
        _check_concurrency(concurrency)
        given = call_options(options)
        policy = given.retry or (BULK_RETRY if client._config.retry == RetryPolicy() else client._config.retry)
        breaker = CircuitBreaker(max_outage=_outage(max_outage))
        clone = client._clone(client._config)
        limited = client._limited(
            concurrency,
            policy,
            pace=rate_limiter(requests_per_second, client._pipeline.runtime, argument="requests_per_second"),
            rate=AdaptiveRate(pause=policy.throttle_base / 32, longest_pause=policy.max_backoff),
            breaker=breaker,
            probe=None if probe is None else _prober(client, probe, domain),
        )
        clone._pipeline = evolve(
            client._pipeline, adapter=limited, budget=RetryBudget(capacity=sys.maxsize), throttling_is_free=True
        )
        return cls(
            client=clone,
            options=evolve(given, retry=policy),
            breaker=breaker,
            ready=limited.ready,
            max_retry_after=policy.max_retry_after,
        )


def _check_concurrency(concurrency: object) -> None:
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or not 1 <= concurrency <= _MOST_REQUESTS:
        raise ConfigError(
            f"concurrency: expected a whole number from 1 to {_MOST_REQUESTS:,}, not {concurrency!r}. Nothing was sent."
        )


def _prober(
    client: AsyncBaseClient[Any], operation: Operation[Any], domain: str | None
) -> Callable[[], Awaitable[Response]]:
    """Return a function that sends a safe operation once. It passes no limiter."""
    path = {"domain": client._domain(domain)} if "{domain}" in operation.path else {}
    path |= {"name": client._domain(domain)} if "{name}" in operation.path else {}
    request = Request(
        method=operation.method,
        url=client._config.base_url + encoding.fill_path(operation.path, path),
        headers=client._headers(client._config.credential(operation), None, CallOptions()),
        timeouts=client._config.timeouts,
    )
    return lambda: client._adapter.send(request)


def _outage(seconds: float | None) -> float:
    if seconds is None:
        return math.inf
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise ConfigError(f"max_outage: expected seconds, 0 or more, or None, not {seconds!r}. Nothing was sent.")
    return seconds
