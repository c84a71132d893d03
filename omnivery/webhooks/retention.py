"""Retention in a store of verdicts: what is old enough is deleted, and the file's room used again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager

from attrs import define

from omnivery._sqlite.retention import Retention

PRUNE_ROWS = 500
"""Verdicts, and calls, that one transaction deletes."""

_FORGET = """
UPDATE calls SET body = NULL WHERE seq IN (
    SELECT seq FROM calls WHERE body IS NOT NULL AND received_at < ? LIMIT 100)
"""
# The newest row stays: SQLite would give its number to the next row, which `wait` would then miss.
_PRUNE_VERDICTS = """
DELETE FROM verdicts WHERE seq < (SELECT max(seq) FROM verdicts) AND seq IN (
    SELECT seq FROM verdicts WHERE received_at < ? ORDER BY received_at LIMIT ?)
"""
_PRUNE_CALLS = """
DELETE FROM calls WHERE received_at < ? AND seq IN (SELECT seq FROM calls ORDER BY seq LIMIT ?)
"""


@define(kw_only=True, eq=False)
class VerdictRetention(Retention):
    """Deletes old payloads, and old verdicts with the calls that carried them."""

    transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]
    """Begins a transaction of the store."""

    def forget_payloads(self, older_than: float) -> int:
        """Delete raw payloads that are older than some seconds, and return how many.

        Raises:
            ConfigError: `older_than` is no age.
        """
        before, total, count = self.moment(older_than), 0, 1
        while count:
            with self.transaction() as database:
                count = database.execute(_FORGET, (before,)).rowcount
            total += count
        return total

    def prune(self, older_than: float) -> int:
        """Delete verdicts and calls that are older than some seconds, and return how many verdicts.

        Raises:
            ConfigError: `older_than` is no age.
        """
        before, total = self.moment(older_than), 0
        while any(deleted := self._prune(before)):
            total += deleted[0]
        return total

    def forget_some(self, before: float) -> bool:
        """Delete some of what was received before a moment; say whether there was any."""
        return any(self._prune(before))

    def _prune(self, before: float) -> tuple[int, int]:
        """Delete some verdicts and calls that were received before a moment, and return how many of each."""
        with self.transaction() as database:
            verdicts = database.execute(_PRUNE_VERDICTS, (before, PRUNE_ROWS)).rowcount
            calls = database.execute(_PRUNE_CALLS, (before, PRUNE_ROWS)).rowcount
        return verdicts, calls
