"""What the emulator's own receiver received, as records."""

from __future__ import annotations

import json

import pytest

from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.received import DeliveryEventQuery, DeliveryEventRecords, VerdictQuery, VerdictRecords
from omnivery.emulator.records.window import Window
from omnivery.webhooks import BotVerdicts, DeliveryEvent, parse_unverified


def add(records: VerdictRecords, *verdicts: tuple[str, bool | None]) -> None:
    events = [{"event_id": name, "ip": "192.0.2.1", "is_bot": is_bot} for name, is_bot in verdicts]
    body = json.dumps({"events": events}).encode()
    call = parse_unverified(body)
    assert isinstance(call, BotVerdicts)
    records.add(call, body)


@pytest.fixture
def records(database: RecordDatabase, changes: Changes) -> VerdictRecords:
    return VerdictRecords(database, kept=4, changes=changes)


def test_each_verdict_is_a_record(records: VerdictRecords) -> None:
    add(records, ("a", True), ("b", False))
    add(records, ("c", None))
    add(records)
    found = records.find().records
    assert [(each.id, each.verdict.event_id, each.verdict.is_bot) for each in found] == [
        (3, "c", None),
        (2, "b", False),
        (1, "a", True),
    ]
    assert [verdict.event_id for verdict in records.all()] == ["a", "b", "c"]
    assert [each.id for each in records.find(VerdictQuery(is_bot=True)).records] == [1]
    assert [each.id for each in records.find(VerdictQuery(event_id="b")).records] == [2]
    assert [each.id for each in records.find(window=Window(after=1, limit=1)).records] == [2]
    assert [each.id for each in records.find(window=Window(before=3, limit=1)).records] == [2]
    assert (records.count(), records.count(after=2), records.count(VerdictQuery(event_id="b"))) == (3, 1, 1)


def test_the_oldest_verdicts_are_deleted_and_no_id_is_used_twice(
    records: VerdictRecords, database: RecordDatabase, changes: Changes
) -> None:
    for number in range(8):
        add(records, (f"{number}", True), (f"{number}b", True))
    assert [verdict.event_id for verdict in records.all()] == ["6", "6b", "7", "7b"]
    assert database.rows("SELECT count(*) FROM received") == [(2,)]
    records.clear()
    assert (records.all(), records.newest_id()) == ([], 16)
    assert VerdictRecords(database, kept=4, changes=changes).newest_id() == 16


def test_delivery_events_are_records_of_their_own(database: RecordDatabase, changes: Changes) -> None:
    records = DeliveryEventRecords(database, kept=2, changes=changes)
    for number, kind in enumerate(("opened", "opened", "opened", "clicked")):
        body = json.dumps({"event-data": {"event": kind, "recipient": f"A{number}@example.com"}}).encode()
        event = parse_unverified(body)
        assert isinstance(event, DeliveryEvent)
        records.add(event, body)
    assert [event.recipient for event in records.all()] == ["A2@example.com", "A3@example.com"]
    [newest] = records.find(window=Window(limit=1)).records
    assert (newest.id, newest.event.recipient) == (4, "A3@example.com")
    assert [each.id for each in records.find(DeliveryEventQuery(event="opened")).records] == [3]
    assert [each.id for each in records.find(DeliveryEventQuery(recipient="a3@EXAMPLE.com")).records] == [4]
    assert (records.count(), records.count(after=3), records.newest_id()) == (2, 1, 4)
    assert records.count(DeliveryEventQuery(event="clicked")) == 1
    records.clear()
    assert records.all() == []
