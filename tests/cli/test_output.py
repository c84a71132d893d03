"""What commands print."""

from __future__ import annotations

import errno
import json
import sys
from datetime import UTC, datetime
from unittest import mock

import pytest

from omnivery.cli.output import OutputError, cell_text, json_text, print_json
from omnivery.events.event import BotEvent
from omnivery.mail.dns import DnsRecord


def test_what_is_not_utf_8_can_be_printed() -> None:
    """File names and arguments need not be, and an error that quotes one must not end in another error."""
    name = b"caf\xe9.csv".decode("utf-8", "surrogateescape")
    assert json.loads(json_text({"error": {"message": f"no file {name}", "hint": None}, name: [name]})) == {
        "error": {"message": "no file caf?.csv", "hint": None},
        "caf?.csv": ["caf?.csv"],
    }


def test_a_model_is_an_object_of_its_fields() -> None:
    record = DnsRecord(name="example.com", record_type="TXT", value="v=spf1", valid=True)
    found = json.loads(json_text({"record": record, "at": datetime(2026, 1, 2, tzinfo=UTC)}))
    assert found["record"] == {
        "name": "example.com",
        "record_type": "TXT",
        "value": "v=spf1",
        "valid": True,
        "priority": None,
        "state": None,
    }
    assert found["at"].startswith("2026-01-02T00:00:00")
    assert json.loads(json_text(DnsRecord(extra={"new": 1})))["extra"] == {"new": 1}
    assert json.loads(json_text(BotEvent(ip="::1", attributes={"n": 1}))) == {"ip": "::1", "n": 1}


def test_json_never_steers_a_terminal_and_keeps_its_value() -> None:
    text = json_text({"name": "a\x9b2J\u202e\x1b\x7f"})
    assert text.isprintable()
    assert json.loads(text) == {"name": "a\x9b2J\u202e\x1b\x7f"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (1200, "1,200"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02 03:04 UTC"),
        (("a", "b"), "a, b"),
        ((), "-"),
        ("\x1b]0;title\x07", "\N{REPLACEMENT CHARACTER}]0;title\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_cell_reads_well(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_a_full_disk_is_told_from_a_reader_that_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first, something is wrong; the second is how `| head` ends."""
    for error, expected in (
        (OSError(errno.ENOSPC, "No space left on device"), OutputError),
        (BrokenPipeError(), BrokenPipeError),
    ):
        monkeypatch.setattr(sys, "stdout", mock.Mock(encoding="utf-8", flush=mock.Mock(side_effect=error)))
        with pytest.raises(expected):
            print_json({})
