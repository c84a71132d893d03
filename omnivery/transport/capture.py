"""Raw responses of typed calls: kept while a `with client.capture()` block is open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from omnivery.transport.http import ApiResponse

Captured: TypeAlias = list[ApiResponse[Any]]

# In a context variable, so that a block sees the calls of its own task, and of tasks that were started in it.
CAPTURES: ContextVar[tuple[tuple[object, Captured], ...]] = ContextVar("omnivery_captures", default=())
"""The open blocks: whose calls each keeps, and what it has kept."""


@contextmanager
def capture(owner: object) -> Iterator[Captured]:
    """Keep the responses of an owner's calls until the block ends."""
    found: Captured = []
    CAPTURES.set((*CAPTURES.get(), (owner, found)))
    try:
        yield found
    finally:
        # Not by the variable's token: a fixture may open the block in another context than it closes it in.
        CAPTURES.set(tuple(each for each in CAPTURES.get() if each[1] is not found))
