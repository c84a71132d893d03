"""How requests leave this machine: over connections of our own, or over a client of the caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from omnivery.errors import ConfigError
from omnivery.transport.config import Limits

if TYPE_CHECKING:
    import ssl

    import httpx

    from omnivery.transport.http import Adapter


@frozen(kw_only=True)
class Network:
    """What a client was told about the network. It makes the adapters: for an event loop, and for none."""

    limits: Limits
    http_client: httpx.AsyncClient | httpx.Client | None = None
    proxy: str | None = field(default=None, repr=False)
    verify: ssl.SSLContext | bool = True

    def __attrs_post_init__(self) -> None:
        if self.http_client is not None and (self.proxy is not None or self.verify is not True):
            raise ConfigError("http_client comes with its own proxy and verify: set them there, not here")

    def adapter(self) -> Adapter:
        """An adapter for an event loop.

        Raises:
            ConfigError: the proxy cannot be used, or `http_client` is none of httpx's clients.
        """
        from omnivery.transport.adapters.httpx_async import HttpxAdapter, adapter_of

        if self.http_client is None:
            return HttpxAdapter(limits=self.limits, proxy=self.proxy, verify=self.verify)
        return adapter_of(self.http_client)

    def sync_adapter(self) -> Adapter:
        """An adapter whose coroutines never suspend.

        Raises:
            ConfigError: `http_client` needs an event loop.
        """
        from omnivery.transport.adapters.httpx_sync import SyncHttpxAdapter, sync_adapter_of

        if self.http_client is None:
            return SyncHttpxAdapter(limits=self.limits, proxy=self.proxy, verify=self.verify)
        return sync_adapter_of(self.http_client)
