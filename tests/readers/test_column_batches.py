"""Tables in pieces: what a library raises, and columns for which Arrow has no type."""

from __future__ import annotations

import decimal
import sys
import uuid
from decimal import Decimal
from typing import Any

import pytest

from omnivery.errors import ConfigError, SourceError
from omnivery.events.encoding import encode_batch
from omnivery.readers import _arrow, arrow
from omnivery.readers._column_batches import ROWS, ColumnBatches, Library
from omnivery.readers._column_types import ColumnType

np = pytest.importorskip("numpy")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pytest.importorskip("arro3.core")

MOMENT = 1_779_012_303
KEYS = [uuid.UUID(int=7), uuid.UUID(int=8)]


def table(column: Any, name: str = "event_id") -> Any:
    return pa.table({"ip": ["192.0.2.1"] * len(column), name: column})


def test_a_panic_at_opening_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_arrow, "installed", lambda name: name == "polars")
    with pytest.raises(ConfigError, match=r"reads 'event_id' \(d:50,3,256\); the cause, PanicException, says why"):
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

    library = Library(values=lambda array, _: list(array), one=lambda array, place: array[place])
    found = ColumnBatches(names=["event_id"], types=[ColumnType()], batches=batches(), library=library)
    events = _arrow.events_of_rows(found, None)
    assert next(events).event_id == "1"
    with pytest.raises(SourceError, match=f"the cause, {type(error).__name__}, says why") as caught:
        next(events)
    assert caught.value.__cause__ is error


def test_an_interruption_is_none_of_a_librarys_errors() -> None:
    def batches() -> Any:
        raise KeyboardInterrupt
        yield []

    library = Library(values=lambda array, _: list(array), one=lambda array, place: array[place])
    with pytest.raises(KeyboardInterrupt):
        next(
            _arrow.events_of_rows(
                ColumnBatches(names=["ip"], types=[ColumnType()], batches=batches(), library=library), None
            )
        )


def column(frame: Any, name: str = "own") -> list[Any]:
    return [(event.attributes or {})[name] for event in arrow(frame)]


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


PERIODS = pd.period_range("2024-01", periods=2, freq="M")
OF_PANDAS: dict[str, tuple[Any, list[Any]]] = {
    "period": (pd.Series(PERIODS).reindex([0, 1, 2]), ["2024-01", "2024-02", None]),
    "interval": (pd.Series(pd.interval_range(0, 2)), ["(0, 1]", "(1, 2]"]),
    "cut": (pd.cut(pd.Series([1, 3, None]), [0, 2, 4]), ["(0.0, 2.0]", "(2.0, 4.0]", None]),
    "categories of periods": (pd.Series(pd.Categorical(PERIODS)), ["2024-01", "2024-02"]),
    "categories of several types": (pd.Series(["a", 1, None], dtype="category"), ["a", 1, None]),
    "categories of times": (pd.Series(pd.to_datetime(["2024-01-01"])).astype("category"), ["2024-01-01T00:00:00"]),
    "sparse": (pd.Series(pd.arrays.SparseArray([0.5, np.nan])), [0.5, None]),
    "complex": (pd.Series([1 + 2j]), ["(1+2j)"]),
    "Int64": (pd.Series([2**62 + 1, None], dtype="Int64"), [2**62 + 1, None]),
    "boolean": (pd.Series([True, None], dtype="boolean"), [True, None]),
    "string": (pd.Series(["a", None], dtype="string"), ["a", None]),
    "Float32": (pd.Series([0.1, None], dtype="Float32"), [0.1, None]),
    "nanoseconds": (pd.Series([pd.Timestamp(1), pd.NaT]), ["1970-01-01T00:00:00.000000001", None]),
    "differences": (pd.Series([pd.Timedelta(1, "ns"), pd.NaT]), ["PT0.000000001S", None]),
    "whole numbers of any length": (pd.Series([2**70, 1]), [2**70, 1]),
    "objects": (
        pd.Series([1, "b", b"x", decimal.Decimal("1.50"), pd.Timedelta(5, "ns"), np.datetime64(1, "ns"), [np.int8(3)]]),
        [1, "b", "x", "1.50", "PT0.000000005S", "1970-01-01T00:00:00.000000001", [3]],
    ),
}


@pytest.mark.parametrize(("series", "values"), OF_PANDAS.values(), ids=OF_PANDAS)
def test_a_column_of_pandas_says_what_pandas_writes(series: Any, values: list[Any]) -> None:
    """In Arrow a period is the number of its months, and pandas writes both into a CSV file as this text."""
    frame = pd.DataFrame({"ip": "192.0.2.1", "uas": "-", "event_id": "1", "own": series})
    assert column(frame) == values
    assert encode_batch(list(arrow(frame)), "https://example.com")  # all of it has a JSON form


def test_an_odd_column_costs_no_other_its_form() -> None:
    """What Arrow has a type for is read by it, in pieces."""
    count = ROWS + 1
    frame = pd.DataFrame({"event_id": range(count), "period": PERIODS[0], "own": np.float32(0.1)})
    frame["ts"] = pd.Timestamp(MOMENT, unit="s")
    found = list(arrow(frame))
    assert [event.event_id for event in found] == [str(number) for number in range(count)]
    assert {event.ts for event in found} == {MOMENT}
    assert [event.attributes for event in found] == [{"period": "2024-01", "own": 0.1}] * count


def test_a_named_index_is_a_column_beside_an_odd_one() -> None:
    frame = pd.DataFrame({"period": PERIODS[:1]}, index=pd.Index(["k"], name="event_id"))
    assert [(event.event_id, event.attributes) for event in arrow(frame)] == [("k", {"period": "2024-01"})]


def test_other_columns_beside_objects_of_polars() -> None:
    frame = pl.DataFrame(
        {"event_id": pl.Series(KEYS, dtype=pl.Object), "own": pl.Series([0.1, None], dtype=pl.Float32)}
    )
    assert column(frame) == [0.1, None]


def test_a_frame_in_the_clothes_of_narwhals_is_its_own_librarys() -> None:
    class DataFrame:
        __module__ = "narwhals.dataframe"
        shape = (1, 1)

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            raise AssertionError

        def to_native(self) -> Any:
            return pl.DataFrame({"event_id": pl.Series(KEYS[:1], dtype=pl.Object)})

    assert [event.event_id for event in arrow(DataFrame())] == [str(KEYS[0])]


def test_a_frame_of_a_kind_of_pandas_is_one_of_pandas() -> None:
    """As that of geopandas."""
    kind = type("GeoDataFrame", (pd.DataFrame,), {"__module__": "geopandas"})
    assert column(kind({"ip": ["192.0.2.1"], "own": [1 + 2j]})) == ["(1+2j)"]


def test_pandas_does_not_need_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame(
        {"event_id": [1], "ts": pd.to_datetime([MOMENT], unit="s"), "own": np.array([0.1], np.float32)}
    )
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (event,) = arrow(frame)
    assert (event.event_id, event.ts, event.attributes) == ("1", MOMENT, {"own": 0.1})
