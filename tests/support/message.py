"""What the tests of sending share: messages, servers that are functions, and forms as a server reads them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from attrs import frozen
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import FormParser, MultiPartParser

from omnivery import AsyncAutomations, CallOptions, RetryPolicy
from omnivery.mail.message import Message
from omnivery.mailgun.client import AsyncMailgun
from omnivery.transport.body import Body
from tests.support.wire import Handler, respond_with

FAST = CallOptions(retry=RetryPolicy(attempts=3, base=0.001, throttle_base=0.001, max_backoff=0.005))
DOMAIN = "mail.example.com"
QUEUED = {"id": f"<20260101.1@{DOMAIN}>", "message": "Queued. Thank you."}


@frozen
class Uploaded:
    """A file as it arrived."""

    filename: str | None
    content_type: str | None
    content: bytes


Form = list[tuple[str, str | Uploaded]]


def message(**changes: Any) -> Message:
    """A sound message."""
    return Message(
        **{"from_": f"ann@{DOMAIN}", "to": "bob@example.net", "subject": "Hello", "text": "Hi there", **changes}
    )


def content_of(body: Body) -> bytes:
    """All bytes of a body, whether it is streamed or not."""
    return body.content if isinstance(body.content, bytes) else b"".join(body.content.blocks())


async def read_form(content_type: str, content: bytes) -> Form:
    """Read a form with the parser of a server that is not ours."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield content

    headers = Headers({"content-type": content_type})
    multipart = content_type.startswith("multipart/")
    # The parser's own bound is meant for servers on the open net.
    reader = MultiPartParser if multipart else FormParser
    parser = reader(headers, stream(), max_fields=10_000)
    form = await parser.parse()
    found: Form = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            found.append((name, Uploaded(value.filename, value.content_type, await value.read())))
        else:
            found.append((name, value))
    await form.close()
    return found


async def form_of(body: Body) -> Form:
    return await read_form(body.content_type, content_of(body))


def values(form: Sequence[tuple[str, str | Uploaded]], name: str) -> list[str | Uploaded]:
    return [value for key, value in form if key == name]


def mailgun_with(handler: Handler, **options: Any) -> AsyncMailgun:
    """A client whose server is a function."""
    respond_with(handler)
    return AsyncMailgun("key", domain=DOMAIN, **options)


def automations_with(handler: Handler, **options: Any) -> AsyncAutomations:
    """A client whose server is a function."""
    respond_with(handler)
    return AsyncAutomations("token", domain=DOMAIN, **options)
