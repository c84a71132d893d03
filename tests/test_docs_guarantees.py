"""Pages that name tests, above all the one of guarantees: every test has to be there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "delivery-guarantees.md"
MUTANTS = TESTS.parent / "docs" / "internals" / "mutants.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(PAGE.read_text() + MUTANTS.read_text()))))
def test_a_test_that_is_named_is_there(file: str, name: str) -> None:
    """A test that was renamed or deleted leaves a promise that nothing holds."""
    assert re.search(rf"^(async def {name}\(|def {name}\(|{name} = )", (TESTS / file).read_text(), re.MULTILINE)


def test_every_promise_names_a_test() -> None:
    promises = [line for line in _rows_below("| promised | test |") if not NAMED.search(line)]
    assert promises == []


def test_every_file_of_fault_tests_stands_behind_a_promise() -> None:
    """The other way round: who adds a fault test has something to tell."""
    named = {file for file, _ in NAMED.findall(PAGE.read_text())}
    assert {f"faults/{path.name}" for path in (TESTS / "faults").glob("test_*.py")} <= named


def _rows_below(head: str) -> list[str]:
    rows: list[str] = []
    within = False
    for line in PAGE.read_text().splitlines():
        within = line == head or (within and line.startswith("|"))
        if within and line != head and not line.startswith("| ---"):
            rows.append(line)
    assert rows
    return rows
