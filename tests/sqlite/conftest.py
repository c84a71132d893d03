"""A kind of file that is nobody's, so that these tests speak of files alone."""

from __future__ import annotations

import pytest

from omnivery._sqlite.kind import FileKind, Upgrade

NOTES = FileKind(
    noun="notebook",
    refused="Nothing was written.",
    application_id=0x6E6F7465,
    version=2,
    schema=("CREATE TABLE note (id INTEGER PRIMARY KEY, words TEXT)",),
    tables=frozenset({"note"}),
    upgrades={2: Upgrade(statements=("CREATE TABLE tag (name TEXT)",), tables=frozenset({"tag"}))},
    layout=("page_size = 8192",),
    settings=("synchronous = EXTRA",),
)


@pytest.fixture
def kind() -> FileKind:
    return NOTES
