"""Tables in pieces: what a library raises, and columns for which Arrow has no type."""

from __future__ import annotations

import decimal
import uuid
from typing import Any

import numpy as np
import pytest

from omnivery.errors import ConfigError, SourceError
from omnivery.events.encoding import encode_batch
from omnivery.readers import _arrow, arrow
from omnivery.readers._column_batches import ROWS, ColumnBatches

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")

MOMENT = 1_779_012_303
KEYS = [uuid.UUID(int=7), uuid.UUID(int=8)]


class PanicException(BaseException):
    """As pyo3's, which is no `Exception` and cannot be imported."""


class Listed:
    """A column."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def values(self) -> list[Any]:
        return self._values

    def times(self) -> list[Any]:
        return self._values


@pytest.mark.parametrize("error", [PanicException("panicked"), ValueError("odd"), OSError("corrupt")])
def test_whatever_a_library_raises_while_reading_is_an_error_of_ours(error: BaseException) -> None:
    """And everything before it has come out."""

    def batches() -> Any:
        yield [Listed(["1"])]
        raise error

    events = _arrow.events_of(ColumnBatches(names=["event_id"], batches=batches()), None)
    assert next(events).event_id == "1"
    with pytest.raises(SourceError, match=f"the cause, {type(error).__name__}, says why") as caught:
        next(events)
    assert caught.value.__cause__ is error


def test_an_interruption_is_none_of_a_librarys_errors() -> None:
    def batches() -> Any:
        raise KeyboardInterrupt
        yield []

    with pytest.raises(KeyboardInterrupt):
        next(_arrow.events_of(ColumnBatches(names=["ip"], batches=batches()), None))


def test_what_a_stream_says_when_it_breaks_is_the_cause() -> None:
    batch = pa.record_batch({"event_id": ["1"]})

    def batches() -> Any:
        yield batch
        raise ValueError("the disk is gone")

    events = arrow(pa.RecordBatchReader.from_batches(batch.schema, batches()))
    assert next(events).event_id == "1"
    with pytest.raises(SourceError, match="cannot be read any further") as caught:
        next(events)
    assert "the disk is gone" in str(caught.value.__cause__)


@pytest.mark.parametrize("error", [PanicException("panicked"), ValueError("odd")])
def test_whatever_a_library_raises_at_opening_is_an_error_of_ours(error: BaseException) -> None:
    class Frame:
        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            raise error

    with pytest.raises(ConfigError, match=f"Frame cannot be read as a table; the cause, {type(error).__name__}"):
        arrow(Frame())


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
