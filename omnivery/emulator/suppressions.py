"""Suppression lists and allow lists: one record for each address, in the order of the addresses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from attrs import define, field


@define
class SuppressionList:
    """The records of one list, by address. Case does not matter."""

    _records: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]], repr=False)

    def put(self, address: str, record: Mapping[str, Any]) -> None:
        """Add a record, or replace the record of that address."""
        self._records[address.lower()] = {"created_at": rfc2822(datetime.now(UTC)), **record}

    def get(self, address: str) -> dict[str, Any] | None:
        """Return the record of an address; None if it is not on the list."""
        return self._records.get(address.lower())

    def remove(self, address: str) -> dict[str, Any] | None:
        """Remove an address, and return its record; None if it is not on the list."""
        return self._records.pop(address.lower(), None)

    def clear(self) -> None:
        """Remove all addresses."""
        self._records.clear()

    def __len__(self) -> int:
        return len(self._records)

    def sorted(self) -> list[tuple[str, dict[str, Any]]]:
        """Return all addresses with their records, in the order of the addresses."""
        return sorted(self._records.items())


def rfc2822(moment: datetime) -> str:
    """Format a time as the API does."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)
