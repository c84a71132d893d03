"""Tables as HTML for notebooks: a plain table without scripts and external resources.

The cells come from strangers (a client chooses its user agent), so all text is escaped and shortened, and characters
that cannot be printed are replaced. Colours are the notebook's own, dark or light.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

from omnivery.display.table import SHOWN, Table, plain

COLUMNS_SHOWN = 30
TEXT_SHOWN = 80
"""Most characters of a cell."""
WIDE = 6
"""Columns beyond which a table is wider than the page, so that cells have half as many characters."""

# Notebooks are committed and mailed with their output, and many URLs have a secret in their path or query.
_BEYOND_THE_HOST = re.compile(r"(?<=://)(?:[^/?#\s\"]*@)?([^/?#\s\"]*)([^\s\"]*)")

# Jupyter renders text between dollar signs as a formula, which can contain commands and links.
_NO_FORMULAS = "tex2jax_ignore mathjax_ignore"
_BOX = "overflow-x:auto"
_CELL = "padding:2px 10px;text-align:left;white-space:nowrap"
_NUMBER = "padding:2px 10px;text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums"
# The longest bar does not fill its cell, so that it does not touch the bar of the next column.
_BAR = ";background:linear-gradient(to right,rgba(70,130,220,.35) {0:.4g}%,transparent {0:.4g}%) no-repeat 0 0/94% 100%"
_ROOM = ";min-width:8em"


def render(table: Table) -> str:
    """Return the table as HTML: at most 20 rows, and the number of the others. Empty columns are left out."""
    rows = [[plain(value) for value in row] for row in table.rows[:SHOWN]]
    telling = [place for place in range(len(table.columns)) if not rows or any(row[place] is not None for row in rows)]
    shown = telling[:COLUMNS_SHOWN]
    head = "".join(f'<th scope="col" style="{_CELL}">{_text(table.columns[place])}</th>' for place in shown)
    tops = {place: _top(rows, place) for place in shown if table.columns[place] in table.bars}
    wide = len(shown) > WIDE
    body = "".join(
        f"<tr>{''.join(_cell(row[place], tops.get(place), wide=wide) for place in shown)}</tr>" for row in rows
    )
    left = (len(table.rows) if table.total is None else table.total) - len(rows)
    return (
        f'<div class="{_NO_FORMULAS}" style="{_BOX}">{_caption(table)}'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"{_more(left, 'row')}{_more(len(telling) - len(shown), 'column')}</div>"
    )


def _caption(table: Table) -> str:
    # Not a <caption>: it is as narrow as the table, and would break a line of text above two columns into five.
    rest = f" ({_text(table.caption, limit=3 * TEXT_SHOWN)})" if table.caption else ""
    return f"<div><strong>{_text(table.title)}</strong>{rest}</div>"


def _more(left: int, noun: str) -> str:
    return f"<p>… and {left:,} more {noun}{'s' if left > 1 else ''}</p>" if left > 0 else ""


def _top(rows: Sequence[Sequence[Any]], place: int) -> float:
    return max((row[place] for row in rows if _is_length(row[place])), default=0)


def _is_length(value: object) -> bool:
    # NaN, the infinities, and integers that no float can hold have no length.
    return type(value) in {int, float} and 0 <= value < 2**63  # type: ignore[operator]  # a number, as just asked


def _cell(value: Any, top: float | None, *, wide: bool) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f'<td style="{_CELL}">{_text(_words(value), limit=TEXT_SHOWN // 2 if wide else TEXT_SHOWN)}</td>'
    if top is None:
        return f'<td style="{_NUMBER}">{_text(_words(value))}</td>'
    bar = _BAR.format(100 * value / top) if top and _is_length(value) else ""
    return f'<td style="{_NUMBER}{"" if wide else _ROOM}{bar}">{_text(f"{value:,}")}</td>'


def _words(value: Any) -> str:
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _text(text: str, *, limit: int = TEXT_SHOWN) -> str:
    """Return a foreign text escaped, shortened, without secrets in URLs and without unprintable characters."""
    text = _BEYOND_THE_HOST.sub(lambda found: found[1] + ("/…" if found[2] else ""), text)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return escape("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text))
