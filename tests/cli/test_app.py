"""The command line as a shell meets it: a process, its output, its exit status."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from omnivery.cli import main
from omnivery.cli.demo import Account
from omnivery.cli.matching import VerdictMatcher
from omnivery.cli.output import printable
from omnivery.emulator import Emulator
from tests.support.cli import free_port, in_process, seen_in_process, unread
from tests.support.cli import process as omnivery
from tests.support.waiting import killed_in_the_end

LINE = '{ip} - - [17/May/2015:10:05:03 +0000] "GET /offer HTTP/1.1" 200 5 "-" "{agent}"\n'
REAL_LOG = Path(__file__).parents[3] / "shared" / "data" / "access_log.gz"


def printed(result: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    """The one JSON object on standard output."""
    value = json.loads(result.stdout)
    assert isinstance(value, dict)
    return value


def log(*agents: str) -> bytes:
    """A small access log with one line for each user agent."""
    lines = (LINE.format(ip=f"198.18.{n // 256}.{n % 256}", agent=agent) for n, agent in enumerate(agents))
    return "".join(lines).encode()


def test_demo_without_a_file_gets_a_verdict_for_each_of_its_events() -> None:
    result = omnivery("demo")
    account = printed(result)
    assert result.returncode == 0, result.stderr
    assert account["read"] == account["accepted"] == account["verdicts"] == 20_000
    assert account["batches"] == 40
    assert account["bots"] + account["humans"] + account["unknown"] == 20_000
    assert account["bots"] > 1000
    assert account["humans"] > 1000
    assert account["events_per_second"] > 0
    assert account["rejections"] == []


@pytest.mark.skipif(not REAL_LOG.exists(), reason="the real log is not at hand")
def test_demo_reads_a_real_log_and_names_its_damaged_line() -> None:
    account = printed(in_process("demo", str(REAL_LOG)))
    assert (account["read"], account["accepted"], account["rejected"], account["undelivered"]) == (10_000, 9_999, 1, 0)
    assert (account["batches"], account["verdicts"], account["missing"]) == (20, 9_999, 0)
    assert [item["line"] for item in account["rejections"]] == [8899]
    assert {"uas": "-", "events": 190} in account["agents"]


def test_equal_lines_are_different_interactions_and_each_has_its_verdict(tmp_path: Path) -> None:
    file = tmp_path / "access_log"
    file.write_bytes(log("curl/8.9.1") * 3)
    account = printed(in_process("demo", str(file)))
    assert (account["accepted"], account["verdicts"], account["unmatched"]) == (3, 3, 0)


def test_demo_reads_gzip_from_standard_input() -> None:
    account = printed(in_process("demo", "-", stdin=gzip.compress(log("-", "curl/8.9.1", "Mozilla/5.0"))))
    assert (account["accepted"], account["bots"], account["humans"]) == (3, 2, 1)


def test_demo_names_bad_lines_and_still_ends_well() -> None:
    good = b'{"ip":"198.51.100.1","uas":"-","event_id":"a"}'
    result = in_process("demo", "-", stdin=b"\n".join([good, b"", b"rubbish", b'{"ip":"1.1.1.1","event_id":"b"}']))
    account = printed(result)
    assert result.returncode == 0
    assert [(item["line"], item["reason"]) for item in account["rejections"]] == [(3, "not JSON"), (4, "no uas")]


def test_demo_fails_when_an_accepted_event_gets_no_verdict() -> None:
    """The emulator never judges this network: exactly what the exit status is there to tell."""
    result = in_process("demo", "-", stdin=b'{"ip":"203.0.113.1","uas":"x","event_id":"a"}')
    account = printed(result)
    assert result.returncode == 1
    assert (account["accepted"], account["verdicts"], account["missing"]) == (1, 0, 1)


def test_demo_of_a_cut_off_file_accounts_for_what_could_be_read(tmp_path: Path) -> None:
    file = tmp_path / "cut.gz"
    packed = gzip.compress(b"".join(log(f"agent {n} {os.urandom(40).hex()}") for n in range(3000)))
    file.write_bytes(packed[: len(packed) // 2])
    result = in_process("demo", str(file))
    account = printed(result)
    assert result.returncode == 1
    assert 0 < account["read"] == account["accepted"] == account["verdicts"] < 3000
    assert "cut off" in account["stopped_by"]
    assert b"Traceback" not in result.stderr


def test_a_missing_file_is_one_clear_line() -> None:
    result = omnivery("demo", "/nowhere/access_log")
    assert result.returncode == 1
    message = "No such file or directory: /nowhere/access_log"
    assert json.loads(result.stderr) == {"error": {"type": "FileNotFoundError", "message": message, "hint": None}}


def closing(**totals: object) -> str:
    counts = dict.fromkeys(("read", "accepted", "rejected", "undelivered"), 0)
    return Account(totals={**counts, "stopped_by": None, **totals}, matcher=VerdictMatcher()).closing


def test_demo_closes_with_what_is_true_of_the_file() -> None:
    assert closing() == "There is no event in it."
    assert closing(read=3, rejected=3).startswith("Nothing in it could be read as an event")
    assert "not everything could be read" in closing(stopped_by="a picture")
    assert closing(read=3, undelivered=3, stopped_by="no key").startswith("Some events have no verdict")


def test_demo_of_a_folder_tells_copies_first_and_the_file_of_each_bad_line(tmp_path: Path) -> None:
    """A line's number alone says nothing of a hundred files."""
    (tmp_path / "a.log").write_bytes(log("one") + b"rubbish\n")
    (tmp_path / "b.log").write_bytes(log("two", "three") + b"rubbish\n")
    (tmp_path / "c.log").write_bytes(log("two", "three") + b"rubbish\n")
    (tmp_path / "d.zip").write_bytes(b"PK\x03\x04")
    status, shown = seen_in_process("demo", str(tmp_path), environment={"COLUMNS": "300"})
    assert status == 1
    assert shown.startswith(f"Warning: {tmp_path / 'c.log'} seems to be a copy of {tmp_path / 'b.log'}: ")
    assert f"8 events from {tmp_path}\n" in shown
    for name, line in (("a.log", 2), ("b.log", 3)):
        assert f"\n  {tmp_path / name}: rejected: line {line}: not in combined log format\n" in shown
    assert f"Error: {tmp_path / 'd.zip'}: this is a zip archive or an Excel workbook: unpack it first" in shown
    assert shown.count("this is a zip archive") == 1
    assert "Every event that was read is accounted for, but not everything could be read." in shown


def test_an_empty_source_is_no_error() -> None:
    result = in_process("demo", "-")
    assert result.returncode == 0
    assert printed(result)["read"] == 0


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    """The environment that leads to an emulator."""
    with Emulator(webhook_retry_delays=()) as emulator:
        yield {
            "OMNIVERY_TOKEN": emulator.token,
            "OMNIVERY_AUTOMATIONS_URL": emulator.automations_url,
            "OMNIVERY_DOMAIN": emulator.domain,
            "OMNIVERY_WEBHOOK_URL": "http://127.0.0.1:9/verdicts",
        }


def test_submit_sends_every_file_and_says_which_line_of_which_is_bad(tmp_path: Path, settings: dict[str, str]) -> None:
    first, second = tmp_path / "first.log", tmp_path / "second.ndjson"
    first.write_bytes(log("curl/8.9.1") + b"rubbish\n")
    second.write_bytes(b'{"ip":"::1","uas":"x","event_id":"b"}\n')
    result = in_process("bots", "submit", str(first), str(second), environment=settings)
    account = printed(result)
    assert result.returncode == 1
    assert (account["read"], account["accepted"], account["rejected"]) == (3, 2, 1)
    assert account["rejections"][0]["file"] == str(first)
    assert account["rejections"][0]["line"] == 2


def test_a_file_s_own_error_is_told_once_and_is_not_called_the_end_of_the_run(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "b.log").write_bytes(log("x"))
    _, shown = seen_in_process("bots", "submit", str(tmp_path), environment={**settings, "COLUMNS": "300"})
    first, second = [line for line in shown.splitlines() if str(tmp_path) in line][-2:]
    assert first.startswith(f"1 of 1 event accepted from {tmp_path / 'b.log'}: ")
    assert second.startswith(f"Error: {tmp_path / 'a.zip'}: this is a zip archive")
    assert shown.count("zip archive") == 1


def test_submit_that_delivers_everything_ends_with_zero(tmp_path: Path, settings: dict[str, str]) -> None:
    file = tmp_path / "access_log"
    file.write_bytes(log("curl/8.9.1", "-"))
    assert in_process("bots", "submit", str(file), environment=settings).returncode == 0


def test_submit_with_a_wrong_token_stops_and_never_shows_it(tmp_path: Path, settings: dict[str, str]) -> None:
    file = tmp_path / "access_log"
    file.write_bytes(log(*(f"agent {n}" for n in range(1200))))
    result = in_process("bots", "submit", str(file), environment={**settings, "OMNIVERY_TOKEN": "wrong-and-secret"})
    account = printed(result)
    assert result.returncode == 1
    assert account["accepted"] == 0
    assert account["undelivered"] == account["read"] == 1200
    assert "401" in account["stopped_by"]
    assert b"wrong-and-secret" not in result.stdout + result.stderr


@pytest.mark.parametrize("missing", ["OMNIVERY_TOKEN", "OMNIVERY_DOMAIN", "OMNIVERY_WEBHOOK_URL"])
def test_submit_names_the_setting_that_is_missing(tmp_path: Path, settings: dict[str, str], missing: str) -> None:
    file = tmp_path / "access_log"
    file.write_bytes(log("-"))
    result = in_process("bots", "submit", str(file), environment={**settings, missing: ""})
    assert result.returncode == 2
    assert missing.encode() in result.stderr
    assert result.stdout == b""


def test_submit_refuses_an_address_that_is_none(tmp_path: Path, settings: dict[str, str]) -> None:
    file = tmp_path / "access_log"
    file.write_bytes(log("-", "x"))
    result = in_process("bots", "submit", str(file), "--base-url", "not an address", environment=settings)
    assert result.returncode == 2
    assert b"--base-url: expected a URL" in result.stderr


def test_wrong_usage_ends_with_two() -> None:
    assert in_process("demo", "--concurrency", "0").returncode == 2
    assert in_process("no-such-command").returncode == 2


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_of_a_run_prints_the_account(number: signal.Signals, status: int) -> None:
    """Standard input stays open and silent: one signal is enough all the same, be it Ctrl-C's or a supervisor's."""
    command = [sys.executable, "-W", "error", "-m", "omnivery", "demo", "-"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        killed_in_the_end(process),
    ):
        assert process.stdin is not None
        process.stdin.write(log(*(f"agent {n}" for n in range(2000))))
        process.stdin.flush()
        while unread(process.stdin) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(timeout=60) == status
        assert process.stdout is not None
        assert process.stderr is not None
        account, complaints = json.loads(process.stdout.read()), process.stderr.read()
    assert account["accepted"] + account["rejected"] + account["undelivered"] == account["read"]
    assert account["verdicts"] + account["missing"] == account["accepted"]
    assert account["stopped_by"] == "interrupted"
    assert b"Traceback" not in complaints


def test_foreign_text_cannot_steer_the_terminal() -> None:
    """A log's user agents are chosen by the clients of the server."""
    assert printable("curl\x1b[2J\x9b\r\n") == "curl\N{REPLACEMENT CHARACTER}[2J" + 3 * "\N{REPLACEMENT CHARACTER}"


def test_a_closed_standard_output_costs_no_traceback(tmp_path: Path, settings: dict[str, str]) -> None:
    file = tmp_path / "access_log"
    file.write_bytes(log("-"))
    command = f"exec {sys.executable} -m omnivery bots submit {file} >&-"
    result = subprocess.run(["sh", "-c", command], capture_output=True, check=False, env={**os.environ, **settings})
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_command_does_not_import_the_command_line_of_httpx() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "omnivery", "domains", "list"]
    environment = {**os.environ, "OMNIVERY_API_KEY": "key", "OMNIVERY_MAILGUN_URL": f"http://127.0.0.1:{free_port()}"}
    imports = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment).stderr
    assert "httpx._client" in imports
    assert "pygments" not in imports


def test_ctrl_c_while_modules_are_imported_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is where a command spends its first moments, and a traceback of imports is of no use."""

    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "omnivery.cli.app", Interrupted("app"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
