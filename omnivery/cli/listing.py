"""Lists of the service: the first items, and whether there are more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

import click

T = TypeVar("T")
LARGEST_PAGE = 1000
"""Most items of a page (Mailgun, source/api-suppressions.rst)."""

limit_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(0), help="Most items to show; 0 for all."
)


def page_size(limit: int, largest: int = LARGEST_PAGE) -> int:
    """Return the items to ask for on a page: those to show, and one more to know whether there are more."""
    return min(limit + 1, largest) if limit else largest


def first_items(items: Iterable[T], limit: int) -> tuple[list[T], bool]:
    """Return the first items of a list, all of them if the limit is 0, and whether there are more."""
    if not limit:
        return list(items), False
    found = list(islice(items, limit + 1))
    return found[:limit], len(found) > limit
