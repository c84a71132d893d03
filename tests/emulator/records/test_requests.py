"""API requests as records."""

from __future__ import annotations

from omnivery.emulator.records.changes import Changes
from omnivery.emulator.records.database import RecordDatabase
from omnivery.emulator.records.requests import NewRequest, RequestQuery, RequestRecords
from omnivery.emulator.records.window import Window


def request(route: str = "bot", status: int | None = 200, method: str = "POST") -> NewRequest:
    return NewRequest(at=1.0, method=method, path="/d/bot", route=route, status=status, duration=0.5)


def test_requests_are_found_by_what_they_were(database: RecordDatabase, changes: Changes) -> None:
    records = RequestRecords(database, kept=100, changes=changes)
    one, two, three = (records.add(each) for each in (request(), request("messages", None), request(method="GET")))
    assert [each.id for each in records.find().records] == [three, two, one]
    [cut] = records.find(RequestQuery(route="messages")).records
    assert (cut.id, cut.status, cut.path, cut.duration, cut.at) == (two, None, "/d/bot", 0.5, 1.0)
    assert [each.id for each in records.find(RequestQuery(status=200), Window(before=three)).records] == [one]
    assert records.count(RequestQuery(method="POST")) == 2
    assert records.count(after=two) == 1
    assert records.all() == [("POST", "bot", 200), ("POST", "messages", None), ("GET", "bot", 200)]


def test_the_oldest_are_deleted_and_no_id_is_used_twice(database: RecordDatabase, changes: Changes) -> None:
    records = RequestRecords(database, kept=3, changes=changes)
    numbers = [records.add(request(str(number))) for number in range(10)]
    assert [route for _, route, _ in records.all()] == ["7", "8", "9"]
    assert database.rows("SELECT count(*) FROM requests")[0][0] <= 6
    records.clear()
    assert (records.all(), records.newest_id()) == ([], numbers[-1])
    assert records.add(request()) == numbers[-1] + 1
