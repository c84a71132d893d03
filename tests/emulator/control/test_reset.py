"""Reset and health through the control API."""

from __future__ import annotations

import httpx
import pytest

from omnivery.emulator import Emulator


@pytest.mark.parametrize(("method", "path"), [("POST", "/_/reset"), ("DELETE", "/_/")])
def test_everything_is_deleted(
    emu: Emulator, control: httpx.Client, mailgun: httpx.Client, method: str, path: str
) -> None:
    mailgun.post("/domains", data={"name": "new.example"}).raise_for_status()
    control.post("/_/fail", json={"where": "*"}).raise_for_status()
    assert control.request(method, path, json={} if method == "POST" else None).is_success
    assert [each["name"] for each in mailgun.get("/domains").json()["items"]] == [emu.domain]
    assert len(emu.requests) == 1


def test_health(control: httpx.Client) -> None:
    response = control.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
