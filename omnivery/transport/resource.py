"""Base of every resource: a group of operations on one client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from omnivery.transport.paging import AsyncPages

if TYPE_CHECKING:
    from omnivery.transport.body import Body
    from omnivery.transport.client import AsyncBaseClient
    from omnivery.transport.client_config import ClientConfig
    from omnivery.transport.config import CallOptions
    from omnivery.transport.operation import Operation
    from omnivery.transport.paging import Page

T = TypeVar("T")
ConfigT = TypeVar("ConfigT", bound="ClientConfig")


def described(resource: object, client: str) -> str:
    """Return the repr of a resource: what it is, whose, and what it can do."""
    methods = [name for name, value in vars(type(resource)).items() if callable(value) and not name.startswith("_")]
    return f"<{type(resource).__name__} of {client}: {', '.join(methods)}>"


class AsyncResource(Generic[ConfigT]):
    """A group of operations on one client. Clients create their resources; user code does not."""

    def __init__(self, client: AsyncBaseClient[ConfigT]) -> None:
        self._client = client

    def __repr__(self) -> str:
        return described(self, repr(self._client))

    async def _send(
        self,
        operation: Operation[T],
        *,
        domain: str | None = None,
        path: Mapping[str, str] | None = None,
        query: Iterable[tuple[str, str]] = (),
        body: Body | None = None,
        options: CallOptions | None = None,
    ) -> T:
        """Call an operation and return the decoded response only."""
        response = await self._client.call(operation, domain=domain, path=path, query=query, body=body, options=options)
        return response.data

    def _pages(
        self,
        operation: Operation[Page[T]],
        *,
        domain: str | None = None,
        query: Iterable[tuple[str, str]] = (),
        options: CallOptions | None = None,
    ) -> AsyncPages[T]:
        """Return a paged list whose pages are calls of one operation."""

        async def fetch(query: Iterable[tuple[str, str]]) -> Page[T]:
            return await self._send(operation, domain=domain, query=query, options=options)

        return AsyncPages(fetch, query, name=operation.name)
