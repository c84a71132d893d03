"""`omnivery stats`."""

from __future__ import annotations

from omnivery.emulator import Emulator
from tests.cli.conftest import Command
from tests.support.cli import error_of, output_of, seen_in_process, settings_of


def test_events_are_counted(command: Command) -> None:
    command("send", "--from", "a@mail.example.com", "--to", "ann@example.com", "--text", "x")
    found = output_of(command("stats", "accepted", "--since", "2d"))
    assert found["resolution"] == "day"
    assert sum(bucket["counters"]["accepted"]["total"] for bucket in found["stats"]) >= 1
    hours = output_of(command("stats", "delivered", "--since", "3h", "--by", "hour"))
    assert hours["resolution"] == "hour"


def test_a_span_that_is_none_is_refused(command: Command) -> None:
    result = command("stats", "--since", "yesterday")
    assert (result.returncode, "yesterday" in error_of(result)["message"]) == (2, True)


def test_a_person_sees_totals_and_bars_in_any_encoding(server: Emulator) -> None:
    status, shown = seen_in_process("stats", "delivered", environment=settings_of(server), encoding="cp437")
    assert status == 0
    assert "total" in shown
    assert "delivered  _" in shown
