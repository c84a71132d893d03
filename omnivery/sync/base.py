"""Base classes of the synchronous clients and resources, whose methods are generated and call the asynchronous ones.

A single call runs the coroutine of the asynchronous method without an event loop. Bulk work runs on the background
event loop, and the calling thread waits for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar, cast

from omnivery.display.table import Table
from omnivery.display.tabular import Tabular
from omnivery.errors import ConfigError
from omnivery.sync.portal import portal
from omnivery.transport.client import AsyncBaseClient, refuse_copy
from omnivery.transport.resource import described
from omnivery.transport.runtime import drive

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from omnivery.transport.body import Body
    from omnivery.transport.config import CallOptions
    from omnivery.transport.http import ApiResponse
    from omnivery.transport.operation import Operation
    from omnivery.transport.paging import AsyncPages, ItemList, Page
    from omnivery.transport.raw import FormFields, RawSafety

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
AsyncT = TypeVar("AsyncT", bound=AsyncBaseClient[Any])


class BaseClient(Generic[AsyncT]):
    """Base of the two synchronous clients. Any number of threads may share one, and forked children may use it."""

    _async: AsyncT
    """For bulk work, on the background loop."""
    _single: AsyncT
    """For single calls, without a loop."""

    def _open(self, client: AsyncT) -> None:
        self._async = client
        self._single = client._without_loop()

    def _changed(self, client: AsyncT) -> Self:
        """Return a clone around a clone of the asynchronous client."""
        clone = object.__new__(type(self))
        clone._async = client
        clone._single = self._single._clone(client._config)
        return clone

    def call(
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
        return drive(self._single.call(operation, domain=domain, path=path, query=query, body=body, options=options))

    def request(
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
        return drive(
            self._single.request(
                method, path, query=query, json=json, form=form, safety=safety, domain=domain, options=options
            )
        )

    def capture(self) -> AbstractContextManager[list[ApiResponse[Any]]]:
        """Keep the raw responses of this client's calls: `with client.capture() as responses:`.

        Responses are added in the order of their arrival, those of the client's clones included. A block keeps the
        calls of the thread that opened it, bulk work included. A refused call adds nothing: its error has status and
        body.
        """
        return self._async.capture()

    def close(self) -> None:
        """Close the connections. A clone does nothing: they belong to the client that it was made from."""
        drive(self._single.aclose())
        if self._async._has_connections():
            portal().call(self._async.aclose)
        else:
            drive(self._async.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        refuse_copy(self)

    def __repr__(self) -> str:
        config = self._async._config
        return f"{type(self).__name__}(base_url={config.base_url!r}, domain={config.domain!r})"


class Resource(Generic[AsyncT]):
    """A group of operations on one client. Clients create their resources; user code does not."""

    def __init__(self, client: BaseClient[AsyncT]) -> None:
        self._async = client._async
        self._single = client._single
        self._shown = repr(client)

    def __repr__(self) -> str:
        return described(self, self._shown)


class Pages(Tabular, Generic[T]):
    """A list that is read page by page while you iterate: `for item in …`.

    A notebook shows the first page. A data frame has all items.

    Nothing is sent before the first item is requested. Each iteration starts from the first page. The service's pages
    are not a snapshot: an item that is added or removed meanwhile may be missed or repeated. Each page is a call of its
    own, with the deadline, retries and errors of a call.
    """

    def __init__(self, pages: AsyncPages[T]) -> None:
        self._pages = pages

    def __repr__(self) -> str:
        return f"<Pages of {self._pages._name}: iterate with `for`, or call .first() or .collect()>"

    def __iter__(self) -> Iterator[T]:
        return _Each(aiter(self._pages))

    def pages(self) -> Iterator[Page[T]]:
        """Iterate over the pages: always the first, then each page that has new items."""
        return _Each(self._pages.pages())

    def first(self) -> Page[T]:
        """Return the first page."""
        return drive(self._pages.first())

    def collect(self, *, max_items: int | None = None) -> ItemList[T]:
        """Return all items as a list, which is also a table.

        Args:
            max_items: stop after this many items; no page beyond them is requested.
        """
        return drive(self._pages.collect(max_items=max_items))

    def _table(self) -> Table:
        return self.collect()._table()

    def _overview(self) -> Table:
        return self.first()._table()


def whole(items: Iterable[T]) -> Iterable[T]:
    """Read an iterable of items in the calling thread. A text, a mapping or another value is returned unchanged.

    A list holds its items, while a generator may yield one mapping again and again with other values: it is copied.
    """
    given: object = items
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        return items
    return list(items if isinstance(items, list | tuple) else map(_apart, items))


def _apart(item: T) -> T:
    return cast("T", dict(item)) if isinstance(item, Mapping) else item


def copied(items: Mapping[K, V]) -> Mapping[K, V]:
    """Copy a mapping in the calling thread. Another value is returned unchanged."""
    return dict(items) if isinstance(items, Mapping) else items


def plain(items: Iterable[T] | AsyncIterable[T], *, argument: str) -> Iterable[T]:
    """Return an iterable that needs no event loop.

    Raises:
        ConfigError: it is asynchronous.
    """
    if not isinstance(items, Iterable) and isinstance(items, AsyncIterable):
        raise ConfigError(
            f"{argument}: an asynchronous iterable needs the asynchronous client; pass a synchronous one here. "
            "Nothing was sent."
        )
    return items


def on_loop(make: Callable[[], T]) -> T:
    """Create an object on the background loop: its locks and events belong to that loop."""
    return portal().call(make)


class _Each(Generic[T]):
    """Iterates over an asynchronous iterator. After an error the iteration can go on, unlike a generator's."""

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items = items

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        try:
            return drive(_following(self._items))
        except StopAsyncIteration:
            raise StopIteration from None


async def _following(items: AsyncIterator[T]) -> T:
    return await anext(items)
