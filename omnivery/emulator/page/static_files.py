"""Styles, script and icon of the page."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.refusal import Refusal
from omnivery.emulator.state import State

MEDIA_TYPES = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
"""The files, and their types."""
PATH = "/_/page/static"
YEAR = 31_536_000


@cache
def _content(name: str) -> bytes:
    return (files("omnivery.emulator.page") / "static" / name).read_bytes()


@cache
def static_path(name: str) -> str:
    """Return the path of a file. It changes with the content, so that browsers may keep the file."""
    return f"{PATH}/{hashlib.sha256(_content(name)).hexdigest()[:12]}/{name}"


async def static(request: Request, _state: State) -> Response:
    """Return a file."""
    name = request.path_params["name"]
    if name not in MEDIA_TYPES:
        raise Refusal("Not Found", status=404)
    headers = {"cache-control": f"public, max-age={YEAR}, immutable", "x-content-type-options": "nosniff"}
    return Response(_content(name), media_type=MEDIA_TYPES[name], headers=headers)
