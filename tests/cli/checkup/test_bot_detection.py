"""Bot detection: whether it is enabled shows without an event being submitted."""

from __future__ import annotations

import anyio
import pytest
import respx

from omnivery.cli.checkup.account import Access
from omnivery.cli.checkup.bot_detection import check_bot_detection
from omnivery.cli.checkup.finding import Area, Finding, Level
from omnivery.cli.checkup.probe import Prober
from omnivery.cli.checkup.setup import Setup
from omnivery.emulator import Emulator
from omnivery.transport.adapters.httpx_async import HttpxAdapter
from omnivery.transport.credentials import TokenHeader
from tests.cli.checkup.conftest import Examine


def test_a_domain_for_which_it_is_not_enabled(emulator: Emulator, look: Examine) -> None:
    [found] = look(domain="other.example.org").of(Area.AUTOMATIONS, Level.NOTE)
    assert found.message.startswith("Bot detection is not enabled for other.example.org")
    assert emulator.statistics.bot_events == 0


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500])
@respx.mock
def test_other_responses_prove_nothing(status: int) -> None:
    route = respx.post("https://zap-api.omnivery.net/mail.example.com/bot").respond(status)

    async def work() -> list[Finding]:
        access = Access(credential=TokenHeader(name="ov-token", token="my-token"), domains=("mail.example.com",))
        return await check_bot_detection(Prober(adapter=HttpxAdapter()), Setup(), access)

    assert anyio.run(work) == []
    assert route.calls.last.request.content == b'{"events": []}', "no event, and nowhere to send a verdict"
