"""Servers that are functions, under the clients' own adapters: respx responds where httpx would open a socket."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import respx

Handler = Callable[[httpx.Request], httpx.Response] | Callable[[httpx.Request], Coroutine[Any, Any, httpx.Response]]


def respond_with(handler: Handler) -> None:
    """Have a function respond to every request over httpx until the test ends, or until the next call of this one."""
    release_wire()
    respx.mock.start()
    respx.mock.route().mock(side_effect=handler)


def release_wire() -> None:
    """Let requests reach their hosts again. Idempotent."""
    respx.mock.stop()
