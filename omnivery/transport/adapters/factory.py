"""Creates the adapters of a client: over connections of its own, or over the caller's `http_client`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import field, frozen

from omnivery.errors import ConfigError
from omnivery.transport.config import Limits, instance_of

if TYPE_CHECKING:
    import ssl

    import httpx

    from omnivery.transport.http import Adapter

Library: TypeAlias = Literal["httpx", "aiohttp"]
"""The HTTP library that sends the requests."""


@frozen(kw_only=True)
class AdapterFactory:
    """The connection settings of a client, from which its adapters are created.

    A synchronous client needs both kinds: single calls run without an event loop, bulk work runs on one.

    Raises:
        ConfigError: `library` is unknown or not installed; or `proxy`, `verify` or another library than httpx is given
            together with `http_client`, which has its own.
    """

    limits: Limits = field(validator=instance_of(Limits))
    library: Library = "httpx"
    """What sends the requests on an event loop. Without one, it is always httpx."""
    http_client: httpx.AsyncClient | httpx.Client | None = None
    proxy: str | None = field(default=None, repr=False)
    verify: ssl.SSLContext | bool = True

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.verify, bool):
            self._check_context()
        if self.library not in ("httpx", "aiohttp"):
            raise ConfigError(f"adapter: expected 'httpx' or 'aiohttp', not {self.library!r}")
        if self.library == "aiohttp":
            self._check_fast_lane()
        if self.http_client is not None and (self.proxy is not None or self.verify is not True):
            raise ConfigError("http_client has its own proxy and verify settings: set them there, not here")

    def create_async(self) -> Adapter:
        """Return an adapter that runs on an event loop.

        Raises:
            ConfigError: the proxy cannot be used, or `http_client` is not a client of httpx.
        """
        if self.library == "aiohttp":
            from omnivery.transport.adapters.aiohttp_async import AiohttpAdapter

            return AiohttpAdapter(limits=self.limits, proxy=self.proxy, verify=self.verify)
        from omnivery.transport.adapters.httpx_async import HttpxAdapter, client_adapter

        if self.http_client is None:
            return HttpxAdapter(limits=self.limits, proxy=self.proxy, verify=self.verify)
        return client_adapter(self.http_client, self.limits)

    def create_sync(self) -> Adapter:
        """Return an adapter whose coroutines never suspend.

        Raises:
            ConfigError: the proxy cannot be used, or `http_client` needs an event loop.
        """
        from omnivery.transport.adapters.httpx_sync import SyncHttpxAdapter, sync_client_adapter

        if self.http_client is None:
            return SyncHttpxAdapter(limits=self.limits, proxy=self.proxy, verify=self.verify)
        return sync_client_adapter(self.http_client, self.limits)

    def _check_context(self) -> None:
        import ssl

        if not isinstance(self.verify, ssl.SSLContext):
            raise ConfigError(
                f"verify: expected True, False or an ssl.SSLContext, not {type(self.verify).__name__}; for your own "
                "authorities: ssl.create_default_context(cafile=…)"
            )

    def _check_fast_lane(self) -> None:
        if self.http_client is not None:
            raise ConfigError("http_client is a client of httpx: adapter='aiohttp' has connections of its own")
        if not has_fast_lane():
            raise ConfigError("adapter='aiohttp' needs another package: pip install 'omnivery[fast]'")


def has_fast_lane() -> bool:
    """Whether aiohttp is installed."""
    return find_spec("aiohttp") is not None
