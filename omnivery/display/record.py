"""`Record`: single results that show themselves as a table of their fields in notebooks.

A repr and a table show all that the caller asked for, e-mail and IP addresses included, but no secret (key, token,
signature, password, message body, and of a URL only scheme and host); logs and exceptions mask personal data, too.
"""

from __future__ import annotations


class Record:
    """Base of single results: a notebook shows one as a table with a row for each field."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from omnivery.display import html
        from omnivery.display.table import table_of_record

        return html.render(table_of_record(self))
