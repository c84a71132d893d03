"""Values of each of Arrow's types: one form, wherever they stand, and whichever library has read them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from omnivery.events.encoding import encode_batch
from omnivery.events.validation import fault_of
from omnivery.readers import _arrow, _parquet, arrow, parquet

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pd = pytest.importorskip("pandas")
np = pytest.importorskip("numpy")
arro3 = pytest.importorskip("arro3.core")

KEYS = [uuid.UUID("0192f3a4-5b6c-7d8e-9f00-112233445566"), uuid.UUID("41424344-4546-4748-494a-4b4c4d4e4f50")]
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
MOMENT = 1_779_012_303
LONG = "a text that is longer than twelve bytes"


def wide(values: list[int | None], kind: Any) -> Any:
    """Values that Python may have no object for."""
    return pa.array(values, pa.int64()).cast(kind)


def extension(kind: Any, values: list[Any], storage: Any) -> Any:
    return pa.ExtensionArray.from_storage(kind, pa.array(values, storage))


COLUMNS: dict[str, tuple[Any, list[Any]]] = {
    # the JSON form of each value
    "null": (pa.nulls(2), [None, None]),
    "bool": (pa.array([True, None, False] * 9), [True, None, False] * 9),
    "int8": (pa.array([1, -1, None], pa.int8()), [1, -1, None]),
    "uint64": (pa.array([2**64 - 1, None], pa.uint64()), [2**64 - 1, None]),
    "float16": (pa.array(np.array([0.1, 2, float("nan"), 65504], np.float16)), [0.1, 2.0, None, 65504.0]),
    "float32": (pa.array([0.1, 16777216.0, None, 3.4028234e38], pa.float32()), [0.1, 16777216.0, None, 3.4028235e38]),
    "float64": (pa.array([0.1, 1e22, float("nan"), float("-inf")]), [0.1, 1e22, None, None]),
    "decimal": (pa.array([Decimal(12345678901234567890)], pa.decimal128(38, 0)), ["12345678901234567890"]),
    "decimal with a scale": (pa.array([Decimal("1.50"), None, Decimal("-0.05")]), ["1.50", None, "-0.05"]),
    "decimal of hundreds": (pa.array([Decimal(-1200), Decimal(0)], pa.decimal128(5, -2)), ["-1200", "0"]),
    "decimal32": (pa.array([Decimal("7.5"), Decimal("-0.1")], pa.decimal32(5, 1)), ["7.5", "-0.1"]),
    "decimal64": (pa.array([Decimal("-7.50")], pa.decimal64(15, 2)), ["-7.50"]),
    "decimal256": (pa.array([Decimal("9" * 60 + ".001")], pa.decimal256(76, 3)), ["9" * 60 + ".001"]),
    "string": (pa.array(["a", "é", None, "", LONG]), ["a", "é", None, "", LONG]),
    "large string": (pa.array(["a", "é"], pa.large_string()), ["a", "é"]),
    "string view": (pa.array(["a", "é", None, LONG], pa.string_view()), ["a", "é", None, LONG]),
    "binary": (pa.array([b"caf\xc3\xa9", None, b"\xff\x00"]), ["café", None, "ff00"]),
    "binary view": (pa.array([b"a", None, b"\xff" * 20], pa.binary_view()), ["a", None, "ff" * 20]),
    "fixed-size binary": (pa.array([b"ab", b"\xff\x00", None], pa.binary(2)), ["6162", "ff00", None]),
    "no bytes": (pa.array([b"", None], pa.binary(0)), ["", None]),
    "uuid": (pa.array([KEYS[0].bytes, None, KEYS[1].bytes], pa.uuid()), [str(KEYS[0]), None, str(KEYS[1])]),
    "bool8": (extension(pa.bool8(), [1, 0, None], pa.int8()), [True, False, None]),
    "json": (extension(pa.json_(), ['{"a":1}'], pa.string()), ['{"a":1}']),
    "date32": (pa.array([dt.date(2026, 5, 17), dt.date(1, 1, 1), None]), ["2026-05-17", "0001-01-01", None]),
    "date64": (pa.array([dt.date(2026, 5, 17), None], pa.date64()), ["2026-05-17", None]),
    "a date that Python does not have": (
        pa.array([2_932_897, -719_529, 2**31 - 1, -(2**31)], pa.int32()).cast(pa.date32()),
        ["+10000-01-01", "-0001-12-31", "infinity", "-infinity"],
    ),
    "time32": (pa.array([3_723_004], pa.int32()).cast(pa.time32("ms")), ["01:02:03.004000"]),
    "time": (pa.array([dt.time(1, 2, 3, 4)], pa.time64("us")), ["01:02:03.000004"]),
    "time in nanoseconds": (wide([3_723_000_004_999, None], pa.time64("ns")), ["01:02:03.000004999", None]),
    "timestamp": (wide([-1, None], pa.timestamp("us")), ["1969-12-31T23:59:59.999999", None]),
    "timestamp in seconds": (wide([MOMENT], pa.timestamp("s", "UTC")), ["2026-05-17T10:05:03+00:00"]),
    "timestamp in nanoseconds": (
        wide([MOMENT * 10**9 + 5_000, MOMENT * 10**9 + 1], pa.timestamp("ns")),
        ["2026-05-17T10:05:03.000005", "2026-05-17T10:05:03.000000001"],
    ),
    "timestamp in a zone": (
        wide([MOMENT * 1000 + 250, -1], pa.timestamp("ms", "Europe/Berlin")),
        ["2026-05-17T12:05:03.250000+02:00", "1970-01-01T00:59:59.999000+01:00"],
    ),
    "timestamp with an offset": (wide([MOMENT], pa.timestamp("s", "+02:00")), ["2026-05-17T12:05:03+02:00"]),
    "timestamp in an unknown zone": (wide([MOMENT], pa.timestamp("s", "Mars/Base")), ["2026-05-17T10:05:03+00:00"]),
    "a timestamp far away": (
        wide([2**62, -(2**62), 2**63 - 1, -(2**63 - 1)], pa.timestamp("us")),
        ["+148108-07-06T14:00:27.387904", "-144169-06-28T09:59:32.612096", "infinity", "-infinity"],
    ),
    "one far away in a zone": (
        wide([253_402_300_799, 253_402_300_800], pa.timestamp("s", "Europe/Berlin")),
        ["9999-12-31T23:59:59+00:00", "+10000-01-01T00:00:00+00:00"],
    ),
    "duration": (pa.array([dt.timedelta(seconds=1.5), None, dt.timedelta(-1)]), ["PT1.5S", None, "-PT86400S"]),
    "duration in nanoseconds": (wide([2**63 - 1], pa.duration("ns")), ["PT9223372036.854775807S"]),
    "interval": (
        pa.array([pa.MonthDayNano(parts) for parts in ((1, 2, 3_500_000_000), (1, -2, 0), (-1, 0, -5), (0, 0, 0))]),
        ["P1M2DT3.5S", "P1M-2D", "-P1MT0.000000005S", "PT0S"],
    ),
}


def nested(column: Any) -> Iterator[tuple[Any, Callable[[Any], Any]]]:
    """The column, and others that hold its values; with what becomes of each value."""
    count = len(column)
    places = pa.array(range(count + 1), pa.int32())
    ones = pa.array([1] * count, pa.int32())
    listed = pa.ListArray.from_arrays(places, column)
    yield column, lambda value: value
    yield pa.StructArray.from_arrays([column], ["v"]), lambda value: {"v": value}
    yield listed, lambda value: [value]
    yield pa.LargeListArray.from_arrays(places.cast(pa.int64()), column), lambda value: [value]
    yield pa.ListViewArray.from_arrays(places[:count], ones, column), lambda value: [value]
    yield pa.FixedSizeListArray.from_arrays(column, 1), lambda value: [value]
    yield pa.MapArray.from_arrays(places, ones, column), lambda value: {"1": value}
    yield pa.RunEndEncodedArray.from_arrays(pa.array(range(1, count + 1), pa.int32()), column), lambda value: value
    yield pa.ListArray.from_arrays(places, pa.StructArray.from_arrays([listed], ["v"])), lambda value: [{"v": [value]}]
    if not pa.types.is_null(column.type):
        yield pa.DictionaryArray.from_arrays(places[:count], column), lambda value: value


def own(events: Iterator[Any]) -> list[Any]:
    return [(event.attributes or {})["own"] for event in events]


def table(column: Any, name: str = "own") -> Any:
    return pa.table({"ip": ["192.0.2.1"] * len(column), name: column})


BY_POLARS = """
    decimal of hundreds, decimal32, decimal64, decimal256, no bytes, interval, timestamp in an unknown zone
"""
"""What polars refuses, or reads as other numbers."""


@pytest.mark.parametrize("library", ["arro3.core", "pyarrow", "polars"])
@pytest.mark.parametrize(("name", "column", "values"), [(name, *both) for name, both in COLUMNS.items()], ids=COLUMNS)
def test_a_value_has_one_form_wherever_it_stands(
    name: str, column: Any, values: list[Any], library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes of a UUID that look like text came out as that text inside of a list; a far time took its list with it.

    Verdicts come back under an id: it must not hang on what happens to be installed.
    """
    monkeypatch.setattr(_arrow, "installed", lambda module: module == library)
    if library == "polars" and name in BY_POLARS:
        pytest.skip("polars cannot read it")
    for holder, form in nested(column):
        if library == "polars" and str(holder.type).startswith(("run_end", "list_view")):
            continue
        expected = [form(value) for value in values]
        found = own(arrow(table(holder)))
        assert found == expected, holder.type
        assert list(map(type, found)) == list(map(type, expected)), holder.type
        assert own(arrow(table(holder).slice(1))) == expected[1:], holder.type


FRAMES: dict[str, Callable[[Any], Any]] = {
    "arro3": arro3.Table.from_arrow,
    "pandas": lambda of: of.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": pl.from_arrow,
}


@pytest.mark.parametrize("library", FRAMES)
def test_it_is_the_same_from_every_library(library: str) -> None:
    """What polars makes of others' bytes and dates as it takes them in is its own."""
    skipped = BY_POLARS + "uuid, fixed-size binary, date64" if library == "polars" else ""
    for name, (column, values) in COLUMNS.items():
        if name not in skipped:
            assert own(arrow(FRAMES[library](table(column)))) == values, name


@pytest.mark.parametrize("reader", ["pyarrow.parquet", "polars"])
@pytest.mark.parametrize(
    "name", ["uuid", "fixed-size binary", "date32", "date64", "decimal with a scale", "a timestamp far away", "float16"]
)
def test_a_parquet_file_yields_the_same(
    reader: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polars does not tell a UUID from any other bytes, nor a map from a list: that stands in the file's footer."""
    monkeypatch.setattr(_parquet, "installed", lambda module: module == reader)
    column, values = COLUMNS[name]
    for holder, form in nested(column):
        if any(word in str(holder.type) for word in ("union", "run_end", "list_view", "dictionary")):
            continue
        for stored in (True, False):
            pq.write_table(table(holder), tmp_path / "file", store_schema=stored)
            assert own(parquet(tmp_path / "file")) == [form(value) for value in values], (holder.type, stored)


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("float64", ["0.1", "10000000000000000000000", None, None]),
        ("float32", ["0.1", "16777216", None]),
        ("bool8", ["true", "false", None]),
        ("uint64", ["18446744073709551615", None]),
    ],
)
def test_an_id_is_text(name: str, texts: list[Any]) -> None:
    column = COLUMNS[name][0][: len(texts)]
    assert [event.event_id for event in arrow(table(column, "event_id"))] == texts
    encoded = column if name == "bool8" else column.dictionary_encode()
    assert [event.event_id for event in arrow(table(encoded, "event_id"))] == texts


@pytest.mark.parametrize("unit", PER_SECOND)
def test_a_time_without_end_is_no_time_of_the_event(unit: str) -> None:
    """PostgreSQL's and DuckDB's `infinity`."""
    column = wide([MOMENT * PER_SECOND[unit], 2**63 - 1, -(2**63 - 1)], pa.timestamp(unit))
    days = pa.array([1, 2**31 - 1, -(2**31)], pa.int32()).cast(pa.date32())
    for values, seconds in ((column, MOMENT), (column.dictionary_encode(), MOMENT), (days, 86_400)):
        events = arrow(pa.table({"event_id": ["a", "b", "c"], "ts": values}))
        assert [(event.event_id, event.ts) for event in events] == [("a", seconds), ("b", None), ("c", None)]


def test_runs_are_told_apart() -> None:
    column = pa.RunEndEncodedArray.from_arrays([2, 3, 5], ["a", None, "b"])
    assert own(arrow(table(column))) == ["a", "a", None, "b", "b"]
    assert own(arrow(table(column).slice(1, 3))) == ["a", None, "b"]


def test_lists_are_told_apart() -> None:
    values = [[1, 2], None, [], [3]]
    for kind in (pa.list_(pa.int8()), pa.large_list(pa.int8()), pa.list_view(pa.int8())):
        assert own(arrow(table(pa.array(values, kind)))) == values
        assert own(arrow(table(pa.array(values, kind)).slice(2))) == values[2:]


def test_a_large_dictionary_is_read_by_its_values() -> None:
    count = 10_000
    column = pa.DictionaryArray.from_arrays(pa.array([count - 1, 0, None]), pa.array(map(str, range(count))))
    assert own(arrow(table(column))) == [str(count - 1), "0", None]


def test_of_a_map_with_a_name_twice_nothing_is_lost() -> None:
    kind = pa.map_(pa.string(), pa.int8())
    column = pa.array([[("k", 1)], [], None, [("k", 1), ("k", 2)]], kind)
    assert own(arrow(table(column))) == [{"k": 1}, {}, None, [["k", 1], ["k", 2]]]


def test_what_no_library_can_say_is_a_rejection_of_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was None, and nobody was told."""
    monkeypatch.setattr(_arrow, "installed", lambda module: module == "pyarrow")
    places = pa.array([0, 1], pa.int32())
    column = pa.UnionArray.from_dense(pa.array([0, 0], pa.int8()), places, [wide([0, 2**62], pa.timestamp("us"))])
    found = [evolve(event, uas="-", event_id="1") for event in arrow(table(column))]
    assert (found[0].attributes or {})["own"] == "1970-01-01T00:00:00"
    with pytest.raises(TypeError, match="Unreadable"):
        encode_batch(found[1:], "https://example.com")
    (_, by_id) = arrow(table(column, "event_id"))
    assert fault_of(evolve(by_id, uas="-")) == "event_id must be text"


def test_a_list_is_no_id() -> None:
    """It is left as it is, and the run rejects the event with its index."""
    (event,) = arrow(pa.table({"ip": ["192.0.2.1"], "uas": ["-"], "event_id": [[1, 2]]}))
    assert fault_of(event) == "event_id must be text"


def test_whole_numbers_of_128_bits() -> None:
    """Polars has them, and Arrow does not."""
    for kind, values in ((pl.Int128, [2**100, None, -1]), (pl.UInt128, [2**127, None])):
        assert (
            own(arrow(pl.DataFrame({"ip": pl.Series([None] * len(values)), "own": pl.Series(values, dtype=kind)})))
            == values
        )
