"""Paged lists. A page never makes the client follow another host, and no list is read without end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, Generic, Self, TypeAlias, TypeVar
from urllib.parse import parse_qsl

from attrs import asdict, field, frozen

from omnivery import codec
from omnivery.display.table import SHOWN, Table, table_of_models
from omnivery.display.tabular import Tabular
from omnivery.errors import DecodeError
from omnivery.transport.http import Response
from omnivery.transport.operation import ResponseParser, json_body

T = TypeVar("T")

Query: TypeAlias = tuple[tuple[str, str], ...]

PAGE_SIZE = 100
"""Items on a page unless `limit` says otherwise: documented for domains and credentials, Mailgun's for the rest."""


class ItemList(Tabular, list[T]):
    """A `list` of items that notebooks and data frames show as a table, with a column for each field."""

    __slots__ = ()

    def _table(self) -> Table:
        return table_of_models(self)

    def _overview(self) -> Table:
        return table_of_models(self[:SHOWN], total=len(self))


@frozen(kw_only=True)
class Page(Tabular, Generic[T]):
    """One page of a list: a sequence of its items. Its table has a row for each item and a column for each field."""

    items: tuple[T, ...]
    """The items on this page."""
    total_count: int | None = None
    """Number of items in the whole list, if the response says so."""
    paging: Mapping[str, str] | None = field(default=None, repr=False)
    """URLs of the neighbouring pages as received: any of `first`, `previous`, `next`, `last`. Not in the repr, because
    a cursor may contain an e-mail address. None if the response has no such object."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the response that the SDK does not know."""

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> T:
        return self.items[index]

    def _table(self) -> Table:
        of_all = "" if self.total_count is None else f"{len(self.items):,} of {self.total_count:,}"
        return table_of_models(self.items, caption=of_all)


class AsyncPages(Generic[T]):
    """A list that is read page by page while you iterate: `async for item in …`. Await it for its first page alone.

    Nothing is sent before the first item is requested. Each iteration starts from the first page. The service's pages
    are not a snapshot: an item that is added or removed meanwhile may be missed or repeated. Each page is a call of its
    own, with the deadline, retries and errors of a call.
    """

    def __init__(
        self,
        fetch: Callable[[Query], Awaitable[Page[T]]],
        query: Iterable[tuple[str, str]] = (),
        *,
        name: str = "a list",
    ) -> None:
        self._fetch = fetch
        self._query = tuple(query)
        self._name = name

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self.first().__await__()

    def __repr__(self) -> str:
        return f"<AsyncPages of {self._name}: iterate with `async for`, or await it, .first() or .collect()>"

    def __aiter__(self) -> AsyncIterator[T]:
        return _Items(_Pages(self._fetch, self._query))

    def pages(self) -> AsyncIterator[Page[T]]:
        """Iterate over the pages: always the first, then each page that has new items."""
        return _Pages(self._fetch, self._query)

    async def first(self) -> Page[T]:
        """Return the first page."""
        return await self._fetch(self._query)

    async def collect(self, *, max_items: int | None = None) -> ItemList[T]:
        """Return all items as a list, which is also a table.

        Args:
            max_items: stop after this many items; no page beyond them is requested.
        """
        found: list[T] = []
        pages = _Pages(self._fetch, self._query)
        while max_items is None or len(found) < max_items:
            page = await pages.following()
            if page is None:
                break
            found += page.items
        return ItemList(found[:max_items])


def whole_list_of(model: type[T]) -> ResponseParser[Page[T]]:
    """Return a parser of a bare array, which is the whole list."""

    def read(response: Response) -> Page[T]:
        body = json_body(response)
        if not isinstance(body, list):
            raise DecodeError(f"the response ({response.status}) is not a list")
        items = tuple(codec.structure(item, model, at=f"$[{index}]") for index, item in enumerate(body))
        return Page(items=items, total_count=len(items))

    return ResponseParser(name=f"Page[{model.__name__}]", read=read)


def page_of(model: type[T]) -> ResponseParser[Page[T]]:
    """Return a parser of `{"items": […], "paging": {…}, "total_count": …}`; all but the items may be missing."""

    def read(response: Response) -> Page[T]:
        body = json_body(response)
        if not isinstance(body, dict) or not isinstance(body.get("items", ""), list | None):
            # An error under status 200 must not be read as an empty list.
            raise DecodeError(f"the response ({response.status}) has no list of 'items'")
        paging = body.get("paging")
        return Page(
            items=tuple(
                codec.structure(item, model, at=f"$.items[{index}]") for index, item in enumerate(body["items"] or ())
            ),
            total_count=codec.as_whole_number(body.get("total_count")),
            paging=_texts(paging) if isinstance(paging, dict) else None,
            extra={name: value for name, value in body.items() if name not in {"items", "total_count", "paging"}},
        )

    return ResponseParser(name=f"Page[{model.__name__}]", read=read)


def window(limit: int, skip: int) -> list[tuple[str, str]]:
    """Return the query of a list's first page; a `skip` of 0 is left out."""
    return [("limit", str(limit)), *([("skip", str(skip))] if skip else [])]


def _texts(paging: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in paging.items() if isinstance(value, str)}


class _Pages(Generic[T]):
    def __init__(self, fetch: Callable[[Query], Awaitable[Page[T]]], query: Query) -> None:
        self._fetch = fetch
        self._query: Query | None = query
        self._seen: set[Query | int] = set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Page[T]:
        page = await self.following()
        if page is None:
            raise StopAsyncIteration
        return page

    async def following(self) -> Page[T] | None:
        """Return the next page, or None at the end. After an error, the same page can be requested again."""
        if self._query is None:
            return None
        page = await self._fetch(self._query)
        content = _fingerprint(page)
        if self._seen and (not page.items or content in self._seen):
            self._query = None
            return None
        self._seen |= {self._query, content}
        following = _following(page, self._query)
        self._query = None if following in self._seen else following
        return page


class _Items(Generic[T]):
    def __init__(self, pages: _Pages[T]) -> None:
        self._pages = pages
        self._page: Iterator[T] = iter(())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            for item in self._page:
                return item
            self._page = iter((await anext(self._pages)).items)


def _fingerprint(page: Page[Any]) -> int:
    # A server that returns the same items for every query, each time with a new `next`, must not be read for ever.
    return hash(repr([asdict(item) for item in page.items]))


def _following(page: Page[Any], query: Query) -> Query | None:
    """Return the query of the page after this one, or None at the end."""
    # 1. The page is empty: it lies beyond the end.
    if not page.items:
        return None
    # 2. The server names the next page. Only the query of its URL is used, because the host may be another one, and
    #    credentials must not follow it there. The query is opaque.
    if page.paging:
        _, _, rest = page.paging.get("next", "").partition("?")
        return tuple(parse_qsl(rest.partition("#")[0], keep_blank_values=True)) or None
    # 3. The server names no next page; `paging: {}`, which the documentation shows for unsubscribes, says no more than
    #    a missing object. So `skip` is advanced. Without a total, a page that is not full is the last. One request too
    #    many is cheap; stopping too early could send mail to somebody who unsubscribed.
    fields = dict(query)
    read = (codec.as_whole_number(fields.get("skip")) or 0) + len(page.items)
    full = len(page.items) >= (codec.as_whole_number(fields.get("limit")) or PAGE_SIZE)
    if read >= page.total_count if page.total_count is not None else not full:
        return None
    return (*(pair for pair in query if pair[0] != "skip"), ("skip", str(read)))
