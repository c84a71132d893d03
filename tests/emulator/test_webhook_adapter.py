"""The adapter of webhooks: loaded late, and once."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from omnivery.emulator import webhook_adapter
from omnivery.emulator.webhook_adapter import WebhookAdapter
from omnivery.transport.config import Timeouts
from omnivery.transport.http import Headers, Request, Response

REQUEST = Request(method="POST", url="http://x", headers=(), content=b"", timeouts=Timeouts())


class Fake:
    def __init__(self) -> None:
        self.sent, self.closed = 0, False

    async def send(self, _request: Request) -> Response:
        self.sent += 1
        return Response(status=200, headers=Headers(), content=b"")

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.asyncio
async def test_requests_at_the_same_time_share_one_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Fake] = []

    def load() -> Fake:
        loaded.append(Fake())
        return loaded[-1]

    monkeypatch.setattr(webhook_adapter, "_load", load)
    adapter = WebhookAdapter()
    await asyncio.gather(*(adapter.send(REQUEST) for _ in range(5)))
    await adapter.send(REQUEST)
    await adapter.aclose()
    assert sum(each.sent > 0 for each in loaded) == 1
    assert [each.sent for each in loaded if each.sent] == [6]
    assert [each.closed for each in loaded if each.sent] == [True]


@pytest.mark.asyncio
async def test_one_that_sent_nothing_can_be_closed() -> None:
    await WebhookAdapter().aclose()


def test_an_emulator_starts_without_what_only_some_runs_need() -> None:
    """Each of them takes longer to load than the rest of the start."""
    script = """
import sys
from omnivery.emulator import Emulator
with Emulator():
    print(*{"httpx", "rich", "jinja2", "smtplib", "aiohttp"} & sys.modules.keys())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
