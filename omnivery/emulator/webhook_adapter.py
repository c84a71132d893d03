"""The adapter that sends webhooks, loaded with the first of them."""

from __future__ import annotations

from anyio import to_thread

from omnivery.transport.http import Adapter, Request, Response


class WebhookAdapter:
    """Sends requests through httpx, which takes a quarter of the emulator's start to load, and many runs do not need.

    It loads in another thread: the event loop goes on to serve the API.
    """

    def __init__(self) -> None:
        self._loaded: Adapter | None = None

    async def send(self, request: Request) -> Response:
        """Send a request.

        Raises:
            TransportError: there is no usable response.
        """
        if (adapter := self._loaded) is None:
            made = await to_thread.run_sync(_load)
            # Of those that were made at the same time, the first one stays; none of the others has a connection.
            adapter = self._loaded = self._loaded or made
        return await adapter.send(request)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._loaded is not None:
            await self._loaded.aclose()


def _load() -> Adapter:
    from omnivery.transport.adapters.httpx_async import HttpxAdapter

    return HttpxAdapter()
