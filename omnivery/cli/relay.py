"""A local receiver: verifies each webhook call, shows it, and forwards it as it is."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from attrs import define, field, frozen

from omnivery.cli.call_summary import summary, summary_of
from omnivery.cli.saved_call import SavedCall
from omnivery.cli.webhook_post import Posted, post
from omnivery.errors import SignatureError, WebhookError
from omnivery.transport.http import Headers
from omnivery.webhooks.asgi import Receive, Scope, Send, headers_of, read_body, respond, serve_lifespan
from omnivery.webhooks.call_processor import STATUSES
from omnivery.webhooks.explanation import explain
from omnivery.webhooks.payload import WebhookEvent, parse, parse_unverified
from omnivery.webhooks.reasons import Explanation, RefusalReason
from omnivery.webhooks.upload import Memory, Upload

if TYPE_CHECKING:
    from omnivery.transport.http import Adapter

WEB_PAGE = frozenset({"origin", "sec-fetch-site"})
"""Header fields that a browser adds to what a page sends."""
MAX_BODY = 16 * 2**20
"""Bytes of the largest body that is read, as for `Receiver`."""
SEARCH_EVERY = 1.0
"""Seconds between two searches for the reason of a wrong signature."""
REMEMBERED = 10_000
"""Tokens by which repeated calls are known."""


@frozen(kw_only=True)
class RelayedCall:
    """One call, and what became of it."""

    call: SavedCall
    status: HTTPStatus
    """The status of our response."""
    content: dict[str, Any]
    """What it brings, see `call_summary`."""
    is_verified: bool = False
    is_repeated: bool = False
    """Whether a call with its token came before."""
    refusal: str | None = None
    """Why it was refused, in a word."""
    message: str | None = None
    """Why it was refused, in a sentence."""
    hint: str | None = None
    """What to do about it."""
    forwarded: Posted | None = None
    """How the URL responded to which it was forwarded."""


@define(kw_only=True, eq=False)
class Relay:
    """An ASGI app. Responds with the status of the URL to which it forwards, so that the sender tries again if it must.

    A call that is refused is not forwarded: a stranger who finds the URL could otherwise reach the program behind it.
    """

    keys: Sequence[str] = field(repr=False)
    """Signing keys; with none, every call is let in unverified."""
    tolerance: float
    """Seconds by which a signature's timestamp may differ from the clock."""
    show: Callable[[RelayedCall], None]
    """Called with each call, after the response."""
    forward_to: str | None = field(default=None, repr=False)
    adapter: Adapter | None = None
    """Forwards the calls."""
    _memory: Memory = field(init=False, factory=Memory)
    _searched_at: float = field(init=False, default=-math.inf)
    _tokens: deque[str] = field(init=False, factory=lambda: deque[str](maxlen=REMEMBERED))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await serve_lifespan(receive, send)
        elif scope["type"] == "http":
            handled = await self._handle(scope, receive)
            if handled is not None:
                try:
                    await respond(send, handled.status)
                finally:
                    self.show(handled)

    async def _handle(self, scope: Scope, receive: Receive) -> RelayedCall | None:
        """Handle a request; None if the client disconnected."""
        headers = headers_of(scope)
        if not self.keys and WEB_PAGE & set(headers):
            # Any page that is open in the browser can post to this port. No sender of webhooks has these fields.
            return _refused(_call(headers, b""), WebhookError("a web page sent it", reason=RefusalReason.NOT_ACCEPTED))
        if scope["method"] != "POST":
            return _refused(_call(headers, b""), WebhookError("it is not a POST", reason=RefusalReason.METHOD))
        with Upload(memory=self._memory) as upload:
            try:
                if not await read_body(receive, headers, upload, MAX_BODY):
                    return None
            except WebhookError as error:
                return _refused(_call(headers, b""), error)
            body = upload.content() if upload.is_small else await to_thread.run_sync(upload.content)
        return await self._handle_body(_call(headers, body))

    async def _handle_body(self, call: SavedCall) -> RelayedCall:
        try:
            event = await to_thread.run_sync(self._read, call.body)
        except SignatureError as error:
            return await self._explain(call, error)
        except WebhookError as error:
            return _refused(call, error)
        is_repeated = event.token in self._tokens
        self._tokens.append(event.token)
        forwarded = None
        if self.forward_to is not None and self.adapter is not None:
            forwarded = await post(self.adapter, self.forward_to, call.body, call.forwarded_headers())
        return RelayedCall(
            call=call,
            status=_status(forwarded),
            content=summary(event),
            is_verified=event.verified,
            is_repeated=is_repeated,
            forwarded=forwarded,
        )

    async def _explain(self, call: SavedCall, error: SignatureError) -> RelayedCall:
        # The search takes a hundred thousand times the work of a refusal, and everyone can send forged calls.
        thorough = time.monotonic() >= self._searched_at + SEARCH_EVERY
        if thorough:
            self._searched_at = time.monotonic()

        def work() -> Explanation:
            return explain(call.body, *self.keys, tolerance=self.tolerance, thorough=thorough)

        found = await to_thread.run_sync(work)
        return _refused(call, error, message=found.message, hint=found.hint)

    def _read(self, body: bytes) -> WebhookEvent:
        return parse(body, *self.keys, tolerance=self.tolerance) if self.keys else parse_unverified(body)


def _call(headers: Headers, body: bytes) -> SavedCall:
    return SavedCall(body=body, headers=headers, received_at=datetime.now(UTC))


def _refused(
    call: SavedCall, error: WebhookError, *, message: str | None = None, hint: str | None = None
) -> RelayedCall:
    return RelayedCall(
        call=call,
        status=STATUSES.get(error.reason, HTTPStatus.NOT_ACCEPTABLE),
        content=summary_of(call.body),
        refusal=str(error.reason),
        message=message or str(error),
        hint=hint,
    )


def _status(forwarded: Posted | None) -> HTTPStatus:
    """The status of our response: that of the program, where it can stand without the rest of its response."""
    # 1. A success is one, whether it is 200, or 204 and without a body.
    if forwarded is None or forwarded.is_accepted:
        return HTTPStatus.OK
    # 2. A refusal or a failure.
    if forwarded.status is not None and forwarded.status >= HTTPStatus.BAD_REQUEST:
        with suppress(ValueError):  # of a number that HTTP does not name
            return HTTPStatus(forwarded.status)
    # 3. No response, or a redirect, which leads nowhere here.
    return HTTPStatus.BAD_GATEWAY
