"""Tables as columns in pieces: in Arrow's form, as nearly every library hands them over, or as Python's own objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from attrs import frozen

from omnivery.errors import SourceError
from omnivery.readers._arrow_memory import Array, ArrayStream, ArrowError, Read
from omnivery.readers._arrow_types import ArrowType, Known, reads
from omnivery.readers._column_values import plain

ROWS = 2_000
"""The most rows that are Python objects at once."""


class Column(Protocol):
    """A piece of a column. It can be read until the next one is asked for."""

    def values(self) -> list[Any]:
        """Return the values in their JSON form."""
        ...

    def times(self) -> list[Any]:
        """Return the values of a column of times: what its type says to be one is in whole unix seconds."""
        ...


@frozen(kw_only=True)
class ColumnBatches:
    """A table in pieces of at most `ROWS` rows."""

    names: list[str]
    """Of its columns."""
    batches: Iterator[Sequence[Column]]
    """Pieces, each with all columns."""
    extensions: frozenset[bytes] = frozenset()
    """Names of types that are others in Arrow."""

    def guarded(self) -> Iterator[Sequence[Column]]:
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


@frozen
class _ArrowColumn:
    array: Array
    start: int
    length: int
    read: Read
    read_times: Read

    def values(self) -> list[Any]:
        return self.read(self.array, self.start, self.length)

    def times(self) -> list[Any]:
        return self.read_times(self.array, self.start, self.length)


def stream_batches(frame: Any, known: Mapping[str, Known] | None = None) -> ColumnBatches:
    """Columns of whatever has a stream of Arrow arrays.

    Args:
        frame: the table.
        known: what a file says of its columns, by their names.

    Raises:
        ArrowError: it is no table, or has a type that is not known.
    """
    stream = ArrayStream(frame.__arrow_c_stream__(None))
    with stream.schema() as schema:
        table = ArrowType.of(schema)
    if table.format != "+s":
        raise ArrowError("this is one column and no table")
    types = [kind.told(known[kind.name]) if known and kind.name in known else kind for kind in table.parts]
    ways = [(reads(kind), reads(kind, times=True)) for kind in types]
    return ColumnBatches(
        names=[kind.name for kind in types],
        batches=(piece for array in stream.arrays() for piece in _pieces(array, ways)),
        extensions=table.extensions(),
    )


def _pieces(array: Array, ways: Sequence[tuple[Read, Read]]) -> Iterator[Sequence[Column]]:
    for start in range(0, array.length, ROWS):
        length = min(ROWS, array.length - start)
        yield [
            _ArrowColumn(array.children[place].contents, array.offset + start, length, *both)
            for place, both in enumerate(ways)
        ]


def pandas_batches(frame: Any) -> ColumnBatches:
    """Columns of a frame of pandas; where Arrow has no type for one, the objects in it."""
    try:
        found = stream_batches(frame)
        if not any(name.startswith(_OF_PANDAS) for name in found.extensions):
            return found
    except BaseException as error:
        if not is_of_library(error):
            raise
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    return ColumnBatches(
        names=[str(name) for name in frame.columns],
        batches=(
            [_Series(column.iloc[start : start + ROWS]) for column in columns]
            for start in range(0, frame.shape[0], ROWS)
        ),
    )


_OF_PANDAS = b"pandas."
"""Types that are numbers in Arrow: what they say, pandas alone knows."""


def polars_batches(frame: Any) -> ColumnBatches:
    """Columns of a frame of polars; as an Arrow stream, it hands out where in memory its objects lie."""
    if not any("Object" in str(kind) for kind in frame.dtypes):
        return stream_batches(frame)
    return ColumnBatches(
        names=list(frame.columns),
        batches=([_Series(column) for column in part.get_columns()] for part in frame.iter_slices(ROWS)),
    )


@frozen
class _Series:
    """A piece of a column of pandas or polars, of which only the values tell whether Arrow has a type for them."""

    part: Any

    def values(self) -> list[Any]:
        found = self._by_arrow(lambda column: column.values())
        return [plain(value) for value in self.part.to_list()] if found is None else found

    def times(self) -> list[Any]:
        found = self._by_arrow(lambda column: column.times())
        return list(self.part.to_list()) if found is None else found

    def _by_arrow(self, read: Callable[[Column], list[Any]]) -> list[Any] | None:
        if "Object" in str(self.part.dtype):
            return None
        try:
            found = stream_batches(self.part.to_frame("values"))
            if any(name.startswith(_OF_PANDAS) for name in found.extensions):
                return None
            return [value for piece in found.batches for value in read(piece[0])]
        except BaseException as error:
            if not is_of_library(error):
                raise
            return None
