"""`omnivery suppressions import`: every line of a file is accounted for."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omnivery.cli import suppression_import
from omnivery.emulator import Emulator
from omnivery.mailgun import Bounces
from tests.cli.conftest import Command
from tests.support.cli import error_of, output_of, seen_in_process, settings_of, unread
from tests.support.waiting import killed_in_the_end


def csv_of(tmp_path: Path, count: int, name: str = "reader") -> Path:
    file = tmp_path / f"{name}.csv"
    lines = (f"{name}{number}@example.com,550,User unknown\n" for number in range(count))
    file.write_text("address,code,error\n" + "".join(lines))
    return file


def account(result: subprocess.CompletedProcess[bytes]) -> dict[str, int]:
    found = output_of(result)
    assert found["accepted"] + found["rejected"] + found["undelivered"] + found["unknown"] == found["read"]
    return {name: found[name] for name in ("read", "accepted", "rejected", "undelivered", "unknown")}


def addresses(command: Command, which: str = "bounces") -> set[str]:
    found = output_of(command("suppressions", "list", which, "--limit", "0"))["items"]
    return {item["address"] for item in found}


def test_a_file_comes_onto_the_list_a_thousand_in_a_request(command: Command, tmp_path: Path) -> None:
    result = command("suppressions", "import", "bounces", str(csv_of(tmp_path, 2500, "many")))
    assert (result.returncode, account(result)["accepted"]) == (0, 2500)
    assert output_of(result)["requests"] == 3
    assert {"many0@example.com", "many2499@example.com"} <= addresses(command)


@pytest.mark.parametrize("which", ["complaints", "unsubscribes", "whitelists"])
def test_each_list_takes_what_it_has_fields_for(command: Command, tmp_path: Path, which: str) -> None:
    file = csv_of(tmp_path, 3, f"each-{which}")
    result = command("suppressions", "import", which, str(file))
    assert (result.returncode, account(result)["accepted"]) == (0, 3)
    assert b"were left out: code" in result.stderr
    assert f"each-{which}2@example.com" in addresses(command, which)


def test_the_automations_api_takes_one_address_a_call(command: Command, tmp_path: Path) -> None:
    file = csv_of(tmp_path, 5, "token")
    result = command("suppressions", "import", "bounces", str(file), "--surface", "automations", "--error", "x")
    assert account(result)["accepted"] == 5
    assert output_of(result)["requests"] == 5


def test_bad_lines_are_named_and_the_others_are_sent(command: Command, tmp_path: Path) -> None:
    file, rejected = tmp_path / "some.csv", tmp_path / "rejected.ndjson"
    file.write_bytes(b"address\ngood1@example.com\nnobody\n\xff@example.com\ngood2@example.com\n")
    result = command("suppressions", "import", "bounces", str(file), "--rejected", str(rejected))
    assert result.returncode == 1
    assert account(result) == {"read": 4, "accepted": 2, "rejected": 2, "undelivered": 0, "unknown": 0}
    assert [(one["line"], one["reason"]) for one in output_of(result)["rejections"]] == [
        (3, "it is no e-mail address"),
        (4, "not UTF-8 text, or longer than a megabyte"),
    ]
    assert [json.loads(line) for line in rejected.read_text("utf-8").splitlines()] == output_of(result)["rejections"]


def test_what_the_service_refuses_is_named_by_its_line(command: Command, tmp_path: Path) -> None:
    """An address that only the service knows to be wrong; those beside it are accepted."""
    file = tmp_path / "refused.ndjson"
    file.write_text(
        '{"address": "fine1@example.com"}\n{"address": "a..b@"}\n\n{"address": "..@-"}\n"fine2@example.com"\n'
    )
    result = command("suppressions", "import", "bounces", str(file))
    found = output_of(result)
    assert account(result)["accepted"] == 2
    assert [one["line"] for one in found["rejections"]] == [2, 4]


def test_addresses_come_from_standard_input(command: Command) -> None:
    result = command("suppressions", "import", "unsubscribes", "-", stdin=b"in1@example.com\nin2@example.com\n")
    assert account(result)["accepted"] == 2


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: data.decode().encode("utf-16")], ids=["gzip", "utf-16"])
def test_the_text_in_a_file_is_read(command: Command, tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Excel writes "Unicode text" in UTF-16."""
    file = tmp_path / "packed"
    file.write_bytes(pack(b"address\tcode\npacked1@example.com\t550\npacked2@example.com\t550\n"))
    result = command("suppressions", "import", "bounces", str(file))
    assert (result.returncode, account(result)["accepted"]) == (0, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04\x14\0\x06\0", "this is a zip archive or an Excel workbook"),
        (b"SQLite format 3\0" + bytes(100), "this is an SQLite database"),
    ],
)
def test_what_holds_no_lines_is_named(command: Command, tmp_path: Path, content: bytes, words: str) -> None:
    """Its bytes were shown as lines that are no address."""
    file = tmp_path / "addresses"
    file.write_bytes(content)
    result = command("suppressions", "import", "bounces", str(file))
    assert (result.returncode, result.stdout) == (1, b"")
    assert error_of(result)["message"].startswith(words)
    assert "device" in error_of(command("suppressions", "import", "bounces", "/dev/zero"))["message"]


def test_what_stands_before_damage_is_sent_and_the_rest_is_told(command: Command, tmp_path: Path) -> None:
    lines = [f"cut{number}-{os.urandom(8).hex()}@example.com\n" for number in range(2000)]
    data = gzip.compress("".join(lines).encode())
    (file := tmp_path / "cut.gz").write_bytes(data[: len(data) // 2])
    result = command("suppressions", "import", "bounces", str(file))
    found = output_of(result)
    assert result.returncode == 1
    assert found["accepted"] == found["read"] > 100
    assert "cut off" in found["stopped_by"]
    assert found["next_line"] == found["read"] + 1
    assert lines[found["read"] - 1].strip() in addresses(command)


def test_a_reason_fills_lines_that_have_none(command: Command) -> None:
    content = b"address,error\nwithout@example.com,\nwith@example.com,own\n"
    command("suppressions", "import", "complaints", "-", "--error", "by post", stdin=content)
    items = output_of(command("suppressions", "list", "complaints", "--limit", "0"))["items"]
    reasons = {item["address"]: item["error"] for item in items}
    assert (reasons["without@example.com"], reasons["with@example.com"]) == ("by post", "own")


def test_a_wrong_key_stops_the_import_and_says_where_to_go_on(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression_import, "STEP", 100)
    file = csv_of(tmp_path, 1000, "wrong")
    result = command(
        "suppressions", "import", "bounces", str(file), environment={"OMNIVERY_API_KEY": "wrong-and-secret"}
    )
    assert result.returncode == 1
    assert account(result) == {"read": 100, "accepted": 0, "rejected": 0, "undelivered": 100, "unknown": 0}
    assert "401" in output_of(result)["stopped_by"]
    assert output_of(result)["next_line"] == 2
    assert b"wrong-and-secret" not in result.stdout + result.stderr


def test_ctrl_c_accounts_for_what_was_done_and_the_rest_goes_on_from_there(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression_import, "STEP", 100)
    file, create_many, steps = csv_of(tmp_path, 1000, "stopped"), Bounces.create_many, 0

    def interrupted(self: Bounces, records: Any, **options: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 4:
            raise KeyboardInterrupt
        return create_many(self, records, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Bounces, "create_many", interrupted)
        result = command("suppressions", "import", "bounces", str(file))
    assert result.returncode == 130
    assert account(result) == {"read": 400, "accepted": 300, "rejected": 0, "undelivered": 0, "unknown": 100}
    assert output_of(result)["stopped_by"] == "interrupted"
    next_line = output_of(result)["next_line"]
    assert next_line == 302
    result = command("suppressions", "import", "bounces", str(file), "--from-line", str(next_line))
    assert (result.returncode, account(result)["accepted"]) == (0, 700)
    assert {f"stopped{number}@example.com" for number in range(1000)} <= addresses(command)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_prints_the_account_and_leaves_no_file(
    server: Emulator, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """Standard input stays open and silent."""
    arguments = ["suppressions", "import", "bounces", "-", "--rejected", str(tmp_path / "rejected.ndjson")]
    with (
        subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "omnivery", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **settings_of(server)},
        ) as process,
        killed_in_the_end(process),
    ):
        assert process.stdin is not None
        process.stdin.write(b"address\nann@example.com\n")
        process.stdin.flush()
        while unread(process.stdin) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        output, complaints = process.communicate(timeout=60)
    assert process.returncode == status
    assert json.loads(output)["next_line"] == 1
    assert b"Traceback" not in complaints
    assert [path.name for path in tmp_path.iterdir()] == ["rejected.ndjson"]


@pytest.mark.parametrize(
    ("content", "word"), [(b"name,plan\nx,y\n", "--columns"), (b"ann@example.com,x\n", "first line")]
)
def test_a_table_without_addresses_is_refused(command: Command, content: bytes, word: str) -> None:
    result = command("suppressions", "import", "bounces", "-", stdin=content)
    assert (result.returncode, word in error_of(result)["message"]) == (2, True)


def test_a_missing_file_is_named(command: Command) -> None:
    result = command("suppressions", "import", "bounces", "/nowhere/list.csv")
    assert (result.returncode, error_of(result)["type"]) == (1, "FileNotFoundError")


def test_a_person_sees_lines_and_reasons_that_cannot_steer_the_terminal(server: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "some.csv"
    file.write_bytes(b"address\ngood@example.com\n" + b"x\x1b[2J@\n" * 12)
    status, shown = seen_in_process("suppressions", "import", "bounces", str(file), environment=settings_of(server))
    assert status == 1
    assert "1 of 13 lines accepted on the list of bounces" in shown
    assert "rejected: 12 in all: 12 it is no e-mail address" in shown
    assert "\x1b[2J" not in shown
