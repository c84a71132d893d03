"""Domains: what their states mean, and their DNS records."""

from __future__ import annotations

from omnivery.emulator import Emulator
from tests.emulator.page.conftest import Get


def test_a_domain_says_what_to_do_next(get: Get, emu: Emulator) -> None:
    assert "PUT /v3/domains/news.example.org/verify" in get("/_/page/domains/news.example.org").text
    page = get(f"/_/page/domains/{emu.domain}").text
    assert "It can send." in page
    assert f"ov1._domainkey.{emu.domain}" in page
    assert emu.webhook_url in page
