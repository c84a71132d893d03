"""Windows of a list: what links say, from the newest to the oldest and back."""

from __future__ import annotations

from attrs import frozen
from starlette.requests import Request

from omnivery.emulator.page.listing import Listing, listing, url_with
from omnivery.emulator.records.window import RecordPage, Window


@frozen
class Row:
    id: int


def request(query: str) -> Request:
    return Request({"type": "http", "path": "/list", "query_string": query.encode(), "headers": []})


def window(query: str, *, of: int, rows: int = 3) -> Listing:
    """A window of rows whose ids run up to `of`."""

    def find(wanted: Window) -> RecordPage[Row]:
        low, high = wanted.after or 0, wanted.before or of + 1
        found = [Row(number) for number in range(of, 0, -1) if low < number < high]
        kept = found[-wanted.limit :] if wanted.is_forward else found[: wanted.limit]
        return RecordPage(records=tuple(kept), more=len(found) > wanted.limit)

    return listing(request(query), find, total=of, noun="rows", rows=rows)


def test_the_newest_window_has_only_older_ones() -> None:
    found = window("", of=10)
    assert [row.id for row in found.records] == [10, 9, 8]
    assert (found.newer, found.older, found.shown) == (None, "/list?before=8", "3 of 10 rows")


def test_from_the_newest_to_the_oldest_and_back() -> None:
    found = window("q=a&before=8", of=10)
    assert [row.id for row in found.records] == [7, 6, 5]
    assert (found.newer, found.older) == ("/list?q=a&after=7", "/list?q=a&before=5")
    found = window("q=a&after=5", of=10)
    assert [row.id for row in found.records] == [8, 7, 6]
    assert (found.newer, found.older) == ("/list?q=a&after=8", "/list?q=a&before=6")
    found = window("q=a&after=8", of=10)
    assert [row.id for row in found.records] == [10, 9, 8], "the newest window, whole"
    assert found.newer is None
    assert window("before=4", of=10).older is None


def test_a_search_that_took_too_long_goes_on_where_it_ended() -> None:
    def stopped(query: str, *rows: int, read_to: int) -> Listing:
        page = RecordPage(records=tuple(map(Row, rows)), more=True, read_to=read_to)
        return listing(request(query), lambda _: page, total=None, noun="rows", rows=3)

    found = stopped("q=a", 90, 80, read_to=50)
    assert (found.newer, found.older) == (None, "/list?q=a&before=50")
    assert found.shown == "2 rows so far: “Older” searches on"
    assert stopped("", read_to=50).older == "/list?before=50"
    found = stopped("after=10", 20, 15, read_to=40)
    assert (found.newer, found.older) == ("/list?after=40", "/list?before=15")
    assert found.shown == "2 rows so far: “Newer” searches on"
    assert stopped("after=10", read_to=40).newer == "/list?after=40"


def test_an_empty_list_has_no_neighbours() -> None:
    found = window("", of=0)
    assert (found.records, found.newer, found.older) == ((), None, None)


def test_a_url_keeps_what_it_is_not_told_to_change() -> None:
    found = request("tag=a%26b&tag=c&before=3")
    assert url_with(found, before=None, q="é") == "/list?tag=a%26b&tag=c&q=%C3%A9"
    assert url_with(request(""), q=None) == "/list"
