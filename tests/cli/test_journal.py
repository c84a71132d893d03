"""The commands about journals, as a shell meets them."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnivery import webhooks
from omnivery.codec import dumps
from omnivery.emulator import Emulator
from omnivery.webhooks import VerdictStore
from tests.cli.test_app import log, printed
from tests.support.cli import error_of, seen_in_process
from tests.support.cli import in_process as omnivery


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=()) as running:
        yield running


@pytest.fixture
def settings(emulator: Emulator) -> dict[str, str]:
    return {
        "OMNIVERY_TOKEN": emulator.token,
        "OMNIVERY_AUTOMATIONS_URL": emulator.automations_url,
        "OMNIVERY_DOMAIN": emulator.domain,
        "OMNIVERY_WEBHOOK_URL": "http://127.0.0.1:9/verdicts",
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """1,202 lines, of which one is no event and one no JSON."""
    found = tmp_path / "events.ndjson"
    lines = [b'{"ip":"203.0.113.7","uas":"x","event_id":"e%d","n":%d}' % (n, 10**25) for n in range(1200)]
    found.write_bytes(b"\n".join([*lines, b'{"ip":"nowhere","uas":"x","event_id":"bad"}', b"rubbish", b""]))
    return found


def test_submit_goes_on_with_what_was_added(tmp_path: Path, emulator: Emulator, settings: dict[str, str]) -> None:
    first, second, journal = tmp_path / "a.log", tmp_path / "b.log", str(tmp_path / "j")
    first.write_bytes(log("one", "two"))
    second.write_bytes(log("three") + b"rubbish\n")
    arguments = ("bots", "submit", str(first), str(second), "--journal", journal)
    result = omnivery(*arguments, environment=settings)
    assert result.returncode == 1
    assert (printed(result)["read"], printed(result)["accepted"]) == (4, 3)
    assert printed(result)["rejections"][0]["file"] == str(second)
    first.write_bytes(log("one", "two", "four"))
    result = omnivery(*arguments, environment=settings)
    assert (printed(result)["read"], printed(result)["accepted"], printed(result)["batches"]) == (5, 4, 3)
    assert sorted(event["uas"] for event in emulator.bot_events) == ["four", "one", "three", "two"]


def test_what_a_run_did_is_told_apart_from_what_all_runs_did(tmp_path: Path, settings: dict[str, str]) -> None:
    """Totals of all runs alone look as if every event were sent again."""
    first, second, journal = tmp_path / "a.log", tmp_path / "b.log", str(tmp_path / "j")
    first.write_bytes(log("one", "two"))
    second.write_bytes(log("three") + b"rubbish\n")
    wide = {**settings, "COLUMNS": "300"}

    def lines(*files: Path) -> list[str]:
        _, shown = seen_in_process("bots", "submit", *map(str, files), "--journal", journal, environment=wide)
        return [line for line in shown.splitlines() if "accepted" in line or "this run" in line or "rejected" in line]

    [line] = lines(first)
    assert line.startswith(f"2 of 2 events accepted from {first}: 1 batch, 0 retries, ")
    one, *others = lines(first, second)
    assert one == f"Nothing to send in this run from {first}"
    assert others[0] == "  all runs with this journal: 2 of 2 events accepted"
    assert others[1].startswith(f"1 of 2 events accepted from {second}: 1 batch")
    assert others[-1] == "All runs with this journal: 3 of 4 events accepted from 2 files"
    first.write_bytes(log("one", "two", "four"))
    one, all_runs, *rest = lines(first)
    assert one.startswith(f"1 event accepted in this run from {first}: 1 request, 0 retries, ")
    assert all_runs == "  all runs with this journal: 3 of 3 events accepted"
    assert rest[2] == "  rejected: line 2: not in combined log format", "it is why the exit status is 1"
    (third := tmp_path / "c.log").write_bytes(log("five"))
    assert any(f"1 of 1 event accepted from {third}: " in line for line in lines(third))
    assert "Nothing to send in this run from 2 files" in lines(first, third), "a line for each of a thousand says less"
    result = omnivery("bots", "submit", str(first), "--journal", journal, environment=settings)
    assert printed(result)["read"] == 6
    assert set(printed(result)["this_run"].values()) == {0}


def test_a_wrong_token_costs_nothing(file: Path, tmp_path: Path, settings: dict[str, str]) -> None:
    """The same command with the right one does the rest; status and export tell how things stand meanwhile."""
    journal = str(tmp_path / "j")
    arguments = ("bots", "submit", str(file), "--journal", journal)
    result = omnivery(*arguments, environment={**settings, "OMNIVERY_TOKEN": "wrong-and-secret"})
    assert result.returncode == 1
    assert "401" in printed(result)["stopped_by"]
    assert printed(result)["undelivered"] == 1200
    result = omnivery("bots", "status", journal)
    assert result.returncode == 1
    state = printed(result)
    assert (state["pending"], state["rejected"], state["sources"][0]["read"]) == (1200, 2, 1202)
    assert b"verdicts" not in result.stdout
    result = omnivery(*arguments, environment=settings)
    account = printed(result)
    assert (account["read"], account["accepted"], account["rejected"], account["undelivered"]) == (1202, 1200, 2, 0)
    assert omnivery("bots", "status", journal).returncode == 0


def test_export_gives_events_back_as_they_were_read(file: Path, tmp_path: Path, settings: dict[str, str]) -> None:
    journal = str(tmp_path / "j")
    wrong = {**settings, "OMNIVERY_TOKEN": "wrong"}
    omnivery("bots", "submit", str(file), "--journal", journal, environment=wrong)
    exported = omnivery("bots", "export", journal)
    lines = exported.stdout.splitlines()
    assert (exported.returncode, len(lines)) == (0, 1202)
    bad, rubbish, first = (json.loads(line) for line in lines[:3])
    assert (bad["kind"], bad["line"], bad["event"]["event_id"]) == ("rejected", 1201, "bad")
    assert bad["source"] == str(file)
    assert (rubbish["reason"], rubbish["text"]) == ("not JSON", "rubbish")
    assert (first["kind"], first["event"]) == (
        "undelivered",
        {"ip": "203.0.113.7", "uas": "x", "event_id": "e0", "n": 10**25},
    )
    assert "401" in first["reason"]
    rejected = omnivery("bots", "export", journal, "--rejected").stdout.splitlines()
    undelivered = omnivery("bots", "export", journal, "--undelivered").stdout.splitlines()
    assert [*rejected, *undelivered] == lines
    assert (len(rejected), len(undelivered)) == (2, 1200)


def test_retry_sends_what_was_given_up(
    file: Path, tmp_path: Path, emulator: Emulator, settings: dict[str, str]
) -> None:
    journal = str(tmp_path / "j")
    emulator.fail_next("bot", status=200, body="<html>of a proxy</html>", times=3)
    result = omnivery("bots", "submit", str(file), "--journal", journal, environment=settings)
    assert printed(result)["undelivered"] == 1200
    assert omnivery("bots", "status", journal).returncode == 1
    result = omnivery("bots", "retry", journal, environment={"OMNIVERY_TOKEN": emulator.token})
    account = printed(result)
    assert result.returncode == 1
    assert (account["accepted"], account["rejected"], account["undelivered"]) == (1200, 2, 0)
    assert account["failures"] == []
    assert len(emulator.bot_events) == 1200
    assert omnivery("bots", "retry", journal, environment={"OMNIVERY_TOKEN": emulator.token}).returncode == 1
    assert len(emulator.bot_events) == 1200


def test_another_domain_is_wrong_settings(file: Path, tmp_path: Path, settings: dict[str, str]) -> None:
    arguments = ("bots", "submit", str(file), "--journal", str(tmp_path / "j"))
    omnivery(*arguments, environment=settings)
    result = omnivery(*arguments, "--domain", "other.example.com", environment=settings)
    assert result.returncode == 2
    assert b"other.example.com" in result.stderr
    assert result.stdout == b""


def test_standard_input_is_passed_over_up_to_where_it_was_read(
    file: Path, tmp_path: Path, emulator: Emulator, settings: dict[str, str]
) -> None:
    arguments = ("bots", "submit", "-", "--journal", str(tmp_path / "j"))
    data = file.read_bytes()
    for _ in range(2):
        account = printed(omnivery(*arguments, stdin=data, environment=settings))
        assert (account["read"], account["accepted"], len(emulator.bot_events)) == (1202, 1200, 1200)


def test_a_person_reads_how_far_it_came_and_no_marks(file: Path, tmp_path: Path, settings: dict[str, str]) -> None:
    journal = str(tmp_path / "j")
    omnivery("bots", "submit", str(file), "--journal", journal, environment=settings)
    status, shown = seen_in_process("bots", "status", journal)
    assert status == 0
    assert "1,200 of 1,202 events accepted, 2 rejected" in shown
    assert re.search(r": 1,202 read [\d,]+ bytes", " ".join(shown.split())), "the path may fill the line"
    assert "head_bytes" not in shown


@pytest.mark.parametrize("command", ["status", "retry", "export"])
def test_what_is_no_journal_is_one_clear_line(tmp_path: Path, command: str) -> None:
    result = omnivery("bots", command, str(tmp_path / "none"), environment={"OMNIVERY_TOKEN": "t"})
    assert result.returncode == 2
    assert error_of(result)["message"].startswith("journal: there is no file")
    assert result.stdout == b""


def test_what_is_old_is_pruned(file: Path, tmp_path: Path, settings: dict[str, str]) -> None:
    """Counts stay, and so does what is not delivered."""
    journal, store, empty = str(tmp_path / "j"), tmp_path / "verdicts.db", str(tmp_path / "empty")
    omnivery("bots", "submit", str(file), "--journal", journal, environment=settings)
    wrong = {**settings, "OMNIVERY_TOKEN": "wrong"}
    omnivery("bots", "submit", str(file), "--journal", empty, environment=wrong)
    with VerdictStore(store, clock=lambda: 1_700_000_000.0) as verdicts:
        payload = dumps(
            {
                "signature": webhooks.sign("key", timestamp=1_700_000_000),
                "events": [{"event_id": "a"}, {"event_id": "b"}],
            }
        )
        verdicts.add(payload, webhooks.parse(payload, "key", now=1_700_000_000))  # type: ignore[arg-type]  # of verdicts
    arguments = ("bots", "prune", journal, empty, "--store", str(store), "--older-than")
    # The newest verdict stays.
    assert printed(omnivery(*arguments, "1h")) == {"events": 0, "verdicts": 1}
    time.sleep(0.01)
    assert printed(omnivery(*arguments, "0")) == {"events": 1202 + 2, "verdicts": 0}
    state = printed(omnivery("bots", "status", journal))
    assert (state["read"], state["accepted"], state["rejected"]) == (1202, 1200, 2)
    assert printed(omnivery("bots", "status", empty))["pending"] == 1200
    assert omnivery("bots", "export", journal).stdout == b""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), b"name a JOURNAL"),
        (("none",), b"there is no file"),
        (("--store", "none"), b"there is no file"),
        (("text",), b"not an SQLite file"),
    ],
)
def test_nothing_is_pruned_of_what_is_no_journal(tmp_path: Path, arguments: tuple[str, ...], words: bytes) -> None:
    """And nothing is created."""
    (tmp_path / "text").write_text("dear diary")
    paths = [one if one.startswith("-") else str(tmp_path / one) for one in arguments]
    result = omnivery("bots", "prune", *paths, "--older-than", "30d")
    assert result.returncode == 2
    assert words in result.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["text"]


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux alone")
def test_a_file_whose_name_is_no_unicode_has_a_journal_like_any_other(
    tmp_path: Path, emulator: Emulator, settings: dict[str, str]
) -> None:
    file, journal = os.fsencode(tmp_path) + b"/caf\xe9.ndjson", str(tmp_path / "j")
    Path(os.fsdecode(file)).write_bytes(b'{"ip":"203.0.113.7","uas":"x","event_id":"a"}\nrubbish\n')
    for _ in range(2):
        result = omnivery("bots", "submit", os.fsdecode(file), "--journal", journal, environment=settings)
        assert (printed(result)["read"], printed(result)["accepted"]) == (2, 1), result.stderr
    [source] = printed(omnivery("bots", "status", journal))["sources"]
    assert source["name"].startswith(str(tmp_path / "caf"))
    [problem] = omnivery("bots", "export", journal).stdout.splitlines()
    assert json.loads(problem)["text"] == "rubbish"
    assert len(emulator.bot_events) == 1
