"""The law of sending: over connections that are cut at every place, no mail twice, and no untruth about any."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.support.adapters import needs_aiohttp
from tests.support.cutting import send_rounds, send_rounds_sync

ROUNDS = 100
"""The interop session makes a thousand, over foreign transports, too."""


@pytest.mark.anyio
@pytest.mark.parametrize("make", [lambda: None, lambda: httpx.AsyncClient(verify=False)], ids=["ours", "AsyncClient"])
async def test_no_mail_is_sent_twice(make: Callable[[], httpx.AsyncClient | None]) -> None:
    await send_rounds(make, ROUNDS, seed=1)


@pytest.mark.parametrize("make", [lambda: None, lambda: httpx.Client(verify=False)], ids=["ours", "Client"])
def test_no_mail_is_sent_twice_without_an_event_loop(make: Callable[[], httpx.Client | None]) -> None:
    send_rounds_sync(make, ROUNDS, seed=2)


@needs_aiohttp
@pytest.mark.asyncio
async def test_no_mail_is_sent_twice_over_aiohttp() -> None:
    await send_rounds(lambda: None, ROUNDS, seed=3, adapter="aiohttp")
