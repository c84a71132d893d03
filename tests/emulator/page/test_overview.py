"""The first page: what this is, how to connect, what arrived."""

from __future__ import annotations

import httpx

from omnivery.emulator import Emulator
from tests.emulator.page.conftest import Get


def test_it_says_what_the_emulator_is_and_what_arrived(get: Get, emu: Emulator) -> None:
    response = get("/")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "plausible, not the product" in response.text
    assert '<b>2</b><span title="in 1 batch and 0 checks">bot events</span>' in response.text
    assert f"<dd>{emu.mailgun_url}</dd>" in response.text
    assert not any(seen.route == "page" for seen in emu.requests), "it is no part of an API"


def test_it_needs_no_key_and_shows_how_to_begin() -> None:
    with Emulator(token="a-token") as fresh:
        page = httpx.get(fresh.page_url, trust_env=False).text
        assert f"export OMNIVERY_MAILGUN_URL={fresh.mailgun_url}" in page
    assert "Nothing arrived yet" in page
    assert "$OMNIVERY_TOKEN" in page
    assert "a-token" not in page
