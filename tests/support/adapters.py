"""The adapters that keep the same contract, on each event loop that they run on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from importlib.util import find_spec
from typing import Any

import httpx
import pytest
from attrs import frozen

from omnivery.transport.adapters.httpx_async import ClientAdapter, HttpxAdapter

HAS_AIOHTTP = find_spec("aiohttp") is not None
needs_aiohttp = pytest.mark.skipif(not HAS_AIOHTTP, reason="needs the extra `fast`")


@frozen
class Lane:
    """An adapter, and the event loop below it."""

    backend: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}-{self.backend}"

    def make(self, **settings: Any) -> Any:
        """An adapter with connections of its own."""
        if self.kind == "aiohttp":
            from omnivery.transport.adapters.aiohttp_async import AiohttpAdapter

            return AiohttpAdapter(**settings)
        return HttpxAdapter(**settings)

    @asynccontextmanager
    async def open(self, **settings: Any) -> AsyncIterator[Any]:
        """An adapter that is closed in the end."""
        if self.kind == "http_client":
            async with httpx.AsyncClient(verify=False) as client:
                yield ClientAdapter(client=client, **settings)
        else:
            async with aclosing(self.make(**settings)) as adapter:
                yield adapter


OWN = [Lane("asyncio", "httpx"), Lane("trio", "httpx"), *([Lane("asyncio", "aiohttp")] if HAS_AIOHTTP else [])]
"""The adapters with connections of their own."""
ANY = [*OWN, Lane("asyncio", "http_client"), Lane("trio", "http_client")]
"""These, and the one over a caller's client."""


def open_connections(adapter: Any) -> int:
    """How many connections an idle adapter holds."""
    if isinstance(adapter, HttpxAdapter):
        assert not any(connection.busy for connection in adapter._connections)
        return len(adapter._connections)
    return sum(len(origin.idle) for origin in adapter._origins.values())
