"""A table in CSV: the row that names the columns, and the rows below it, each of which is an item or none."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

from attrs import define

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers._csv_header import HeaderSearch, below_header, dialect_of
from omnivery.readers._csv_rows import Row, RowLines, careful_rows, line_by_line
from omnivery.readers._format import LineReader, Placed
from omnivery.readers._lines import Block, Line


@define(kw_only=True, eq=False)
class TableReader(LineReader[BotEvent]):
    """Reads the rows below the one that names the columns, whose names are the state of reading."""

    @property
    def headed(self) -> bool:
        """Its first row names the columns."""
        return True

    @property
    def _names(self) -> list[str]:
        names: list[str] = self.state["names"]
        return names

    def _below_header(self, blocks: Iterable[Block], search: HeaderSearch) -> Iterator[Block]:
        """Read the row that names the columns, unless reading resumes below it; return what follows.

        Raises:
            ConfigError: there is none that names those that are wanted.
        """
        flow = iter(blocks)
        if self.state is None:
            self.state, flow = below_header(search, flow, self.skipped)
        return flow

    def _items(self, blocks: Iterator[Block]) -> Iterator[Placed[BotEvent]]:
        dialect = dialect_of(self.state)
        cleaned = self._padded if self.state.get("padded") else self._cleaned
        for first, lines in blocks:
            rows = line_by_line(lines, dialect)
            if rows is not None:
                rows = cleaned(rows, lines)
                numbers = range(first, first + len(rows))
                yield self._placed(map(Row, numbers, numbers, rows))
            else:
                # Row by row, which takes half as long again, to the end of the block or of a row that goes beyond it.
                source = RowLines(blocks, first, lines)
                for row in careful_rows(source, dialect, growing=self.growing):
                    cells = row.cells if isinstance(row.cells, str) else cleaned([row.cells], None)[0]
                    yield self._placed([row._replace(cells=cells)])
                self.unfinished = source.unfinished

    def _padded(self, rows: list[list[str]], lines: Sequence[Line] | None) -> list[list[str]]:
        return self._cleaned([[cell.strip() for cell in row] for row in rows], lines)

    def _cleaned(self, rows: list[list[str]], lines: Sequence[Line] | None) -> list[list[str]]:  # noqa: ARG002  # of use to others
        """Return rows without cells that stand for no value.

        Args:
            rows: the cells of each row.
            lines: the lines that these rows are; None for rows that are not a line each.
        """
        return rows

    def _placed(self, rows: Iterable[Row]) -> Placed[BotEvent]:
        items: list[BotEvent | UnreadableLine] = []
        ends: list[int] = []
        item_of = self._item
        for first, last, cells in rows:
            if (item := item_of(first, cells)) is not None:
                items.append(item)
                ends.append(last)
        return Placed(items, ends, self.state)

    def _passed(self, kind: str) -> BotEvent | None:
        """Count a row that is no item."""
        self.skipped[kind] += 1
        return None

    @abstractmethod
    def _item(self, number: int, cells: list[str] | str) -> BotEvent | UnreadableLine | None:
        """Return what a row holds; None if that is no item, but counted in `skipped`.

        Args:
            number: the number of its first line.
            cells: its cells; or in words, why it cannot be read.
        """
