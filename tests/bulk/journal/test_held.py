"""A journal that stays open between runs: each run finds it as if it had opened it itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from omnivery.automations.run import target_of
from omnivery.bulk.journal import thread
from omnivery.bulk.journal.held import HeldJournal
from omnivery.bulk.journal.store import JournalStore
from omnivery.errors import ConfigError, DecodeError, JournalError
from tests.support.bots import WEBHOOK, Server, events, ids, numbered
from tests.support.journal import Seen, counts, journalled, submit
from tests.support.journal_rows import rows, states, store_of

pytestmark = pytest.mark.anyio


async def fail(_: bytes) -> int:
    raise DecodeError("the response is HTML")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The journals that were opened."""
    found: list[Any] = []

    class Counted(JournalStore):
        @classmethod
        def open(cls, path: Any, **options: Any) -> JournalStore:
            found.append(path)
            return JournalStore.open(path, **options)

    monkeypatch.setattr(thread, "JournalStore", Counted)
    return found


async def test_runs_that_follow_one_another_open_it_once(tmp_path: Path, opened: list[Any]) -> None:
    """To open it for each of 1,200 files took most of a submission's 45 s."""
    path = tmp_path / "j"
    async with HeldJournal(str(path)) as held:
        for _ in range(3):
            report = await submit(events(3), Seen(), held)
            assert report.stopped_by is None
        with pytest.raises(ConfigError, match="another run"):
            JournalStore.open(path)
    assert len(opened) == 1
    with store_of(path) as store:
        assert store.totals().accepted == 3


async def test_what_one_run_left_is_sent_by_the_next(tmp_path: Path) -> None:
    """Its numbers and rows come after those of the first, and what it wrote is known."""
    path = tmp_path / "j"
    seen = Seen()
    async with HeldJournal(str(path)) as held:
        with anyio.CancelScope() as scope:
            hanging = Server(0, on_hanging=lambda count: scope.cancel() if count == 2 else None)
            async with journalled(events(1500), hanging, held, concurrency=2):
                await anyio.sleep_forever()
        assert {*states(path).values()} == {"pending"}
        report = await submit(events(2000), seen, held)
        assert counts(report)[:4] == (2000, 2000, 0, 0)
    assert sorted(ids(seen.events)) == sorted(numbered(2000))
    assert [number for [number] in rows(path, "SELECT number FROM batch ORDER BY number")] == [0, 1, 2, 3]


async def test_what_was_given_up_stays_so_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "j"
    async with HeldJournal(str(path)) as held:
        await submit(events(500), fail, held)
        report = await submit(events(1000), Seen(), held)
    assert counts(report)[:4] == (1000, 500, 0, 500)


async def test_a_run_that_could_not_write_closes_it_and_the_next_opens_it(tmp_path: Path, opened: list[Any]) -> None:
    path = tmp_path / "j"
    async with HeldJournal(str(path)) as held:
        await submit(events(3), Seen(), held)
        path.rename(tmp_path / "moved")
        with pytest.raises(JournalError, match="moved"):
            await submit(events(6), Seen(), held)
        (tmp_path / "moved").rename(path)
        report = await submit(events(6), Seen(), held)
        assert counts(report)[:2] == (6, 6)
    assert len(opened) == 2


async def test_a_run_with_other_settings_is_refused(tmp_path: Path) -> None:
    other = target_of(webhook_url=WEBHOOK, domain="other.example.com", base_url="http://x")
    async with HeldJournal(str(tmp_path / "j")) as held:
        await submit(events(3), Seen(), held)
        with pytest.raises(ConfigError, match="another journal"):
            await submit(events(3), Seen(), held, target=other)
        assert (await submit(events(4), Seen(), held)).accepted == 4


async def test_what_a_run_keeps_is_its_own_choice(tmp_path: Path) -> None:
    """How old ids may become that it accepted is not what the run before said."""
    path = tmp_path / "j"

    def kept() -> set[str]:
        return {ids for [ids] in rows(path, "SELECT ids FROM batch")}

    async with HeldJournal(str(path)) as held:
        await submit(events(1), Seen(), held)
        assert kept() == {'["e0"]'}
        await submit(events(2), Seen(), held, keep=0)
        assert '["e0"]' not in kept()
        await submit(events(3), Seen(), held)
        assert '["e2"]' in kept()
