"""Tables of any library that reads Arrow, as columns in pieces."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from attrs import frozen

from omnivery.errors import SourceError
from omnivery.readers._column_types import ColumnType
from omnivery.readers._column_values import UNREADABLE

ROWS = 2_000
"""The most rows that are Python objects at once."""


@frozen(kw_only=True)
class Library:
    """What differs between the libraries that read Arrow."""

    values: Callable[[Any, ColumnType], list[Any]]
    """The Python values of one of its arrays; what is counted as whole numbers of units, in its parts too."""
    one: Callable[[Any, int], Any]
    """An array of the one value at a place."""

    def read(self, array: Any, of: ColumnType) -> list[Any]:
        """The values of an array. One for which there is no Python object costs no other."""
        try:
            return self.values(array, of)
        except library_errors():
            if len(array) == 1:
                return [UNREADABLE]
        return [self.read(self.one(array, place), of)[0] for place in range(len(array))]


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
    faulty: Callable[[], Sequence[str]] = tuple
    """Names those columns, after an error, that cannot be read by themselves."""

    def guarded(self) -> Iterator[list[Any]]:
        """Yield the pieces.

        Raises:
            SourceError: the library cannot read on; its own error is the cause.
        """
        try:
            yield from self.batches
        except SourceError:
            raise
        except library_errors() as error:
            raise SourceError(
                f"source: the table cannot be read any further{listed(self.faulty())}; the cause, "
                f"{type(error).__name__}, says why. Every row before that place was read."
            ) from error


def library_errors() -> tuple[type[BaseException], ...]:
    """What to catch of a library's errors, in the `except` clause itself: a panic in Rust is no `Exception`.

    Each library has a class of its own for panics, which cannot be imported.
    """
    raised = type(sys.exception())
    return (Exception, raised) if raised.__name__ == "PanicException" else (Exception,)  # type: ignore[return-value]  # none is raised elsewhere


def listed(columns: Sequence[str]) -> str:
    """What to say of columns that are at fault."""
    return f" (columns: {', '.join(map(repr, columns))})" if columns else ""


def installed(module: str) -> bool:
    """Whether a module can be imported, without importing it: that takes its time."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it is missing
        return False


def is_read_once(frame: object) -> bool:
    """Whether a stream cannot be asked for twice."""
    return hasattr(frame, "read_next_batch") or isinstance(frame, Iterator)


def is_of_pandas(table: ColumnBatches) -> bool:
    """Whether a column holds intervals of pandas, of which Arrow's structs do not say which ends they include."""

    def any_of(types: Iterable[ColumnType]) -> bool:
        return any(of.extension == "pandas.interval" or any_of(of.parts) for of in types)

    return any_of(table.types)


def slices(batches: Iterable[Any]) -> Iterator[list[Any]]:
    """The columns of batches of arro3 or pyarrow, in pieces of at most `ROWS` rows."""
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS):
            # arro3 aborts where a slice would reach beyond the end.
            yield batch.slice(start, min(ROWS, batch.num_rows - start)).columns
