"""The verdict store: what `add` returned from stays, the latest signed verdict counts, and reading holds up nobody."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from unittest import mock

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery import webhooks
from omnivery.bulk.journal.store import JournalStore
from omnivery.codec import dumps
from omnivery.errors import ConfigError, OmniveryError
from omnivery.events.verdict import Verdict
from omnivery.webhooks import BotVerdicts, StoreStatistics, VerdictStore
from omnivery.webhooks.verdict_wait import VerdictWait
from tests.support.waiting import killed_in_the_end

KEY = "example-signing-key"
NOW = 1700000000
IP = "192.0.2.1"


class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


def call(
    *events: tuple[str | None, bool | None], token: str | None = None, signed_at: int = NOW, **attributes: Any
) -> tuple[bytes, BotVerdicts]:
    """One signed call, as received and as read: what `add` is given."""
    signature = webhooks.sign(KEY, timestamp=signed_at, token=token)
    requests = [{"event_id": name, "ip": IP, "is_bot": is_bot, **attributes} for name, is_bot in events]
    payload = dumps({"signature": signature, "events": requests})
    verdicts = webhooks.parse(payload, KEY, now=signed_at)
    assert isinstance(verdicts, BotVerdicts)
    return payload, verdicts


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "verdicts.db"


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[VerdictStore]:
    with VerdictStore(path, clock=clock) as store:
        yield store


# What it keeps


def test_a_call_is_kept_as_received_and_as_verdicts(store: VerdictStore, clock: Clock) -> None:
    payload, verdicts = call(("e1", True), ("e2", False), ("e3", None), campaign={"name": "Frühling"})
    clock.now += 2.5
    store.add(payload, verdicts)
    found = store.get("e1")
    assert found is not None
    assert (found.event_id, found.is_bot, found.repeats) == ("e1", True, 0)
    assert found.request.to_fields() == {"event_id": "e1", "ip": IP, "campaign": {"name": "Frühling"}}
    assert (found.signed_at, found.received_at, found.first_received_at) == (NOW, NOW + 2.5, NOW + 2.5)
    assert [(it.event_id, it.is_bot) for it in store] == [("e1", True), ("e2", False), ("e3", None)]
    assert list(store.payloads()) == [payload]
    assert webhooks.verify(next(store.payloads()), KEY, now=NOW)
    assert store.get("e4") is None


def test_what_is_kept_is_there_when_the_file_is_opened_again(path: Path) -> None:
    payload, verdicts = call(("e1", True))
    with VerdictStore(path) as store:
        store.add(payload, verdicts)
    with VerdictStore(str(path)) as store:
        assert (len(store), list(store.payloads())) == (1, [payload])


def test_the_statistics_count_everything_once(store: VerdictStore) -> None:
    assert store.statistics == StoreStatistics(
        verdicts=0, bots=0, humans=0, unknown=0, repeats=0, payloads=0, without_id=0
    )
    store.add(*call(("b", True), ("h1", False), ("h2", False), ("u", None), (None, True)))
    store.add(*call(("b", True), ("b", True), ("", False)))
    assert store.statistics == StoreStatistics(
        verdicts=4, bots=1, humans=2, unknown=1, repeats=2, payloads=2, without_id=2
    )
    assert len(store) == 4


def test_a_verdict_without_an_id_is_kept_in_its_payload(store: VerdictStore) -> None:
    """A single check needs no event id; an empty one would make one event of many."""
    payload = dumps({"signature": webhooks.sign(KEY, timestamp=NOW), "is_bot": True, "request": {"ip": IP}})
    verdicts = webhooks.parse(payload, KEY, now=NOW)
    assert isinstance(verdicts, BotVerdicts)
    store.add(payload, verdicts)
    assert list(store) == []
    assert list(store.payloads()) == [payload]
    assert store.statistics.without_id == 1


def test_a_payload_can_be_verified_and_read_again_however_old_it_is(store: VerdictStore) -> None:
    """What this release does not read of it, another may."""
    store.add(*call((None, True), signed_at=1_000_000_000, note="kept"))
    (payload,) = store.payloads()
    verdicts = webhooks.parse(payload, KEY, tolerance=math.inf)
    assert isinstance(verdicts, BotVerdicts)
    assert [verdict.attributes["note"] for verdict in verdicts] == ["kept"]


# Which verdict counts


def test_a_later_verdict_replaces_an_earlier_one(store: VerdictStore, clock: Clock) -> None:
    store.add(*call(("e1", False), signed_at=NOW, note="old"))
    clock.now += 60
    store.add(*call(("e1", True), signed_at=NOW + 1, note="new"))
    found = store.get("e1")
    assert found is not None
    assert (found.is_bot, found.attributes["note"], found.signed_at, found.repeats) == (True, "new", NOW + 1, 1)
    assert (found.first_received_at, found.received_at) == (NOW, NOW + 60)


def test_an_older_verdict_that_arrives_late_is_only_counted(store: VerdictStore, clock: Clock) -> None:
    """Retries of the service come hours later: behind what was signed since."""
    store.add(*call(("e1", True), signed_at=NOW, note="new"))
    before = store.get("e1")
    clock.now += 60
    store.add(*call(("e1", False), signed_at=NOW - 1, note="old"))
    found = store.get("e1")
    assert before is not None
    assert found is not None
    assert (found.is_bot, found.request, found.received_at) == (True, before.request, before.received_at)
    assert (found.signed_at, found.repeats) == (NOW, 1)


def test_the_same_call_again_changes_nothing_but_the_repeats(store: VerdictStore, clock: Clock) -> None:
    """The signature does not cover the body: a token that is known must not bring new verdicts."""
    payload, verdicts = call(("e1", True), token="t")
    store.add(payload, verdicts)
    clock.now += 60
    store.add(*call(("e1", False), ("e2", False), token="t"))
    (found,) = store
    assert (found.is_bot, found.received_at, found.repeats) == (True, NOW, 1)
    assert list(store.payloads()) == [payload]


CALLS = st.lists(
    st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.booleans()), max_size=4).flatmap(
        lambda events: st.tuples(st.just(events), st.integers(0, 3))
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=50)  # every example syncs a file to a disk that others use too
@given(CALLS)
def test_in_any_order_of_calls_the_latest_signed_verdict_counts(
    calls: list[tuple[list[tuple[str, bool | None]], int]],
) -> None:
    """The law of the store. Of equal timestamps the one that arrived last counts; nothing that came is uncounted."""
    expected: dict[str, tuple[int, bool | None, int]] = {}
    with tempfile.TemporaryDirectory() as folder, VerdictStore(Path(folder) / "verdicts.db") as store:
        for events, signed_at in calls:
            store.add(*call(*events, signed_at=signed_at))
            for name, is_bot in events:
                latest, kept, repeats = expected.get(name, (-1, None, -1))
                won = signed_at >= latest
                expected[name] = (max(signed_at, latest), is_bot if won else kept, repeats + 1)
        assert {it.event_id: (it.signed_at, it.is_bot, it.repeats) for it in store} == expected
        assert len(list(store.payloads())) == len(calls)


# Reading


def test_has_says_which_of_any_number_of_ids_have_a_verdict(store: VerdictStore) -> None:
    """More ids than SQLite takes in one statement, from an iterable that can be read once."""
    for start in range(0, 2000, 500):
        store.add(*call(*((f"e{number}", True) for number in range(start, start + 500))))
    assert store.has(f"e{number}" for number in range(1, 70_001, 2)) == {f"e{number}" for number in range(1, 2000, 2)}
    assert store.has([]) == set()


@pytest.mark.parametrize("name", ["a\0b", "a'b", "%", "Ω", "x" * 5000])
def test_any_text_is_an_id(store: VerdictStore, name: str) -> None:
    store.add(*call((name, True), ("a", False)))
    found = store.get(name)
    assert found is not None
    assert found.is_bot is True
    assert store.has([name, "b"]) == {name}


def test_half_a_surrogate_pair_is_the_id_of_no_verdict(store: VerdictStore) -> None:
    """No event with one can be sent, and no call brings one; it raised UnicodeEncodeError."""
    store.add(*call(("a", True)))
    assert store.get("\ud800") is None
    assert store.has(["\ud800", "a"]) == {"a"}
    assert store.wait(["a", "\udfff"], timeout=0) == {"\udfff"}


def test_a_slow_reader_holds_up_nobody_and_sees_what_was_there_at_its_start(path: Path, store: VerdictStore) -> None:
    """A consumer may take days: the receivers of this and of other processes must go on."""
    for start in range(0, 1500, 500):
        store.add(*call(*((f"e{number:04}", True) for number in range(start, start + 500))))
    reading = iter(store)
    seen = [next(reading).event_id]
    store.add(*call(("later", True), ("e1499", False), signed_at=NOW + 1))
    with VerdictStore(path, timeout=0) as other:
        other.add(*call(("from another", True)))
    rest = list(reading)
    assert seen + [it.event_id for it in rest] == [f"e{number:04}" for number in range(1500)]
    assert rest[-1].is_bot is False


def test_reading_takes_the_same_memory_however_many_there_are(store: VerdictStore) -> None:
    for start in range(0, 20_000, 500):
        store.add(*call(*((f"e{number}", True) for number in range(start, start + 500)), note="x" * 200))
    tracemalloc.start()
    try:
        assert sum(1 for _ in store) == 20_000
        assert sum(1 for _ in store.payloads()) == 40
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000  # all of them are 6 MB of text alone, twice that with the payloads


def test_old_payloads_can_be_forgotten_and_their_calls_are_still_known(store: VerdictStore, clock: Clock) -> None:
    for number in range(250):  # more than one transaction's worth
        store.add(*call((f"e{number}", True), (None, True), token=f"t{number}"))
    clock.now += 60
    new, verdicts = call(("new", True))
    store.add(new, verdicts)
    assert store.forget_payloads(60) == 0
    assert store.forget_payloads(59) == 250
    assert list(store.payloads()) == [new]
    assert len(store) == 251
    store.add(*call(("e0", False), token="t0"))
    found = store.get("e0")
    assert found is not None
    assert (found.is_bot, found.repeats) == (True, 1)
    assert store.statistics.without_id == 250


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_an_age_that_is_none_forgets_nothing(store: VerdictStore, seconds: float) -> None:
    store.add(*call(("e1", True)))
    with pytest.raises(ConfigError, match="older_than"):
        store.forget_payloads(seconds)
    assert store.statistics.payloads == 1


# Pruning


def test_old_verdicts_can_be_pruned_with_their_calls(store: VerdictStore, clock: Clock) -> None:
    """A store only grew."""
    for number in range(6):
        store.add(*call(*((f"e{200 * number + one}", True) for one in range(200)), token=f"t{number}"))
    clock.now += 60
    new, verdicts = call(("new", True), ("e7", False), signed_at=NOW + 60)
    store.add(new, verdicts)
    assert store.prune(60) == 0
    assert store.prune(59) == 1199
    assert {it.event_id for it in store} == {"e7", "new"}
    assert list(store.payloads()) == [new]
    clock.now += 60
    assert store.prune(0) == 1
    assert [it.event_id for it in store] == ["new"]


def test_what_is_pruned_leaves_its_room_to_what_comes(path: Path, clock: Clock) -> None:
    """For hours and years: a store that keeps an hour is as large as an hour."""
    with VerdictStore(path, clock=clock, keep=3600) as store:
        sizes = []
        for hour in range(6):
            for number in range(30):
                clock.now += 120
                store.add(*call(*((f"{hour}-{number}-{one}", True) for one in range(20)), token=f"{hour}-{number}"))
            sizes.append(store.statistics.verdicts)
    assert sizes[0] == 600
    assert all(600 <= size <= 640 for size in sizes[1:])
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM calls").fetchone()[0] <= 32


def test_a_clock_that_was_ahead_and_is_set_back_does_not_end_the_pruning(path: Path, clock: Clock) -> None:
    with VerdictStore(path, clock=clock, keep=3600) as store:
        clock.now += 10_000_000
        store.add(*call(("ahead", True)))
        clock.now -= 10_000_000
        store.add(*call(("old", True)))
        clock.now += 7200
        store.add(*call(("new", True)))
        assert {it.event_id for it in store} == {"ahead", "new"}


def test_a_wait_is_not_misled_when_all_else_is_pruned(store: VerdictStore, clock: Clock) -> None:
    """It counts by the numbers of rows, so none may be given twice."""
    store.add(*call(("old", True)))
    newest = store.last_row()
    clock.now += 60
    store.prune(1)
    store.add(*call(("new", True)))
    assert store.last_row() > newest


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_an_age_that_is_none_prunes_nothing(path: Path, store: VerdictStore, seconds: float) -> None:
    store.add(*call(("e1", True)))
    with pytest.raises(ConfigError, match="older_than"):
        store.prune(seconds)
    assert len(store) == 1
    with pytest.raises(ConfigError, match="keep"):
        VerdictStore(path, keep=seconds)


# Files


def test_only_the_owner_may_read_the_files(path: Path, store: VerdictStore) -> None:
    """The payloads hold signatures and IP addresses."""
    store.add(*call(("e1", True)))
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["verdicts.db", "verdicts.db-shm", "verdicts.db-wal"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.parametrize("name", [":memory:", "", "file::memory:", "a\0b"])
def test_what_names_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Verdicts that were promised to be on disk must not end with the process."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"name a file|path of a file"):
        VerdictStore(name)
    assert [*tmp_path.iterdir()] == []


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE orders (id)")


def journal(path: Path) -> None:
    JournalStore.open(path).close()
    path.with_name(path.name + "-lock").unlink()


def foreign_with_an_id(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA application_id=7")


def newer(path: Path) -> None:
    VerdictStore(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=2")


def cut_short(path: Path) -> None:
    with VerdictStore(path) as store:
        store.add(*call(*((f"e{number}", True) for number in range(500))))
    path.write_bytes(path.read_bytes()[:9000])


def no_database(path: Path) -> None:
    path.write_text("event_id,is_bot\n" * 500)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (foreign, "is an SQLite file, but no"),
        (foreign_with_an_id, "is an SQLite file, but no"),
        (journal, "is a journal of runs, but no verdict store"),
        (newer, "upgrade omnivery"),
        (cut_short, "damaged"),
        (no_database, "not an SQLite file"),
    ],
)
def test_a_file_that_is_not_ours_to_write_is_left_as_it_was(
    path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    """A wrong path must not cost anybody a file."""
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=words):
        VerdictStore(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208  # names


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with VerdictStore(path) as store:
        store.add(*call(("e1", True)))
        assert len(store) == 1


def test_a_relative_path_is_the_same_file_wherever_the_process_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    with VerdictStore("verdicts.db") as store:
        monkeypatch.chdir(tmp_path)
        store.add(*call(("e1", True)))
        assert repr(store) == f"VerdictStore({str(tmp_path / 'one' / 'verdicts.db')!r})"


def test_two_names_by_a_symbolic_link_are_one_store(path: Path) -> None:
    """SQLite would look for its log beside the name that it is given."""
    link = path.with_name("link")
    link.symlink_to(path)
    with VerdictStore(path) as store, VerdictStore(link) as other:
        store.add(*call(("e1", True)))
        assert len(other) == 1
    assert not list(path.parent.glob("link-*"))


def test_a_store_with_two_names_by_a_hard_link_is_refused(path: Path) -> None:
    """Two logs beside two names would damage it."""
    VerdictStore(path).close()
    path.with_name("other").hardlink_to(path)
    for name in (path, path.with_name("other")):
        with pytest.raises(ConfigError, match="hard link"):
            VerdictStore(name)


@pytest.mark.parametrize(("name", "words"), [("", "folder"), ("missing/verdicts.db", "No such file")])
def test_a_path_that_can_hold_no_file_is_a_clear_error(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        VerdictStore(tmp_path / name)


@pytest.mark.skipif(sys.platform == "win32", reason="no file modes")
def test_a_file_that_cannot_be_written_is_refused_at_the_start() -> None:
    """Not with the first call, hours later. Root may write everything, so this goes on as somebody else."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "verdicts.db")
        VerdictStore(path).close()
        path.chmod(0o444)
        Path(folder).chmod(0o777)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)
            with pytest.raises(ConfigError, match="it is read-only"):
                VerdictStore(path)
        finally:
            os.seteuid(user)


def test_damage_that_shows_later_is_told_without_content(path: Path) -> None:
    """SQLite's own words for damaged text quote it."""
    with VerdictStore(path) as store:
        store.add(*call(("e1", True)))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE verdicts SET request = CAST(x'ff31393235' || request AS TEXT)")
    with VerdictStore(path) as store, pytest.raises(OmniveryError, match="failed: OperationalError") as caught:
        store.get("e1")
    assert IP not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_full_disk_loses_the_call_and_nothing_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's bound on the pages of a file fails as a full disk does."""
    with VerdictStore(path) as store:
        store.add(*call(("e1", True)))
    connect = sqlite3.connect

    def connect_bounded(*arguments: Any, **options: Any) -> sqlite3.Connection:
        database: sqlite3.Connection = connect(*arguments, **options)
        database.execute("PRAGMA max_page_count=20")
        return database

    monkeypatch.setattr(sqlite3, "connect", connect_bounded)
    with VerdictStore(path) as store:
        with pytest.raises(OmniveryError, match="the disk is full"):
            store.add(*call(*((f"f{number}", True) for number in range(500))))
        assert [it.event_id for it in store] == ["e1"]
        store.add(*call(("e2", True)))
        assert len(store) == 2


def test_a_lock_that_is_not_given_up_is_a_clear_error(path: Path) -> None:
    with VerdictStore(path, timeout=0.01) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OmniveryError, match="another process kept it locked"):
            store.add(*call(("e1", True)))
        assert len(store) == 0  # readers do not wait for writers
        other.execute("ROLLBACK")
        store.add(*call(("e1", True)))
        assert len(store) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="an open file has its name for good")
@pytest.mark.parametrize("how", ["moved", "deleted", "replaced"])
def test_a_store_whose_file_is_moved_keeps_no_call_that_nobody_would_find(path: Path, how: str) -> None:
    with VerdictStore(path) as store:
        store.add(*call(("e1", True)))
        moved = path.rename(path.with_name("moved"))
        if how == "replaced":
            VerdictStore(path).close()
        if how == "deleted":
            moved.unlink()
        for use in (
            partial(store.add, *call(("e2", True))),
            partial(store.wait, ["e2"], timeout=60),
            partial(len, store),
        ):
            with pytest.raises(OmniveryError, match="was moved, replaced or deleted"):
                use()
        if how == "moved":
            moved.replace(path)
            store.add(*call(("e2", True)))
            assert len(store) == 2


def test_a_closed_store_says_so(path: Path) -> None:
    store = VerdictStore(path)
    store.close()
    store.close()
    with pytest.raises(ConfigError, match="closed"):
        len(store)
    with pytest.raises(ConfigError, match="closed"):
        store.add(*call(("e1", True)))


def test_no_repr_shows_what_is_stored(store: VerdictStore, path: Path) -> None:
    store.add(*call(("e1", True), token="t0k3n"))
    assert repr(store) == f"VerdictStore({str(path)!r})"
    assert IP in repr(store.get("e1"))


# Threads and processes


def test_threads_may_share_a_store(store: VerdictStore) -> None:
    def add(worker: int) -> None:
        for number in range(20):
            store.add(*call((f"{worker}-{number}", True), ("shared", True)))

    threads = [threading.Thread(target=add, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statistics = store.statistics
    assert (statistics.verdicts, statistics.payloads, statistics.repeats) == (81, 80, 79)


WRITER = textwrap.dedent("""
    import itertools, sys
    from omnivery.events.verdict import Verdict
    from omnivery.webhooks import BotVerdicts, VerdictStore

    _, path, name, calls = sys.argv
    with VerdictStore(path) as store:
        for number in range(int(calls)) if calls != "-1" else itertools.count():
            token = f"{name}-{number}"
            events = [Verdict(is_bot=True, request={"event_id": f"{token}-{event}"}) for event in range(20)]
            store.add(token.encode(), BotVerdicts(verdicts=tuple(events), token=token, timestamp=1700000000))
            print(token, flush=True)
""")


def start_writer(path: Path, name: str, *, calls: int = -1) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(calls)], stdout=subprocess.PIPE, text=True
    )


def test_what_add_returned_from_survives_the_kill_of_the_process(path: Path) -> None:
    """The service was told 200 for it, and does not call again."""
    told: list[str] = []
    for name in ("first", "second", "third"):
        with start_writer(path, name) as writer, killed_in_the_end(writer):
            assert writer.stdout is not None
            told += [writer.stdout.readline().strip() for _ in range(25)]
            writer.send_signal(signal.SIGKILL)
            told += writer.stdout.read().split()
        with VerdictStore(path) as store:
            kept = [payload.decode() for payload in store.payloads()]
            assert set(told) <= set(kept)
            expected = {f"{token}-{event}" for token in kept for event in range(20)}
            assert {it.event_id for it in store} == expected  # whole calls, or none of one
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_every_commit_reaches_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut cannot be tested here; what SQLite documents for it rests on these two settings."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connect_seen(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", connect_seen)
    for _ in range(2):  # one that makes the file, one that finds it
        with VerdictStore(path):
            assert opened[-1].execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
            assert opened[-1].execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_one_process_reads_while_another_writes(path: Path) -> None:
    """`bots results` runs beside the receiver; each sees whole calls only."""
    with VerdictStore(path) as store, start_writer(path, "w") as writer:
        assert writer.stdout is not None
        for number in range(1, 11):
            writer.stdout.readline()
            count = len(store)
            assert count >= number * 20
            assert count % 20 == 0
            assert sum(1 for _ in store) >= count
        writer.kill()


def test_processes_that_start_at_once_make_one_store_and_all_write(path: Path) -> None:
    """A server starts its workers together, on a file that is not there yet."""
    writers = [start_writer(path, f"w{number}", calls=10) for number in range(4)]
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0] * 4
    with VerdictStore(path) as store:
        assert store.statistics.payloads == 40
        assert len(store) == 800


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_store_from_before_a_fork_is_refused_in_the_child(path: Path) -> None:
    """SQLite's locks do not pass to a child: two writers that believe to hold one lock would damage the file."""
    script = textwrap.dedent("""
        import os, sys
        from omnivery.errors import ConfigError
        from omnivery.webhooks import VerdictStore

        with VerdictStore(sys.argv[1]) as store:
            child = os.fork()
            if not child:
                try:
                    len(store)
                except ConfigError as error:
                    store.close()
                    os._exit(7 if "fork" in str(error) else 1)
                os._exit(2)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
            assert len(store) == 0
    """)
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)


def test_a_verdict_that_was_built_by_hand_is_kept_too(store: VerdictStore) -> None:
    """A web framework of one's own may have parsed the call."""
    verdict = Verdict(is_bot=True, request={"event_id": "e1"})
    store.add(b"raw", BotVerdicts(verdicts=(verdict,), token="t", timestamp=NOW))
    assert store.has(["e1"]) == {"e1"}


# Waiting


def test_waiting_ends_when_all_verdicts_are_there(store: VerdictStore) -> None:
    store.add(*call(("early", True)))
    thread = threading.Timer(0.1, lambda: store.add(*call(("late", False), ("later", None))))
    thread.start()
    assert store.wait(["early", "late", "later", "late"], timeout=30) == set()
    thread.join()


def test_waiting_sees_what_another_process_stores(path: Path, store: VerdictStore) -> None:
    """A receiver runs in one process, and who waits in another: each has the file open for itself."""
    payload, _ = call(("e1", True))
    script = """
import sys
from omnivery import webhooks
body = sys.stdin.buffer.read()
with webhooks.VerdictStore(sys.argv[1]) as store:
    store.add(body, webhooks.parse(body, sys.argv[2], tolerance=None))
"""
    with subprocess.Popen([sys.executable, "-c", script, str(path), KEY], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(payload)
        process.stdin.close()
        assert store.wait(["e1"], timeout=30) == set()


def test_a_timeout_names_the_events_that_have_no_verdict(store: VerdictStore) -> None:
    store.add(*call(("a", True)))
    assert store.wait(["a", "b"], timeout=0) == {"b"}
    assert store.wait(iter(["a", "b", "c"]), timeout=0.1) == {"b", "c"}
    assert store.wait([], timeout=30) == set()


@pytest.mark.parametrize("timeout", [-1, math.nan, "5", None])
def test_a_timeout_that_is_none_is_refused(path: Path, store: VerdictStore, timeout: Any) -> None:
    with pytest.raises(ConfigError, match="timeout"):
        store.wait(["a"], timeout=timeout)
    with pytest.raises(ConfigError, match="timeout"):
        VerdictStore(path, timeout=timeout)


@pytest.mark.parametrize("ids", ["click-1", b"click-1", None, 5])
def test_what_is_no_list_of_ids_is_refused(store: VerdictStore, ids: Any) -> None:
    """The letters of one id would be waited for until the timeout."""
    for look in (partial(store.wait, timeout=30), store.has, store.verdicts_of):
        with pytest.raises(ConfigError, match="event_ids"):
            look(ids)


@pytest.mark.parametrize("age", ["5", None])
def test_an_age_that_is_no_number_is_refused(store: VerdictStore, age: Any) -> None:
    for delete in (store.prune, store.forget_payloads):
        with pytest.raises(ConfigError, match="older_than"):
            delete(age)


def test_a_wait_reads_what_is_new_and_nothing_else(store: VerdictStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking ten million ids up twenty times a second would leave no time to store any."""
    store.add(*call(*((f"old{number}", True) for number in range(1500))))
    wait = VerdictWait(store, ["new", "other"])
    monkeypatch.setattr(store, "verdicts_of", None)
    monkeypatch.setattr(store, "rows_after", mock.Mock(wraps=store.rows_after))
    wait.look()
    assert set(wait.pending) == {"new", "other"}
    assert cast("mock.Mock", store.rows_after).mock_calls == []
    store.add(*call(("new", True), *((f"more{number}", True) for number in range(600))))
    wait.look()
    assert set(wait.pending) == {"other"}
    assert [each.args for each in cast("mock.Mock", store.rows_after).mock_calls] == [(1500,), (2000,), (2101,)]


@pytest.mark.anyio
async def test_waiting_leaves_the_event_loop_free_and_can_be_cancelled(store: VerdictStore) -> None:
    async with anyio.create_task_group() as tasks:

        async def arrive() -> None:
            await anyio.sleep(0.05)
            store.add(*call(("e1", True)))

        tasks.start_soon(arrive)
        with anyio.fail_after(20):
            assert await store.wait_async(["e1"], timeout=30) == set()
    with anyio.move_on_after(0.1) as scope:
        await store.wait_async(["never"], timeout=3600)
    assert scope.cancelled_caught


# As a table


def test_a_store_is_a_table(store: VerdictStore, clock: Clock) -> None:
    clock.now += 1.5
    store.add(*call(("e1", True), ("e2", None), uas="curl/8", campaign="spring", repeats="my own"))
    table = store._table()
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert table.columns[:5] == ("event_id", "is_bot", "ip", "uas", "action")
    assert [(row["event_id"], row["is_bot"], row["ip"], row["campaign"]) for row in rows] == [
        ("e1", True, IP, "spring"),
        ("e2", None, IP, "spring"),
    ]
    assert rows[0]["signed_at"] == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert rows[0]["received_at"] == datetime(2023, 11, 14, 22, 13, 21, 500_000, tzinfo=UTC)
    assert (rows[0]["repeats"], rows[0]["repeats'"]) == ("my own", 0), "no attribute of the user's own is overwritten"


def test_a_notebook_shows_the_first_verdicts_and_counts_the_others(store: VerdictStore) -> None:
    store.add(*call(*((f"e{number:03}", True) for number in range(300))))
    html = store._repr_html_()
    assert "Stored verdicts" in html
    assert "e019" in html
    assert "e020" not in html
    assert "280 more rows" in html


def test_an_empty_store_is_a_table_too(store: VerdictStore) -> None:
    assert "event_id" in store._repr_html_()


@pytest.mark.skipif(find_spec("polars") is None or find_spec("arro3") is None, reason="polars is not installed")
def test_a_store_becomes_a_data_frame(store: VerdictStore) -> None:
    store.add(*call(("e1", True), ("e2", False)))
    frame = store.to_polars()
    assert frame["event_id"].to_list() == ["e1", "e2"]
    assert frame["is_bot"].to_list() == [True, False]
    assert str(frame["received_at"].dtype).startswith("Datetime")
