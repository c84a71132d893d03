"""A Mailgun-compatible service in a few lines: it responds from a script, and keeps the requests."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx
from attrs import define, field

from omnivery import AsyncMailgun
from tests.support.wire import Handler, respond_with

DOMAIN = "mail.example.com"
ADDRESS = "a+b/c@d.e"
QUOTED = "a%2Bb%2Fc%40d.e"

Reply = httpx.Response | Callable[[httpx.Request], httpx.Response]


@define(kw_only=True)
class Service:
    """Responds in order, and from then on with the last reply."""

    replies: list[Reply]
    requests: list[httpx.Request] = field(factory=list[httpx.Request])

    def __call__(self, request: httpx.Request) -> httpx.Response:
        reply = self.replies[min(len(self.requests), len(self.replies) - 1)]
        self.requests.append(request)
        if isinstance(reply, httpx.Response):
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        return reply(request)

    @property
    def request(self) -> httpx.Request:
        """The one request that was made."""
        [request] = self.requests
        return request


def reply(body: Any = None, status: int = 200) -> httpx.Response:
    """A response in JSON; one without a body for None."""
    return httpx.Response(status) if body is None else httpx.Response(status, json=body)


def service(*replies: Reply | dict[str, Any] | list[Any] | str | None) -> Service:
    """A service that gives these replies: bodies in JSON, or whole responses."""
    ready = [item if isinstance(item, httpx.Response) or callable(item) else reply(item) for item in replies]
    return Service(replies=ready)


def client_of(service: Handler, **settings: Any) -> AsyncMailgun:
    """A client of it, with both keys unless told otherwise."""
    chosen = {"api_key": "key-primary", "sending_key": "key-sending", "domain": DOMAIN, **settings}
    respond_with(service)
    return AsyncMailgun(chosen.pop("api_key"), **chosen)


def key_of(request: httpx.Request) -> str:
    """The key that a request carries."""
    user, _, key = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
    assert user == "api"
    return key


def form_of(request: httpx.Request) -> list[tuple[str, str]]:
    """The fields of a url-encoded form."""
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    return parse_qsl(request.content.decode(), keep_blank_values=True)


def json_of(request: httpx.Request) -> Any:
    """The body of a request in JSON."""
    assert request.headers["content-type"] == "application/json"
    return json.loads(request.content)
