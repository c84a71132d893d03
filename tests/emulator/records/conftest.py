"""A database in memory, and records in it, without a server."""

from __future__ import annotations

import pytest

from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase


@pytest.fixture
def database() -> RecordDatabase:
    return RecordDatabase()


@pytest.fixture
def changes() -> Changes:
    return Changes()
