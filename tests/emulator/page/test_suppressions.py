"""Suppressions: each list of each domain."""

from __future__ import annotations

from tests.emulator.page.conftest import Get


def test_lists_are_chosen_searched_and_explained_when_empty(get: Get) -> None:
    page = get("/_/page/suppressions").text
    assert "hardbounce@example.com" in page
    assert "550 5.1.1 User unknown" in page
    assert "1 to 1 of 1 addresses" in page
    assert "Nobody on this list" in get("/_/page/suppressions?list=complaints").text
    assert "Nobody on this list" in get("/_/page/suppressions?domain=news.example.org").text
    assert "No address matches" in get("/_/page/suppressions?q=ann").text
