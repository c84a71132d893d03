"""The base of both clients: the pipeline, clones, raw calls, opening and closing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Self, TypeVar

from attrs import evolve

from omnivery._logging import get_logger
from omnivery.errors import ConfigError
from omnivery.transport import body as encoding
from omnivery.transport.adapters.factory import AdapterFactory
from omnivery.transport.adapters.limited import LimitedAdapter, SyncLimitedAdapter
from omnivery.transport.capture import capture
from omnivery.transport.client_config import ClientConfig
from omnivery.transport.config import (
    NO_OPTIONS,
    CallOptions,
    Limits,
    RetryPolicy,
    checked,
    flag,
    required,
    valid_domain,
)
from omnivery.transport.http import Adapter, ApiResponse
from omnivery.transport.limits import AdaptiveLimiter
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


class AsyncBaseClient(Generic[ConfigT]):
    """Base of both clients. Clones made by `with_options` share connections, slots and retry budget."""

    _config: ConfigT
    _adapters: AdapterFactory
    _adapter: Adapter
    _pipeline: Pipeline
    _owns_adapter: bool
    """Whether closing this client closes the connections; a clone has those of another one."""
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
        if flag(trust_env, argument="trust_env") and http_client is not None:
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
        self._owns_adapter = True

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
        clone._owns_adapter = False
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
        clone._owns_adapter = True
        return clone

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
        return await self._run(operation, where, body, call_options(options))

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
        return await self._run(operation, where + encoding.query(query), raw_body(json, form), call_options(options))

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
        if self._owns_adapter:
            await self._adapter.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __reduce__(self) -> NoReturn:
        refuse_copy(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._config.base_url!r}, domain={self._config.domain!r})"


def refuse_copy(client: object) -> NoReturn:
    """Keep a client's key from leaving its process in a file or a message: as its `__reduce__`.

    Raises:
        TypeError: always. `copy.copy` and `copy.deepcopy` come here, too.
    """
    raise TypeError(
        f"{type(client).__name__} is not copied or pickled: it has a key and connections of its process. "
        "Create a client in each process, or use with_options() for another one on the same connections"
    )


def call_options(options: CallOptions | None) -> CallOptions:
    """Return the options that a caller gave, or those of a call without any.

    Raises:
        ConfigError: they are something else.
    """
    if options is None:
        return NO_OPTIONS
    return checked(options, CallOptions, argument="options", expected="CallOptions(…)")
