"""Webhook deliveries as records: what was sent where, each attempt at it, and how it ended."""

from __future__ import annotations

from typing import Any

import pytest

from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.deliveries import DeliveryAttempt, DeliveryQuery, DeliveryRecords, NewDelivery
from omnivery.emulator.records.window import Window


def delivery(**given: Any) -> NewDelivery:
    fields: dict[str, Any] = {"at": 1.0, "url": "http://a/x", "kind": "bot", "batch_id": "b", "events": 2}
    return NewDelivery(**{**fields, "body": b"{}", **given})


@pytest.fixture
def records(database: RecordDatabase, changes: Changes) -> DeliveryRecords:
    return DeliveryRecords(database, kept=1000, changes=changes, bodies=100)


def found(records: DeliveryRecords, window: Window | None = None, **query: Any) -> list[int]:
    return [record.id for record in records.find(DeliveryQuery(**query), window).records]


def test_attempts_belong_to_their_delivery(records: DeliveryRecords) -> None:
    number = records.add(delivery(body=b'{"a":1}'))
    failed = DeliveryAttempt(number=1, at=2.0, duration=0.1, error="refused")
    took = DeliveryAttempt(
        number=2, at=3.0, status=200, headers=(("x", "y"),), excerpt=b"\xffok", signature={"token": "t"}
    )
    records.add_attempt(number, failed, due_at=3.0)
    waiting = records.get(number)
    assert waiting
    assert (waiting.state, waiting.due_at, waiting.attempts) == ("waiting", 3.0, (failed,))
    records.add_attempt(number, took, state="delivered")
    done = records.get(number)
    assert done
    assert (done.state, done.due_at, done.attempts) == ("delivered", None, (failed, took))
    assert (done.url, done.kind, done.batch_id, done.events, done.again_of) == ("http://a/x", "bot", "b", 2, None)
    assert records.body(number) == b'{"a":1}'
    assert (records.get(99), records.body(99)) == (None, None)
    assert records.all_attempts() == [
        ("http://a/x", "b", "bot", 2, 1, None, "refused"),
        ("http://a/x", "b", "bot", 2, 2, 200, None),
    ]


def test_filters_and_pages(records: DeliveryRecords) -> None:
    bot = records.add(delivery())
    opened = records.add(delivery(kind="opened", url="http://other/y", batch_id="m"))
    again = records.add(delivery(again_of=bot))
    records.add_attempt(bot, DeliveryAttempt(number=1, at=1.0, status=406), state="rejected")
    assert found(records) == [again, opened, bot]
    assert found(records, kind="bot") == [again, bot]
    assert found(records, url="other") == [opened]
    assert found(records, state="waiting") == [again, opened]
    assert found(records, state="rejected", kind="bot") == [bot]
    assert found(records, batch_id="m") == [opened]
    assert found(records, Window(limit=1, before=again)) == [opened]
    assert records.count(DeliveryQuery(kind="bot")) == 2
    assert records.count(DeliveryQuery(kind="bot"), after=bot) == 1


def test_bodies_have_a_bound_of_their_own(records: DeliveryRecords) -> None:
    """Verdicts of 500 events are 200 KB: their bodies must not fill the memory, and the rest is small."""
    numbers = [records.add(delivery(body=bytes(40))) for _ in range(4)]
    assert [records.body(number) is None for number in numbers] == [True, True, False, False]
    assert found(records) == numbers[::-1]
    huge = records.add(delivery(body=bytes(200)))
    assert records.body(huge) is not None, "the newest one can always be looked at"


def test_the_oldest_are_deleted(database: RecordDatabase, changes: Changes) -> None:
    records = DeliveryRecords(database, kept=3, changes=changes)
    for _ in range(10):
        number = records.add(delivery())
        records.add_attempt(number, DeliveryAttempt(number=1, at=1.0, status=200), state="delivered")
    assert len(records.all_attempts()) == 3
    for table in ("deliveries", "delivery_bodies", "attempts"):
        assert 3 <= database.rows(f"SELECT count(*) FROM {table}")[0][0] <= 6, table


def test_what_an_earlier_run_left_is_given_up(database: RecordDatabase, changes: Changes) -> None:
    """Nobody delivers it any more, and a page that calls it waiting would lie."""
    first = DeliveryRecords(database, kept=10, changes=changes)
    number = first.add(delivery(body=bytes(30)))
    second = DeliveryRecords(database, kept=10, changes=changes, bodies=40)
    record = second.get(number)
    assert record
    assert record.state == "given up"
    second.add(delivery(body=bytes(30)))
    assert second.body(number) is None, "its body counts, too"


def test_a_reset_uses_no_id_again(records: DeliveryRecords) -> None:
    number = records.add(delivery())
    records.clear()
    assert (found(records), records.newest_id()) == ([], number)
    # An attempt that was under way during the reset leaves nothing that anyone sees.
    records.add_attempt(number, DeliveryAttempt(number=1, at=1.0, status=200), state="delivered")
    assert records.all_attempts() == []
    assert records.add(delivery()) == number + 1
