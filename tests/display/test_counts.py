"""Counts in words."""

from __future__ import annotations

import pytest

from omnivery.display.counts import counted


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (0, "batch", "0 batches"),
        (1, "batch", "1 batch"),
        (1200, "batch", "1,200 batches"),
        (1, "retry", "1 retry"),
        (2, "retry", "2 retries"),
        (2, "event", "2 events"),
    ],
)
def test_one_is_not_said_as_several(count: int, noun: str, words: str) -> None:
    assert counted(count, noun) == words
