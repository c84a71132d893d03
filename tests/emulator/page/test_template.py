"""What holds for every page: headers, escaping, links that lead somewhere, and no secret."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import httpx

from omnivery.emulator import Emulator
from omnivery.emulator.page import ROUTES
from omnivery.emulator.page.sections import SECTIONS
from omnivery.emulator.page.template import HEADERS
from tests.emulator.page.conftest import HOSTILE, Get

LINK = re.compile(r' (?:href|src|action)="([^"]*)"')
ASIDE = ("/preview", "/source", "/files/", "/static/")
"""Paths of what is no page: each has a test of its own."""


def all_pages(get: Get) -> dict[str, httpx.Response]:
    """Every page that a link leads to, once for each set of names in its query."""
    found: dict[str, httpx.Response] = {}
    waiting, kinds = ["/"], set[str]()
    while waiting:
        path = waiting.pop()
        kind = re.sub("=[^&]*", "", path)
        if kind in kinds:
            continue
        kinds.add(kind)
        found[path] = get(path)
        for link in map(unescape, LINK.findall(found[path].text)):
            full = f"{path.partition('?')[0]}{link}" if link.startswith("?") else link
            if full.startswith("/") and not any(part in full for part in ASIDE):
                waiting.append(full)
    return found


def test_every_link_leads_to_a_page_in_which_texts_are_text(get: Get, emu: Emulator) -> None:
    pages = all_pages(get)
    assert {section.path for section in SECTIONS} < set(pages)
    assert len(pages) > 40
    secrets = (emu.token, emu.api_key, emu.sending_key, emu.signing_key)
    seen = 0
    for path, response in pages.items():
        assert response.status_code == 200, path
        assert set(HEADERS.items()) <= set(response.headers.items()), path
        assert "<script>" not in response.text, path
        assert HOSTILE not in response.text, path
        assert not any(secret in response.text for secret in secrets), path
        seen += "&lt;script&gt;" in response.text
    assert seen > 20


def test_nothing_is_inline() -> None:
    """The policy allows no script, style or handler in a page; the templates must not need one."""
    folder = Path(__file__).parents[3] / "omnivery" / "emulator" / "page" / "templates"
    templates = {path.name: path.read_text("utf-8") for path in folder.glob("*.html")}
    assert len(templates) > 15
    for name, text in templates.items():
        assert not re.search(
            r"\sstyle=|\son[a-z]+=|<style|<script(?! type=\"module\" src)|javascript:|\|\s*safe", text
        ), name


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_what_is_not_there_is_a_page_too(get: Get) -> None:
    for path in (
        "messages/999",
        "messages/x",
        f"messages/{'9' * 30}",
        "events/999",
        "deliveries/999",
        "domains/no.where",
    ):
        response = get(f"/_/page/{path}")
        assert response.status_code == 404
        assert "There is no such" in response.text
        assert "<script>" not in response.text


def test_odd_queries_are_shrugged_off(get: Get) -> None:
    for query in (
        "before=x",
        "before=99999999999999999999",
        "after=-1",
        "before=1&after=1",
        "q=%00",
        "q=%ff",
        "q=\"*'",
        "tag=",
    ):
        for section in SECTIONS:
            assert get(f"{section.path}?{query}").status_code == 200, (section.path, query)
    for query in ("verdict=x", "span=x", "state=x", "list=x&domain=x&skip=99", "status=x", "view=x&width=x"):
        for path in ("events", "deliveries", "suppressions", "requests", "messages/1"):
            assert get(f"/_/page/{path}?{query}").status_code == 200, (path, query)


def test_every_route_reads_and_none_changes_anything() -> None:
    assert {route.method for route in ROUTES} == {"GET"}
