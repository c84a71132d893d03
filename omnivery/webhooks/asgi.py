"""ASGI messages: a request's path and body in, a response out. No more of the protocol than a receiver needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, TypeAlias

import anyio

from omnivery.codec import dumps
from omnivery.errors import PayloadError, phrase
from omnivery.transport.http import Headers
from omnivery.webhooks.reasons import RefusalReason
from omnivery.webhooks.upload import Upload

# The names that the ASGI specification gives them, https://asgi.readthedocs.io/en/latest/specs/main.html
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

READ_TIMEOUT = 60.0
"""Seconds within which a body must be here: a client that stalls is not waited for."""


def path_below_mount(scope: Scope) -> str:
    """The path below the mount point: ASGI's `path` holds `root_path` too."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def headers_of(scope: Scope) -> Headers:
    """The request's header fields."""
    return Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope.get("headers", ())])


async def read_body(receive: Receive, headers: Headers, upload: Upload, limit: int) -> bool:
    """Read a request's body, and stop once it exceeds the limit; at once, if its length says that it will.

    Returns:
        Whether all of it is here; False if the client disconnected.

    Raises:
        PayloadError: it is too large, or did not arrive in time.
        OSError: the upload's temporary file cannot be written.
    """
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise too_large(limit)
    with anyio.move_on_after(READ_TIMEOUT):
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            if upload.size + len(data := message.get("body", b"")) > limit:
                raise too_large(limit)
            await upload.add(data)
            more = message.get("more_body", False)
        return True
    raise PayloadError(
        f"its body did not arrive within {READ_TIMEOUT:.0f} s; {upload.size:,} bytes did", reason=RefusalReason.TOO_SLOW
    )


def too_large(limit: int) -> PayloadError:
    """The refusal of a body beyond the limit."""
    return PayloadError(f"its body is larger than max_body, {limit:,} bytes", reason=RefusalReason.TOO_LARGE)


async def respond(send: Send, status: HTTPStatus) -> None:
    """Send a response that says no more than its status does: details would only help a forger."""
    body = dumps({"message": phrase(status)})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve_lifespan(receive: Receive, send: Send) -> None:
    """Acknowledge the server's startup and shutdown; there is nothing to prepare or to close."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
