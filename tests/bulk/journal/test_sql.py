"""A transaction: whatever it holds, all of it is written or nothing, and no value keeps it from being written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omnivery.bulk.journal.reader import JournalReader
from omnivery.bulk.journal.sql import BODIES, JournalEntry
from omnivery.bulk.part import BatchDelta, Part, PartState
from omnivery.bulk.report import Rejection
from omnivery.bulk.source import ResumePoint
from omnivery.errors import JournalError
from tests.support.journal_rows import (
    SOURCE,
    at,
    drain,
    ended,
    full,
    message,
    part,
    read,
    rows,
    settled,
    states,
    store_of,
)

HALF = "\ud800"
"""Half of a surrogate pair: text to Python, and to nobody else."""


def counted(path: Path) -> dict[int, int]:
    return dict(rows(path, "SELECT number, max(counted) FROM batch GROUP BY number"))


def test_one_transaction_may_hold_all_that_there_is(tmp_path: Path) -> None:
    """Of several sources, with every kind of end: it is one statement."""
    full(tmp_path / "j")
    with store_of(tmp_path / "j") as store:
        other, _ = store.enter_source(ResumePoint(name="other"))
        new = part(store, "n0", "n1")
        drain(store)
        delta = BatchDelta(
            number=4,
            source=1,
            counted=True,
            unfinished=False,
            ended=[ended(part(store, "e17", "e18", "e19", row=11), PartState.ACCEPTED, attempts=2)],
            requests=2,
            retries=1,
        )
        store.transact([JournalEntry(delta=delta, elapsed=1.5), read(store, other, new, position=at({"items": 2}))])
        found = [(one.name, one.position, one.read, one.accepted) for one in _state(tmp_path / "j").sources]
    # 4 of e0 to e3, one message, and 3 of what was e16 to e19.
    assert found == [("source", {"items": 1}, 25, 8), ("other", {"items": 2}, 2, 0)]
    [totals] = rows(tmp_path / "j", "SELECT batches, requests, retries, elapsed, last_number FROM source WHERE id = 1")
    assert totals == (8, 10, 1, 1.5, 9)


def _state(path: Path) -> Any:
    with JournalReader.open(path) as reader:
        return reader.state()


def test_a_transaction_holds_any_number_of_bodies(tmp_path: Path) -> None:
    """So many are values of their own: what comes after them must be the bytes of its own part as well."""
    with store_of(tmp_path / "j") as store:
        source, _ = store.enter_source(SOURCE)
        parts = [part(store, "x", first=number) for number in range(2 * BODIES + 3)]
        parts.insert(1, message(store, 2 * BODIES + 3))
        parts[2].body = b""
        store.transact([read(store, source, one) for one in parts])
    kept = {one.row: None if one.digest else one.body for one in parts}
    assert dict(rows(tmp_path / "j", "SELECT id, body FROM batch")) == kept


def test_places_are_kept_whatever_their_order(tmp_path: Path) -> None:
    """Those that follow one another are kept as the first one; others must not be taken for such."""
    with store_of(tmp_path / "j") as store:
        source, _ = store.enter_source(SOURCE)
        given: list[tuple[Any, Any]] = [
            (range(5, 8), None),
            ([5, 6, 7], [1, 2, 3]),
            ([5, 7, 6, 8], [3, 3, 5, 6]),
            ([5, 5, 7], [None, 2, 3]),
            (range(9, 3, -2), [1, None, 3]),
            ([4], [2**70]),
        ]
        parts = [part(store, *["x"] * len(indices), indices=indices, lines=lines) for indices, lines in given]
        store.transact([read(store, source, one) for one in parts])
        store.transact([settled(source, *(ended(one, PartState.PENDING) for one in parts))])
    with store_of(tmp_path / "j") as store:
        found = [(list(one.indices), one.lines and list(one.lines)) for parts in drain(store) for one in parts]
    # What SQLite cannot hold is no line of any file.
    given[-1] = ([4], [None])
    assert found == [(list(indices), lines) for indices, lines in given]


@pytest.mark.parametrize("identifier", [HALF, f"a{HALF}b", "nul\x00byte", "ü€𝄞", "", 'quote"\\'])
def test_any_text_can_be_an_id(tmp_path: Path, identifier: str) -> None:
    """One odd id hung a run beyond Ctrl-C, or came out as UnicodeEncodeError at every rerun."""
    shown = identifier.replace(HALF, "\\ud800")
    with store_of(tmp_path / "j") as store:
        source, _ = store.enter_source(SOURCE)
        batch = part(store, identifier, None)
        store.transact([read(store, source, batch)])
        rejection = Rejection(index=0, line=2, event_id=identifier, reason=f"because of {identifier}")
        replaced = ended(batch, PartState.REPLACED)
        again = part(store, identifier)
        store.transact([settled(source, replaced, rejected=[(rejection, b"\x00\xff")], opened=[again])])
        store.transact([settled(source, ended(again, PartState.UNDELIVERED, error=f"it was {identifier}"))])
        [known] = store.totals().rejections
        [failure] = store.totals().failures
    assert (known.index, known.line, known.event_id, known.reason) == (0, 2, shown, f"because of {shown}")
    assert str(failure.error) == f"it was {shown}"
    with JournalReader.open(tmp_path / "j") as reader:
        assert [(one.item, one.item_id) for one in reader.rejected()] == [(b"\x00\xff", shown)]
        assert [one.item_id for one in reader.undelivered(lambda body: iter([body]))] == [shown]


@pytest.mark.parametrize("line", [2**63, 2**70, -(2**70), "seven", 1.5, object()])
def test_a_line_that_cannot_be_stored_is_left_out(tmp_path: Path, line: Any) -> None:
    with store_of(tmp_path / "j") as store:
        source, _ = store.enter_source(SOURCE)
        batch = part(store, "e0", lines=[line])
        store.transact([read(store, source, batch)])
        rejection = Rejection(index=2**62, line=line, reason="wrong")
        replaced = ended(batch, PartState.REPLACED)
        store.transact([settled(source, replaced, rejected=[(rejection, None)])])
        [known] = store.totals().rejections
    assert (known.index, known.line) == (2**62, None)


def test_a_source_whose_name_is_no_unicode_is_found_again(tmp_path: Path) -> None:
    """Names of files are bytes: found again under another name, it would be read and sent a second time."""
    point = ResumePoint(name="caf\udce9.log", identity={"path": "caf\udce9", "bytes": 3}, position={"offset": 7})
    with store_of(tmp_path / "j") as store:
        row, _ = store.enter_source(point)
        assert store.resume_points() == [point]
        assert store.enter_source(point)[0] == row
        # As text it would be another name.
        assert store.enter_source(ResumePoint(name="caf\\udce9.log"))[0] != row
    with JournalReader.open(tmp_path / "j") as reader:
        assert [*reader.totals()] == ["caf\udce9.log", "caf\\udce9.log"]


class Poison:
    """A value that nothing can be made of."""

    def __repr__(self) -> str:
        raise ZeroDivisionError

    def __bytes__(self) -> bytes:
        raise ZeroDivisionError


@pytest.mark.parametrize("error", [MemoryError, RecursionError, ZeroDivisionError, RuntimeError])
def test_whatever_goes_wrong_is_a_journal_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Who waits for the journal waits for that error alone, and would wait for ever."""

    def fail(*_: object) -> None:
        raise error("a secret")

    with store_of(tmp_path / "j") as store:
        source, _ = store.enter_source(SOURCE)
        monkeypatch.setattr("omnivery.bulk.journal.store.step_of", fail)
        with pytest.raises(JournalError, match=error.__name__) as caught:
            store.transact([read(store, source, part(store, "e0"))])
        monkeypatch.undo()
        store.transact([read(store, source, part(store, "e1"))])
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert rows(tmp_path / "j", "SELECT ids FROM batch") == [('["e1"]',)]


def test_a_value_that_nothing_can_be_made_of_is_a_journal_error(tmp_path: Path) -> None:
    with store_of(tmp_path / "j") as store:
        source, _ = store.enter_source(SOURCE)
        odd: Any = Poison()
        with pytest.raises(JournalError, match="cannot be written"):
            store.transact([read(store, source, part(store, "good")), read(store, source, part(store, "x", row=odd))])
        assert store.totals().read == 0
    assert states(tmp_path / "j") == {}


def test_what_counts_a_batch_is_its_first_request(tmp_path: Path) -> None:
    """A batch of which a request has ended is one of the journal's batches, also if its parts go on another time."""
    path = tmp_path / "j"
    with store_of(path) as store:
        source, _ = store.enter_source(SOURCE)
        whole, other, third = part(store, "a", "b"), part(store, "c", first=2), part(store, "d", first=3)
        store.transact([read(store, source, one) for one in (whole, other, third)])
        assert counted(path) == {0: 0, 1: 0, 2: 0}
        # The first half of the first batch is accepted, and the second is still to go.
        halves = [part(store, "a"), part(store, "b", first=1)]
        replaced = ended(whole, PartState.REPLACED)
        store.transact([settled(source, replaced, opened=halves, unfinished=True, counted=True, batches=1)])
        assert counted(path) == {0: 1, 1: 0, 2: 0}
        # A request with the second part of another batch has ended, and one of its parts waits.
        later = part(store, "c", first=2)
        replaced = ended(other, PartState.REPLACED)
        store.transact([settled(source, replaced, number=1, opened=[later], unfinished=True, batches=1)])
        assert counted(path) == {0: 1, 1: 1, 2: 0}
        # One that was not sent at all.
        store.transact(
            [settled(source, ended(third, PartState.PENDING, attempts=0), number=2, batches=0, counted=False)]
        )
    assert counted(path) == {0: 1, 1: 1, 2: 0}
    with store_of(path) as store:
        assert {one.number: one.counted for parts in drain(store) for one in parts} == {0: True, 1: True, 2: False}


def test_a_part_keeps_the_error_that_it_had(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with store_of(path) as store:
        source, _ = store.enter_source(SOURCE)
        one = part(store, "a")
        store.transact([read(store, source, one)])
        store.transact([settled(source, ended(one, PartState.PENDING, error="first", attempts=3))])
        store.transact([settled(source, ended(one, PartState.PENDING, error=None, attempts=0))])
        assert rows(path, "SELECT error, attempts, settled_at FROM batch") == [("first", 3, None)]
        store.transact([settled(source, ended(one, PartState.ACCEPTED, attempts=2))])
    assert rows(path, "SELECT error, attempts, settled_at >= created_at, places, body, ids FROM batch") == [
        (None, 5, 1, None, None, '["a"]')
    ]


@pytest.mark.parametrize("ids", [None, ["<1@example.com>"]])
@pytest.mark.parametrize("make", [lambda store: part(store, "a"), lambda store: message(store, 0)])
def test_a_part_is_written_alike_in_one_transaction_and_in_two(
    tmp_path: Path, make: Callable[[Any], Part[Any]], ids: list[str] | None
) -> None:
    """A batch that its source yields again is written when it has ended, and any other before it is sent, too."""
    with store_of(tmp_path / "two") as store:
        source, _ = store.enter_source(SOURCE)
        one = make(store)
        store.transact([read(store, source, one)])
        store.transact([settled(source, ended(one, PartState.ACCEPTED, attempts=2, ids=ids))])
    with store_of(tmp_path / "one") as store:
        source, _ = store.enter_source(SOURCE)
        one = make(store)
        store.transact([settled(source, ended(one, PartState.ACCEPTED, attempts=2, ids=ids), opened=[one])])
    columns = "state, counted, items, place, attempts, settled_at >= created_at, error, digest, places, ids, body"
    found: list[Any] = []
    for name in ("one", "two"):
        with JournalReader.open(tmp_path / name) as reader:
            receipts = [batch.item_ids for batch in reader.accepted()]
        found.append((rows(tmp_path / name, f"SELECT {columns} FROM batch"), receipts))
    assert found[0] == found[1]


# Messages


def test_of_a_message_neither_bytes_nor_an_id_are_kept(tmp_path: Path) -> None:
    """No body and no e-mail address lies on the disk of who sends."""
    path = tmp_path / "j"
    with store_of(path) as store:
        source, _ = store.enter_source(SOURCE)
        store.transact([read(store, source, message(store, 7, b"\x00digest"))])
        assert rows(path, "SELECT digest, body, ids, place, state FROM batch") == [
            (b"\x00digest", None, "[null]", 7, "sending")
        ]
        for file in tmp_path.iterdir():
            assert b"Dear Ann" not in file.read_bytes()


def test_a_message_that_was_accepted_is_known_by_its_receipt(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with store_of(path) as store:
        source, _ = store.enter_source(SOURCE)
        one = message(store, 0)
        store.transact([read(store, source, one)])
        store.transact([settled(source, ended(one, PartState.ACCEPTED, ids=["<1@example.com>"]))])
        assert {place: known.state for place, known in store.items_at(source, 0, 9).items()} == {0: "accepted"}
    with JournalReader.open(path) as reader:
        assert [batch.item_ids for batch in reader.accepted()] == [("<1@example.com>",)]


def test_a_rejected_message_is_known_by_its_digest(tmp_path: Path) -> None:
    with store_of(tmp_path / "j") as store:
        source, _ = store.enter_source(SOURCE)
        one = message(store, 3, b"three")
        store.transact([read(store, source, one)])
        rejection = Rejection(index=3, reason="no recipient")
        store.transact([settled(source, ended(one, PartState.REPLACED), rejected=[(rejection, None)])])
        [(place, known)] = store.items_at(source, 0, 9).items()
    assert (place, known.state, known.digest, known.row) == (3, "rejected", b"three", None)


def test_a_message_that_was_left_unsent_goes_out_in_its_row(tmp_path: Path) -> None:
    path = tmp_path / "j"
    full(path)
    with store_of(path) as store:
        known = store.items_at(1, 20, 25)
        assert {place: one.state for place, one in known.items()} == {
            20: "accepted",
            21: "unknown",
            22: "pending",
            23: "undelivered",
            24: "unknown",
        }
        assert store.items_at(1, 21, 23).keys() == {21, 22}
        assert store.items_at(2, 0, 99) == {}
        rows_of = [one.row for one in known.values() if one.state in {"pending", "undelivered"}]
        claim = BatchDelta(number=7, source=1, counted=False, unfinished=True, claimed=[row or 0 for row in rows_of])
        store.transact([JournalEntry(delta=claim)])
        assert [one.state for one in store.items_at(1, 22, 24).values()] == ["sending"] * 2
        assert rows(path, "SELECT settled_at FROM batch WHERE state = 'sending'") == [(None,)] * 2
