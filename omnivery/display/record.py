"""`Record`: single results that show themselves as a table of their fields in notebooks.

A repr and a table show all data that the caller requested, e-mail and IP addresses included, but no secret (key, token,
signature, password, message body, path and query of a URL); logs and exceptions mask personal data, too.
"""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 3


def abridged(items: Sequence[object]) -> str:
    """Return the repr of what may be long: its first items, and how many others there are."""
    parts = [repr(item) for item in items[:_SHOWN]]
    if len(items) > _SHOWN:
        parts.append(f"… {len(items) - _SHOWN:,} more")
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def in_milliseconds(seconds: float) -> str:
    """Return the repr of a duration in seconds, without the digits that no clock has."""
    return repr(round(seconds, 3))


class Record:
    """Base of single results: a notebook shows one as a table with a row for each field."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from omnivery.display import html
        from omnivery.display.table import table_of_record

        return html.render(table_of_record(self))
