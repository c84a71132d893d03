"""The states of what a journal holds: what an opening, a closing and a claim make of it, and how it is interrupted."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from omnivery._sqlite.database import Interruption
from omnivery.bulk.journal.claims import _CLAIM
from omnivery.bulk.journal.reader import JournalReader
from omnivery.bulk.journal.rows import _SOURCES, _UNSETTLED
from omnivery.bulk.journal.store import _RELEASE, JournalStore
from omnivery.bulk.part import PartState
from omnivery.errors import ConfigError, JournalError
from tests.support.journal_rows import (
    SOURCE,
    cut,
    drain,
    ended,
    full,
    part,
    read,
    rows,
    settled,
    states,
    store_of,
)

CRASHED = {
    0: "accepted",
    1: "undelivered",
    2: "pending",
    3: "sending",
    4: "sending",
    5: "accepted",
    6: "unknown",
    7: "pending",
    8: "undelivered",
    9: "sending",
}
"""Items up to number 4, and messages."""
FOREVER = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT 1, 1, 1, max(x) FROM n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    full(tmp_path / "j")
    return tmp_path / "j"


def test_what_a_crash_left_in_flight_is_pending_or_if_it_is_mail_unknown(path: Path) -> None:
    """A repeated event is one event; a repeated message is two e-mails."""
    assert states(path) == CRASHED
    store = JournalStore.open(path)
    assert states(path) == CRASHED | {3: "pending", 4: "pending", 9: "unknown"}
    store.close()
    [(error,)] = rows(path, "SELECT error FROM batch WHERE number = 9")
    assert error == "the run ended while it was being sent"


def test_what_is_in_flight_at_the_close_is_given_back(path: Path) -> None:
    """A reader that looks before the next run must not take it for being sent."""
    store = JournalStore.open(path)
    drain(store)
    assert states(path) == CRASHED | {2: "sending", 3: "sending", 4: "sending", 9: "unknown"}
    store.close()
    assert states(path) == CRASHED | {3: "pending", 4: "pending", 9: "unknown"}


def test_batches_are_claimed_once_and_in_the_order_in_which_they_were_read(path: Path) -> None:
    with store_of(path) as store:
        claimed = drain(store)
        assert [[one.number for one in parts] for parts in claimed] == [[2], [3], [4]]
        assert [one.ids for parts in claimed for one in parts] == [
            ["e8", "e9", "e10", "e11"],
            ["e12", "e13", "e14", "e15"],
            ["e17", "e18", "e19"],
        ]
        assert [([*one.indices], one.source) for one in claimed[2]] == [([17, 18, 19], 1)]
        assert store.claim_next() == []


def test_the_parts_of_a_batch_are_claimed_together_and_in_order(tmp_path: Path) -> None:
    """A half that was split once more has newer rows than the other half."""
    with store_of(tmp_path / "j") as store:
        source, _ = store.enter_source(SOURCE)
        parts = [part(store, f"e{number}", first=number) for number in (3, 0, 4, 2, 1)]
        store.transact([read(store, source, *parts)])
    with JournalReader.open(tmp_path / "j") as reader:
        assert [one.index for one in reader.undelivered(cut)] == [0, 1, 2, 3, 4]
    with store_of(tmp_path / "j") as store:
        [claimed] = drain(store)
    assert [one.ids for one in claimed] == [[f"e{number}"] for number in range(5)]


def test_what_a_run_leaves_pending_is_for_the_next_one(tmp_path: Path) -> None:
    """Or a run that was told to stop would take up again what it has put back."""
    path = tmp_path / "j"
    with store_of(path) as store:
        source, _ = store.enter_source(SOURCE)
        own = part(store, "own")
        store.transact([read(store, source, own)])
        store.transact([settled(source, ended(own, PartState.PENDING))])
        assert store.claim_next() == []
    with store_of(path) as store:
        [[again]] = drain(store)
        assert (again.row, again.number) == (own.row, 0)
        # And this run's number comes after it.
        assert next(store.numbers) == 1


def test_the_next_run_of_an_open_journal_claims_what_the_last_one_had_in_hand(path: Path) -> None:
    with store_of(path) as store:
        claimed = [one.row for parts in drain(store) for one in parts]
        assert "sending" in states(path).values()
        store.begin_run(keep=None)
        assert "sending" not in states(path).values()
        assert [one.row for parts in drain(store) for one in parts] == claimed != []


def test_what_was_given_up_is_claimed_only_after_a_retry_was_asked_for(path: Path) -> None:
    with store_of(path) as store:
        store.requeue_undelivered()
        assert [one.number for parts in drain(store) for one in parts] == [1, 2, 3, 4]
    # A message has no bytes here to be sent: it is unsent, and its source has it.
    assert (states(path)[8], states(path)[6]) == ("pending", "unknown")


def test_the_bytes_that_are_kept_are_known_at_the_opening(path: Path) -> None:
    """They count towards the limit of a run: a journal that was full stays so."""
    [(size,)] = rows(path, "SELECT sum(length(body)) FROM batch")
    with store_of(path) as store:
        assert store.live_bytes == size > 0
    with store_of(path.with_name("new")) as store:
        assert store.live_bytes == 0


def test_totals_tell_unknown_from_undelivered(path: Path) -> None:
    with store_of(path) as store:
        totals = store.totals()
    assert (totals.read, totals.accepted, totals.rejected) == (25, 5, 1)
    assert (totals.undelivered, totals.unknown) == (17, 2)
    assert [(one.batch, one.events, str(one.error)) for one in totals.failures] == [
        (1, 4, "gone"),
        (6, 1, "lost"),
        (8, 1, "refused"),
        (9, 1, "the run ended while it was being sent"),
    ]
    with JournalReader.open(path) as reader:
        state = reader.state()
        unknown = [(one.kind, one.index, one.item, one.reason) for one in reader.unknown()]
        undelivered = [(one.index, one.item_id) for one in reader.undelivered(cut)]
    assert (state.pending, state.sending, state.undelivered, state.unknown) == (12, 0, 5, 2)
    assert unknown == [
        ("unknown", 21, None, "lost"),
        ("unknown", 24, None, "the run ended while it was being sent"),
    ]
    assert undelivered == [
        *((number, f"e{number}") for number in (4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19)),
        (22, None),
        (23, None),
    ]


# Interruptions


def soon(work: threading.Timer) -> None:
    work.daemon = True
    work.start()


def test_an_opening_can_be_interrupted_from_another_thread(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C and cancellation end it, whatever it reads."""
    monkeypatch.setattr("omnivery.bulk.journal.rows._UNSETTLED", FOREVER)
    interruption = Interruption()
    soon(threading.Timer(0.1, interruption.interrupt))
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="interrupted"):
        JournalStore.open(path, interruption=interruption)
    monkeypatch.undo()
    assert path.read_bytes() == before
    with store_of(path) as store:
        assert len(drain(store)) == 3


def test_what_was_interrupted_stays_so_until_it_is_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that begins just after the interruption must end as well; and closing still tidies up."""
    store = JournalStore.open(path)
    store.claim_next()
    monkeypatch.setattr("omnivery.bulk.journal.claims._CLAIM", f"{FOREVER} WHERE ? < ?")
    soon(threading.Timer(0.1, store.interrupt))
    for _ in range(2):
        with pytest.raises(JournalError, match="interrupted"):
            store.claim_next()
    monkeypatch.undo()
    store.close()
    assert states(path)[2] == "pending"


def test_a_statement_that_begins_while_it_is_interrupted_ends(path: Path) -> None:
    """SQLite interrupts what runs at that moment, and nothing else."""
    interruption = Interruption()
    store = JournalStore.open(path, interruption=interruption)

    def run() -> None:
        with store._file.use(JournalError) as db:
            interruption.interrupt()
            db.execute(FOREVER).fetchall()

    with pytest.raises(JournalError, match="interrupted"):
        run()
    store.close()


def test_an_interruption_after_the_close_does_nothing(path: Path) -> None:
    store = JournalStore.open(path)
    store.close()
    store.interrupt()
    with store_of(path):
        pass


@pytest.mark.parametrize("query", [_UNSETTLED, _SOURCES, _RELEASE, _CLAIM])
def test_an_opening_looks_at_no_accepted_row(path: Path, query: str) -> None:
    """There may be millions of them."""
    with store_of(path) as store, store._file.use(JournalError) as db:
        values = (0,) * query.count("?")
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}", values)]
    assert plan
    assert not [
        step for step in plan if "batch" in step and "INDEX unsettled" not in step and "PRIMARY KEY" not in step
    ]
