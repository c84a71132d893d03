"""Golden files: one for each operation, with a call, the request that it makes, and what its response becomes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import attrs
import httpx
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser

from omnivery import Attachment, BotEvent, Message
from omnivery.automations import WebhookSample
from omnivery.webhooks import DeliveryEvent

FOLDER = Path(__file__).parents[1] / "golden"
DOMAIN = "mail.example.com"
TYPES = {"Attachment": Attachment, "BotEvent": BotEvent, "Message": Message}


@attrs.frozen(kw_only=True)
class Golden:
    """What one golden file says."""

    name: str
    """The operation's name."""
    call: dict[str, Any]
    request: dict[str, Any]
    response: dict[str, Any]
    result: Any

    @property
    def resource(self) -> str:
        return str(self.call["resource"])

    @property
    def method(self) -> str:
        return str(self.call["method"])

    @property
    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        return revive(self.call["args"]), revive(self.call["kwargs"])

    @property
    def http_response(self) -> httpx.Response:
        """The response as the server sends it."""
        body = self.response.get("text", self.response.get("body", ""))
        is_json = "text" not in self.response and body != ""
        content_type = self.response.get("content_type")
        return httpx.Response(
            self.response["status"],
            headers={"content-type": content_type} if content_type else {},
            content=json.dumps(body) if is_json else body,
        )


def names() -> list[str]:
    """The operations that have a golden file."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> Golden:
    return Golden(name=name, **json.loads((FOLDER / f"{name}.json").read_text("utf-8")))


def revive(value: Any) -> Any:
    """Turn the arguments of a call into what Python has for them."""
    if isinstance(value, list):
        return [revive(item) for item in value]
    if not isinstance(value, dict):
        return value
    fields = {name: revive(item) for name, item in value.items()}
    kind = fields.pop("$type", None)
    if kind is None:
        return fields
    if kind == "datetime":
        return datetime.fromisoformat(fields["value"])
    if kind == "bytes":
        return fields["value"].encode()
    return TYPES[kind](**fields)


SHOWN_AS: dict[type[Any], type[Any]] = {WebhookSample: DeliveryEvent}
"""Models of which the golden files have the base's fields alone; the others have tests of their own."""


def plain(value: Any) -> Any:
    """Turn a result into what JSON has for it. Fields that comparisons leave out are left out here, too."""
    if isinstance(value, BotEvent):
        return value.to_fields()
    if attrs.has(type(value)):
        fields = [field for field in attrs.fields(SHOWN_AS.get(type(value), type(value))) if field.eq]
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


async def seen(request: httpx.Request, *, base: str) -> dict[str, Any]:
    """A request as it left, in the terms of a golden file."""
    path, _, query = request.url.raw_path.decode().partition("?")
    content_type = request.headers.get("content-type")
    return {
        "method": request.method,
        "path": path.removeprefix(httpx.URL(base).path) if base.endswith("/v3") else path,
        "query": query,
        "content_type": content_type and content_type.partition(";")[0],
        "body": await _body(content_type, request),
    }


async def _body(content_type: str | None, request: httpx.Request) -> Any:
    if content_type is None:
        assert request.content == b"", "a body without a content type"
        return None
    match content_type.partition(";")[0]:
        case "application/json":
            return json.loads(request.content)
        case "application/x-www-form-urlencoded":
            return [list(pair) for pair in parse_qsl(request.content.decode(), keep_blank_values=True)]
        case "multipart/form-data":
            return await _parts(content_type, request.content)
    raise AssertionError(f"no golden file has a body of {content_type}")


async def _parts(content_type: str, content: bytes) -> list[list[Any]]:
    """A multipart form, read by an independent parser."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield content

    form = await MultiPartParser(Headers({"content-type": content_type}), stream()).parse()
    parts = [[name, await _part(value)] for name, value in form.multi_items()]
    await form.close()
    return parts


async def _part(value: UploadFile | str) -> Any:
    if isinstance(value, str):
        return value
    text = (await value.read()).decode()
    return {"filename": value.filename, "content_type": value.content_type, "text": text}
