"""For hours and years: what is settled can be forgotten by its age, and a journal that forgets does not grow."""

from __future__ import annotations

from pathlib import Path

import pytest

import omnivery.bulk.journal.store as store_module
from omnivery.bulk.journal import retention
from omnivery.bulk.journal.reader import JournalReader
from omnivery.bulk.journal.retention import JournalRetention
from omnivery.bulk.journal.store import JournalStore
from omnivery.bulk.part import PartState
from omnivery.bulk.report import Rejection
from omnivery.errors import ConfigError, JournalError
from tests.support.journal_rows import SOURCE, ended, full, message, part, read, rows, settled, states, store_of

DAY = 86_400.0


class Clock:
    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def accept(store: JournalStore, source: int, clock: Clock, *, batches: int, size: int = 500) -> None:
    """Read and accept some batches, a second after another, with one rejection in each."""
    for _ in range(batches):
        clock.now += 1
        number = next(store.numbers)
        one = part(store, *(f"{number:012}-{item:012}" for item in range(size)), body=b"x" * 50_000)
        store.transact([read(store, source, one, number=number, read=size + 1)])
        rejection = Rejection(index=0, reason="wrong")
        store.transact([settled(source, ended(one, PartState.ACCEPTED), number=number, rejected=[(rejection, b"y")])])


def test_what_is_settled_can_be_forgotten_by_its_age(tmp_path: Path) -> None:
    clock = Clock()
    with store_of(tmp_path / "j", clock=clock) as store:
        source, _ = store.enter_source(SOURCE)
        accept(store, source, clock, batches=250, size=2)
        clock.now += DAY
        accept(store, source, clock, batches=3, size=2)
        assert store.prune(2 * DAY) == 0
        assert store.prune(DAY / 2) == 250 * 3
        assert store.prune(DAY / 2) == 0
        totals = store.totals()
    # Totals are for good.
    assert (totals.read, totals.accepted, totals.rejected) == (253 * 3, 253 * 2, 253)
    with JournalReader.open(tmp_path / "j") as reader:
        assert [len(batch.item_ids) for batch in reader.accepted()] == [2, 2, 2]
        assert len(list(reader.rejected())) == 3
    with store_of(tmp_path / "j", clock=clock) as store:
        assert next(store.numbers) == 253
        clock.now += 1
        assert store.prune(0) == 9


def test_the_room_of_what_is_forgotten_is_given_back(tmp_path: Path) -> None:
    """At the close, all of it: one page at each close would be as good as none."""
    clock = Clock()
    with store_of(tmp_path / "j", clock=clock) as store:
        source, _ = store.enter_source(SOURCE)
        empty = rows(tmp_path / "j", "PRAGMA page_count")
        accept(store, source, clock, batches=200)
    assert (tmp_path / "j").stat().st_size > 3_000_000
    clock.now += 1
    with store_of(tmp_path / "j", clock=clock) as store:
        store.prune(0)
    assert rows(tmp_path / "j", "PRAGMA freelist_count") == [(0,)]
    assert rows(tmp_path / "j", "PRAGMA page_count") <= [(empty[0][0] + 2,)]
    assert (tmp_path / "j").stat().st_size < 300_000


def test_a_close_gives_room_back_for_a_moment_and_a_prune_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing ends a close, and a large file would take it long."""
    monkeypatch.setattr(retention, "VACUUM_PAGES", 10)
    monkeypatch.setattr(store_module, "CLOSE_VACUUM", 0.0)
    clock = Clock()
    with store_of(tmp_path / "j", clock=clock) as store:
        source, _ = store.enter_source(SOURCE)
        accept(store, source, clock, batches=100)
        while store._retention._forget(clock.now + 1):
            pass
        [[free]] = rows(tmp_path / "j", "PRAGMA freelist_count")
    assert rows(tmp_path / "j", "PRAGMA freelist_count") == [(free - 10,)]
    with store_of(tmp_path / "j", clock=clock) as store:
        store.prune(0)
        assert rows(tmp_path / "j", "PRAGMA freelist_count") == [(0,)]


def test_nothing_that_is_not_delivered_is_forgotten(tmp_path: Path) -> None:
    full(tmp_path / "j")
    with store_of(tmp_path / "j", clock=lambda: 1e12) as store:
        assert store.prune(1) == 4 + 1 + 1
    assert {*states(tmp_path / "j").values()} == {"undelivered", "pending", "unknown"}
    with store_of(tmp_path / "j") as store:
        assert store.totals().undelivered == 17


def test_a_message_that_is_forgotten_is_still_not_unsent(tmp_path: Path) -> None:
    """Nothing is known of its place any more, and that place was read: it must not go out a second time."""
    with store_of(tmp_path / "j", clock=lambda: 1.0) as store:
        source, _ = store.enter_source(SOURCE)
        one = message(store, 0)
        store.transact([read(store, source, one)])
        store.transact([settled(source, ended(one, PartState.ACCEPTED))])
    with store_of(tmp_path / "j") as store:
        assert store.prune(1) == 1
        assert store.items_at(source, 0, 1) == {}
        assert store.enter_source(SOURCE) == (source, 1)


def test_many_messages_are_forgotten_in_few_transactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for the disk: by the hundred, ten million messages took many minutes."""
    with store_of(tmp_path / "j", clock=lambda: 1.0) as store:
        source, _ = store.enter_source(SOURCE)
        messages = [message(store, place) for place in range(6000)]
        store.transact([read(store, source, one) for one in messages])
        store.transact([settled(source, *(ended(one, PartState.ACCEPTED) for one in messages))])
    with store_of(tmp_path / "j") as store:
        prune, transactions = JournalRetention._forget, []

        def counted(kept: JournalRetention, before: float) -> int:
            transactions.append(before)
            return prune(kept, before)

        monkeypatch.setattr(JournalRetention, "_forget", counted)
        assert store.prune(1) == 6000
    assert len(transactions) <= 4


def test_a_journal_that_keeps_an_hour_is_as_large_as_an_hour(tmp_path: Path) -> None:
    """A service writes to it for years, and opens it once."""
    clock, sizes = Clock(), []
    with store_of(tmp_path / "j", clock=clock, keep=3600) as store:
        source, _ = store.enter_source(SOURCE)
        for _ in range(5):
            for _ in range(12):
                clock.now += 299
                accept(store, source, clock, batches=1)
            sizes.append(rows(tmp_path / "j", "SELECT count(*), (SELECT count(*) FROM rejection) FROM batch")[0])
        assert store.totals().accepted == 60 * 500
    assert sizes[0] == (12, 12)
    assert all(12 <= one <= 14 for pair in sizes[1:] for one in pair)


def test_a_clock_that_was_ahead_and_is_set_back_does_not_end_the_forgetting(tmp_path: Path) -> None:
    clock = Clock()
    with store_of(tmp_path / "j", clock=clock, keep=3600) as store:
        source, _ = store.enter_source(SOURCE)
        clock.now += 1000 * DAY
        accept(store, source, clock, batches=1, size=2)
        clock.now -= 1000 * DAY
        accept(store, source, clock, batches=3, size=2)
        clock.now += DAY
        accept(store, source, clock, batches=1, size=2)
    # What was written by the clock that was ahead is as new as it says.
    assert len(states(tmp_path / "j")) == 2


def test_without_an_age_a_journal_keeps_all(tmp_path: Path) -> None:
    clock = Clock()
    with store_of(tmp_path / "j", clock=clock) as store:
        source, _ = store.enter_source(SOURCE)
        accept(store, source, clock, batches=2, size=2)
        clock.now += 1000 * DAY
        accept(store, source, clock, batches=1, size=2)
    assert len(states(tmp_path / "j")) == 3


def test_a_long_look_for_what_is_old_can_be_interrupted(tmp_path: Path) -> None:
    clock = Clock()
    store = JournalStore.open(tmp_path / "j", clock=clock)
    source, _ = store.enter_source(SOURCE)
    accept(store, source, clock, batches=2, size=2)
    store.interrupt()
    with pytest.raises(JournalError, match="interrupted"):
        store.prune(0)
    store.close()
    assert len(states(tmp_path / "j")) == 2


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_an_age_that_is_none_is_refused(tmp_path: Path, seconds: float) -> None:
    with store_of(tmp_path / "j") as store, pytest.raises(ConfigError, match="older_than"):
        store.prune(seconds)
    with pytest.raises(ConfigError, match="keep"):
        JournalStore.open(tmp_path / "j", keep=seconds)
