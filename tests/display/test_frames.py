"""Results as data frames: every row arrives, with the type that it had."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery import BotEvent
from omnivery.automations import Rejection, SubmitReport, UnreadableLine, Verdict
from omnivery.display.table import Table, table_of
from omnivery.display.tabular import Tabular
from omnivery.errors import ConfigError
from omnivery.events.event_list import EventList
from omnivery.mailgun import Bounce, StatsBucket, StatsTotal
from omnivery.transport.paging import ItemList, Page
from omnivery.webhooks import BotVerdicts

WHEN = datetime(2026, 11, 22, 10, 30, 5, 123456, tzinfo=UTC)


@frozen
class Rows(Tabular):
    """Any table, as a result would be one."""

    table: Table

    def _table(self) -> Table:
        return self.table


def column(*values: Any, kind: type | None = None) -> Rows:
    """One column of some values."""
    kinds = {} if kind is None else {"x": kind}
    return Rows(Table(title="T", columns=("x",), rows=[(value,) for value in values], kinds=kinds))


def arrow(value: Tabular) -> Any:
    """What any reader of Arrow gets."""
    pytest.importorskip("arro3.core")
    return pytest.importorskip("pyarrow").RecordBatchReader.from_stream(value).read_all()


class Colour(Enum):
    RED = "red"


class Odd(datetime):
    """What pandas' own points in time are: datetimes of another class."""


BIG = 2**63
LATE = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("values", "kind", "arrives"),
    [
        ([True, None, False], "bool", [True, None, False]),
        ([1, None, -BIG, BIG - 1], "int64", [1, None, -BIG, BIG - 1]),
        ([1, BIG], "large_string", ["1", str(BIG)]),
        ([1.5, None, 2], "double", [1.5, None, 2.0]),
        ([1.5, 2**53 + 1], "large_string", ["1.5", str(2**53 + 1)]),
        (["a", None, ""], "large_string", ["a", None, ""]),
        (["a", 1, True, None, 1.5, WHEN], "large_string", ["a", "1", "true", None, "1.5", WHEN.isoformat()]),
        ([True, 1], "large_string", ["true", "1"]),
        ([WHEN, None], "timestamp[us, tz=UTC]", [WHEN, None]),
        ([WHEN.astimezone(LATE), WHEN.replace(tzinfo=None)], "timestamp[us, tz=UTC]", [WHEN, WHEN]),
        ([Odd(2026, 1, 1, tzinfo=UTC), WHEN], "timestamp[us, tz=UTC]", [datetime(2026, 1, 1, tzinfo=UTC), WHEN]),
        ([datetime(1, 1, 1, tzinfo=UTC)], "timestamp[us, tz=UTC]", [datetime(1, 1, 1, tzinfo=UTC)]),
        ([{"a": [1, None]}, [1], None], "large_string", ['{"a":[1,null]}', "[1]", None]),
        ([Colour.RED, None], "large_string", ["red", None]),
        (["\ud800x", "ä\U0001f600"], "large_string", ["?x", "ä\U0001f600"]),
        ([None, None], "large_string", [None, None]),
        ([], "large_string", []),
    ],
)
def test_a_column_has_the_narrowest_type_that_holds_it(values: list[Any], kind: str, arrives: list[Any]) -> None:
    """Nothing is an error and nothing is rounded: what fits no type is text."""
    found = arrow(column(*values))
    assert str(found.schema.field("x").type) == kind
    assert found["x"].to_pylist() == arrives


@pytest.mark.parametrize(
    ("kind", "arrives"),
    [(bool, "bool"), (int, "int64"), (float, "double"), (str, "large_string"), (datetime, "timestamp[us, tz=UTC]")],
)
def test_a_column_without_a_value_has_the_type_that_is_declared(kind: type, arrives: str) -> None:
    """Exports of two days fit together, though on one of them nothing had a time."""
    assert str(arrow(column(None, kind=kind)).schema.field("x").type) == arrives
    assert str(arrow(column(kind=kind)).schema.field("x").type) == arrives
    # A declaration is a hint, and what is there counts.
    assert arrow(column("text", kind=kind))["x"].to_pylist() == ["text"]


def test_whole_numbers_in_a_column_of_fractions_stay_fractions() -> None:
    assert str(arrow(column(1, None, kind=float)).schema.field("x").type) == "double"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.text(st.characters(), max_size=5), JSON, max_size=5), max_size=10))
def test_whatever_comes_arrives_row_by_row(rows: list[dict[str, Any]]) -> None:
    """Attributes are the user's own: any name, any value, and no two rows alike."""
    found = arrow(EventList(rows))
    assert found.num_rows == len(rows)
    assert found.num_columns >= 9
    assert len(set(found.column_names)) == found.num_columns


EVENTS = EventList(
    [
        BotEvent(ip="192.0.2.1", uas="x", event_id="e1", ts=5, attributes={"campaign": "a", "tags": ["t"]}),
        b'{"event_id": "e2", "campaign": "b"}',
        UnreadableLine(line=3, reason="not JSON"),
    ]
)
VERDICTS = BotVerdicts(
    verdicts=(Verdict(is_bot=True, request={"event_id": "e1"}), Verdict(request={"event_id": "e2"})),
    token="t",
    timestamp=1,
)
STATS = StatsTotal(stats=(StatsBucket(time=WHEN, counters={"delivered": {"total": 4}}),))
REPORT = SubmitReport(
    read=1, rejected=1, rejections=(Rejection(index=4, line=5, reason="no ip", file="/a.log", event_id="e"),)
)
PAGE = Page(items=(Bounce(address="a@d.e", code="550", created_at=WHEN), Bounce(address="b@d.e", extra={"new": 1})))
RESULTS: list[Tabular] = [EVENTS, VERDICTS, STATS, REPORT, PAGE, ItemList(PAGE.items)]
named = pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)


@named
def test_arrow_can_be_read_again_and_again(result: Tabular) -> None:
    first, second = arrow(result), arrow(result)
    assert first.equals(second)
    assert first.num_rows == len(result._table().rows)


@named
def test_polars_reads_it(result: Tabular) -> None:
    polars = pytest.importorskip("polars")
    expected = arrow(result)
    frame = result.to_polars()
    assert isinstance(frame, polars.DataFrame)
    assert frame.to_dicts() == expected.to_pylist()
    if not isinstance(result, list):  # of a list, polars reads the items
        assert polars.DataFrame(result).equals(frame)


@named
def test_pandas_reads_it(result: Tabular) -> None:
    pandas = pytest.importorskip("pandas")
    expected = arrow(result)
    frame = result.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert (list(frame.columns), len(frame)) == (expected.column_names, expected.num_rows)
    if not isinstance(result, list):  # of a list, pyarrow, through which pandas reads, reads the items
        pandas.testing.assert_frame_equal(pandas.DataFrame.from_arrow(result), frame)


def test_pyarrow_takes_a_result_as_a_table() -> None:
    assert pytest.importorskip("pyarrow").table(REPORT).equals(arrow(REPORT))


def test_a_requested_schema_is_followed() -> None:
    """Part of the protocol: a consumer may ask for another type of the same thing."""
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("arro3.core")
    wanted = pyarrow.schema([("x", pyarrow.int32())])
    reader = pyarrow.RecordBatchReader.from_stream(column(1, 2), schema=wanted)
    assert reader.read_all().schema == wanted


def test_verdicts_join_their_events() -> None:
    """What all of this is for: which events were bots, by which campaign."""
    pytest.importorskip("polars")
    joined = EVENTS.to_polars().join(VERDICTS.to_polars(), on="event_id").select("event_id", "campaign", "is_bot")
    assert joined.sort("event_id").rows() == [("e1", "a", True), ("e2", "b", None)]


def test_the_problems_of_a_run_say_where_they_are() -> None:
    assert arrow(REPORT).to_pylist() == [
        {
            "kind": "rejection",
            "index": 4,
            "file": "/a.log",
            "line": 5,
            "event_id": "e",
            "batch": None,
            "events": 1,
            "reason": "no ip",
        }
    ]


def test_two_runs_of_one_kind_fit_together() -> None:
    """A run without a rejection has the columns and types of one that had some."""
    schema = arrow(REPORT).schema
    assert arrow(SubmitReport()).schema == schema
    assert arrow(EventList()).schema == arrow(EventList([BotEvent(ip="192.0.2.1", ts=1)])).schema


@pytest.mark.parametrize(
    ("missing", "call", "advice"),
    [
        ("arro3.core", "__arrow_c_stream__", "pip install 'omnivery[frames]'"),
        ("polars", "to_polars", "pip install 'omnivery[polars]'"),
        ("pandas", "to_pandas", "pip install 'omnivery[frames]' 'pandas>=3' pyarrow"),
    ],
)
def test_what_is_not_installed_is_named_with_the_way_to_get_it(
    missing: str, call: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError) as caught:
        getattr(REPORT, call)()
    assert advice in str(caught.value)


def test_an_empty_table_is_one() -> None:
    assert arrow(Rows(table_of("T", []))).num_rows == 0
