"""Suppression lists and allow lists: one record for each address, in the order of the addresses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from attrs import define, field


@define
class SuppressionList:
    """The addresses of one list, whatever their case."""

    _records: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]], repr=False)

    def put(self, address: str, record: Mapping[str, Any]) -> None:
        """Add an address, or replace what is recorded for it."""
        self._records[address.lower()] = {"created_at": rfc2822(datetime.now(UTC)), **record}

    def get(self, address: str) -> dict[str, Any] | None:
        """What is recorded for an address."""
        return self._records.get(address.lower())

    def remove(self, address: str) -> dict[str, Any] | None:
        """Take an address off, and return what was recorded."""
        return self._records.pop(address.lower(), None)

    def clear(self) -> None:
        """Take every address off."""
        self._records.clear()

    def sorted(self) -> list[tuple[str, dict[str, Any]]]:
        """Every address with its record, in the order of the addresses."""
        return sorted(self._records.items())


def rfc2822(moment: datetime) -> str:
    """A point in time as the API writes it."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)
