"""Faults through the control API."""

from __future__ import annotations

import httpx
import pytest

from omnivery.emulator import Emulator


def test_faults_by_chance_are_set_shown_and_removed(
    emu: Emulator, control: httpx.Client, automations: httpx.Client
) -> None:
    assert control.get("/_/faults").json() == {"faults": "", "seed": None, "parts": [], "requested": []}
    control.post("/_/fail", json={"where": "bot", "status": 503, "times": 2, "body": "x"}).raise_for_status()
    shown = control.put("/_/faults", json={"faults": "402=100%"}).json()
    assert shown["faults"] == "402=100%"
    [requested] = shown["requested"]
    assert (requested["where"], requested["times"], requested["status"], requested["body"]) == ("bot", 2, 503, "x")
    assert automations.get("/test").status_code == 402
    assert str(emu.faults) == "402=100%"
    assert control.delete("/_/faults").json()["requested"] == []
    assert automations.get("/test").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("PUT", "faults", {"faults": "no such"}, "no such"),
        ("PUT", "faults", {}, "faults is missing"),
        ("PUT", "faults", {"faults": 1}, "faults is missing"),
        ("PUT", "faults", {"fault": ""}, "no parameter is named"),
        ("POST", "fail", {}, "where is missing"),
        ("POST", "fail", {"where": "bot", "headers": {"x\r\ny": "z"}}, "name that is not one of a header field"),
        ("POST", "fail", {"where": "bot", "headers": {"x": "y\r\nz"}}, "without control characters"),
        ("POST", "fail", {"where": "bot", "retry_after": "1\r\nx: y"}, "without control characters"),
    ],
)
def test_what_is_wrong_is_said(control: httpx.Client, method: str, path: str, body: object, words: str) -> None:
    response = control.request(method, f"/_/{path}", json=body)
    assert (response.status_code, words in response.json()["message"]) == (400, True), response.text


def test_a_body_that_a_fault_orders_is_no_page_of_the_emulator(emu: Emulator, automations: httpx.Client) -> None:
    """A proxy's HTML page must reach an SDK as it would in production, and do nothing in a browser."""
    page, policy = "<script>fetch('/_/reset')</script>", {"content-security-policy": "script-src *"}
    emu.fail_next("*", status=200, body=page, headers=policy)
    response = automations.get("/test")
    assert (response.text, response.headers["content-type"]) == (page, "text/html")
    assert response.headers["content-security-policy"] == "sandbox", "not the one that was ordered"
    assert response.headers["x-content-type-options"] == "nosniff"
