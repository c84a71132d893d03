"""Example responses: one of each operation, as in the conformance tests."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from attrs import field, frozen

from omnivery import codec

FILE = "examples.json"
"""Written by `python -m tools.example_responses`."""


@frozen(kw_only=True)
class ExampleResponse:
    """A valid response to an operation."""

    request_type: str | None
    """Media type of the example's request; None if it has no body."""
    status: int
    """HTTP status."""
    content_type: str | None
    """Value of its Content-Type header; None for a response without."""
    content: bytes = field(repr=False)
    """The body."""


@cache
def example_responses() -> dict[str, ExampleResponse]:
    """Return an example response of each operation, by the operation's name."""
    rows: dict[str, dict[str, Any]] = codec.loads((files("omnivery.testing") / FILE).read_bytes())
    return {name: _read(**row) for name, row in rows.items()}


def _read(*, request_type: str | None, status: int, content_type: str | None, body: Any) -> ExampleResponse:
    content = body.encode() if isinstance(body, str) else codec.dumps(body)
    return ExampleResponse(request_type=request_type, status=status, content_type=content_type, content=content)
