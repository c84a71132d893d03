"""A receiver of webhook calls: an ASGI 3 app of its own, to run in a server or to mount in any framework."""

from __future__ import annotations

import math
import time
import traceback
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from logging import Logger
from typing import Any, TypeAlias, TypeVar, overload

from attrs import frozen

from omnivery.codec import dumps
from omnivery.errors import ConfigError, PayloadError, ReplayError, WebhookError, phrase
from omnivery.transport.observe import get_logger
from omnivery.webhooks.delivery import DeliveryEvent
from omnivery.webhooks.payload import WebhookEvent, parse
from omnivery.webhooks.signature import TOLERANCE, encoded
from omnivery.webhooks.verdicts import BotVerdicts

EventT = TypeVar("EventT", BotVerdicts, DeliveryEvent)

# The names that the ASGI specification gives them, https://asgi.readthedocs.io/en/latest/specs/main.html
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

logger: Logger = get_logger("omnivery.webhooks")


@frozen(kw_only=True)
class ReceiverStatistics:
    """What a receiver has done with the requests so far."""

    accepted: int = 0
    """Handled, and answered with 200."""
    refused: int = 0
    """Turned away with a 4xx status for any other reason than replay."""
    replayed: int = 0
    """Turned away because the same call had come before, or was just being handled."""
    failed: int = 0
    """Given to a handler that raised, or that was cancelled."""


class Receiver:
    """An ASGI app that verifies webhook calls and hands each new one to your coroutine function.

        async def on_verdicts(verdicts: BotVerdicts) -> None: ...

        app = Receiver(on_verdicts, signing_key, accepts=BotVerdicts)       # uvicorn module:app

    Without `accepts`, the handler gets calls of both kinds, and asks with `isinstance` which one it has.

    The handler is awaited *before* the answer goes out, so a 200 means handled. Keep it short: the service may give
    up waiting, and call again.

    | answer | when |
    | --- | --- |
    | 200 | the handler returned |
    | 406 | signature missing, wrong, old or ahead; payload unknown or not accepted; handled before: not to be retried |
    | 404, 405, 413 | another path, another method than POST, a body beyond `max_body` |
    | 500 | the handler raised. The call's token is forgotten, so that the service's retry is taken |
    | 503 | the same call is being handled at this moment, and may yet fail: to be retried |

    A token is remembered for twice the tolerance, beyond which its signature is too old anyway. The memory is this
    object's own: with several processes, let your handler be idempotent on the `event_id` of a verdict and the `id`
    of a delivery event. Whether the service signs a retry anew is not known; if it does not, only a tolerance as long
    as its pauses (minutes to hours) lets a retry in.

    An exception of the handler is logged to `omnivery.webhooks` as an error: its type and the lines that it came
    through, but not its text, which may hold personal data. It goes no further, because servers that see one drop the
    connection, and with it a call that the service may have sent right behind. A handler that wants its exceptions
    in a log or tracker of its own catches them, and raises them again for the 500.

    Requests of type `lifespan` are answered, `websocket` is refused. Runs on asyncio and on trio.

    Args:
        handler: your coroutine function, called with what `parse` returns.
        keys: the account's signing key; several while it changes.
        accepts: the one kind of call to take, `BotVerdicts` or `DeliveryEvent`; both when left out.
        tolerance: seconds that a signature may be old, or ahead of the clock.
        path: the one path to answer on, below the mount point; any when left out.
        max_body: bytes of the largest body that is read; 16 MiB when left out.
        clock: tells the time in unix seconds.

    Raises:
        ConfigError: no key was given, a key is empty or no text, or another argument cannot be.
    """

    @overload
    def __init__(
        self,
        handler: Callable[[WebhookEvent], Awaitable[object]],
        *keys: str | bytes,
        tolerance: float = ...,
        path: str | None = ...,
        max_body: int = ...,
        clock: Callable[[], float] = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        handler: Callable[[EventT], Awaitable[object]],
        *keys: str | bytes,
        accepts: type[EventT],
        tolerance: float = ...,
        path: str | None = ...,
        max_body: int = ...,
        clock: Callable[[], float] = ...,
    ) -> None: ...

    def __init__(
        self,
        handler: Callable[[Any], Awaitable[object]],
        *keys: str | bytes,
        accepts: type[Any] | None = None,
        tolerance: float = TOLERANCE,
        path: str | None = None,
        max_body: int = 16 * 2**20,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not 0 <= tolerance < math.inf:
            raise ConfigError(f"tolerance must be a number of seconds from 0, and finite, not {tolerance}")
        if path is not None and not path.startswith("/"):
            raise ConfigError(f"path must begin with a slash, unlike {path!r}")
        if max_body < 1:
            raise ConfigError(f"max_body must be at least one byte, not {max_body}")
        if not callable(handler):
            raise ConfigError("handler must be a coroutine function, which is called with each event")
        if accepts not in (None, BotVerdicts, DeliveryEvent):
            raise ConfigError("accepts must be BotVerdicts or DeliveryEvent, or be left out for both")
        self._handler = handler
        self._accepts = accepts
        self._keys = encoded(keys)
        self._tolerance = tolerance
        self._path = path
        self._max_body = max_body
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._busy: set[str] = set()
        self._counts: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"Receiver(path={self._path!r}, tolerance={self._tolerance}, keys={len(self._keys)})"

    @property
    def statistics(self) -> ReceiverStatistics:
        """What the receiver has done so far."""
        return ReceiverStatistics(**self._counts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection.

        Raises:
            ValueError: the connection is of a type that is none of ours, as ASGI wants it.
        """
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await _live(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close"})
            case other:
                raise ValueError(f"this app does not speak {other!r}")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._path is not None and _path(scope) != self._path:
            return await self._refuse(send, HTTPStatus.NOT_FOUND)
        if scope["method"] != "POST":
            return await self._refuse(send, HTTPStatus.METHOD_NOT_ALLOWED)
        body = await _read(receive, self._max_body)
        if body is None:  # the client went away: nobody waits for an answer
            return None
        if len(body) > self._max_body:
            return await self._refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return await self._take(body, send)

    async def _take(self, body: bytes, send: Send) -> None:
        try:
            event = self._parse(body)
            if event.token in self._busy:
                logger.warning("put off a webhook call: it came before, and is being handled")
                return await self._refuse(send, HTTPStatus.SERVICE_UNAVAILABLE, counter="replayed")
            # Nothing was awaited in between, so that of two calls alike only one gets in.
            self._remember(event)
        except WebhookError as error:
            logger.warning("refused a webhook call: %s", error)
            counter = "replayed" if isinstance(error, ReplayError) else "refused"
            return await self._refuse(send, HTTPStatus.NOT_ACCEPTABLE, counter=counter)
        return await self._handle(event, send)

    async def _refuse(self, send: Send, status: HTTPStatus, *, counter: str = "refused") -> None:
        self._counts[counter] += 1
        await _answer(send, status)

    def _parse(self, body: bytes) -> WebhookEvent:
        event = parse(body, *self._keys, tolerance=self._tolerance, now=self._clock())
        if self._accepts and not isinstance(event, self._accepts):
            raise PayloadError(f"it brings {type(event).__name__}, and only {self._accepts.__name__} is accepted here")
        return event

    def _remember(self, event: WebhookEvent) -> None:
        """Take note of a call, and forget those whose signature is too old by now."""
        now = self._clock()
        while self._seen and next(iter(self._seen.values())) < now:
            self._seen.popitem(last=False)
        if event.token in self._seen:
            raise ReplayError("it came before")
        self._seen[event.token] = now + 2 * self._tolerance
        self._busy.add(event.token)

    async def _handle(self, event: WebhookEvent, send: Send) -> None:
        try:
            await self._handler(event)
        except BaseException as error:
            # Cancelled counts as failed too: it is not handled, and the service's retry must get in.
            self._seen.pop(event.token, None)
            self._counts["failed"] += 1
            if not isinstance(error, Exception):
                raise
            logger.error("the handler of a webhook call raised %s, by way of %s", type(error).__name__, _way(error))  # noqa: TRY400  # a traceback ends with the exception's text
            return await _answer(send, HTTPStatus.INTERNAL_SERVER_ERROR)
        finally:
            self._busy.discard(event.token)
        self._counts["accepted"] += 1
        return await _answer(send, HTTPStatus.OK)


def _path(scope: Scope) -> str:
    """The path below the mount point: ASGI's `path` holds `root_path` too."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


async def _read(receive: Receive, limit: int) -> bytes | None:
    """Read a request's body, no further than just beyond the limit; None when the client goes away."""
    body = bytearray()
    more = True
    while more and len(body) <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _way(error: Exception) -> str:
    """The lines that an exception came through, outermost first: places only, no content."""
    steps = traceback.walk_tb(error.__traceback__)
    return " > ".join(f"{frame.f_code.co_filename}:{line}" for frame, line in steps)


async def _answer(send: Send, status: HTTPStatus) -> None:
    """Send an answer that says no more than its status does: details would only help a forger."""
    body = dumps({"message": phrase(status)})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's start-up and shutdown; there is nothing to prepare or to close."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
