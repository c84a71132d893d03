"""What a journal has of all its runs together: their target, and their totals."""

from __future__ import annotations

import sqlite3
from typing import Any

from omnivery.bulk.journal.rows import rejection_columns, rejection_of
from omnivery.bulk.report import FAILURES_KEPT, REJECTIONS_KEPT, BatchFailure, RunTotals
from omnivery.bulk.target import RunTarget
from omnivery.errors import OmniveryError

_TALLIES = ("read", "accepted", "rejected", "batches", "requests", "retries")


def target_of(db: sqlite3.Connection) -> RunTarget | None:
    """What a journal was begun with; None if it was not yet."""
    found = db.execute("SELECT name, value, secret FROM target ORDER BY id").fetchall()
    values = {name: value for name, value, _ in found}
    return RunTarget(values, secret=frozenset(name for name, _, secret in found if secret)) if found else None


def totals_of(db: sqlite3.Connection, source: int | None = None) -> RunTotals[Any]:
    """The totals of a journal, or of one source in it. What is pending counts as undelivered."""
    # NULL stands for every source.
    counts = db.execute(
        "SELECT ifnull(sum(read), 0), ifnull(sum(accepted), 0), ifnull(sum(rejected), 0), ifnull(sum(batches), 0), "
        "ifnull(sum(requests), 0), ifnull(sum(retries), 0), total(elapsed) FROM source WHERE id = ifnull(?, id)",
        (source,),
    ).fetchone()
    undelivered, unknown = db.execute(
        "SELECT ifnull(sum(items) FILTER (WHERE state <> 'unknown'), 0), "
        "ifnull(sum(items) FILTER (WHERE state = 'unknown'), 0) "
        "FROM batch WHERE state <> 'accepted' AND source = ifnull(?, source)",
        (source,),
    ).fetchone()
    refused = db.execute(
        f"SELECT {rejection_columns(db)} FROM rejection WHERE source = ifnull(?, source) ORDER BY id LIMIT ?",  # noqa: S608  # our own words
        (source, REJECTIONS_KEPT),
    )
    failed = db.execute(
        "SELECT number, items, ifnull(error, '') FROM batch WHERE state IN ('undelivered', 'unknown') AND "
        "state <> 'accepted' AND source = ifnull(?, source) ORDER BY number, id LIMIT ?",
        (source, FAILURES_KEPT),
    )
    return RunTotals(
        **dict(zip(_TALLIES, counts, strict=False)),
        elapsed=counts[-1],
        undelivered=undelivered,
        unknown=unknown,
        rejections=[rejection_of(row) for row in refused],
        failures=[BatchFailure(batch=row[0], events=row[1], error=OmniveryError(str(row[2]))) for row in failed],
    )
