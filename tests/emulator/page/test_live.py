"""The stream of changes: what changed, and the counts; at most a few times a second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

from omnivery.emulator import Emulator
from tests.support.emulator import automations_client


def changes(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_the_stream_tells_of_every_kind_of_change_and_ends_with_the_emulator() -> None:
    with (
        Emulator() as emu,
        automations_client(emu) as client,
        httpx.stream("GET", f"{emu.page_url}_/page/live", trust_env=False) as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = changes(stream)
        assert next(told)["counts"]["events"] == "0"
        client.post(f"/{emu.domain}/bot", data={"ip": "192.0.2.1"}).raise_for_status()
        seen = next(told)
        kinds = set(seen["kinds"])
        while not {"bot_events", "requests"} <= kinds:
            seen = next(told)
            kinds |= set(seen["kinds"])
        assert seen["counts"]["events"] == "1"
        assert "192.0.2.1" not in json.dumps(seen), "it names kinds, and holds no record"
        emu.stop()
        assert list(told) == [], "the emulator does not wait for a page that is open"
