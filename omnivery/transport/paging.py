"""Lists that come in pages. A page never makes the client follow another host, and no list is read without end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
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
"""Items on a page unless `limit` says otherwise: documented for domains and credentials; Mailgun's for the rest."""


class ItemList(Tabular, list[T]):
    """Items of a list: a `list` that notebooks and data frames take for a table, with a column for each field."""

    __slots__ = ()

    def _table(self) -> Table:
        return table_of_models(self)

    def _overview(self) -> Table:
        return table_of_models(self[:SHOWN], total=len(self))


@frozen(kw_only=True)
class Page(Tabular, Generic[T]):
    """One page of a list. As a table it is its items, with a column for each field."""

    items: tuple[T, ...]
    """What stands on it."""
    total_count: int | None = None
    """How many items the whole list has, where the answer says so."""
    paging: Mapping[str, str] | None = field(default=None, repr=False)
    """Addresses of the neighbouring pages, as they came: any of `first`, `previous`, `next`, `last`. Not in the repr,
    because a cursor may hold an e-mail address. None where the answer has no such object."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""

    def _table(self) -> Table:
        of_all = "" if self.total_count is None else f"{len(self.items):,} of {self.total_count:,}"
        return table_of_models(self.items, caption=of_all)


class AsyncPages(Generic[T]):
    """A list that is read page by page, as you go: `async for item in …`.

    Nothing is sent before the first item is asked for. It can be read as often as you like, each time from the start.
    An item that is added or removed meanwhile may be missed or come twice: the service's pages are no snapshot.
    Each page is a call of its own, with the deadline, retries and errors of one.
    """

    def __init__(self, fetch: Callable[[Query], Awaitable[Page[T]]], query: Iterable[tuple[str, str]] = ()) -> None:
        self._fetch = fetch
        self._query = tuple(query)

    def __aiter__(self) -> AsyncIterator[T]:
        return _Items(_Pages(self._fetch, self._query))

    def pages(self) -> AsyncIterator[Page[T]]:
        """The pages, one after the other: the first in any case, each further one if it holds something new."""
        return _Pages(self._fetch, self._query)

    async def first(self) -> Page[T]:
        """The first page alone."""
        return await self._fetch(self._query)

    async def collect(self, *, max_items: int | None = None) -> ItemList[T]:
        """All items as a list, which is a table, too.

        Args:
            max_items: stop after so many; no page beyond them is asked for.
        """
        found: list[T] = []
        pages = _Pages(self._fetch, self._query)
        while max_items is None or len(found) < max_items:
            page = await pages.following()
            if page is None:
                break
            found += page.items
        return ItemList(found[:max_items])


def page_of(model: type[T]) -> ResponseParser[Page[T]]:
    """An answer `{"items": […], "paging": {…}, "total_count": …}`, of which all but the items may be missing."""

    def read(answer: Response) -> Page[T]:
        body = json_body(answer)
        if not isinstance(body, dict) or not isinstance(body.get("items", ""), list | None):
            # A refusal under 200 must not pass for an empty list.
            raise DecodeError(f"the answer ({answer.status}) has no list of 'items'")
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
        """The next page, or None at the end. After an error the same page can be asked for again."""
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
    # A server that answers every query with the same items, each time with a new `next`, must not be read for ever.
    return hash(repr([asdict(item) for item in page.items]))


def _following(page: Page[Any], query: Query) -> Query | None:
    """The query of the page after this one; None at the end."""
    # 1. Nothing on the page: beyond the end.
    if not page.items:
        return None
    # 2. The server names the next page. Only the query of its address is taken, which is opaque: the host may be
    #    another one, and credentials must not follow it there.
    if page.paging:
        _, _, rest = page.paging.get("next", "").partition("?")
        return tuple(parse_qsl(rest.partition("#")[0], keep_blank_values=True)) or None
    # 3. It does not, and `paging: {}`, as the documents have it for unsubscribes, says no more than none at all: count
    #    on. Without a total, a page that is not full is the last one. To ask once too often costs a request; to stop
    #    too early could cost a mail to somebody who wants none.
    fields = dict(query)
    read = (codec.as_whole_number(fields.get("skip")) or 0) + len(page.items)
    full = len(page.items) >= (codec.as_whole_number(fields.get("limit")) or PAGE_SIZE)
    if read >= page.total_count if page.total_count is not None else not full:
        return None
    return (*(pair for pair in query if pair[0] != "skip"), ("skip", str(read)))
