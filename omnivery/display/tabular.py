"""`Tabular`: results that are shown as a table in notebooks, and can become data frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
from omnivery.display.table import Table


class Tabular(ABC):
    """Base of tabular results: notebooks show them as a table, and they convert to data frames.

    `__arrow_c_stream__` is the Arrow PyCapsule interface
    (https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html).
    """

    __slots__ = ()

    @abstractmethod
    def _table(self) -> Table:
        """Return all data."""

    def _overview(self) -> Table:
        """Return the table that a notebook shows, if it is not the start of the data."""
        return self._table()

    def _repr_html_(self) -> str:
        from omnivery.display import html

        return html.render(self._overview())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        from omnivery.display import frames

        return frames.arrow_table(self._table()).__arrow_c_stream__(requested_schema)

    def to_polars(self) -> pl.DataFrame:
        """Return the data as a polars frame.

        Raises:
            ConfigError: polars or arro3-core is not installed (extra `polars`).
        """
        from omnivery.display import frames

        return frames.to_polars(self._table())

    def to_pandas(self) -> pd.DataFrame:
        """Return the data as a pandas frame.

        Raises:
            ConfigError: pandas, pyarrow or arro3-core is not installed.
        """
        from omnivery.display import frames

        return frames.to_pandas(self._table())
