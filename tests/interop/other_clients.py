"""The tables of docs/emulator.md that say what others' clients see, as the tests check them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"
UNSERVED = 404
"""The status of a call that Omnivery's page does not list."""

Seen = Mapping[str, Any]
"""What a client saw, by call and field; the status for a call that is not served."""


def hold_to_the_page(client: str, omnivery: Seen, mailgun: Seen) -> None:
    """Fail unless the page tells just those differences that a client sees between the dialects, and what is 404."""
    assert omnivery.keys() == mailgun.keys()
    differences = {
        call: (json.dumps(value), json.dumps(mailgun[call]))
        for call, value in omnivery.items()
        if value != mailgun[call]
    }
    assert differences == _differences(client)
    unserved = {call for call, value in omnivery.items() if value == mailgun[call] == UNSERVED}
    assert unserved == _unserved(client)
    assert all(call in differences or call in unserved for call in omnivery), "what depends on nothing needs no record"


def versions() -> dict[str, str]:
    """Return the version of each client that the page names."""
    return dict(re.findall(r"^\| `([\w.-]+)` \| ([\d.]+) \|", _section(), re.MULTILINE))


def _differences(client: str) -> dict[str, tuple[str, str]]:
    return {call: (ours, theirs) for name, call, ours, theirs in _rows(4) if name == client}


def _unserved(client: str) -> set[str]:
    rows = (calls for name, calls in _rows(2, ticked=False) if name == f"`{client}`")
    return {call for calls in rows for call in re.findall(r"`([^`]+)`", calls)}


def _rows(width: int, *, ticked: bool = True) -> Iterator[tuple[str, ...]]:
    for line in _section().splitlines():
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if line.startswith("| `") and len(cells) == width:
            yield tuple(cell.strip("`") for cell in cells) if ticked else cells


def _section() -> str:
    return PAGE.read_text("utf-8").partition("### Other clients\n")[2].partition("\n## ")[0]
