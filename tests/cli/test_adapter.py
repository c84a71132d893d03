"""Which HTTP library bulk work runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnivery.cli.adapter import bulk_adapter
from omnivery.transport.adapters import factory
from tests.cli.conftest import Command
from tests.support.cli import event, ndjson, output_of


@pytest.mark.parametrize(
    ("installed", "proxy", "library"),
    [
        (True, None, "aiohttp"),
        (True, "http://proxy.example:3128", "aiohttp"),
        (True, "socks5://proxy.example", "httpx"),
        (False, None, "httpx"),
    ],
)
def test_the_fast_lane_is_taken_where_it_can_be(
    monkeypatch: pytest.MonkeyPatch, installed: bool, proxy: str | None, library: str
) -> None:
    monkeypatch.setattr(factory, "has_fast_lane", lambda: installed)
    assert bulk_adapter(proxy) == library


def test_submit_says_which_it_is(command: Command, tmp_path: Path) -> None:
    file = ndjson(tmp_path / "events.ndjson", [event("a")])
    environment = {"OMNIVERY_WEBHOOK_URL": "http://127.0.0.1:9/"}
    result = command("bots", "submit", str(file), "-v", environment=environment)
    assert output_of(result)["accepted"] == 1
    assert f"Requests run on {bulk_adapter()}".encode() in result.stderr
