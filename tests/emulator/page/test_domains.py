"""Domains: what their states mean, and their DNS records."""

from __future__ import annotations

import httpx

from omnivery.emulator import Emulator
from tests.emulator.page.conftest import Get
from tests.support.emulator import mailgun_client


def test_any_name_that_was_accepted_has_a_url() -> None:
    with Emulator() as emu, mailgun_client(emu) as client:
        client.post("/domains", data={"name": "a?b#c%2f.example"}).raise_for_status()
        with httpx.Client(base_url=emu.automations_url, trust_env=False) as browser:
            assert 'href="/_/page/domains/a%3Fb%23c%252f.example"' in browser.get("/_/page/domains").text
            page = browser.get("/_/page/domains/a%3Fb%23c%252f.example")
            assert page.status_code == 200
            assert "<h1>a?b#c%2f.example</h1>" in page.text
            assert "?domain=a%3Fb%23c%252f.example&amp;list=bounces" in page.text


def test_a_domain_says_what_to_do_next(get: Get, emu: Emulator) -> None:
    assert "PUT /v3/domains/news.example.org/verify" in get("/_/page/domains/news.example.org").text
    page = get(f"/_/page/domains/{emu.domain}").text
    assert "It can send." in page
    assert f"ov1._domainkey.{emu.domain}" in page
    assert emu.webhook_url in page
