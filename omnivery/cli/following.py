"""Following a bulk run to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omnivery.bulk.engine import AsyncBulkRun
    from omnivery.bulk.report import BatchOutcome


async def follow(run: AsyncBulkRun, tell: Callable[[BatchOutcome], None]) -> None:
    """Enter a run and tell of each outcome. A source that cannot be read on ends it; the report says so."""
    try:
        async with run:
            async for outcome in run:
                tell(outcome)
    except Exception as error:
        if error is not run.source.error:
            raise
    finally:
        for outcome in run.remaining:
            tell(outcome)
