"""Numbers, sizes, times and URLs, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from omnivery.emulator.page import texts

NOON = datetime(2026, 11, 26, 12, 0, 0, 123_456, UTC)


def test_numbers_have_separators() -> None:
    assert texts.number(1_234_567) == "1,234,567"
    assert (texts.share(1, 8), texts.share(0, 0)) == ("12.5 %", "–")  # noqa: RUF001  # an en dash


@pytest.mark.parametrize(
    ("octets", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345, "12.3 kB"), (54_945_382, "54.9 MB")]
)
def test_sizes(octets: int, text: str) -> None:
    assert texts.size(octets) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "now"),
        (0.5, "now"),
        (1, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (200_000, "2 d"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert texts.age(NOON - timedelta(seconds=seconds), NOON) == text


def test_exact_times_are_in_utc() -> None:
    assert texts.exact(NOON) == "2026-11-26 12:00:00.123 UTC"
    assert texts.exact(NOON.astimezone(timezone(timedelta(hours=9)))) == "2026-11-26 12:00:00.123 UTC"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ann:secret@example.com:8443/hook?a=1", "https://ann:***@example.com:8443/hook?a=1"),
        ("https://example.com/hook", "https://example.com/hook"),
        ("http://[::1/broken", "http://[::1/broken"),
    ],
)
def test_passwords_in_urls_are_not_shown(url: str, shown: str) -> None:
    assert texts.masked(url) == shown
