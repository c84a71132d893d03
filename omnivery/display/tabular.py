"""`Tabular`: results that show themselves as a table, in HTML and as data frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
from omnivery.display.table import Table


class Tabular(ABC):
    """Base of results that are tables, too: notebooks show them as one, and data frames are made of them.

    `__arrow_c_stream__` is the Arrow PyCapsule interface
    (https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html).
    """

    __slots__ = ()

    @abstractmethod
    def _table(self) -> Table:
        """The data, whole."""

    def _overview(self) -> Table:
        """What a notebook shows, where that is not the start of the data."""
        return self._table()

    def _repr_html_(self) -> str:
        from omnivery.display import html

        return html.render(self._overview())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        from omnivery.display import frames

        return frames.arrow_table(self._table()).__arrow_c_stream__(requested_schema)

    def to_polars(self) -> pl.DataFrame:
        """The data as a polars frame.

        Raises:
            ConfigError: polars or arro3-core is not installed (extra `polars`).
        """
        from omnivery.display import frames

        return frames.to_polars(self._table())

    def to_pandas(self) -> pd.DataFrame:
        """The data as a pandas frame.

        Raises:
            ConfigError: pandas, pyarrow or arro3-core is not installed.
        """
        from omnivery.display import frames

        return frames.to_pandas(self._table())
