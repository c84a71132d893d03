"""Windows of long lists, and the links to their neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from attrs import frozen
from starlette.requests import Request

from omnivery.emulator.page.texts import number
from omnivery.emulator.records.window import RecordPage, Window

ROWS = 50
"""Rows of a list."""
HIGHEST = 2**63 - 1
"""The highest id that SQLite takes."""


class HasId(Protocol):
    """A record."""

    @property
    def id(self) -> int:
        """Its id."""
        ...


R = TypeVar("R", bound=HasId)


@frozen(kw_only=True)
class Listing:
    """One window of a list, as templates show it."""

    records: tuple[Any, ...]
    newer: str | None
    """URL of the window with newer records; None if there are none."""
    older: str | None
    shown: str
    """How many of how many are shown."""
    unfinished: bool = False
    """Whether the search ended early, and a link goes on with it."""


def listing(
    request: Request, find: Callable[[Window], RecordPage[R]], *, total: int | None, noun: str, rows: int = ROWS
) -> Listing:
    """Return the window that a request asks for with `before` or `after`; the newest without.

    Args:
        request: the request.
        find: returns the records of a window.
        total: number of records that match; None if it is not known.
        noun: what they are, in the plural.
        rows: most records of a window.
    """
    before, after = _id(request, "before"), _id(request, "after")
    window = Window(before=before, after=None if before else after, limit=rows)
    page = find(window)
    if window.is_forward and not page.more:
        # The newest window, whole: it is the one that is live.
        window = Window(limit=rows)
        page = find(window)
    first, last = (page.records[0].id, page.records[-1].id) if page.records else (None, None)
    if page.read_to is not None:
        first, last = (page.read_to, last or page.read_to) if window.is_forward else (first, page.read_to)
    has_newer = window.before is not None or (window.is_forward and page.more)
    has_older = page.more or window.is_forward
    return Listing(
        records=page.records,
        newer=url_with(request, after=first, before=None) if has_newer else None,
        older=url_with(request, before=last, after=None) if has_older and last else None,
        shown=_shown(page, window, total=total, noun=noun),
        unfinished=page.read_to is not None,
    )


def url_with(request: Request, **values: object) -> str:
    """Return the path of a request with its query, in which some values are replaced; None removes one."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name not in values]
    query += [(name, str(value)) for name, value in values.items() if value is not None]
    path = request.scope["path"]
    return f"{path}?{urlencode(query)}" if query else path


def _shown(page: RecordPage[Any], window: Window, *, total: int | None, noun: str) -> str:
    found = number(len(page.records))
    if page.read_to is not None:
        return f"{found} {noun} so far: “{'Newer' if window.is_forward else 'Older'}” searches on"
    return f"{found} {noun}" if total is None else f"{found} of {number(total)} {noun}"


def _id(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    return min(int(text), HIGHEST) if text.isascii() and text.isdecimal() and len(text) < 20 else None  # noqa: PLR2004
