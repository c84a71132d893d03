"""Data frames and Arrow tables: what becomes an event, by each library that can read them."""

from __future__ import annotations

import decimal
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent
from omnivery.events.ids import event_id_for
from omnivery.readers import _arrow as arrow_batches
from omnivery.readers import _column_batches as column_batches
from omnivery.readers import arrow
from omnivery.readers._column_batches import ROWS
from omnivery.readers.frames import as_events

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pytest.importorskip("arro3.core")

LIBRARIES = ("arro3.core", "pyarrow", "polars")
NOON = datetime(2023, 11, 14, 12, 0, 0, 999_999, tzinfo=UTC)
NOON_SECONDS = 1_699_963_200


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As if no other library that reads Arrow were installed. They use each other, so none can be taken away."""
    monkeypatch.setattr(arrow_batches, "installed", lambda name: name in names)


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each library in turn, the others not installed."""
    only(monkeypatch, request.param)
    return str(request.param)


@pytest.fixture(params=["polars", "pandas", "pyarrow"])
def frame(request: pytest.FixtureRequest) -> Any:
    """The same two rows from each library that makes frames."""
    columns = {
        "ip": ["192.0.2.1", None],
        "uas": ["Agent", "Other"],
        "event_id": ["1", "2"],
        "ts": [NOON, None],
        "campaign": ["news", None],
        "opens": [3, 4],
    }
    made = {"polars": pl.DataFrame, "pandas": pd.DataFrame, "pyarrow": pa.table}
    return made[request.param](columns)


def attribute(table: Any, name: str = "own") -> Any:
    """The first row's own attribute."""
    event = next(arrow(table))
    return (event.attributes or {})[name]


def test_rows_of_any_frame_become_events(frame: Any) -> None:
    """Null is None, and all columns that are no field of an event are own attributes."""
    assert list(arrow(frame)) == [
        BotEvent(
            ip="192.0.2.1", uas="Agent", event_id="1", ts=NOON_SECONDS, attributes={"campaign": "news", "opens": 3}
        ),
        BotEvent(uas="Other", event_id="2", attributes={"campaign": None, "opens": 4}),
    ]


def test_any_one_library_will_do(library: str) -> None:
    """A user who has polars need not install pyarrow."""
    frame = pl.DataFrame({"event_id": ["1"], "ts": [5], "own": [[1, 2]]})
    assert list(arrow(frame)) == [BotEvent(event_id="1", ts=5, attributes={"own": [1, 2]})]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_times_become_whole_unix_seconds(library: str, unit: str, zone: str | None) -> None:
    """In UTC where they have no zone; parts of a second are cut off, before 1970 too."""
    noon = NOON.replace(tzinfo=None) if zone is None else NOON.astimezone(ZoneInfo(zone))
    early = datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=None if zone is None else UTC)
    values = pa.array([noon, None, early], pa.timestamp("us", zone)).cast(pa.timestamp(unit, zone), safe=False)
    table = pa.table({"event_id": ["1", "2", "3"], "ts": values, "message_ts": values})
    seconds = [NOON_SECONDS, None, -1 if unit == "s" else -2]  # pyarrow's cast above rounds towards 1970
    assert [event.ts for event in arrow(table)] == seconds
    assert [event.message_ts for event in arrow(table)] == seconds


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_a_date_is_its_midnight(library: str, kind: Any) -> None:
    table = pa.table({"event_id": ["1", "2"], "message_ts": pa.array([date(2023, 11, 14), None], kind)})
    assert [event.message_ts for event in arrow(table)] == [1_699_920_000, None]


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([1_700_000_000.0, None], [1_700_000_000, None]),
        ([float("nan"), 5.0], [None, 5]),
        (["1700000000", "2023-11-14T22:13:20Z"], [1_700_000_000, 1_700_000_000]),
        (["yesterday", None], ["yesterday", None]),
        ([1.5, 2.0], [1, 2]),
    ],
)
def test_numbers_and_text_in_times(values: list[Any], seconds: list[Any]) -> None:
    """What is no time is left for the run, which rejects it with its index: a frame has no lines to name."""
    assert [event.ts for event in arrow(pl.DataFrame({"event_id": ["1", "2"], "ts": values}))] == seconds


def test_keys_that_are_numbers_become_text() -> None:
    """The API takes text; and a gap makes pandas turn whole numbers into floats."""
    frame = pd.DataFrame({"event_id": [1, 2], "message_id": [7, None], "recipient_id": [float("inf"), 1.5]})
    assert list(arrow(frame)) == [
        BotEvent(event_id="1", message_id="7"),
        BotEvent(event_id="2", recipient_id="1.5"),
    ]


def test_text_that_is_stored_as_bytes_or_as_categories_is_text(library: str) -> None:
    """Older Parquet files hold text as bytes, and a column of few user agents is best kept as categories."""
    table = pa.table(
        {
            "event_id": pa.array([b"1"]),
            "uas": pa.array(["Agent"]).dictionary_encode(),
            "own": pa.array([b"caf\xc3\xa9"]),
        }
    )
    assert list(arrow(table)) == [BotEvent(event_id="1", uas="Agent", attributes={"own": "café"})]


@pytest.mark.parametrize(
    ("value", "kind", "becomes"),
    [
        (True, pa.bool_(), True),
        (2**63 - 1, pa.int64(), 2**63 - 1),
        (1.5, pa.float64(), 1.5),
        (float("nan"), pa.float64(), None),
        (float("-inf"), pa.float64(), None),
        (datetime(2026, 1, 2, 3, 4, 5), pa.timestamp("us"), "2026-01-02T03:04:05"),  # noqa: DTZ001  # without zone
        (datetime(2026, 1, 2, 3, tzinfo=UTC), pa.timestamp("ms", "UTC"), "2026-01-02T03:00:00+00:00"),
        (date(2026, 1, 2), pa.date32(), "2026-01-02"),
        (time(3, 4, 5), pa.time64("us"), "03:04:05"),
        (timedelta(days=1, seconds=1, milliseconds=500), pa.duration("us"), "PT86401.5S"),
        (timedelta(seconds=-10), pa.duration("us"), "-PT10S"),
        (decimal.Decimal("1.50"), pa.decimal128(10, 2), "1.50"),
        (b"\xff\x00", pa.binary(), "ff00"),
        ([1.0, float("nan"), None], pa.list_(pa.float64()), [1.0, None, None]),
        (
            {"at": date(2026, 1, 2), "in": [{"n": 1}]},
            pa.struct({"at": pa.date32(), "in": pa.list_(pa.struct({"n": pa.int8()}))}),
            {"at": "2026-01-02", "in": [{"n": 1}]},
        ),
    ],
)
def test_own_values_take_a_form_that_json_has(library: str, value: Any, kind: Any, becomes: Any) -> None:
    """They travel with the event: a value without a JSON form would sink it."""
    found = attribute(pa.table({"event_id": ["1"], "own": pa.array([value], kind)}))
    assert found == becomes
    assert type(found) is type(becomes)


def test_a_value_of_a_rare_kind_becomes_text() -> None:
    value = uuid.UUID(int=7)
    table = pa.table({"event_id": ["1"], "own": pa.array([value.bytes], pa.uuid())})
    with pytest.MonkeyPatch.context() as patch:
        only(patch, "pyarrow")
        assert attribute(table) == str(value)


def test_installed_means_that_it_can_be_imported() -> None:
    """Without importing it: that takes polars half a second."""
    assert column_batches.installed("arro3.core")
    assert column_batches.installed("pyarrow.parquet")
    assert not column_batches.installed("no_such_library")
    assert not column_batches.installed("no_such_library.core")


def test_nanoseconds_do_not_need_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has no type for them, and pyarrow by itself refuses."""
    only(monkeypatch, "pyarrow")
    table = pa.table({"event_id": ["1"], "own": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "UTC"))})
    assert attribute(table) == "2023-11-14T22:13:20.123456789+00:00"


def test_the_index_of_a_filtered_frame_is_left_out() -> None:
    """Pandas adds it as a column of its own, which nobody has asked for."""
    frame = pd.DataFrame({"event_id": ["1", "2"]})
    assert list(arrow(frame[frame.event_id == "2"])) == [BotEvent(event_id="2")]


def test_a_frame_may_call_its_columns_otherwise() -> None:
    frame = pl.DataFrame({"client_ip": ["192.0.2.1"], "id": ["1"]})
    assert list(arrow(frame, columns={"client_ip": "ip", "id": "event_id"})) == [BotEvent(ip="192.0.2.1", event_id="1")]


def test_ids_are_derived_where_there_is_no_column_for_them() -> None:
    """From the number of the row across all batches: equal rows are different interactions."""
    count = 2 * ROWS + 1
    frame = pl.DataFrame({"ip": ["192.0.2.1"] * count, "url": ["/a"] * count})
    ids = [event.event_id for event in arrow(frame)]
    assert ids == [event_id_for(ip="192.0.2.1", url="/a", position=row) for row in range(1, count + 1)]


def test_a_table_may_be_empty(library: str) -> None:
    assert list(arrow(pl.DataFrame({"ip": []}, schema={"ip": pl.String}))) == []


def test_a_column_of_nulls_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which arro3 refuses as polars hands it over; so another library takes its place."""
    frame = pl.DataFrame({"event_id": ["1"], "own": [None]})
    assert list(arrow(frame)) == [BotEvent(event_id="1", attributes={"own": None})]
    only(monkeypatch, "arro3.core")
    with pytest.raises(ConfigError, match="DataFrame cannot be read as a table; the cause"):
        arrow(frame)


def test_batches_are_read_one_by_one(library: str) -> None:
    """A reader of a stream larger than memory."""
    if library == "polars":
        pytest.skip("polars takes in the whole of what is no frame of its own")
    batch = pa.record_batch({"event_id": [str(n) for n in range(10)]})
    asked = []

    def batches() -> Iterator[Any]:
        for number in range(1_000):
            asked.append(number)
            yield batch

    events = arrow(pa.RecordBatchReader.from_batches(batch.schema, batches()))
    assert [next(events).event_id for _ in range(15)] == [str(n % 10) for n in range(15)]
    assert len(asked) < 10


def test_what_is_no_frame_is_an_error() -> None:
    wrong: Any = [1]
    with pytest.raises(ConfigError, match="list has no __arrow_c_stream__; frames of polars"):
        arrow(wrong)


def test_a_query_has_to_be_collected_first() -> None:
    """A LazyFrame looks like a frame, and holds no rows."""
    for take in (arrow, as_events):
        with pytest.raises(ConfigError, match=r"LazyFrame has no .* give what its \.collect\(\) returns"):
            take(pl.LazyFrame({"ip": []}))


def test_columns_of_no_event_are_an_error_at_the_call() -> None:
    with pytest.raises(ConfigError, match="none of the source's columns is ip, uas or event_id; it has a, b"):
        arrow(pl.DataFrame({"a": [1], "b": [1]}))


def test_no_library_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({"ip": ["192.0.2.1"]})
    only(monkeypatch)
    with pytest.raises(ConfigError, match=r"pip install 'omnivery\[frames\]'"):
        arrow(frame)


# As a source of a run


def test_a_frame_is_a_source_of_events(frame: Any) -> None:
    """To pass it as it is must not submit the names of its columns, over which pandas iterates."""
    assert list(as_events(frame)) == list(arrow(frame))  # type: ignore[arg-type]  # it is not asynchronous


class Listed(list[BotEvent]):
    """A list of events that is a table as well."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Nobody should have to ask."""
        raise AssertionError


async def _stream() -> Any:
    yield BotEvent()


@pytest.mark.parametrize("source", [[], (), iter([]), {}, Listed(), _stream(), "text", 7])
def test_every_other_source_stays_what_it_is(source: Any) -> None:
    """Also what is no source at all, of which the run says so itself."""
    assert as_events(source) is source


@pytest.mark.parametrize("made", [pd.Series, pl.Series])
def test_a_series_is_no_table(made: Any) -> None:
    """It has a stream as a frame has, and came out as an IndexError."""
    with pytest.raises(ConfigError, match="Series cannot be read as a table"):
        list(arrow(made(["192.0.2.1"])))
