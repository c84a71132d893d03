"""One emulator for all tests of the page, with a little of everything. No test changes what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import httpx
import pytest

from omnivery.emulator import Emulator
from tests.support.emulator import automations_client, mailgun_client

HOSTILE = "\"><script>alert('x')</script>"
"""A text from outside, wherever there is place for one."""

Get: TypeAlias = Callable[[str], httpx.Response]


@pytest.fixture(scope="session")
def emu() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=()) as made:
        fill(made)
        made.wait_idle(30)
        yield made


def fill(emu: Emulator) -> None:
    """Messages, events, webhooks, a bounce, a domain."""
    with mailgun_client(emu) as client:
        client.post(f"/domains/{emu.domain}/webhooks", data={"id": "delivered", "url": emu.webhook_url})
        client.post("/domains", data={"name": "news.example.org"})
        fields = {"from": f"News <news@{emu.domain}>", "subject": HOSTILE, "text": HOSTILE, "html": f"<p>{HOSTILE}</p>"}
        more = {"o:tag": [HOSTILE[:50], "welcome"], "h:X-Own": HOSTILE, "v:own": HOSTILE}
        files = [("attachment", (f"{HOSTILE}.html", b"<script>", "text/html"))]
        for to in ("ann@example.com", "hardbounce@example.com"):
            client.post(f"/{emu.domain}/messages", data={**fields, **more, "to": to}, files=files).raise_for_status()
    with automations_client(emu) as client:
        event = {"ip": "192.0.2.1", "uas": HOSTILE, "event_id": HOSTILE, "action": HOSTILE, HOSTILE: HOSTILE}
        events = [event, {"ip": "2001:db8::1", "uas": "Mozilla/5.0", "event_id": "2", "ts": 1.5, "list": [1]}]
        content = {"events": events, "webhook_url": f"{emu.webhook_url}?a=<b>"}
        client.post(f"/{emu.domain}/bot", json=content).raise_for_status()


@pytest.fixture(scope="session")
def get(emu: Emulator) -> Iterator[Get]:
    """Request a path."""
    with httpx.Client(base_url=emu.automations_url, trust_env=False) as client:
        yield client.get
