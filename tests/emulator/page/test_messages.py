"""Messages: what a list and a message show, and how their files are sent."""

from __future__ import annotations

import pytest

from tests.emulator.page.conftest import HOSTILE, Get


def test_the_list_is_searched_and_filtered(get: Get) -> None:
    assert "2 of 2 messages" in get("/_/page/messages").text
    assert "1 of 1 messages" in get("/_/page/messages?q=ann").text
    assert "2 of 2 messages" in get("/_/page/messages?tag=welcome").text
    assert "No message matches" in get("/_/page/messages?q=nobody").text


@pytest.mark.parametrize(
    ("view", "text"),
    [
        ("html", 'sandbox="allow-popups allow-popups-to-escape-sandbox"'),
        ("text", "<pre class"),
        ("markup", "&lt;script&gt;"),
        ("headers", '<td class="mono">X-Own</td>'),
        ("source", "Composed by the emulator"),
        ("request", '<td class="mono">v:own</td>'),
        ("links", "No images."),
        ("files", "/_/page/messages/1/files/0"),
        ("deliveries", "delivered · 200"),
    ],
)
def test_each_part_has_a_url(get: Get, view: str, text: str) -> None:
    page = get(f"/_/page/messages/1?view={view}").text
    assert text in page
    assert f'<a href="?view={view}" aria-current="page">' in page


def test_files_are_downloads_whatever_they_claim_to_be(get: Get) -> None:
    response = get("/_/page/messages/1/files/0")
    assert response.content == b"<script>"
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''%2522%3E%3Cscript%3Ealert%28%27x%27%29%3C%2Fscript%3E.html"
    )
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert get("/_/page/messages/1/files/1").status_code == get("/_/page/messages/1/files/x").status_code == 404


def test_the_source_is_a_download(get: Get) -> None:
    response = get("/_/page/messages/1/source")
    assert response.headers["content-type"] == "message/rfc822"
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''message-1.eml"
    assert b"X-Own: " + HOSTILE.encode() in response.content
