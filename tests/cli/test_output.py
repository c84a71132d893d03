"""What commands print."""

from __future__ import annotations

import errno
import json
import sys
from datetime import UTC, datetime
from unittest import mock

import pytest

from omnivery.automations import SubmitReport
from omnivery.bulk.report import BatchFailure, Rejection
from omnivery.cli.output import cell_text, json_text, print_json, where_events_went
from omnivery.cli.streams import OutputError
from omnivery.errors import ConfigError
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


def rejected(*items: Rejection, beyond: int = 0) -> list[str]:
    count = len(items) + beyond
    return [*where_events_went(SubmitReport(read=count, rejected=count, rejections=items), "a.log")]


def test_a_reason_is_said_once_with_the_lines_that_it_is_for() -> None:
    """A file in a wrong format has the same reason for each of its lines."""
    wrong = [Rejection(index=n, line=n + 1, reason="not JSON") for n in range(1200)]
    no_id = Rejection(index=7, line=9, reason="no event_id")
    assert rejected(*wrong[:2], no_id, *wrong[2:]) == [
        "rejected: lines 1, 2, 3, 4, 5 and 1,195 more: not JSON",
        "rejected: line 9: no event_id",
    ]
    assert rejected(Rejection(index=7, reason="no ip")) == ["rejected: index 7: no ip"]


def test_what_is_rejected_for_reasons_that_are_not_said_is_counted() -> None:
    many = [Rejection(index=n, line=n + 1, reason=f"reason {n}") for n in range(12)]
    assert rejected(*many, beyond=3)[9:] == ["rejected: line 10: reason 9", "rejected: 5 more"]


def test_the_error_that_stopped_a_run_is_said_once() -> None:
    error = ConfigError("no key")
    failure = BatchFailure(batch=0, events=250, error=error)
    stopped = SubmitReport(read=250, undelivered=250, failures=(failure,), stopped_by=error)
    assert [*where_events_went(stopped, "a.log")] == [
        "not delivered: 250 events of 1 batch: no key",
        "the run was stopped by that error",
    ]
    assert [*where_events_went(SubmitReport(stopped_by=error), "a.log")] == ["the run was stopped: no key"]
