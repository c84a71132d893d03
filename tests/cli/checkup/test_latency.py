"""Entry points: each is measured, and a faster one is recommended."""

from __future__ import annotations

import anyio
import httpx
import pytest
import respx

from omnivery.cli.checkup.account import Access
from omnivery.cli.checkup.finding import Finding, Level
from omnivery.cli.checkup.latency import _regions, check_latency
from omnivery.cli.checkup.probe import Prober
from omnivery.cli.checkup.setup import Setup
from omnivery.mailgun.config import REGIONS
from omnivery.transport.adapters.httpx_async import HttpxAdapter
from omnivery.transport.credentials import BasicKey


def measure(setup: Setup) -> list[Finding]:
    async def work() -> list[Finding]:
        mailgun = Access(credential=BasicKey(key="key"))
        return await check_latency(Prober(adapter=HttpxAdapter()), setup, mailgun, Access())

    return anyio.run(work)


@respx.mock
def test_every_entry_point_of_the_service_is_measured() -> None:
    routes = [respx.get(f"{url}/domains").respond(json={"items": []}) for url in REGIONS.values()]
    [found] = measure(Setup())
    assert {*found.details["milliseconds"]} == {"global", "eu", "us"}
    assert "in use: global" in found.message
    assert [route.call_count for route in routes] == [2, 2, 2]


@respx.mock
def test_an_entry_point_that_is_silent_costs_the_others_nothing() -> None:
    for name, url in REGIONS.items():
        route = respx.get(f"{url}/domains")
        _ = route.mock(side_effect=httpx.ConnectError) if name == "us" else route.respond(json={"items": []})
    [found] = measure(Setup())
    assert "us no response" in found.message
    assert found.details["milliseconds"]["us"] is None


@respx.mock
def test_another_server_is_measured_alone() -> None:
    respx.get("http://127.0.0.1:8025/v3/domains").respond(json={"items": []})
    [found] = measure(Setup(mailgun_url="http://127.0.0.1:8025/v3"))
    assert {*found.details["milliseconds"]} == {"http://127.0.0.1:8025/v3"}


@pytest.mark.parametrize(
    ("taken", "level", "hint"),
    [
        ({"global": 0.1, "eu": 0.08, "us": 0.2}, Level.OK, None),
        ({"global": 0.1, "eu": 0.05, "us": 0.2}, Level.NOTE, "OMNIVERY_REGION=eu"),
        ({"global": None, "eu": 0.05, "us": 0.2}, Level.NOTE, "OMNIVERY_REGION=eu"),
        ({"global": None, "eu": None, "us": None}, Level.OK, None),
    ],
)
def test_a_faster_entry_point_is_recommended(taken: dict[str, float | None], level: Level, hint: str | None) -> None:
    found = _regions("global", taken)
    assert found.level is level
    assert (hint or "") in (found.next or "")
