"""Packages of the extras `cli` and `emulator` that are not installed, in one line."""

from __future__ import annotations

from importlib.util import find_spec

PACKAGES = {
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "python_multipart": "python-multipart",
    "crawleruseragents": "crawler-user-agents",
    "jinja2": "jinja2",
}
"""Module to package, of the extra `emulator`."""


def explain_missing(error: ModuleNotFoundError) -> str | None:
    """Say what to install; None if the missing module is not one of an extra."""
    name = (error.name or "").partition(".")[0]
    if name in {"click", "rich"}:
        return f"{name} is missing: pip install 'omnivery[cli]', or 'omnivery[emulator]' for all"
    if name not in PACKAGES:
        return None
    missing = [package for module, package in PACKAGES.items() if _is_missing(module)]
    return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: pip install 'omnivery[emulator]'"


def _is_missing(module: str) -> bool:
    try:
        return find_spec(module) is None
    except ValueError:  # what stands in its place in sys.modules is no module
        return True
