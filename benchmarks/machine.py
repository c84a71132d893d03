"""What a result was measured on: figures mean nothing without it."""

from __future__ import annotations

import os
import platform
from importlib import import_module
from importlib.metadata import version
from typing import Any

PACKAGES = ("omnivery", "httpx", "httpcore", "anyio", "attrs", "aiohttp", "orjson", "msgspec")


def describe() -> dict[str, str]:
    """Python, the packages that take part, and the number of cores."""
    found = {"Python": f"{platform.python_implementation()} {platform.python_version()}"}
    found |= {name: version(name) for name in PACKAGES}
    return found | {"system": platform.system(), "cores": str(os.cpu_count())}


def library(name: str) -> Any:
    """Import a peer's library. Not by name: it need not be installed where types are checked."""
    return import_module(name)


def line(found: dict[str, str]) -> str:
    """The same in one line."""
    return ", ".join(f"{name} {value}" for name, value in found.items())
