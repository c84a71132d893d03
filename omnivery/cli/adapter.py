"""The HTTP library that bulk work runs on."""

from __future__ import annotations

from typing import Literal

FAST_PROXIES = ("http://", "https://")
"""What the URL of a proxy begins with that the fast lane can use."""


def bulk_adapter(proxy: str | None = None) -> Literal["httpx", "aiohttp"]:
    """Return the name of the library, as clients take it: the fast lane, if it is installed and can use the proxy."""
    from omnivery.transport.adapters.factory import has_fast_lane

    usable = proxy is None or proxy.lower().startswith(FAST_PROXIES)
    return "aiohttp" if usable and has_fast_lane() else "httpx"
