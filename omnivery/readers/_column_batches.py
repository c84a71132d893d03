"""Tables of any library that reads Arrow, as columns in pieces; and which library reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from types import ModuleType
from typing import Any, cast

from attrs import frozen

from omnivery.errors import SourceError
from omnivery.readers._arrow_schema import arrow_types
from omnivery.readers._column_values import PER_SECOND, ColumnType, Kind

ROWS = 2_000
"""The most rows that are Python objects at once."""


@frozen(kw_only=True)
class Library:
    """What differs between the libraries that read Arrow."""

    values: Callable[[Any], list[Any]]
    """The Python values of one of its arrays."""
    counts: Callable[[Any], list[int | None]]
    """Those of an array of times, dates or durations, as numbers of its units."""
    one: Callable[[Any, int], Any]
    """An array of the one value at a place."""

    def read(self, array: Any, of: ColumnType) -> list[Any]:
        """The values of an array. One for which there is no Python object is None, and costs no other."""
        read = self.counts if of.counted else self.values
        try:
            return read(array)
        except BaseException as error:
            if not is_of_library(error):
                raise
        return [self._read_one(read, self.one(array, place)) for place in range(len(array))]

    def _read_one(self, read: Callable[[Any], list[Any]], array: Any) -> Any:
        try:
            return read(array)[0]
        except BaseException as error:
            if not is_of_library(error):
                raise
            return None


@frozen(kw_only=True)
class ColumnBatches:
    """A table in pieces of at most `ROWS` rows."""

    names: list[str]
    """Of its columns."""
    types: list[ColumnType]
    """Of its columns."""
    batches: Iterator[list[Any]]
    """Pieces: their columns, as arrays of the library."""
    library: Library

    def can_read(self, array: Any, of: ColumnType) -> bool:
        """Whether the library has a Python object for each value of an array."""
        try:
            (self.library.counts if of.counted else self.library.values)(array)
        except BaseException as error:
            if not is_of_library(error):
                raise
            return False
        return True

    def guarded(self) -> Iterator[list[Any]]:
        """Yield the pieces.

        Raises:
            SourceError: the library cannot read on; its own error is the cause.
        """
        try:
            yield from self.batches
        except BaseException as error:
            if not is_of_library(error) or isinstance(error, SourceError):
                raise
            raise SourceError(
                f"source: the table cannot be read any further; the cause, {type(error).__name__}, says why. Every row "
                "before that place was read."
            ) from error


def is_of_library(error: BaseException) -> bool:
    """Whether an error is a library's own. That of a panic in Rust is no `Exception`."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def installed(module: str) -> bool:
    """Whether a module can be imported, without importing it: that takes its time."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it is missing
        return False


def by_arro3(frame: Any) -> ColumnBatches:
    """Read a frame by arro3."""
    arro3 = import_module("arro3.core")
    kinds = arro3.DataType
    reader = arro3.RecordBatchReader.from_stream(frame)

    def type_of(field: Any) -> ColumnType:
        kind = field.type
        if dict(field.metadata).get(b"ARROW:extension:name") == b"arrow.uuid":
            return ColumnType(Kind.UUID)
        if kinds.is_timestamp(kind):
            return ColumnType(Kind.TIMESTAMP, PER_SECOND[kind.time_unit], kind.tz)
        if kinds.is_duration(kind):
            return ColumnType(Kind.DURATION, PER_SECOND[kind.time_unit])
        if kinds.is_date(kind):
            return ColumnType(Kind.DATE)
        return ColumnType(
            Kind.FIXED if kinds.is_fixed_size_binary(kind) else Kind.MAP if kinds.is_map(kind) else Kind.OTHER
        )

    def counts(array: Any) -> list[int | None]:
        found = array.cast(kinds.int64()).to_pylist()
        return _days(found) if kinds.is_date64(array.type) else cast("list[int | None]", found)

    return ColumnBatches(
        names=list(reader.schema.names),
        types=[type_of(reader.schema.field(place)) for place in range(len(reader.schema.names))],
        batches=slices(reader),
        library=Library(values=_values, counts=counts, one=lambda array, place: array.slice(place, 1)),
    )


def by_pyarrow(frame: Any) -> ColumnBatches:
    """Read a frame by pyarrow."""
    pyarrow = import_module("pyarrow")
    reader = pyarrow.RecordBatchReader.from_stream(frame)
    return pyarrow_batches(pyarrow, reader.schema, slices(reader))


def pyarrow_batches(pyarrow: ModuleType, schema: Any, batches: Iterator[list[Any]]) -> ColumnBatches:
    """Columns that pyarrow has read."""
    kinds = pyarrow.types

    def type_of(kind: Any) -> ColumnType:
        if getattr(kind, "extension_name", None) == "arrow.uuid":
            return ColumnType(Kind.UUID)
        if kinds.is_timestamp(kind):
            return ColumnType(Kind.TIMESTAMP, PER_SECOND[kind.unit], kind.tz)
        if kinds.is_duration(kind):
            return ColumnType(Kind.DURATION, PER_SECOND[kind.unit])
        if kinds.is_date(kind):
            return ColumnType(Kind.DATE)
        return ColumnType(
            Kind.FIXED if kinds.is_fixed_size_binary(kind) else Kind.MAP if kinds.is_map(kind) else Kind.OTHER
        )

    def counts(array: Any) -> list[int | None]:
        if kinds.is_date32(array.type):
            return _values(array.cast(pyarrow.int32()))
        found = _values(array.cast(pyarrow.int64()))
        return _days(found) if kinds.is_date64(array.type) else found

    def values(array: Any) -> list[Any]:
        storage = getattr(array, "storage", None)
        return _values(array if storage is None else storage)

    return ColumnBatches(
        names=list(schema.names),
        types=[type_of(kind) for kind in schema.types],
        batches=batches,
        library=Library(values=values, counts=counts, one=lambda array, place: array.slice(place, 1)),
    )


def by_polars(frame: Any) -> ColumnBatches:
    """Read a frame by polars."""
    polars = import_module("polars")
    if isinstance(frame, polars.DataFrame):
        return polars_batches(polars, iter((frame,)))
    types, stream = arrow_types(frame)
    return polars_batches(polars, iter((polars.DataFrame(stream),)), types)


def is_read_once(frame: object) -> bool:
    """Whether a stream cannot be asked for twice."""
    return hasattr(frame, "read_next_batch") or isinstance(frame, Iterator)


def polars_batches(
    polars: ModuleType, frames: Iterator[Any], known: Mapping[str, ColumnType] | None = None
) -> ColumnBatches:
    """One or more frames of polars, all with the columns of the first.

    Args:
        polars: the library.
        frames: there is at least one.
        known: types of columns that polars does not tell from others.
    """

    def type_of(name: str, kind: Any) -> ColumnType:
        if known is not None and name in known:
            return known[name]
        if isinstance(kind, polars.Datetime):
            return ColumnType(Kind.TIMESTAMP, PER_SECOND[kind.time_unit], kind.time_zone)
        if isinstance(kind, polars.Duration):
            return ColumnType(Kind.DURATION, PER_SECOND[kind.time_unit])
        return ColumnType(Kind.DATE if kind == polars.Date else Kind.OTHER)

    def counts(series: Any) -> list[int | None]:
        found = _listed(series.to_physical())
        milliseconds = (
            isinstance(series.dtype, polars.Datetime) and type_of(series.name, series.dtype).kind is Kind.DATE
        )
        return _days(found) if milliseconds else found

    first = next(frames)
    return ColumnBatches(
        names=list(first.columns),
        types=[type_of(name, kind) for name, kind in first.schema.items()],
        batches=(part.get_columns() for frame in chain((first,), frames) for part in frame.iter_slices(ROWS)),
        library=Library(values=_listed, counts=counts, one=lambda series, place: series.slice(place, 1)),
    )


def by_pandas(frame: Any) -> ColumnBatches:
    """Read a frame of pandas by itself: where a column holds values of several types, no library of Arrow takes it."""
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    library = Library(values=_listed, counts=_listed, one=lambda part, place: part.iloc[place : place + 1])
    return ColumnBatches(
        names=[str(name) for name in frame.columns],
        types=[ColumnType()] * len(columns),
        batches=([column.iloc[start : start + ROWS] for column in columns] for start in range(0, frame.shape[0], ROWS)),
        library=library,
    )


def _values(array: Any) -> list[Any]:
    return cast("list[Any]", array.to_pylist())


def _listed(series: Any) -> list[Any]:
    return cast("list[Any]", series.to_list())


def _days(milliseconds: list[int | None]) -> list[int | None]:
    return [None if count is None else count // 86_400_000 for count in milliseconds]


def slices(batches: Iterable[Any]) -> Iterator[list[Any]]:
    """The columns of batches of arro3 or pyarrow, in pieces of at most `ROWS` rows."""
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS):
            # arro3 aborts where a slice would reach beyond the end.
            yield batch.slice(start, min(ROWS, batch.num_rows - start)).columns
