"""The base of both clients: the pipeline, clones, raw calls, opening and closing."""

from __future__ import annotations

import math
import platform
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Self, TypeVar

from attrs import evolve, frozen

from omnivery._logging import get_logger
from omnivery._version import __version__
from omnivery.errors import ConfigError
from omnivery.transport import body as encoding
from omnivery.transport.adapters.factory import AdapterFactory
from omnivery.transport.adapters.limited import LimitedAdapter, SyncLimitedAdapter
from omnivery.transport.adaptive_rate import AdaptiveRate
from omnivery.transport.capture import capture
from omnivery.transport.circuit_breaker import CircuitBreaker
from omnivery.transport.client_config import ClientConfig
from omnivery.transport.config import (
    BULK_RETRY,
    NO_OPTIONS,
    CallOptions,
    Limits,
    RetryPolicy,
    checked,
    required,
    valid_domain,
)
from omnivery.transport.http import Adapter, ApiResponse, Request, Response
from omnivery.transport.limits import AdaptiveLimiter, RateLimiter
from omnivery.transport.observe import LogObserver, Observer
from omnivery.transport.pipeline import Pipeline, PreparedCall
from omnivery.transport.raw import raw_body, raw_operation, relative_path
from omnivery.transport.retry import RetryBudget
from omnivery.transport.runtime import AsyncRuntime, SyncRuntime

if TYPE_CHECKING:
    import ssl
    from contextlib import AbstractContextManager

    import httpx

    from omnivery.transport.adapters.factory import Library
    from omnivery.transport.body import Body
    from omnivery.transport.credentials import Credential
    from omnivery.transport.operation import Operation
    from omnivery.transport.raw import FormFields, RawSafety


T = TypeVar("T")
ConfigT = TypeVar("ConfigT", bound=ClientConfig)

_MOST_REQUESTS = 10_000
"""In flight at once. Each has a task, and a process has no more ports than some ten thousands."""


@frozen(kw_only=True)
class BulkCalls(Generic[T]):
    """The client of a bulk run, and the settings of its calls."""

    client: T
    """A clone with slots, a rate and a circuit breaker of its own."""
    options: CallOptions
    """Options of each call."""
    breaker: CircuitBreaker
    ready: Callable[[], Awaitable[None]]
    """Waits until the circuit is closed."""

    @property
    def max_retry_after(self) -> float:
        """Longest `Retry-After` in seconds that is waited for."""
        return (self.options.retry or BULK_RETRY).max_retry_after


class AsyncBaseClient(Generic[ConfigT]):
    """Base of both clients. Clones made by `with_options` share connections, slots and retry budget."""

    _config: ConfigT
    _adapters: AdapterFactory
    _adapter: Adapter
    _pipeline: Pipeline
    _owner: bool
    _surface: ClassVar[str]
    """Name of the surface, for the operations of `request`."""

    def _open(
        self,
        config: ConfigT,
        *,
        limits: Limits | None,
        adapter: Library,
        http_client: httpx.AsyncClient | httpx.Client | None,
        proxy: str | None,
        trust_env: bool,
        verify: ssl.SSLContext | bool,
        observers: Sequence[Observer],
    ) -> None:
        if trust_env and http_client is not None:
            raise ConfigError("http_client has its own proxy settings: set trust_env there, not here")
        if trust_env and proxy is None:
            from omnivery.transport.adapters.proxies import environment_proxy

            proxy = environment_proxy(config.base_url)
        self._config = config
        checked(observers, Iterable, argument="observers", expected="a sequence of observers")
        self._adapters = AdapterFactory(
            limits=Limits() if limits is None else limits,
            library=adapter,
            http_client=http_client,
            proxy=proxy,
            verify=verify,
        )
        self._adapter = self._adapters.create_async()
        self._pipeline = Pipeline(
            adapter=self._limited(self._adapters.limits.concurrency, config.retry),
            runtime=AsyncRuntime(),
            budget=RetryBudget(),
            observers=tuple(observers),
            log=LogObserver(logger=get_logger("omnivery.transport")),
        )
        self._owner = True

    def _limited(self, slots: int, policy: RetryPolicy, **limits: Any) -> LimitedAdapter:
        return LimitedAdapter(
            inner=self._adapter,
            runtime=AsyncRuntime(),
            slots=AdaptiveLimiter(ceiling=slots),
            max_retry_after=policy.max_retry_after,
            **limits,
        )

    def _changed(self, **changes: Any) -> Self:
        """Return a clone with the given settings changed; None leaves a setting as it is."""
        given = {name: value for name, value in changes.items() if value is not None}
        return self._clone(evolve(self._config, **given))

    def _clone(self, config: ConfigT) -> Self:
        clone = object.__new__(type(self))
        clone._config = config
        clone._adapters = self._adapters
        clone._adapter = self._adapter
        clone._pipeline = self._pipeline
        clone._owner = False
        return clone

    def _has_connections(self) -> bool:
        """Whether there are open connections, which only their event loop can close."""
        return getattr(self._adapter, "connected", False) is True

    def _without_loop(self) -> Self:
        """Return a clone for the synchronous twin. Its coroutines never suspend, and it has connections of its own."""
        clone = self._clone(self._config)
        clone._adapter = self._adapters.create_sync()
        runtime = SyncRuntime()
        limited = SyncLimitedAdapter(
            inner=clone._adapter,
            runtime=runtime,
            slots=AdaptiveLimiter(ceiling=self._adapters.limits.concurrency),
            max_retry_after=self._config.retry.max_retry_after,
        )
        clone._pipeline = evolve(self._pipeline, adapter=limited, runtime=runtime, budget=RetryBudget())
        clone._owner = True
        return clone

    def _for_bulk(
        self,
        concurrency: int,
        options: CallOptions | None,
        *,
        requests_per_second: float | None = None,
        max_outage: float | None = None,
        probe: Operation[Any] | None = None,
        domain: str | None = None,
    ) -> BulkCalls[Self]:
        """Return a clone for a bulk run, with its options and its circuit breaker.

        The clone shares the client's connections, but has slots, a rate and a circuit breaker of its own. It retries by
        `BULK_RETRY`, unless the caller has chosen a policy for the run or for the client. It has no retry budget,
        because the circuit breaker keeps an outage from multiplying traffic.

        Args:
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
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or not 1 <= concurrency <= _MOST_REQUESTS:
            raise ConfigError(
                f"concurrency: expected a whole number from 1 to {_MOST_REQUESTS:,}, not {concurrency!r}. "
                "Nothing was sent."
            )
        given = _options(options)
        policy = given.retry or (BULK_RETRY if self._config.retry == RetryPolicy() else self._config.retry)
        breaker = CircuitBreaker(max_outage=_outage(max_outage))
        clone = self._clone(self._config)
        limited = self._limited(
            concurrency,
            policy,
            pace=self._pace(requests_per_second, argument="requests_per_second"),
            rate=AdaptiveRate(pause=policy.throttle_base / 32, longest_pause=policy.max_backoff),
            breaker=breaker,
            probe=None if probe is None else self._prober(probe, domain),
        )
        clone._pipeline = evolve(
            self._pipeline, adapter=limited, budget=RetryBudget(capacity=sys.maxsize), throttling_is_free=True
        )
        return BulkCalls(client=clone, options=evolve(given, retry=policy), breaker=breaker, ready=limited.ready)

    def _prober(self, operation: Operation[Any], domain: str | None) -> Callable[[], Awaitable[Response]]:
        """Return a function that sends a safe operation once. It passes no limiter."""
        path = {"domain": self._domain(domain)} if "{domain}" in operation.path else {}
        path |= {"name": self._domain(domain)} if "{name}" in operation.path else {}
        request = Request(
            method=operation.method,
            url=self._config.base_url + encoding.fill_path(operation.path, path),
            headers=self._headers(self._config.credential(operation), None, CallOptions()),
            timeouts=self._config.timeouts,
        )
        return lambda: self._adapter.send(request)

    def _pace(self, per_second: float | None, *, argument: str) -> RateLimiter | None:
        if per_second is None:
            return None
        if isinstance(per_second, bool) or not isinstance(per_second, int | float) or not 0 < per_second < math.inf:
            raise ConfigError(f"{argument}: expected a number above zero, not {per_second!r}. Nothing was sent.")
        return RateLimiter(per_second=per_second, runtime=self._pipeline.runtime)

    async def call(
        self,
        operation: Operation[T],
        *,
        domain: str | None = None,
        path: Mapping[str, str] | None = None,
        query: Iterable[tuple[str, str]] = (),
        body: Body | None = None,
        options: CallOptions | None = None,
    ) -> ApiResponse[T]:
        """Call any operation and return its response with status, headers, request id, elapsed time and attempts.

        Args:
            operation: the row of the endpoint, such as `omnivery.automations.bots.RESULT`.
            domain: the sending domain, where the path has one; the client's if left out.
            path: values for the other parts of the path.
            query: query parameters; a name may occur more than once.
            body: the request's body, made by `omnivery.transport.body`.
            options: options of this call.

        Raises:
            ConfigError: domain or credential is missing, or a part of the path is empty; nothing was sent.
            TransportError: no usable response came; the subclass says whether the operation may have happened.
            ApiError: the server refused the request; there is a subclass for each common status.
            DecodeError: the response is not what the operation promises.
        """
        where = self._path(operation, domain, path) + encoding.query(query)
        return await self._run(operation, where, body, _options(options))

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        json: Any = None,
        form: FormFields | None = None,
        safety: RawSafety | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> ApiResponse[Any]:
        """Call an endpoint that has no method yet, with the client's authentication, retries and errors.

        Args:
            method: HTTP method.
            path: the path below the base URL, percent-encoded where it must be. `{domain}` stands for the sending
                domain. The credential goes to no other host.
            query: query parameters; a name may occur more than once.
            json: the body, if it is JSON.
            form: the body, if it is a url-encoded form.
            safety: what a repetition of the request means: `safe`, `idempotent` or `non_idempotent`. If left out, GET
                and HEAD are safe, and all other methods are not idempotent: a request that may have taken effect is not
                retried.
            domain: the sending domain; the client's if left out.
            options: options of this call.

        Returns:
            The response. `data` is the parsed JSON, or else the text; None if the body is empty.

        Raises:
            ConfigError: the path is absolute or leads out of the base URL, or an argument is invalid; nothing was sent.
            TransportError: no usable response came; the subclass says whether the operation may have happened.
            ApiError: the server refused the request; there is a subclass for each common status.
            DecodeError: the response is a web page.
        """
        where = relative_path(path)
        operation = raw_operation(self._surface, method, where, safety)
        if "{domain}" in where:
            where = where.replace("{domain}", encoding.fill_path("{domain}", {"domain": self._domain(domain)}))
        return await self._run(operation, where + encoding.query(query), raw_body(json, form), _options(options))

    def capture(self) -> AbstractContextManager[list[ApiResponse[Any]]]:
        """Keep the raw responses of this client's calls: `with client.capture() as responses:`.

        Responses are added in the order of their arrival, those of the client's clones included. A block keeps the
        calls of the task that opened it, and of tasks that were started in it. A refused call adds nothing: its error
        has status and body.
        """
        return capture(self._adapters)

    async def _run(
        self, operation: Operation[T], where: str, body: Body | None, options: CallOptions
    ) -> ApiResponse[T]:
        call = self._prepared(operation, where, options, content_type=body.content_type if body else None)
        return await call(body.content if body else b"")

    def _prepared(
        self, operation: Operation[T], where: str, options: CallOptions, *, content_type: str | None
    ) -> PreparedCall[T]:
        """Return a call of an operation at a path, to be made with one content or with many."""
        credential = self._config.credential(operation)
        return PreparedCall(
            pipeline=self._pipeline,
            operation=operation,
            url=self._config.base_url + where,
            headers=self._headers(credential, content_type, options),
            timeouts=options.timeouts or self._config.timeouts,
            policy=options.retry or self._config.retry,
            deadline=options.deadline,
            secrets=credential.secrets,
            owner=self._adapters,
        )

    def _path(self, operation: Operation[Any], domain: str | None, path: Mapping[str, str] | None = None) -> str:
        if "{" not in operation.path:
            return operation.path
        values = dict(path or {})
        if "{domain}" in operation.path:
            values["domain"] = self._domain(domain)
        return encoding.fill_path(operation.path, values)

    def _domain(self, domain: str | None) -> str:
        # The client's own domain was checked when the client was made. An empty argument is the caller's mistake: to
        # fall back to the client's domain could delete from the wrong one.
        if domain is None and self._config.domain:
            return self._config.domain
        return valid_domain(required(domain, argument="domain", variable="OMNIVERY_DOMAIN", purpose="sending domain"))

    def _headers(
        self, credential: Credential, content_type: str | None, options: CallOptions
    ) -> tuple[tuple[str, str], ...]:
        headers = {"accept": encoding.JSON, "user-agent": self._config.user_agent}
        if content_type is not None:
            headers["content-type"] = content_type
        for further in (self._config.headers, options.headers):
            for name, value in further.items():
                headers[name.lower()] = value
        # Last, so that nothing replaces the credential.
        name, value = credential.header
        headers[name] = value
        return tuple(headers.items())

    async def aclose(self) -> None:
        """Close the connections. A clone does nothing: they belong to the client that it was made from."""
        if self._owner:
            await self._adapter.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __reduce__(self) -> NoReturn:
        # Also what copy.copy() and copy.deepcopy() use. A key must not leave its process in a file or a message.
        raise TypeError(
            f"{type(self).__name__} is not copied or pickled: it has a key and connections of its process. "
            "Create a client in each process, or use with_options() for another one on the same connections"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._config.base_url!r}, domain={self._config.domain!r})"


def _options(options: CallOptions | None) -> CallOptions:
    if options is None:
        return NO_OPTIONS
    return checked(options, CallOptions, argument="options", expected="CallOptions(…)")


def _outage(seconds: float | None) -> float:
    if seconds is None:
        return math.inf
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise ConfigError(f"max_outage: expected seconds, 0 or more, or None, not {seconds!r}. Nothing was sent.")
    return seconds


def user_agent(suffix: str | None) -> str:
    """Return the User-Agent header: the SDK's version, Python's version and the caller's suffix.

    Raises:
        ConfigError: the suffix is not printable ASCII.
    """
    if suffix is not None and not (suffix.isascii() and suffix.isprintable()):
        raise ConfigError("user_agent_suffix: must be printable ASCII, because it is sent in a header")
    own = f"omnivery-python/{__version__} python/{platform.python_version()}"
    return f"{own} {suffix}" if suffix else own
