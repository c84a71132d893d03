"""Request data: form fields in order with repeats, files, JSON, and query parameters."""

from __future__ import annotations

import math
from typing import Any, TypeGuard, cast
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

# https://docs.omnivery.com/api-ref/mailgun-api  (Webhooks)
from omnivery.codec import loads
from omnivery.emulator.message import StoredFile
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.state import State

TRUE = frozenset({"yes", "true", "1"})
"""Spellings of yes; case does not matter."""
LONGEST_PAGE = 1000
"""Most items on a page (Mailgun's own limit)."""


@frozen(kw_only=True)
class Form:
    """A form, whichever way it was encoded."""

    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Names and values, in order, with repeats."""
    files: tuple[tuple[str, StoredFile], ...] = ()
    """Field names and their files."""

    def all(self, name: str) -> list[str]:
        """Every value of one field."""
        return [value for key, value in self.fields if key == name]

    def get(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        return next(iter(self.all(name)), default)

    def need(self, name: str) -> str:
        """The first value of a required field; a refusal with Mailgun's text if it is missing."""
        if not (value := self.get(name).strip()):
            raise Refusal(f"{name} parameter is missing")
        return value

    def says_yes(self, name: str, *, default: bool = False) -> bool:
        """Whether a field says yes."""
        return self.get(name).lower() in TRUE if self.all(name) else default

    def files_of(self, name: str) -> tuple[StoredFile, ...]:
        """Every file of one field."""
        return tuple(file for key, file in self.files if key == name)


async def read_form(request: Request, site: State) -> Form:
    """Read a url-encoded or multipart body; anything else is an empty form.

    Raises:
        Refusal: a multipart body is damaged.
    """
    kind = media_type(request)
    if kind == "application/x-www-form-urlencoded":
        return Form(fields=tuple(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)))
    return await _read_multipart(request, site) if kind == "multipart/form-data" else Form()


def read_query(request: Request) -> Form:
    """The query's parameters, as a form."""
    return Form(fields=tuple(request.query_params.multi_items()))


def query_text(request: Request, name: str, longest: int) -> str:
    """A parameter of the query that must be there, and not too long; repeats are one list.

    Raises:
        Refusal: it is missing, or too long.
    """
    query = read_query(request)
    query.need(name)
    text = ",".join(query.all(name))
    if len(text) > longest:
        raise Refusal(f"{name} parameter is longer than {longest} characters")
    return text


async def read_records(request: Request, site: State) -> tuple[list[dict[str, Any]], bool]:
    """Read records from a form, a JSON object, or a JSON array; and say whether it was the array."""
    if media_type(request) != "application/json":
        form = await read_form(request, site)
        return [dict(form.fields)], False
    try:
        body: object = loads(await request.body())
    except ValueError:
        raise Refusal("the body is not JSON") from None
    items = cast("list[object]", body) if isinstance(body, list) else [body]
    if not all(isinstance(item, dict) for item in items):
        raise Refusal("a JSON object or an array of objects is expected")
    return cast("list[dict[str, Any]]", items), isinstance(body, list)


def media_type(request: Request) -> str:
    """The body's media type, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def window(request: Request, *, default: int = 100) -> tuple[int, int]:
    """The `limit` and `skip` of a list request.

    Raises:
        Refusal: one is no number, or out of range.
    """
    query = request.query_params
    try:
        limit, skip = int(query.get("limit", default)), int(query.get("skip", 0))
    except ValueError:
        raise Refusal("limit and skip must be numbers") from None
    if not 1 <= limit <= LONGEST_PAGE or skip < 0:
        raise Refusal(f"limit must be from 1 to {LONGEST_PAGE}, and skip from 0")
    return limit, skip


def is_web_address(value: object) -> TypeGuard[str]:
    """Whether a value is text that names a web server."""
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 host that is none
        return False


async def _read_multipart(request: Request, site: State) -> Form:
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, StoredFile]] = []
    try:
        # Its size is bounded already; starlette's own bounds are meant for servers on the open net.
        async with request.form(max_files=math.inf, max_fields=math.inf, max_part_size=site.settings.max_body) as parts:
            for name, value in parts.multi_items():
                if isinstance(value, UploadFile):
                    files.append((name, await _stored(value)))
                else:
                    fields.append((name, value))
    except HTTPException:  # starlette's word for a form that is none
        raise Refusal("the body is not a multipart form") from None
    return Form(fields=tuple(fields), files=tuple(files))


async def _stored(upload: UploadFile) -> StoredFile:
    kind = upload.content_type or "application/octet-stream"
    return StoredFile(name=upload.filename or "", media_type=kind, content=await upload.read())


MOST_URLS = 3
"""Most URLs for one type of event."""


def urls_of(form: Form) -> list[str]:
    """The URLs that a form names.

    Raises:
        Refusal: there is no URL, there are too many, or one is not an http or https URL.
    """
    urls = [url for url in form.all("url") if url]
    if not urls:
        raise Refusal("url parameter is missing")
    if len(urls) > MOST_URLS:
        raise Refusal(f"Too many URLs, max is {MOST_URLS}")
    if not all(is_web_address(url) for url in urls):
        raise Refusal("url parameter is not a valid URL")
    return urls
