"""A run that a person may watch: it moves a bar, and calls the caller's function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from omnivery.display.progress import watching

if TYPE_CHECKING:
    from omnivery.bulk.pool import Pool

ReportT = TypeVar("ReportT")


async def finish_watched(
    run: Pool[Any, Any, ReportT],
    text: str,
    items: object,
    *,
    progress: bool,
    on_progress: Callable[[ReportT], None] | None,
) -> ReportT:
    """Go through a run to its end, as `Pool.finish` does, and show its progress if the option says so.

    Args:
        run: the run.
        text: what is being done.
        items: the run's source, as the caller gave it.
        progress: the option of that name.
        on_progress: called with each report so far.

    Raises:
        BulkError: as in `Pool.finish`.
    """
    with watching(text, items, progress=progress) as advance:

        def tell(report: Any) -> None:
            advance(report.read)
            if on_progress is not None:
                on_progress(report)

        return await run.finish(tell if progress else on_progress)
