"""Counts of what was done and seen, for people to read."""

from __future__ import annotations

from collections import Counter

from attrs import define, field

COUNTS = ("rounds", "kills", "batches", "events", "repeats", "losses")


@define(kw_only=True)
class Figures:
    """What the session has done, by what was done."""

    seed: int
    """Of all that is drawn at random."""
    rows: dict[str, Counter[str]] = field(factory=dict[str, Counter[str]])

    def add(self, what: str, **counts: int) -> None:
        """Add to the counts of one line: `batches` and `repeats` are requests, `losses` events."""
        row = self.rows.setdefault(what, Counter())
        for name, count in counts.items():
            assert name in COUNTS
            row[name] += count
