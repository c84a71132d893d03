"""The row of CSV that names the columns: what separates its cells, and where it stands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from csv import Error, reader
from itertools import chain
from typing import Any, TypeAlias

from attrs import define, field

from omnivery.errors import ConfigError
from omnivery.readers._columns import KEYS, Columns, in_any_case
from omnivery.readers._format import Sample
from omnivery.readers._lines import Block, Line, too_long

DELIMITERS = ",;\t|"
"""What may stand between cells, if the caller does not say it."""

Dialect: TypeAlias = dict[str, Any]
"""How rows are written, in the words of the standard library's `csv`; and `padded` if blanks fill up its columns."""


def csv_share(sample: Sample, columns: Mapping[str, str] | None) -> float:
    """Return 1.0 if the first lines are those of CSV that names an event's fields, or columns that are to be these."""
    if not sample:
        return 0.0
    wanted = KEYS.union(columns or ())
    if any(map(_COPY.match, sample[:_DUMP])):
        return 0.0
    first = sample[0].decode(errors="replace")
    if _names(first, wanted):
        return 1.0 if "\ufffd" not in first and _has_rows(sample, wanted) else _BELOW
    if _SEPARATOR.fullmatch(first):
        # Without these names it may be a log in a column.
        return 1.0 if len(sample) > 1 and _names(sample[1].decode(errors="replace"), wanted) else _BELOW
    # Titles and notes above the table; a line of anything else may hold such a word by chance.
    below = (_names(line.decode(errors="replace"), wanted) for line in sample[1:HIGHEST])
    return _BELOW if max(below, default=0) > 1 else 0.0


_COPY = re.compile(rb"COPY \S+ \([^()]*\) FROM stdin;")
"""What names the columns in a dump of PostgreSQL, which may have many tables."""
_DUMP = 50


def _has_rows(sample: Sample, wanted: frozenset[str]) -> bool:
    """Whether most of what stands below the names has as many cells, if there is anything yet."""
    names, *lines = (line.decode(errors="replace") for line in sample)
    delimiter = max(DELIMITERS, key=lambda one: len(wanted.intersection(in_any_case(_cells(names, one)))))
    width, counts = len(_cells(names, delimiter)), [0, 0]
    try:
        for row in reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True):
            counts[len(row) == width] += 1
    except Error:  # the row of a quote that is not closed in the sample, or what is no CSV at all
        pass
    return not lines or counts[True] > counts[False]


HIGHEST = 20
"""Lines among which the row that names the columns is looked for."""
_BELOW = 0.01
"""How much such a row counts that is not the first: it is taken if no other format reads more."""


def _names(text: str, wanted: frozenset[str]) -> int:
    """How many names of columns that are wanted stand in a line."""
    rows = (_cells(text, delimiter) for delimiter in DELIMITERS if delimiter in text)
    return max((len(wanted.intersection(in_any_case(cells))) for cells in rows), default=0)


def _cells(text: str, delimiter: str) -> list[str]:
    """The cells of a line that has more than one."""
    try:
        cells = next(reader([text], delimiter=delimiter, skipinitialspace=True, strict=True), [])
    except Error:
        return []
    return called(cells) if len(cells) > 1 else []


def called(cells: Iterable[str]) -> list[str]:
    """The names in the cells of a row, without what nobody sees, and the mark of a comment before an event's field."""
    first, *others = (cell.translate(_UNSEEN).strip() for cell in cells)
    bare = first.lstrip("# ")
    return [bare if bare.lower() in KEYS else first, *others]


_UNSEEN = dict.fromkeys(map(ord, "\ufeff\u200b\u200e\u200f\u2060"))
"""Byte order marks, and what web pages and office programs leave beside a name that is copied out of them."""


_SEPARATOR = re.compile(r'"?sep=(.)"?[,;\t ]*+', re.IGNORECASE)
"""By which exports tell Excel what stands between cells. A spreadsheet that has opened it writes it back in quotes."""
_LONGEST_HEADER = 100
"""Lines over which the row that names the columns may go."""
_NO_HEADER = "source: the row that names the columns cannot be read"


@define(kw_only=True, eq=False)
class HeaderSearch:
    """Finds the row that names the columns: the first one, or one below titles and notes."""

    delimiter: str | None
    columns: Mapping[str, str] | None
    _lines: list[str] = field(init=False, factory=list[str])
    """The lines of the row in hand."""
    _rows: int = field(init=False, default=0)
    """Rows that were looked at."""
    _fault: str = field(init=False, default="there is none")
    """Why the first row cannot be read."""
    _first: list[str] | None = field(init=False, default=None)
    """The names in the first row, which are none that are wanted."""

    @property
    def is_begun(self) -> bool:
        """Whether there was anything but blank lines and the sign between cells."""
        return self._rows > 0 or bool(self._lines)

    @property
    def is_over(self) -> bool:
        """Whether to look further is of no use."""
        return self._rows >= HIGHEST and not self._lines

    def passes(self, line: Line) -> bool:
        """Whether a line is a blank one between two rows."""
        return not self._lines and line is not None and not line.strip()

    def take(self, line: Line) -> Dialect | None:
        """Look at one more line; return the names and how rows are written, if the row that ends with it is the one."""
        try:
            text = _decoded(line)
            if not self._lines and not self._rows and (separator := _SEPARATOR.fullmatch(text)):
                self.delimiter = self.delimiter or separator[1]
                return None
            self._lines.append(text + "\n")
            names, dialect = _header(self._lines, self.delimiter or self._likely(self._lines[0]))
        except ConfigError as error:
            self._passed(None, str(error))
            return None
        if names is None:
            return None  # a quote is open, and more lines are needed
        # A row of data may hold such a word by chance.
        if len(self._wanted.intersection(in_any_case(names))) >= min(2, self._rows + 1):
            return {"names": names, **dialect}
        self._passed(names, "")
        return None

    def error(self) -> ConfigError:
        """Return the error for a table whose columns nothing names."""
        if self._lines:
            return ConfigError(f"{_NO_HEADER}: its last quote is never closed")
        if self._first is not None:
            try:
                Columns.of(self._first, self.columns)
            except ConfigError as error:
                return error
        return ConfigError(f"{_NO_HEADER}: {self._fault}")

    @property
    def _wanted(self) -> frozenset[str]:
        return KEYS.union(self.columns or ())

    def _passed(self, names: list[str] | None, fault: str) -> None:
        if not self._rows:
            self._first, self._fault = names, fault
        self._rows += 1
        self._lines.clear()

    def _likely(self, text: str) -> str:
        """What stands between names in a line: what separates one that is wanted, or else the most of them."""
        cells = {delimiter: _cells(text, delimiter) for delimiter in DELIMITERS}
        return max(
            cells,
            key=lambda one: (
                not self._wanted.isdisjoint(in_any_case(cells[one])),
                len(cells[one]) > 1,
                len(cells[one]),
            ),
        )


def below_header(
    search: HeaderSearch, blocks: Iterator[Block], skipped: Counter[str]
) -> tuple[Dialect | None, Iterator[Block]]:
    """Read the row that names the columns; return the names and how rows are written, and what follows.

    A source without any row may get some later: it has neither.

    Raises:
        ConfigError: there is none that names those that are wanted.
    """
    for first, lines in blocks:
        for place, line in enumerate(lines):
            if search.passes(line):
                skipped["blank"] += 1
                continue
            skipped["header"] += 1
            if (found := search.take(line)) is not None:
                return found, chain([(first + place + 1, lines[place + 1 :])], blocks)
            if search.is_over:
                raise search.error()
    if search.is_begun:
        raise search.error()
    return None, iter(())


def _decoded(line: Line) -> str:
    """A line of the header as text.

    Raises:
        ConfigError: it cannot be read.
    """
    if line is None:
        raise ConfigError(too_long(0).reason)
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ConfigError("it holds bytes that are not UTF-8: save the file in UTF-8") from None


def _header(lines: list[str], delimiter: str) -> tuple[list[str] | None, Dialect]:
    """The names in these lines, and how its rows are written; no names if a quote is open, and more lines are needed.

    Raises:
        ConfigError: they break the rules of quoting.
    """
    # Where each name has a blank before it, so has each cell, and it is no part of an id.
    blanks = lines[0].count(delimiter) == lines[0].count(f"{delimiter} ") > 0
    dialect: Dialect = {"delimiter": delimiter, **({"skipinitialspace": True} if blanks else {})}
    try:
        (names,) = reader(lines, strict=True, **dialect)
    except Error as error:
        if "unexpected end" in str(error) and len(lines) < _LONGEST_HEADER:
            return None, dialect
        raise ConfigError(f"it is no CSV: {error}") from None
    # A table as a console shows it, with bars between columns that are filled up with blanks.
    filled = sum(name[-1:] == " " for name in names)
    padded = {"padded": True} if filled > 1 or (filled and delimiter == "|") else {}
    return called(names), {**dialect, **padded}


def dialect_of(found: Mapping[str, Any]) -> Dialect:
    """Return how rows are written, out of what a search has found."""
    return {name: value for name, value in found.items() if name in {"delimiter", "skipinitialspace"}}
