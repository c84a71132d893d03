"""Values of columns: one form for each type, whichever library has read it."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from omnivery.errors import ConfigError, SourceError
from omnivery.events.validation import fault_of
from omnivery.readers import _arrow, _parquet, arrow, parquet
from omnivery.readers._column_batches import ColumnBatches, Library
from omnivery.readers._column_values import ColumnType
from omnivery.readers._parquet_schema import parquet_types

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pd = pytest.importorskip("pandas")
pytest.importorskip("arro3.core")

KEYS = [uuid.UUID("0192f3a4-5b6c-7d8e-9f00-112233445566"), uuid.UUID("41424344-4546-4748-494a-4b4c4d4e4f50")]
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
MOMENT = 1_779_012_303


def stamps(unit: str, zone: str | None) -> Any:
    counts = [MOMENT * PER_SECOND[unit] + PER_SECOND[unit] // 4, None, -1]
    return pa.array(counts, pa.int64()).cast(pa.timestamp(unit, zone))


def wide(values: list[int | None], kind: Any) -> Any:
    """Values that Python has no object for."""
    return pa.array(values, pa.int64()).cast(kind)


COLUMNS: dict[str, tuple[Any, list[Any]]] = {
    # the text of each value as an id
    "int8": (pa.array([1, -1, None], pa.int8()), ["1", "-1", None]),
    "uint64": (pa.array([2**64 - 1, None], pa.uint64()), ["18446744073709551615", None]),
    "float32": (pa.array([2, None], pa.float32()), ["2", None]),
    "float64": (pa.array([0.1, 1e22, float("nan")]), ["0.1", "10000000000000000000000", None]),
    "bool": (pa.array([True, False]), ["true", "false"]),
    "decimal": (pa.array([Decimal(12345678901234567890)], pa.decimal128(38, 0)), ["12345678901234567890"]),
    "decimal with a scale": (pa.array([Decimal("1.50"), Decimal("-0.05")], pa.decimal128(9, 2)), ["1.50", "-0.05"]),
    "large string": (pa.array(["a", "é"], pa.large_string()), ["a", "é"]),
    "string view": (pa.array(["a", "é"], pa.string_view()), ["a", "é"]),
    "dictionary": (pa.array(["a", "é", None]).dictionary_encode(), ["a", "é", None]),
    "binary": (pa.array([b"caf\xc3\xa9", b"\xff\x00"]), ["café", "ff00"]),
    "fixed-size binary": (pa.array([b"ab", b"\xff\x00", None], pa.binary(2)), ["6162", "ff00", None]),
    "uuid": (pa.array([key.bytes for key in KEYS], pa.uuid()), [str(key) for key in KEYS]),
    "date32": (pa.array([dt.date(2026, 5, 17), dt.date(1, 1, 1)]), ["2026-05-17", "0001-01-01"]),
    "date64": (pa.array([dt.date(2026, 5, 17)], pa.date64()), ["2026-05-17"]),
    "a date that Python does not have": (pa.array([0, 2**31 - 1, -(2**31)], pa.date32()), ["1970-01-01", None, None]),
    "time": (pa.array([dt.time(1, 2, 3, 4)], pa.time64("us")), ["01:02:03.000004"]),
    "time in nanoseconds": (wide([3_723_000_004_999], pa.time64("ns")), ["01:02:03.000004"]),
    "timestamp": (stamps("us", None), ["2026-05-17T10:05:03.250000", None, "1969-12-31T23:59:59.999999"]),
    "timestamp in seconds": (stamps("s", "UTC"), ["2026-05-17T10:05:03+00:00", None, "1969-12-31T23:59:59+00:00"]),
    "timestamp in nanoseconds": (
        stamps("ns", None),
        ["2026-05-17T10:05:03.250000", None, "1969-12-31T23:59:59.999999"],
    ),
    "timestamp in a zone": (
        stamps("ms", "Europe/Berlin"),
        ["2026-05-17T12:05:03.250000+02:00", None, "1970-01-01T00:59:59.999000+01:00"],
    ),
    "timestamp with an offset": (
        stamps("ms", "+02:00"),
        ["2026-05-17T12:05:03.250000+02:00", None, "1970-01-01T01:59:59.999000+02:00"],
    ),
    "a timestamp without end": (
        wide([0, 2**63 - 1, -(2**62)], pa.timestamp("us")),
        ["1970-01-01T00:00:00", None, None],
    ),
    "one without end in a zone": (
        wide([0, 2**63 - 1], pa.timestamp("us", "Europe/Berlin")),
        ["1970-01-01T01:00:00+01:00", None],
    ),
    "duration": (pa.array([dt.timedelta(seconds=1.5), dt.timedelta(days=-1)]), ["PT1.5S", "-PT86400S"]),
    "duration in nanoseconds": (wide([2**63 - 1], pa.duration("ns")), ["PT9223372036.854775S"]),
}


@pytest.fixture(params=["arro3.core", "pyarrow", "polars"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each library in turn, the others not installed."""
    monkeypatch.setattr(_arrow, "installed", lambda name: name == request.param)
    return str(request.param)


def table(column: Any, name: str = "event_id") -> Any:
    return pa.table({"ip": ["192.0.2.1"] * len(column), name: column})


@pytest.mark.parametrize(("column", "texts"), COLUMNS.values(), ids=COLUMNS)
def test_an_id_has_one_text_form_with_every_library(library: str, column: Any, texts: list[Any]) -> None:
    """Verdicts come back under this id: it must not hang on what happens to be installed."""
    assert [event.event_id for event in arrow(table(column))] == texts


@pytest.mark.parametrize(("column", "texts"), COLUMNS.values(), ids=COLUMNS)
def test_an_own_value_has_the_same_form_or_is_what_json_has(library: str, column: Any, texts: list[Any]) -> None:
    for event, text in zip(arrow(table(column, "own")), texts, strict=True):
        value = (event.attributes or {})["own"]
        assert value == text or json_text(value) == text


def json_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(int(value)) if value == int(value) else str(value)


@pytest.mark.parametrize("name", ["uuid", "fixed-size binary", "date32", "a timestamp without end"])
@pytest.mark.parametrize("reader", ["pyarrow.parquet", "polars"])
def test_a_parquet_file_yields_the_same(
    reader: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polars does not tell a UUID from any other bytes: the type stands in the file's footer."""
    monkeypatch.setattr(_parquet, "installed", lambda module: module == reader)
    column, texts = COLUMNS[name]
    for stored in (True, False):
        pq.write_table(table(column), tmp_path / "file", store_schema=stored)
        assert [event.event_id for event in parquet(tmp_path / "file")] == texts


def test_the_footer_is_read_past_nested_columns(tmp_path: Path) -> None:
    """A struct's own parts are no columns of the table."""
    key = pa.array([KEYS[0].bytes], pa.uuid())
    nested = pa.StructArray.from_arrays([pa.array([b"ab"], pa.binary(2)), pa.array([[1]])], ["key", "list"])
    pq.write_table(
        pa.table({"a": nested, "key": key, "d": pa.array([Decimal(1)], pa.decimal128(30, 0))}), tmp_path / "f"
    )
    assert {name: one.kind.name for name, one in parquet_types(tmp_path / "f").items()} == {"key": "UUID"}


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_a_damaged_footer_tells_nothing(tmp_path: Path, cut: int) -> None:
    pq.write_table(table(COLUMNS["uuid"][0]), tmp_path / "f")
    data = bytearray((tmp_path / "f").read_bytes())
    for change in (0x00, 0xFF, 0x1C):
        data[-8 - cut] = change
        (tmp_path / "f").write_bytes(data)
        assert isinstance(parquet_types(tmp_path / "f"), dict)
    (tmp_path / "f").write_bytes(data[:-cut])
    assert isinstance(parquet_types(tmp_path / "f"), dict)


@pytest.mark.parametrize("unit", PER_SECOND)
def test_a_time_without_end_is_no_time_of_the_event(library: str, unit: str) -> None:
    """PostgreSQL's and DuckDB's `infinity`."""
    if library == "polars" and unit == "s":
        pytest.skip("polars multiplies seconds beyond what its numbers hold")
    column = wide([MOMENT * PER_SECOND[unit], 2**63 - 1, -(2**63 - 1)], pa.timestamp(unit))
    events = arrow(pa.table({"event_id": ["a", "b", "c"], "ts": column}))
    assert [(event.event_id, event.ts) for event in events] == [("a", MOMENT), ("b", None), ("c", None)]


def test_maps_are_objects_and_nested_values_follow_the_same_rules(library: str) -> None:
    kind = pa.map_(pa.string(), pa.int8())
    assert [(event.attributes or {})["own"] for event in arrow(table(pa.array([[("k", 1)], []], kind), "own"))] == [
        {"k": 1},
        {},
    ]


def test_a_list_is_no_id(library: str) -> None:
    """It is left as it is, and the run rejects the event with its index."""
    (event,) = arrow(pa.table({"ip": ["192.0.2.1"], "uas": ["-"], "event_id": [[1, 2]]}))
    assert fault_of(event) == "event_id must be text"


def test_a_type_that_one_library_cannot_say_is_read_by_another() -> None:
    """arro3 ends in a panic for it, which is no `Exception`."""
    column = pa.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"])
    assert [event.event_id for event in arrow(table(column))] == ["a", "a", "b"]


def test_a_type_that_no_library_can_say_costs_its_own_values_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_arrow, "installed", lambda name: name == "arro3.core")
    column = pa.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"])
    found = list(arrow(pa.table({"event_id": ["1", "2", "3"], "own": column})))
    assert [(event.event_id, event.attributes) for event in found] == [(n, {"own": None}) for n in "123"]


def test_a_panic_at_opening_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_arrow, "installed", lambda name: name == "polars")
    with pytest.raises(ConfigError, match="Table cannot be read as a table; the cause, PanicException, says why"):
        arrow(table(pa.array([Decimal(1)], pa.decimal256(50, 3))))


def test_polars_does_not_read_a_number_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes 7.5 as a decimal of 32 bits in a stream for 4295000000."""
    monkeypatch.setattr(_arrow, "installed", lambda name: name == "polars")
    with pytest.raises(ConfigError, match="Table cannot be read"):
        arrow(table(pa.array([Decimal("7.5")], pa.decimal32(5, 1))))


class PanicException(BaseException):
    """As pyo3's, which is no `Exception` and cannot be imported."""


@pytest.mark.parametrize("error", [PanicException("panicked"), ValueError("odd"), OSError("corrupt")])
def test_whatever_a_library_raises_while_reading_is_an_error_of_ours(error: BaseException) -> None:
    """And everything before it has come out."""

    def batches() -> Any:
        yield [["1"]]
        raise error

    library = Library(values=list, counts=list, one=lambda array, place: array[place])
    found = ColumnBatches(names=["event_id"], types=[ColumnType()], batches=batches(), library=library)
    events = _arrow.events_of(found, None)
    assert next(events).event_id == "1"
    with pytest.raises(SourceError, match=f"the cause, {type(error).__name__}, says why") as caught:
        next(events)
    assert caught.value.__cause__ is error


def test_an_interruption_is_none_of_a_librarys_errors() -> None:
    def batches() -> Any:
        raise KeyboardInterrupt
        yield []

    library = Library(values=list, counts=list, one=lambda array, place: array[place])
    with pytest.raises(KeyboardInterrupt):
        next(
            _arrow.events_of(
                ColumnBatches(names=["ip"], types=[ColumnType()], batches=batches(), library=library), None
            )
        )


MIXED = {
    "event_id": [1, "b", uuid.UUID(int=7), None],
    "own": [{1, 2}, pd.Timestamp("2026-05-17T10:05:03Z"), pd.NaT, pd.NA],
    "ts": [MOMENT, "2026-05-17T10:05:03Z", pd.Timestamp("2026-05-17T10:05:03Z"), float("nan")],
}


def test_a_frame_of_pandas_may_hold_values_of_several_types() -> None:
    """No library of Arrow takes such a column; one odd cell must not cost the frame."""
    found = list(arrow(pd.DataFrame(MIXED)))
    assert [event.event_id for event in found] == ["1", "b", "00000000-0000-0000-0000-000000000007", None]
    assert [event.ts for event in found] == [MOMENT, MOMENT, MOMENT, None]
    assert [(event.attributes or {})["own"] for event in found] == ["{1, 2}", "2026-05-17T10:05:03+00:00", None, None]


def test_a_frame_of_polars_may_hold_objects() -> None:
    found = list(arrow(pl.DataFrame({"event_id": pl.Series(KEYS, dtype=pl.Object)})))
    assert [event.event_id for event in found] == [str(key) for key in KEYS]


@pytest.mark.parametrize(
    ("written", "ip"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("192.0.2.1:80", "192.0.2.1"), ("192.0.2.1/32", "192.0.2.1"), ("x", "x")],
)
def test_addresses_are_read_as_systems_export_them(written: str, ip: str) -> None:
    assert [event.ip for event in arrow(pa.table({"ip": [written, None]}))] == [ip, None]
