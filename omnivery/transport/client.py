"""What both clients share: the pipeline below them, clones, raw calls, and the way they open and close."""

from __future__ import annotations

import math
import platform
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from attrs import evolve, field, frozen

from omnivery._logging import get_logger
from omnivery._version import __version__
from omnivery.errors import ConfigError
from omnivery.transport import body as encoding
from omnivery.transport.adapters.factory import Network
from omnivery.transport.adapters.limited import LimitedAdapter, SyncLimitedAdapter
from omnivery.transport.config import BULK_RETRY, CallOptions, Limits, RetryPolicy, Timeouts, required
from omnivery.transport.http import Adapter, ApiResponse, Request
from omnivery.transport.limits import AdaptiveLimiter, RateLimiter
from omnivery.transport.observe import LogObserver, Observer
from omnivery.transport.pipeline import Call, Pipeline
from omnivery.transport.retry import RetryBudget
from omnivery.transport.runtime import AsyncRuntime, SyncRuntime

if TYPE_CHECKING:
    import ssl

    import httpx

    from omnivery.transport.body import Body
    from omnivery.transport.config import Credential
    from omnivery.transport.operation import Operation


@frozen(kw_only=True)
class ClientConfig(ABC):
    """What a client was set up with, arguments and environment already resolved."""

    base_url: str
    """Where paths are appended; without a slash at its end."""
    domain: str | None = None
    """The sending domain for operations whose path has one."""
    timeouts: Timeouts = field(factory=Timeouts)
    """Time-outs of each attempt."""
    retry: RetryPolicy = field(factory=RetryPolicy)
    """When to try again."""
    user_agent: str = ""
    """User-Agent header of our own requests."""

    @abstractmethod
    def credential(self, operation: Operation[Any]) -> Credential:
        """The credential for an operation.

        Raises:
            ConfigError: the client holds none of the kind that the operation needs.
        """


T = TypeVar("T")
ConfigT = TypeVar("ConfigT", bound=ClientConfig)


class AsyncBaseClient(Generic[ConfigT]):
    """Base of the two clients. Clones made by `with_options` share connections, slots and retry budget."""

    _config: ConfigT
    _network: Network
    _adapter: Adapter
    _pipeline: Pipeline
    _owner: bool

    def _open(
        self,
        config: ConfigT,
        *,
        limits: Limits | None,
        adapter: str,
        http_client: httpx.AsyncClient | httpx.Client | None,
        proxy: str | None,
        verify: ssl.SSLContext | bool,
        observers: Sequence[Observer],
    ) -> None:
        if adapter != "httpx":
            raise ConfigError(f"adapter: there is only 'httpx', not {adapter!r}")
        self._config = config
        self._network = Network(limits=limits or Limits(), http_client=http_client, proxy=proxy, verify=verify)
        self._adapter = self._network.adapter()
        log = LogObserver(logger=get_logger("omnivery.transport"))
        self._pipeline = Pipeline(
            adapter=self._gated(self._network.limits.concurrency, config.retry),
            runtime=AsyncRuntime(),
            budget=RetryBudget(),
            observers=(log, *observers),
        )
        self._owner = True

    def _gated(self, slots: int, policy: RetryPolicy, pace: RateLimiter | None = None) -> LimitedAdapter:
        return LimitedAdapter(
            inner=self._adapter,
            runtime=AsyncRuntime(),
            slots=AdaptiveLimiter(ceiling=slots),
            max_retry_after=policy.max_retry_after,
            pace=pace,
        )

    def _changed(self, **changes: Any) -> Self:
        """A clone whose configuration differs in what is not None."""
        given = {name: value for name, value in changes.items() if value is not None}
        return self._clone(evolve(self._config, **given))

    def _clone(self, config: ConfigT) -> Self:
        clone = object.__new__(type(self))
        clone._config = config
        clone._network = self._network
        clone._adapter = self._adapter
        clone._pipeline = self._pipeline
        clone._owner = False
        return clone

    def _has_connections(self) -> bool:
        """Whether there is something open that only the event loop can close."""
        return getattr(self._adapter, "connected", False) is True

    def _without_loop(self) -> Self:
        """A clone for the synchronous twin: its coroutines never suspend. It has connections and slots of its own."""
        clone = self._clone(self._config)
        clone._adapter = self._network.sync_adapter()
        runtime = SyncRuntime()
        gate = SyncLimitedAdapter(
            inner=clone._adapter,
            runtime=runtime,
            slots=AdaptiveLimiter(ceiling=self._network.limits.concurrency),
            max_retry_after=self._config.retry.max_retry_after,
        )
        clone._pipeline = evolve(self._pipeline, adapter=gate, runtime=runtime, budget=RetryBudget())
        clone._owner = True
        return clone

    def _for_bulk(
        self, concurrency: int, options: CallOptions | None, *, requests_per_second: float | None = None
    ) -> tuple[Self, CallOptions]:
        """A clone for a bulk run, and the options of its calls.

        The clone has the same connections, but slots and a retry budget of its own. It retries as `BULK_RETRY` has it,
        unless the caller has chosen a policy for the run or for the client.

        Raises:
            ConfigError: `concurrency` is no whole number from 1, or the rate is not above zero.
        """
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise ConfigError(f"concurrency: expected a whole number from 1, not {concurrency!r}. Nothing was sent.")
        given = options or CallOptions()
        policy = given.retry or (BULK_RETRY if self._config.retry == RetryPolicy() else self._config.retry)
        # Every call in flight can use all its attempts once; an outage that outlasts that is not worth more traffic.
        budget = RetryBudget(capacity=10 * policy.attempts * concurrency)
        clone = self._clone(self._config)
        gate = self._gated(concurrency, policy, self._pace(requests_per_second, argument="requests_per_second"))
        clone._pipeline = evolve(self._pipeline, adapter=gate, budget=budget)
        return clone, evolve(given, retry=policy)

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
        """Carry out any operation and return its answer with status, headers, request id, elapsed time and attempts.

        Args:
            operation: the row of the endpoint, such as `omnivery.automations.bots.RESULT`.
            domain: the sending domain, where the path has one; the client's own when left out.
            path: values for the other parts of the path.
            query: query parameters; a name may come more than once.
            body: the request's body, from `omnivery.transport.body`.
            options: what this call does differently.

        Raises:
            ConfigError: domain or credential is missing, or a part of the path is empty; nothing was sent.
            TransportError: no usable answer came; the sub-class says whether the operation may have happened.
            ApiError: the server answered and refused; there is a sub-class for each status.
            DecodeError: the answer is not what the operation promises.
        """
        chosen = options or CallOptions()
        values = dict(path or {})
        if "{domain}" in operation.path:
            values["domain"] = self._domain(domain)
        return await self._pipeline.run(
            Call(
                operation=operation,
                request=Request(
                    method=operation.method,
                    url=self._config.base_url + encoding.fill_path(operation.path, values) + encoding.query(query),
                    headers=self._headers(operation, body, chosen),
                    content=body.content if body else b"",
                    timeouts=chosen.timeouts or self._config.timeouts,
                ),
                retry=chosen.retry or self._config.retry,
                deadline=chosen.deadline,
            )
        )

    def _domain(self, domain: str | None) -> str:
        return required(
            # An empty text is a mistake of the caller's: to fall back here would delete from another domain.
            self._config.domain if domain is None else domain,
            argument="domain",
            variable="OMNIVERY_DOMAIN",
            purpose="sending domain",
        )

    def _headers(
        self, operation: Operation[Any], body: Body | None, options: CallOptions
    ) -> tuple[tuple[str, str], ...]:
        headers = {"accept": "application/json", "user-agent": self._config.user_agent}
        if body:
            headers["content-type"] = body.content_type
        headers.update((name.lower(), value) for name, value in options.headers.items())
        # Last, so that nothing replaces the credential.
        name, value = self._config.credential(operation).header()
        headers[name] = value
        return tuple(headers.items())

    async def aclose(self) -> None:
        """Close the connections. A clone leaves them to the client that it was made from."""
        if self._owner:
            await self._adapter.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._config.base_url!r}, domain={self._config.domain!r})"


def user_agent(suffix: str | None) -> str:
    """Our User-Agent header: name, version and Python's, then the caller's own word.

    Raises:
        ConfigError: the suffix cannot stand in a header.
    """
    if suffix is not None and not (suffix.isascii() and suffix.isprintable()):
        raise ConfigError("user_agent_suffix: must be printable ASCII, because it goes into a header")
    own = f"omnivery-python/{__version__} python/{platform.python_version()}"
    return f"{own} {suffix}" if suffix else own
