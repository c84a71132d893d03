"""`omnivery bots results`: what came back, beside what was accepted."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import frozen

from omnivery import AsyncAutomations
from omnivery.automations.results import join
from omnivery.bulk.journal.reader import JournalReader
from omnivery.cli.result_files import replacing
from omnivery.cli.result_rows import KINDS, row_of
from omnivery.emulator import Emulator
from omnivery.webhooks import BotVerdicts, Listener, Receiver, VerdictStore, parse, sign
from tests.cli.test_app import printed
from tests.support.cli import error_of, event, on_terminal
from tests.support.cli import in_process as omnivery

FORMULA = '=HYPERLINK("https://evil.example")'
HOSTILE = (
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\nx",
    "\uff1d1",
    "'=1",
    'a"b,c\r\nd',
    "nul\0nul",
    "\x1b[2J\x9b",
    "-",
    "é€😀",
)
"""Texts that mean something to spreadsheets, terminals or formats."""


@frozen(kw_only=True)
class Made:
    """Files that runs have left."""

    store: Path
    journal: Path
    foreign: Path
    """The journal of another submission with the same store."""

    def results(self, *arguments: str, journal: bool = True) -> subprocess.CompletedProcess[bytes]:
        named = ("--journal", str(self.journal)) if journal else ()
        return omnivery("bots", "results", "--store", str(self.store), *named, *arguments)

    def rows(self, *arguments: str, journal: bool = True) -> list[dict[str, Any]]:
        result = self.results(*arguments, journal=journal)
        assert result.returncode == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]


def submitted() -> list[dict[str, Any]]:
    """The events of the submission: more than one batch, every tenth a bot's, three of them never judged."""
    events = [event(f"e{n}", "192.0.2.1" if n % 10 == 0 else "198.51.100.7", ts=n, campaign=n) for n in range(600)]
    events += [event(f"silent {n}", "203.0.113.7") for n in range(3)]
    events += [event(f"{text} {n}", uas=text, note=text) for n, text in enumerate(HOSTILE)]
    events.append(event(FORMULA, uas=FORMULA, received_at="mine", repeats={"is": "mine"}, attributes=[1]))
    return events


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One submission with a journal, one event of it twice; and another one of two events."""
    folder = tmp_path_factory.mktemp("results")
    files = Made(store=folder / "verdicts.db", journal=folder / "run.journal", foreign=folder / "other.journal")
    with (
        Emulator() as emulator,
        VerdictStore(files.store) as store,
        Listener(Receiver(None, emulator.signing_key, store=store)) as listener,
    ):

        async def submit(events: list[dict[str, Any]], journal: Path) -> None:
            client = AsyncAutomations(emulator.token, base_url=emulator.automations_url, domain=emulator.domain)
            async with client:
                report = await client.bots.submit(events, webhook_url=listener.url, journal=journal)
                report.raise_for_failures()

        anyio.run(submit, [*submitted(), event("e1", ts=1, campaign=1)], files.journal)
        anyio.run(submit, [event("foreign 1"), event("foreign 2", "203.0.113.8")], files.foreign)
        emulator.wait_idle(30)
    return files


def test_every_accepted_event_is_there_with_what_was_sent_and_what_came_back(made: Made) -> None:
    rows = {row["event_id"]: row for row in made.rows()}
    assert {*rows} == {one["event_id"] for one in submitted()} | {"foreign 1"}
    bot = rows["e10"]
    assert {name: bot[name] for name in ("is_bot", "ip", "ts", "attributes")} == {
        "is_bot": True,
        "ip": "192.0.2.1",
        "ts": 10,
        "attributes": {"campaign": 10},
    }
    assert rows["e11"]["is_bot"] is False
    assert bot["received_at"] >= bot["first_received_at"] > 0
    assert bot["accepted_at"] > 0
    assert all([*row] == [*KINDS] for row in rows.values()), "the same columns in each row, whatever it has"


def test_events_that_were_never_judged_come_last_and_are_no_humans(made: Made) -> None:
    rows = made.rows()
    last = [(row["event_id"], row["is_bot"], row["received_at"]) for row in rows[-3:]]
    assert last == [(f"silent {n}", None, None) for n in range(3)]
    assert all(row["accepted_at"] is not None for row in rows[-3:])
    assert all(row["received_at"] is not None for row in rows[:-3])


def test_a_verdict_that_came_twice_is_one_row_that_says_so(made: Made) -> None:
    assert [row["repeats"] for row in made.rows() if row["event_id"] == "e1"] == [1]


def test_without_a_journal_there_are_the_verdicts_alone(made: Made) -> None:
    rows = made.rows(journal=False)
    assert len(rows) == len(submitted()) - 3 + 1
    assert {row["accepted_at"] for row in rows} == {None}


def test_verdicts_of_other_submissions_are_marked_and_counted(made: Made, tmp_path: Path) -> None:
    assert [row["event_id"] for row in made.rows() if row["accepted_at"] is None] == ["foreign 1"]
    account = printed(made.results("--output", str(tmp_path / "rows.ndjson")))
    assert (account["unmatched"], account["missing"], account["repeats"]) == (1, 3, 1)
    assert account["verdicts"] == account["bots"] + account["humans"] + account["unknown"] == len(submitted()) - 2
    both = printed(made.results("--journal", str(made.foreign), "--output", str(tmp_path / "rows.ndjson")))
    assert (both["unmatched"], both["missing"]) == (0, 4)
    alone = printed(made.results("--output", str(tmp_path / "rows.ndjson"), journal=False))
    assert (alone["unmatched"], alone["missing"]) == (None, None), "not 0: nobody knows"


def test_an_attribute_of_your_own_hides_no_column(made: Made) -> None:
    [row] = [row for row in made.rows() if row["event_id"] == FORMULA]
    assert row["attributes"] == {"received_at": "mine", "repeats": {"is": "mine"}, "attributes": [1]}
    assert row["repeats"] == 0


def test_a_field_of_another_type_than_the_apis_is_an_attribute(tmp_path: Path) -> None:
    """A column has one type, or Parquet could not hold it; and nothing is dropped."""
    odd = {"event_id": "odd", "ip": None, "uas": ["x"], "ts": "yesterday", "message_ts": 2**63, "domain": "example.com"}
    with VerdictStore(tmp_path / "verdicts.db") as store:
        keep(store, odd)
        [result] = join(store)
    row = row_of(result)
    assert row["domain"] == "example.com"
    assert (row["ip"], row["uas"], row["ts"], row["message_ts"]) == (None, None, None, None)
    assert row["attributes"] == {"uas": ["x"], "ts": "yesterday", "message_ts": 2**63}


def test_csv_has_the_same_rows_and_no_formulas(made: Made) -> None:
    """Anybody who clicks a link chooses the user agent, and the file may be opened in a spreadsheet."""
    text = made.results("--format", "csv").stdout.decode()
    rows = [*csv.DictReader(io.StringIO(text, newline=""), strict=True)]
    assert [*rows[0]] == [*KINDS]
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r\n\uff1d")) and cell != "-"]
    assert [restored(row) for row in rows] == made.rows()


def restored(row: dict[str, str]) -> dict[str, Any]:
    """What a row of the CSV says: each cell as its column's type, without the apostrophe before it."""
    read: dict[type, Any] = {str: lambda cell: cell.removeprefix("'"), bool: "true".__eq__, dict: json.loads}
    return {name: read.get(KINDS[name], KINDS[name])(cell) if cell else None for name, cell in row.items()}


@pytest.mark.parametrize("name", ["rows.ndjson", "rows.JSONL", "rows.csv", "rows.parquet", "rows"])
def test_an_output_is_of_the_format_that_its_name_says_and_private(made: Made, tmp_path: Path, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("polars")
    file = tmp_path / name
    assert made.results("--output", str(file)).returncode == 0
    begin = {"rows.csv": b"event_id,is_bot,", "rows.parquet": b"PAR1"}.get(name, b'{"event_id":')
    assert file.read_bytes().startswith(begin)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "events hold ip addresses"
    assert [*tmp_path.iterdir()] == [file]


def test_an_output_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "rows.ndjson"
    file.write_bytes(b"of yesterday")

    def fail_half_way() -> None:
        with replacing(file) as path:
            path.write_bytes(b"half a ro")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert file.read_bytes() == b"of yesterday"
    assert [*tmp_path.iterdir()] == [file]


def test_no_store_is_ever_overwritten(made: Made, tmp_path: Path) -> None:
    """Another store than the one that is read is worth as much, and so are the files beside an open one."""
    other = tmp_path / "other.csv"
    with VerdictStore(other) as store:
        beside = [path for path in tmp_path.iterdir() if path != other]
        for path in (other, *beside):
            before = path.read_bytes()
            result = made.results("--output", str(path), "--format", "csv")
            assert (result.returncode, path.read_bytes() == before) == (2, True), path
            assert "SQLite" in error_of(result)["message"]
        assert store.statistics.verdicts == 0


def test_the_output_may_be_neither_the_store_nor_a_journal_nor_a_device(made: Made) -> None:
    before = made.store.read_bytes(), made.journal.read_bytes()
    for path in (made.store, made.journal):
        assert made.results("--output", str(path)).returncode == 2
    assert before == (made.store.read_bytes(), made.journal.read_bytes())
    result = made.results("--output", "/dev/null")
    assert (result.returncode, b"/dev/null is no file" in result.stderr) == (2, True), "it would be replaced by one"


def test_a_verdict_that_comes_while_results_are_read_is_neither_lost_nor_double(made: Made, tmp_path: Path) -> None:
    """Its event had none when reading began, and so comes without one: but it comes."""
    path = tmp_path / "verdicts.db"
    path.write_bytes(made.store.read_bytes())
    with VerdictStore(path) as store, JournalReader.open(made.journal) as journal:
        found = join(store, [journal])
        names = [one.event_id for one in islice(found, 10)]
        keep(store, event("silent 1"))
        names += [one.event_id for one in found]
    assert sorted(names) == sorted([one["event_id"] for one in submitted()] + ["foreign 1"])


def test_a_journal_tells_what_was_accepted_batch_by_batch(made: Made) -> None:
    with JournalReader.open(made.journal) as journal:
        batches = [*journal.accepted()]
    names = [name for batch in batches for name in batch.item_ids]
    assert len(batches) == 2
    assert sorted(names) == sorted([one["event_id"] for one in submitted()] + ["e1"])
    assert all(batch.accepted_at > 0 for batch in batches)


def test_missing_lists_accepted_events_without_a_verdict_and_fails(made: Made) -> None:
    result = made.results("--missing", "--older-than", "0")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 1
    assert [row["event_id"] for row in rows] == [f"silent {n}" for n in range(3)]
    assert all([*row] == ["event_id", "accepted_at", "age"] and row["age"] >= 0 for row in rows)


def test_missing_leaves_out_what_may_yet_come(made: Made, tmp_path: Path) -> None:
    for older in ((), ("--older-than", "5m"), ("--older-than", "1h")):
        result = made.results("--missing", *older)
        assert (result.returncode, result.stdout) == (0, b""), result.stderr
    assert made.results("--missing", "--older-than", "0s", "--output", str(tmp_path / "missing.ndjson")).returncode == 1
    assert len((tmp_path / "missing.ndjson").read_bytes().splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--older-than", "5m"), b"--missing"),
        (("--format", "parquet"), b"--output"),
        (("--missing", "--format", "csv"), b"NDJSON"),
        (("--missing", "--older-than", "soon"), b"soon"),
        (("--missing", "--older-than", "-1"), b"-1"),
        (("--format", "xlsx"), b"xlsx"),
        (("--output", "rows.xlsx"), b".xlsx"),
        (("--output", "rows.txt"), b".ndjson, .jsonl, .csv, .parquet"),
        (("--missing", "--output", "rows.csv"), b".ndjson"),
        (("--journal", "/nowhere/run.journal"), b"/nowhere/run.journal"),
    ],
)
def test_wrong_usage_is_named_and_ends_with_two(made: Made, arguments: tuple[str, ...], word: bytes) -> None:
    result = made.results(*arguments)
    assert result.returncode == 2
    assert word in result.stderr
    assert result.stdout == b""


def test_missing_needs_a_journal_and_a_journal_is_named_once(made: Made) -> None:
    assert made.results("--missing", journal=False).returncode == 2
    assert made.results("--journal", str(made.journal)).returncode == 2


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Empty results would say that all is lost."""
    result = omnivery("bots", "results", "--store", str(tmp_path / "verdicts.db"))
    assert result.returncode == 2
    assert [*tmp_path.iterdir()] == []


def test_a_file_that_is_no_journal_is_named(made: Made, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("no journal at all")
    result = made.results("--journal", str(tmp_path / "notes"))
    assert result.returncode == 2
    assert b"notes" in result.stderr
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_on_a_terminal_foreign_text_cannot_steer_it(made: Made, form: str) -> None:
    status, shown = on_terminal("bots", "results", "--store", str(made.store), "--format", form)
    assert status == 0
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert "😀" in shown
    assert f"{len(submitted()) - 2:,} verdicts: 60 bots" in shown


def test_on_a_terminal_the_account_of_a_file_is_text(made: Made, tmp_path: Path) -> None:
    arguments = ("--store", str(made.store), "--journal", str(made.journal), "--output", str(tmp_path / "rows.csv"))
    status, shown = on_terminal("bots", "results", *arguments)
    assert status == 0
    assert "3 accepted events without a verdict" in shown
    assert "{" not in shown


def test_a_reader_that_has_enough_costs_no_traceback(made: Made) -> None:
    command = f"{sys.executable} -m omnivery bots results --store {made.store} | head -n 1"
    result = subprocess.run(["sh", "-c", command], capture_output=True, check=False, env={**os.environ})
    assert result.stdout.count(b"\n") == 1
    assert b"Traceback" not in result.stderr
    assert b"Exception" not in result.stderr


def keep(store: VerdictStore, request: dict[str, Any]) -> None:
    """Put a verdict into a store, as a call brings it."""
    call = {"signature": sign("key"), "events": [{**request, "is_bot": True}]}
    verdicts = parse(json.dumps(call).encode(), "key")
    assert isinstance(verdicts, BotVerdicts)
    store.add(json.dumps(call).encode(), verdicts)
