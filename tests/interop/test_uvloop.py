"""The clients on uvloop, which uvicorn and others use where it is installed."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from omnivery import AsyncAutomations, AsyncMailgun, Message
from omnivery.emulator import Emulator
from tests.support.bots import events

# Loaded by name: the package is there in this session alone, so type checkers cannot know it.
uvloop: Any = pytest.importorskip("uvloop")


@pytest.mark.parametrize("adapter", ["httpx", "aiohttp"])
def test_single_calls_and_bulk_work_run_on_uvloop(emu: Emulator, adapter: Literal["httpx", "aiohttp"]) -> None:
    async def work() -> tuple[bool | None, int, str | None]:
        async with (
            AsyncAutomations(
                emu.token,
                base_url=emu.automations_url,
                domain=emu.domain,
                webhook_url=emu.webhook_url,
                adapter=adapter,
            ) as automations,
            AsyncMailgun(emu.api_key, base_url=emu.mailgun_url, domain=emu.domain, adapter=adapter) as mailgun,
        ):
            verdict = await automations.bots.check({"ip": "192.0.2.1", "uas": "curl/8.9.1"})
            report = await automations.bots.submit(events(3000))
            message = Message(from_=f"news@{emu.domain}", to="ann@example.com", subject="Hello", text="Hello")
            queued = await mailgun.messages.send(message)
        return getattr(verdict, "is_bot", None), report.accepted, queued.id

    is_bot, accepted, queued_id = uvloop.run(work())
    assert is_bot is True
    assert accepted == len(emu.bot_events) - 1 == 3000
    assert queued_id == emu.messages[0].id
