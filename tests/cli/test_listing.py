"""Lists of the service: the first items, and whether there are more."""

from __future__ import annotations

import pytest

from omnivery.cli.listing import first_items, page_size


@pytest.mark.parametrize(
    ("count", "limit", "found", "more"),
    [(0, 3, [], False), (3, 3, [0, 1, 2], False), (4, 3, [0, 1, 2], True), (4, 0, [0, 1, 2, 3], False)],
)
def test_whether_there_are_more_is_known(count: int, limit: int, found: list[int], more: bool) -> None:
    assert first_items(range(count), limit) == (found, more)


def test_a_page_has_no_more_than_is_shown_and_than_the_service_gives() -> None:
    assert (page_size(20), page_size(0), page_size(5000), page_size(500, 100)) == (21, 1000, 1000, 100)
