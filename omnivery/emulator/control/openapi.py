"""The control API as an OpenAPI document, at `/_/openapi.json`."""

from __future__ import annotations

from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery._version import __version__
from omnivery.emulator.control import schemas
from omnivery.emulator.control.endpoints import ENDPOINTS, Bodies, Endpoint, json_of
from omnivery.emulator.control.schemas import ref
from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import State

PATH_TEXT = {
    "message": "Id of the record, or the message's own id.",
    "place": "Place of the file, from 0.",
    "id": "Id of the record.",
    "kind": "What to wait for, or which webhook call to make.",
}
RULES = """\
Controls one emulator, for tests in any language. It requires no key, so it refuses what web pages may send: the Host
header must be localhost, an IP address or an allowed name (421), no request may come from another site (403), and a
POST must have `content-type: application/json` or a header that begins with `x-omnivery-` (415).

Every record has an `id`, which grows and is never used twice, and `at`, in unix seconds. Lists hold the newest
records that match, oldest first; `more` says whether there are others beyond the limit.
"""


@cache
def document() -> dict[str, Any]:
    """Return the whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Omnivery emulator: control API", "version": __version__, "description": RULES},
        "paths": paths,
        "components": {"schemas": schemas.components()},
    }


async def show(_request: Request, _state: State) -> Response:
    """Return the OpenAPI document of the control API."""
    return json_response(document())


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    names = [part.partition("}")[0] for part in endpoint.path.split("{")[1:]]
    places = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": PATH_TEXT[name]}
        for name in names
    ]
    taken = {str(endpoint.status): {"description": "Done", "content": _contents(endpoint.bodies)}}
    refused = {
        str(status): {"description": "Refused; `message` says why", "content": _contents(json_of(ref("Done")))}
        for status in (*endpoint.refused, 403, 421)
    }
    operation: dict[str, Any] = {"summary": endpoint.summary, "responses": {**taken, **refused}}
    if places or endpoint.query:
        operation["parameters"] = [*places, *endpoint.query]
    if endpoint.body is not None:
        operation["requestBody"] = {"content": _contents(json_of(endpoint.body))}
    return operation


def _contents(bodies: Bodies) -> dict[str, Any]:
    return {media_type: {"schema": schema} for media_type, schema in bodies.items()}


ROUTES = (Route("openapi", "GET", "/_/openapi.json", show),)
