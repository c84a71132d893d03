"""Request data: form fields in order and with repetitions, files, JSON, and query parameters."""

from __future__ import annotations

import re
from typing import Any, TypeGuard, cast
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

# https://docs.omnivery.com/api-ref/mailgun-api  (Webhooks)
from omnivery.codec import loads
from omnivery.emulator.message import StoredFile
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.state import State

TRUE = frozenset({"yes", "true", "1"})
"""Values that mean yes, in lower case."""
MOST_FIELDS, MOST_FILES = 10_000, 1_000
"""Most fields and files of a form: this emulator's own limits, so that no form takes gigabytes or minutes."""
LIST_MARK = re.compile(r"\[\d*\]\Z", re.ASCII)
"""The end of a field's name that marks a list."""
LONGEST_PAGE = 1000
"""Maximum number of items on a page (Mailgun's own limit)."""


@frozen(kw_only=True)
class Form:
    """A form, in any encoding."""

    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Names and values, in order and with repetitions. Brackets after a name are left out: see `field_name`."""
    files: tuple[tuple[str, StoredFile], ...] = ()
    """Field names and their files."""

    def all(self, name: str) -> list[str]:
        """Return all values of a field."""
        return [value for key, value in self.fields if key == name]

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a field."""
        return next(iter(self.all(name)), default)

    def need(self, name: str) -> str:
        """Return the first value of a required field.

        Raises:
            Refusal: the field is missing; the message is Mailgun's.
        """
        if not (value := self.get(name).strip()):
            raise Refusal(f"{name} parameter is missing")
        return value

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The message's headers that the fields `h:…` give."""
        return [(name[2:], value) for name, value in self.fields if name.startswith("h:")]

    def says_yes(self, name: str, *, default: bool = False) -> bool:
        """Whether the value of a field means yes."""
        return self.get(name).lower() in TRUE if self.all(name) else default

    def files_of(self, name: str) -> tuple[StoredFile, ...]:
        """Return all files of a field."""
        return tuple(file for key, file in self.files if key == name)


async def read_form(request: Request, state: State) -> Form:
    """Read a URL-encoded or multipart body. A body of another type is an empty form.

    Raises:
        Refusal: a multipart body is malformed.
    """
    kind = media_type(request)
    if kind == "application/x-www-form-urlencoded":
        text = (await request.body()).decode("utf-8", "replace")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:  # too many
            raise Refusal(f"Too many fields, max is {MOST_FIELDS}") from None
        return Form(fields=tuple((field_name(name), value) for name, value in pairs))
    return await _read_multipart(request, state) if kind == "multipart/form-data" else Form()


def field_name(name: str) -> str:
    """Return the name of a form's field without the brackets by which Rails, PHP and others mark a list.

    Neither page says anything of `to[]` and `to[0]`; Mailgun's own client for PHP sends `to[0]`.
    """
    return LIST_MARK.sub("", name)


def read_query(request: Request) -> Form:
    """Return the query parameters as a form."""
    return Form(fields=tuple((field_name(name), value) for name, value in request.query_params.multi_items()))


def query_text(request: Request, name: str, longest: int) -> str:
    """Return a required query parameter; repetitions are joined by commas.

    Raises:
        Refusal: the parameter is missing or too long.
    """
    query = read_query(request)
    query.need(name)
    text = ",".join(query.all(name))
    if len(text) > longest:
        raise Refusal(f"{name} parameter is longer than {longest} characters")
    return text


async def read_records(request: Request, state: State) -> tuple[list[dict[str, Any]], bool]:
    """Read records from a form, a JSON object, or a JSON array; and say whether it was the array."""
    if media_type(request) != "application/json":
        form = await read_form(request, state)
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
    """Return the media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def window(request: Request, *, default: int = 100) -> tuple[int, int]:
    """Return `limit` and `skip` of a list request.

    Raises:
        Refusal: one of them is not a number, or is out of range.
    """
    query = request.query_params
    try:
        limit, skip = int(query.get("limit", default)), int(query.get("skip", 0))
    except ValueError:
        raise Refusal("limit and skip must be numbers") from None
    if not 1 <= limit <= LONGEST_PAGE or skip < 0:
        raise Refusal(f"limit must be from 1 to {LONGEST_PAGE}, and skip from 0")
    return limit, skip


def is_web_url(value: object) -> TypeGuard[str]:
    """Whether a value is an http or https URL."""
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid port or IPv6 host
        return False


async def _read_multipart(request: Request, state: State) -> Form:
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, StoredFile]] = []
    # A body that was cut off would be taken for a shorter form, and starlette would leave its last file open.
    if not _is_whole(await request.body(), request.headers["content-type"]):
        raise Refusal("the body is not a multipart form")
    try:
        # The size of the body is bounded already; starlette's own limit of a part is for servers on the internet.
        async with request.form(
            max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=state.settings.max_body
        ) as parts:
            for name, value in parts.multi_items():
                if isinstance(value, UploadFile):
                    files.append((field_name(name), await _stored(value)))
                else:
                    fields.append((field_name(name), value))
    except HTTPException:  # raised by starlette for a malformed form
        raise Refusal("the body is not a multipart form") from None
    return Form(fields=tuple(fields), files=tuple(files))


def _is_whole(body: bytes, content_type: str) -> bool:
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    return bool(boundary) and b"--" + boundary + b"--" in body


async def _stored(upload: UploadFile) -> StoredFile:
    kind = upload.content_type or "application/octet-stream"
    return StoredFile(name=upload.filename or "", media_type=kind, content=await upload.read())


MOST_URLS = 3
"""Maximum number of URLs for one type of event."""


def urls_of(form: Form) -> list[str]:
    """Return the URLs of a form.

    Raises:
        Refusal: there is no URL, there are too many, or one is not an http or https URL.
    """
    urls = [url for url in form.all("url") if url]
    if not urls:
        raise Refusal("url parameter is missing")
    if len(urls) > MOST_URLS:
        raise Refusal(f"Too many URLs, max is {MOST_URLS}")
    if not all(is_web_url(url) for url in urls):
        raise Refusal("url parameter is not a valid URL")
    return urls
