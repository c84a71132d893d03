"""The HTTP library that bulk work runs on."""

from __future__ import annotations

from typing import Literal


def bulk_adapter() -> Literal["httpx"]:
    """Return the name of the library, as clients take it."""
    return "httpx"
