"""Write the reference of all operations, docs/reference.md, from the registry.

Usage: python tools/reference.py            writes it
       python tools/reference.py --check    writes nothing, and fails when the page is not up to date
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from omnivery.transport.operation import Operation, Safety, collect

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).parent.parent / "docs" / "reference.md"
SURFACES = {
    "mailgun": ("AsyncMailgun", "https://mg-api.omnivery.net/v3"),
    "automations": ("AsyncAutomations", "https://zap-api.omnivery.net"),
}
RETRIES = {
    Safety.SAFE: "yes, it only reads",
    Safety.IDEMPOTENT: "yes, twice comes to the same as once",
    Safety.NON_IDEMPOTENT: "only if it surely did not happen",
}
"""Whether a failed call is tried again: `omnivery.transport.retry` in words."""
HEAD = """\
# Reference: every operation

This page is written by `python tools/reference.py` from the operations that the SDK declares; do not edit it.

Paths stand below the base URL. A call that could not be sent, or got 429, 503 or 408, took no effect,
and is retried whatever the operation. The last column but one says what happens when the response was lost, or was
another 5xx, so that the server may have acted.
"""


def operations() -> dict[str, Operation[Any]]:
    """Every operation that a module of either surface declares, by name, in the order of modules and rows."""
    return collect(module for surface in SURFACES for module in modules(surface))


def modules(surface: str) -> Iterator[ModuleType]:
    """The modules of a surface. One that cannot be imported is an error, not a gap."""
    package = import_module(f"omnivery.{surface}")
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield import_module(found.name)


def page(found: Mapping[str, Operation[Any]]) -> str:
    """The whole page."""
    parts = [HEAD]
    for surface, (client, base) in SURFACES.items():
        own = [row for name, row in found.items() if name.startswith(f"{surface}.")]
        parts.append(f"## `{client}`: {len(own)} operations below {base}\n")
        for resource, rows in groupby(own, key=lambda row: row.name.rpartition(".")[0]):
            parts.append(_section(resource, list(rows)))
    return "\n".join(parts)


def main(arguments: Sequence[str]) -> int:
    """Write or check the page; the exit status."""
    text = page(operations())
    if "--check" not in arguments:
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text("utf-8") == text:
        return 0
    print(f"{PAGE.name} is not up to date: run `python tools/reference.py`", file=sys.stderr)
    return 1


def _section(resource: str, rows: Sequence[Operation[Any]]) -> str:
    lines = [
        f"### `{resource}`",
        "",
        "| operation | client method | endpoint | key | retried when the response is lost | documented |",
        "| --- | --- | --- | --- | --- | --- |",
        *map(_line, rows),
        "",
    ]
    return "\n".join(lines)


def _line(row: Operation[Any]) -> str:
    cells = [
        f"`{row.name}`",
        f"`client.{row.name.partition('.')[2]}()`",
        f"`{row.method} {row.path}`",
        row.key.value,
        RETRIES[row.safety],
        f"[page]({row.docs})",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
