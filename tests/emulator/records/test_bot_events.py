"""Bot events as records: each has an id of its own, although a whole batch is one row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from omnivery.emulator.records.bot_event_query import BotEventQuery
from omnivery.emulator.records.bot_events import AcceptedBatch, BotEventRecords, accepted_check
from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.window import Window


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {"ip": f"192.0.2.{number}", "uas": "Mozilla/5.0", "event_id": f"e{number}", **fields}


def batch(*events: dict[str, Any], verdicts: bytes | None = None, at: float = 1000.0, **given: Any) -> AcceptedBatch:
    body = json.dumps({"webhook_url": "http://x", "events": events}).encode()
    codes = bytes(len(events)) if verdicts is None else verdicts
    fields: dict[str, Any] = {"at": at, "domain": "d.example", "batch_id": "b", "size": len(events), "body": body}
    return AcceptedBatch(**{**fields, "verdicts": codes, **given})


@pytest.fixture
def records(database: RecordDatabase, changes: Changes) -> BotEventRecords:
    return BotEventRecords(database, kept=1000, changes=changes)


def found(records: BotEventRecords, window: Window | None = None, **query: Any) -> list[int]:
    return [record.id for record in records.find(BotEventQuery(**query), window).records]


def test_each_event_is_a_record(records: BotEventRecords) -> None:
    events = [event(1), event(2), event(3, mine={"a": [1, None]})]
    first = records.add(batch(*events, verdicts=bytes([0, 1, 2]), batch_id="b1"))
    check = records.add(accepted_check(event(4), True, domain="d.example", check_id="c1"))
    assert check == first + 3
    assert [(r.id, r.is_bot, r.single, r.batch_id) for r in records.find().records] == [
        (check, True, True, "c1"),
        (first + 2, None, False, "b1"),
        (first + 1, True, False, "b1"),
        (first, False, False, "b1"),
    ]
    assert records.all() == [*events, event(4)]
    assert records.batch_sizes() == [3]
    assert records.get(first + 1) == records.find(window=Window(before=first + 2, limit=1)).records[0]
    assert records.get(99) is None


def test_pages_go_through_batches_both_ways(records: BotEventRecords) -> None:
    for start in range(0, 40, 4):
        records.add(batch(*(event(start + n) for n in range(4))))
    assert found(records, Window(limit=6)) == [40, 39, 38, 37, 36, 35]
    assert records.find(window=Window(limit=6)).more
    assert found(records, Window(before=7, limit=4)) == [6, 5, 4, 3]
    assert found(records, Window(after=34)) == [40, 39, 38, 37, 36, 35]
    assert found(records, Window(after=2, limit=4)) == [6, 5, 4, 3]
    assert found(records, Window(after=38, before=40)) == [39]
    assert found(records, Window(after=40)) == []
    assert found(records, Window(limit=1000)) == list(range(40, 0, -1))


def test_filters(records: BotEventRecords) -> None:
    records.add(
        batch(
            event(1, action="open", message_id="m1"),
            event(12, action="click", recipient_id="r1", uas="curl/8"),
            event(3, action="click", note="Grüße"),
            verdicts=bytes([0, 1, 2]),
        )
    )
    assert found(records, action="click") == [3, 2]
    assert found(records, action="click", verdict="bot") == [2]
    assert found(records, verdict="none") == [3]
    assert found(records, verdict="human") == [1]
    assert found(records, ip="192.0.2.1") == [1]
    assert found(records, ip="192.0.2.") == [3, 2, 1]
    assert found(records, agent="CURL") == [2]
    assert found(records, message_id="m1") == [1]
    assert found(records, recipient_id="r1", event_id="e12") == [2]
    assert found(records, text="grüSSe") == []
    assert found(records, text="GRÜSSE".lower().replace("ss", "ß")) == [3]
    assert found(records, batch_id="other") == []
    assert records.count(BotEventQuery(action="click")) == 2
    assert records.count(BotEventQuery(action="click"), after=2) == 1
    assert (records.count(), records.count(after=1)) == (3, 2)


def test_a_search_that_takes_too_long_says_where_to_go_on(records: BotEventRecords) -> None:
    for number in range(6):
        records.add(batch(event(2 * number), event(2 * number + 1, action="click")))
    query, seen, window = BotEventQuery(action="click"), [], Window(limit=10)
    for _ in range(6):
        page = records.find(query, window, seconds=0)
        seen += [record.id for record in page.records]
        assert page.more
        window = Window(before=page.read_to, limit=10)
    assert seen == found(records, action="click") == [12, 10, 8, 6, 4, 2]
    assert records.find(query, window, seconds=0).records == ()
    page = records.find(query, Window(after=4), seconds=0)
    assert ([record.id for record in page.records], page.read_to) == ([6], 6)


def test_a_value_is_found_however_the_body_spells_it(records: BotEventRecords) -> None:
    """The bodies are searched as bytes first, and JSON may write any letter as an escape."""
    body = b'{"events": [{"ip": "192.0.2.1", "uas": "x", "event_id": "\\u00e4/\\/"}]}'
    records.add(batch(event(1), body=body))
    assert found(records, event_id="ä//") == [1]


def test_the_oldest_batches_are_deleted(database: RecordDatabase, changes: Changes) -> None:
    records = BotEventRecords(database, kept=5, changes=changes)
    for start in range(0, 12, 3):
        records.add(batch(*(event(start + n) for n in range(3))))
    assert database.rows("SELECT count(*) FROM batches") == [(2,)]
    # A batch is kept as long as one of its events is to be kept, but no more events than that are handed out.
    assert [each["event_id"] for each in records.all()] == ["e7", "e8", "e9", "e10", "e11"]


def test_ids_go_on_after_a_reset_and_after_a_restart(database: RecordDatabase, changes: Changes) -> None:
    records = BotEventRecords(database, kept=5, changes=changes)
    records.add(batch(event(1), event(2)))
    records.clear()
    assert (records.all(), records.count(), records.newest_id()) == ([], 0, 2)
    again = BotEventRecords(database, kept=5, changes=changes)
    assert again.add(batch(event(3))) == 3
    assert BotEventRecords(database, kept=5, changes=changes).newest_id() == 3


def test_seconds_are_counted(records: BotEventRecords) -> None:
    records.add(batch(event(1), event(2), verdicts=bytes([0, 1]), at=1000.2))
    records.add(batch(event(3), verdicts=bytes([2]), at=1000.9))
    records.add(batch(event(4), verdicts=bytes([1]), at=1002.0))
    assert records.numbers(since=1000.0) == [(1000, 3, 1, 1), (1002, 1, 1, 0)]
    assert records.numbers(since=1001.0) == [(1002, 1, 1, 0)]
    records.clear()
    assert records.numbers(since=0) == []


def test_events_are_counted_by_time_when_they_are_not_kept_any_more(database: RecordDatabase, changes: Changes) -> None:
    records = BotEventRecords(database, kept=1, changes=changes)
    for number in range(4):
        records.add(batch(event(number), at=1000.0))
    assert len(records.all()) == 1
    assert records.numbers(since=0) == [(1000, 4, 0, 4)]
    assert BotEventRecords(database, kept=1, changes=changes).numbers(since=0) == [(1000, 1, 0, 1)], "a new start"
