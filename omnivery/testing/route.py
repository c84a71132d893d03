"""Routes of respx for operations: the URL, the method and a valid response come from the operation."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from omnivery.errors import ConfigError, phrase
from omnivery.testing.example import ExampleResponse, example_responses
from omnivery.testing.operations import find_operation, siblings_of
from omnivery.transport.body import fill_path
from omnivery.transport.operation import Operation

try:
    import respx
    from respx.mocks import Mocker
except ModuleNotFoundError:
    raise ModuleNotFoundError("omnivery.testing.mock needs respx: pip install respx", name="respx") from None

if TYPE_CHECKING:
    import httpx

PREFIXES = {"mailgun": "/v3", "automations": ""}
"""Path of each surface's base URL."""
CONTENT = ("content", "text", "html", "json", "stream")
"""Arguments of a response that give its body."""


def mock(
    operation: Operation[Any] | str, *, router: respx.Router | None = None, base_url: str | None = None, **path: str
) -> OperationRoute:
    """Add a route for an operation to respx. Until `respond` says otherwise, the response is a valid example.

        def test_it(respx_mock):
            mock("mailgun.bounces.get", address="ann@example.com").respond(404)
            sent = mock("mailgun.messages.send")
            ...
            assert sent.call_count == 1

    It works below clients that send over httpx, which is the default.

    Args:
        operation: an operation or its name; the page `docs/reference.md` lists them.
        router: the router to add it to; `respx.mock` if left out, which is also the fixture `respx_mock`.
        base_url: the only base URL that it matches; that of any host if left out.
        path: parts of the path that must have these values, such as `domain` or `address`; any value if left out.

    Raises:
        ConfigError: no operation has that name, its path has no such part, or respx mocks nothing at the moment.
    """
    row = find_operation(operation)
    if unknown := [name for name in path if f"{{{name}}}" not in row.path]:
        raise ConfigError(f"the path of {row.name} has no part {unknown[0]!r}: it is {row.path}")
    if router is None and not any(respx.mock in mocker.routers for mocker in Mocker.registry.values()):
        raise ConfigError(
            "respx does not mock anything here, so the request would reach the network: use the fixture respx_mock, "
            "or `with respx.mock:`; or pass router=…"
        )
    route = OperationRoute(row, base_url=base_url, path=path)
    added = (respx.mock if router is None else router).add(route)
    # Routes for the same requests replace each other: respx keeps the first object, with the new response.
    return added if isinstance(added, OperationRoute) else route


class OperationRoute(respx.Route):
    """A route of respx that matches the requests of one operation. `mock` creates it.

    Args:
        operation: the operation.
        base_url: the only base URL that it matches; any if None.
        path: required values of parts of the path.
    """

    def __init__(self, operation: Operation[Any], *, base_url: str | None, path: dict[str, str]) -> None:
        super().__init__(method=operation.method, url__regex=_pattern(operation, base_url, path))
        self._example: ExampleResponse = example_responses()[operation.name]
        self._body_type = self._example.request_type if siblings_of(operation) else None
        self.respond()

    def respond(self, status_code: int | None = None, **response: Any) -> OperationRoute:
        """Set the response.

        Args:
            status_code: its status. If left out, it is a success. An error without a body gets the service's usual one.
            response: its `json`, `text`, `content` or `headers`, as in respx. If there is no body, a success has that
                of the example.
        """
        status = self._example.status if status_code is None else status_code
        has_body = any(response.get(name) is not None for name in CONTENT)
        if not has_body and status == self._example.status:
            response |= {"content": self._example.content, "content_type": self._example.content_type}
        elif not has_body and status >= HTTPStatus.BAD_REQUEST:
            response["json"] = {"message": phrase(status)}
        super().respond(status, **response)
        return self

    def match(self, request: httpx.Request) -> Any:
        """Resolve a request, or return None if it is not the operation's."""
        # Two operations may share an endpoint; then the type of the body tells them apart.
        if self._body_type and not request.headers.get("content-type", "").startswith(self._body_type):
            return None
        return super().match(request)

    def __eq__(self, other: object) -> bool:
        # respx compares routes to find the one that a new one replaces.
        return super().__eq__(other) and self._body_type == getattr(other, "_body_type", None)

    __hash__ = None  # type: ignore[assignment]  # as that of its base


def _pattern(operation: Operation[Any], base_url: str | None, path: dict[str, str]) -> str:
    surface = operation.name.partition(".")[0]
    base = rf"https?://[^/]+{PREFIXES[surface]}" if base_url is None else re.escape(base_url.rstrip("/"))
    parts = re.split(r"\{(\w+)\}", operation.path)
    # Text and names alternate.
    fixed, names = parts[::2], parts[1::2]
    values = [re.escape(fill_path("{v}", {"v": path[name]})) if name in path else "[^/?]+" for name in names]
    filled = "".join(re.escape(text) + value for text, value in zip(fixed, [*values, ""], strict=True))
    return rf"^{base}{filled}(\?|$)"
