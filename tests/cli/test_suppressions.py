"""`omnivery suppressions`: list, add, remove, export."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.support.cli import error_of, output_of

LISTS = ("bounces", "complaints", "unsubscribes", "whitelists")


def listed(command: Command, which: str) -> list[str]:
    return [item["address"] for item in output_of(command("suppressions", "list", which, "--limit", "0"))["items"]]


@pytest.mark.parametrize("which", LISTS)
def test_an_address_is_added_and_removed(command: Command, which: str) -> None:
    reason = () if which == "whitelists" else ("--error", "by hand")
    added = command("suppressions", "add", which, "ann@example.com", "bob@example.com", *reason)
    assert output_of(added) == {"changed": ["ann@example.com", "bob@example.com"], "not_on_the_list": []}
    assert {"ann@example.com", "bob@example.com"} <= set(listed(command, which))
    removed = command(
        "suppressions", "remove", which, "ann@example.com", "-", stdin=b"bob@example.com\nnone@example.com\n"
    )
    assert removed.returncode == 0
    assert output_of(removed) == {
        "changed": ["ann@example.com", "bob@example.com"],
        "not_on_the_list": ["none@example.com"],
    }
    assert not {"ann@example.com", "bob@example.com"} & set(listed(command, which))


def test_the_automations_api_adds_to_the_lists_that_it_has(command: Command) -> None:
    by_token = {"OMNIVERY_API_KEY": "", "OMNIVERY_SENDING_KEY": ""}
    assert command("suppressions", "add", "bounces", "token@example.com", environment=by_token).returncode == 0
    assert "token@example.com" in listed(command, "bounces")
    refused = command("suppressions", "add", "whitelists", "x@example.com", environment=by_token)
    assert (refused.returncode, "no whitelists" in error_of(refused)["message"]) == (2, True)
    refused = command("suppressions", "list", "bounces", environment=by_token)
    assert (refused.returncode, "OMNIVERY_API_KEY" in error_of(refused)["message"]) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("add", "complaints", "x@example.com"), "--error"),
        (("add", "whitelists", "x@example.com", "--code", "550"), "--code"),
        (("add", "spam", "x@example.com"), "bounces"),
        (("remove", "bounces"), "--all"),
        (("remove", "bounces", "x@example.com", "--all"), "--all"),
        (("remove", "complaints", "--all", "--yes"), "only the list of bounces"),
        (("remove", "bounces", "--all"), "--yes"),
        (("export", "bounces", "--output", "bounces.xlsx"), ".xlsx"),
        (("export", "bounces", "--output", "bounces.parquet"), ".csv"),
    ],
)
def test_wrong_usage_changes_nothing(command: Command, arguments: tuple[str, ...], word: str) -> None:
    result = command("suppressions", *arguments)
    assert (result.returncode, result.stdout) == (2, b"")
    assert word in error_of(result)["message"]


def test_what_was_done_before_an_error_is_said(command: Command) -> None:
    result = command("suppressions", "add", "unsubscribes", "first@example.com", "no address", "last@example.com")
    assert result.returncode == 1
    assert output_of(result)["changed"] == ["first@example.com"]
    assert error_of(result)["type"] == "BadRequestError"


def test_a_domain_that_is_not_there_is_an_error_and_no_absent_address(command: Command) -> None:
    result = command("suppressions", "remove", "bounces", "x@example.com", "--domain", "nowhere.example.org")
    assert (result.returncode, error_of(result)["type"]) == (1, "NotFoundError")


def test_the_list_of_bounces_can_be_emptied(command: Command) -> None:
    command("suppressions", "add", "bounces", "ann@example.com")
    assert output_of(command("suppressions", "remove", "bounces", "--all", "--yes")) == {"removed": "all"}
    assert listed(command, "bounces") == []


@pytest.mark.parametrize("which", LISTS)
def test_an_export_can_be_imported_again(command: Command, tmp_path: Path, which: str) -> None:
    reason = () if which == "whitelists" else ("--error", "=1+1")
    for address in listed(command, which):
        command("suppressions", "remove", which, address)
    command("suppressions", "add", which, "+tag@example.com", "ann@example.com", *reason)
    before = output_of(command("suppressions", "list", which))["items"]
    for name in ("list.csv", "list.ndjson"):
        file = tmp_path / name
        exported = output_of(command("suppressions", "export", which, "--output", str(file)))
        assert exported == {"exported": 2, "output": str(file)}
        command("suppressions", "remove", which, "+tag@example.com", "ann@example.com")
        imported = command("suppressions", "import", which, str(file))
        assert (imported.returncode, output_of(imported)["accepted"]) == (0, 2)
        after = output_of(command("suppressions", "list", which))["items"]
        assert [{**item, "created_at": None} for item in after] == [{**item, "created_at": None} for item in before]
    command("suppressions", "remove", which, "+tag@example.com", "ann@example.com")


def test_an_export_goes_to_standard_output(command: Command) -> None:
    command("suppressions", "add", "unsubscribes", "out@example.com")
    lines = command("suppressions", "export", "unsubscribes")
    assert "out@example.com" in [json.loads(line)["address"] for line in lines.stdout.splitlines()]
    assert b"exported" in lines.stderr
    table = command("suppressions", "export", "unsubscribes", "--format", "csv").stdout.decode()
    assert "out@example.com" in [row["address"] for row in csv.DictReader(io.StringIO(table))]
