"""Data frames and other Arrow tables: every row is an event."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from itertools import chain, repeat
from types import ModuleType
from typing import Any, Protocol, cast

from attrs import frozen

from omnivery.errors import ConfigError
from omnivery.events.event import FIELDS, BotEvent
from omnivery.readers._columns import Columns, derived_id
from omnivery.readers._json_values import plain_column, seconds_column, text_column

ROWS = 2_000
"""The most rows that are Python objects at once."""


class ArrowStream(Protocol):
    """What frames and tables have in common: polars, pandas, pyarrow, duckdb and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a PyCapsule that holds an Arrow stream."""
        ...


def arrow(frame: ArrowStream, *, columns: Mapping[str, str] | None = None) -> Iterator[BotEvent]:
    """Read events from a data frame, or anything else with `__arrow_c_stream__`, row by row in bounded memory.

    Columns named like an event's fields become these, all others the event's own attributes. Times, dates (their
    midnight) and ISO 8601 text in `ts` and `message_ts` become whole unix seconds, in UTC unless they have a zone.
    Own values without a JSON form take one: times, dates and durations as in ISO 8601; decimals as text; bytes as the
    text they are in UTF-8, else in hexadecimal; what is null or no finite number as None; lists and structs by the
    same rules. Columns without a name, such as the index of a pandas frame, are left out.

    Where there is no column for `event_id`, it is derived by `event_id_for()`, from `url` and the number of the row
    too, which counts from 1: the same frame yields the same ids. A value that does not fit its field is left as it is,
    for the run to reject with its index.

    Args:
        frame: a frame of polars or pandas (2.2 or later), a table of pyarrow, a relation of duckdb …
        columns: the frame's names of columns to the event's, where they differ: `{"client_ip": "ip"}`.

    Raises:
        ConfigError: it has no `__arrow_c_stream__`, as a polars LazyFrame; no library that reads Arrow is installed,
            or none can read this; it has none of the columns `ip`, `uas` and `event_id`; or `columns` does not
            fit it.

    Source: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
    """
    if not hasattr(type(frame), "__arrow_c_stream__"):
        raise ConfigError(f"frame: {type(frame).__name__} has no __arrow_c_stream__{_advice(frame)}")
    return events_of(_table(frame), columns)


@frozen(kw_only=True)
class Library:
    """What differs between the libraries that read Arrow."""

    values: Callable[[Any], list[Any]]
    """The Python values of one of its arrays."""
    seconds: Callable[[Any], list[Any]]
    """The same, with times and dates as whole unix seconds."""


@frozen(kw_only=True)
class Table:
    """A table in pieces of at most `ROWS` rows."""

    names: list[str]
    """Of its columns."""
    batches: Iterator[list[Any]]
    """Pieces: their columns, as arrays of the library."""
    library: Library


def events_of(table: Table, columns: Mapping[str, str] | None) -> Iterator[BotEvent]:
    """Turn a table's rows into events.

    Raises:
        ConfigError: its columns are not those of events.
    """
    return _events(table, Columns.of(table.names, columns))


def _events(table: Table, columns: Columns) -> Iterator[BotEvent]:
    rows = chain.from_iterable(_rows(batch, columns, table.library) for batch in table.batches)
    derive = not columns.has("event_id")
    for position, row in enumerate(rows, 1):
        ip, uas, event_id, action, domain, recipient_id, message_id, ts, message_ts, attributes = row
        event = BotEvent(
            ip=ip,
            uas=uas,
            event_id=event_id,
            action=action,
            domain=domain,
            recipient_id=recipient_id,
            message_id=message_id,
            ts=ts,
            message_ts=message_ts,
            attributes=attributes,
        )
        if derive:
            event.event_id = derived_id(event, position)
        yield event


def _rows(batch: list[Any], columns: Columns, library: Library) -> Iterator[tuple[Any, ...]]:
    """The fields of each row, and its attributes."""
    fields: list[Iterable[Any]] = []
    for name, place in zip(FIELDS, columns.fields, strict=True):
        if place == columns.count:
            fields.append(repeat(None))
        elif name in {"ts", "message_ts"}:
            fields.append(seconds_column(library.seconds(batch[place])))
        else:
            fields.append(text_column(library.values(batch[place])))
    own = [plain_column(library.values(batch[place])) for place in columns.own.values()]
    names = tuple(columns.own)
    attributes: Iterable[dict[str, Any] | None] = (
        (dict(zip(names, row, strict=True)) for row in zip(*own, strict=True)) if own else repeat(None)
    )
    return zip(*fields, attributes, strict=False)  # a column that is not there has no end


# One library after the other


def _table(frame: ArrowStream) -> Table:
    refusal: Exception | None = None
    for name, opened in (("arro3.core", _by_arro3), ("pyarrow", _by_pyarrow), ("polars", _by_polars)):
        if not installed(name):
            continue
        try:
            table = opened(import_module(name), frame)
            # Some refuse a type of column, and say so at the first batch only.
            start = next(table.batches, None)
        except Exception as error:  # noqa: BLE001  # each library has errors of its own, arro3 none but Exception
            refusal = refusal or error
            continue
        batches = chain(() if start is None else (start,), table.batches)
        return Table(names=table.names, batches=batches, library=table.library)
    if refusal is None:
        raise ConfigError("reading a frame needs a library that reads Arrow: pip install 'omnivery[frames]'")
    raise ConfigError(
        f"frame: {type(frame).__name__} cannot be read as a table; the cause, {type(refusal).__name__}, says why"
    ) from refusal


def installed(module: str) -> bool:
    """Whether a module can be imported; it is not, for that takes its time."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it is missing
        return False


def _by_arro3(arro3: ModuleType, frame: ArrowStream) -> Table:
    kinds = arro3.DataType

    def seconds(array: Any) -> list[Any]:
        kind = array.type
        if kinds.is_timestamp(kind):
            return _in_seconds(array.cast(kinds.int64()).to_pylist(), kind.time_unit)
        if kinds.is_date(kind):
            return _in_seconds(array.cast(kinds.int64()).to_pylist(), "d" if kinds.is_date32(kind) else "ms")
        return _values(array)

    reader = arro3.RecordBatchReader.from_stream(frame)
    return Table(
        names=list(reader.schema.names), batches=slices(reader), library=Library(values=_values, seconds=seconds)
    )


def _by_pyarrow(pyarrow: ModuleType, frame: ArrowStream) -> Table:
    reader = pyarrow.RecordBatchReader.from_stream(frame)
    return Table(names=list(reader.schema.names), batches=slices(reader), library=pyarrow_library(pyarrow))


def pyarrow_library(pyarrow: ModuleType) -> Library:
    """How pyarrow hands out values."""
    kinds = pyarrow.types

    def values(array: Any) -> list[Any]:
        kind = array.type
        if kinds.is_timestamp(kind) and kind.unit == "ns":
            # Without pandas, pyarrow refuses nanoseconds, for which Python has no type.
            array = array.cast(pyarrow.timestamp("us", kind.tz), safe=False)
        return _values(array)

    def seconds(array: Any) -> list[Any]:
        kind = array.type
        if kinds.is_timestamp(kind):
            return _in_seconds(array.cast(pyarrow.int64()).to_pylist(), kind.unit)
        if kinds.is_date(kind):
            whole = pyarrow.int32() if kinds.is_date32(kind) else pyarrow.int64()
            return _in_seconds(array.cast(whole).to_pylist(), "d" if kinds.is_date32(kind) else "ms")
        return _values(array)

    return Library(values=values, seconds=seconds)


def _by_polars(polars: ModuleType, frame: ArrowStream) -> Table:
    return polars_table(polars, iter((polars.DataFrame(frame),)))


def polars_table(polars: ModuleType, frames: Iterator[Any]) -> Table:
    """A table that comes as one or more frames of polars, all with the columns of the first."""

    def values(series: Any) -> list[Any]:
        return cast("list[Any]", series.to_list())

    def seconds(series: Any) -> list[Any]:
        timed = series.dtype in (polars.Date, polars.Datetime)
        return values(series.dt.epoch("s") if timed else series)

    first = next(frames)
    batches = (part.get_columns() for frame in chain((first,), frames) for part in frame.iter_slices(ROWS))
    return Table(names=first.columns, batches=batches, library=Library(values=values, seconds=seconds))


def _values(array: Any) -> list[Any]:
    return cast("list[Any]", array.to_pylist())


_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def _in_seconds(counts: list[int | None], unit: str) -> list[int | None]:
    if unit == "d":
        return [None if days is None else days * 86_400 for days in counts]
    per = _PER_SECOND[unit]
    return [None if count is None else count // per for count in counts]


def slices(batches: Iterable[Any]) -> Iterator[list[Any]]:
    """The columns of batches of arro3 or pyarrow, in pieces of at most `ROWS` rows."""
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS):
            # arro3 aborts where a slice would reach beyond the end.
            yield batch.slice(start, min(ROWS, batch.num_rows - start)).columns


def is_lazy(frame: object) -> bool:
    return not isinstance(frame, Iterable | AsyncIterable) and hasattr(type(frame), "collect")


def _advice(frame: object) -> str:
    if is_lazy(frame):
        return ": it is a query and holds no rows yet; give what its .collect() returns"
    return "; frames of polars and of pandas from 2.2 on have it, as have tables of pyarrow and relations of duckdb"
