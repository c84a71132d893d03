"""Requests to the APIs."""

from __future__ import annotations

from tests.emulator.page.conftest import Get


def test_requests_are_filtered(get: Get) -> None:
    assert "5 of 5 requests" in get("/_/page/requests").text
    assert "2 of 2 requests" in get("/_/page/requests?route=messages").text
    assert "No request matches" in get("/_/page/requests?status=500").text
