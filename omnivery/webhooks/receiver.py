"""A receiver of webhook calls: an ASGI 3 app of its own, to run in a server or to mount in any framework."""

from __future__ import annotations

import math
import time
import traceback
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from logging import Logger
from typing import TYPE_CHECKING, Any, TypeVar, overload

from attrs import frozen

from omnivery._logging import get_logger
from omnivery.errors import ConfigError, OmniveryError, PayloadError, ReplayError, WebhookError
from omnivery.webhooks.asgi import Receive, Scope, Send, path_below_mount, read_body, respond, serve_lifespan
from omnivery.webhooks.delivery import DeliveryEvent
from omnivery.webhooks.payload import WebhookEvent, parse
from omnivery.webhooks.signature import TOLERANCE, encoded
from omnivery.webhooks.verdicts import BotVerdicts

if TYPE_CHECKING:
    from omnivery.webhooks.store import VerdictStore

EventT = TypeVar("EventT", BotVerdicts, DeliveryEvent)

logger: Logger = get_logger("omnivery.webhooks")


@frozen(kw_only=True)
class ReceiverStatistics:
    """What a receiver has done with the requests so far."""

    accepted: int = 0
    """Handled: the response was 200."""
    refused: int = 0
    """Turned away with a 4xx status for any other reason than replay."""
    replayed: int = 0
    """Turned away because the same call had come before, or was just being handled."""
    failed: int = 0
    """Not kept by the store, or given to a handler that raised or was cancelled."""


class Receiver:
    """An ASGI app that verifies webhook calls and hands each new one to your coroutine function.

        async def on_verdicts(verdicts: BotVerdicts) -> None: ...

        app = Receiver(on_verdicts, signing_key, accepts=BotVerdicts)       # uvicorn module:app

    Without `accepts`, the handler gets calls of both kinds, and asks with `isinstance` which one it has.

    The handler is awaited *before* the response is sent, so a 200 means handled. Keep it short: the service may give
    up waiting, and call again.

    With a `store`, a call that brings verdicts is committed there, in a worker thread, before the handler is awaited;
    delivery events go to the handler alone. Without a handler, the store is all there is, and delivery events are
    refused. The store stays open when the server stops: it is yours to close.

    | response | when |
    | --- | --- |
    | 200 | the verdicts are in the store, where there is one, and the handler returned |
    | 406 | signature missing, wrong, old or ahead; payload unknown or not accepted; handled before: not to be retried |
    | 404, 405, 413 | another path, another method than POST, a body beyond `max_body` |
    | 500 | the store failed, or the handler raised. The token is forgotten, so that the service's retry is taken |
    | 503 | the same call is being handled at this moment, and may yet fail: to be retried |

    A token is remembered for twice the tolerance, beyond which its signature is too old anyway. The memory is this
    object's own: with several processes, let your handler be idempotent on the `event_id` of a verdict and the `id`
    of a delivery event. Whether the service signs a retry anew is not known; if it does not, only a tolerance as long
    as its pauses (minutes to hours) lets a retry in.

    An exception of the handler is logged to `omnivery.webhooks` as an error: its type and the lines that it came
    through, but not its text, which may hold personal data. It goes no further, because servers that see one drop the
    connection, and with it a call that the service may have sent right behind. A handler that wants its exceptions
    in a log or tracker of its own catches them, and raises them again for the 500.

    Connections of type `lifespan` are served, `websocket` ones are closed. Runs on asyncio and on trio.

    Args:
        handler: your coroutine function, called with what `parse` returns. None for the store alone.
        keys: the account's signing key; several while it changes.
        accepts: the one kind of call to take, `BotVerdicts` or `DeliveryEvent`; both when left out.
        store: keeps the verdicts on disk.
        tolerance: seconds that a signature may be old, or ahead of the clock.
        path: the only path to serve, below the mount point; any when left out.
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
        store: VerdictStore | None = ...,
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
        store: VerdictStore | None = ...,
        tolerance: float = ...,
        path: str | None = ...,
        max_body: int = ...,
        clock: Callable[[], float] = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        handler: None,
        *keys: str | bytes,
        accepts: type[BotVerdicts] = ...,
        store: VerdictStore,
        tolerance: float = ...,
        path: str | None = ...,
        max_body: int = ...,
        clock: Callable[[], float] = ...,
    ) -> None: ...

    def __init__(
        self,
        handler: Callable[[Any], Awaitable[object]] | None,
        *keys: str | bytes,
        accepts: type[Any] | None = None,
        store: VerdictStore | None = None,
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
        if not callable(handler) and (handler is not None or store is None):
            raise ConfigError("handler must be a coroutine function, which is called with each event")
        if accepts not in (None, BotVerdicts, DeliveryEvent):
            raise ConfigError("accepts must be BotVerdicts or DeliveryEvent, or be left out for both")
        _check_store(store, accepts)
        self._handler = handler
        self._accepts = BotVerdicts if handler is None else accepts
        self._store = store
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
                await serve_lifespan(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close"})
            case other:
                raise ValueError(f"this app does not speak {other!r}")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._path is not None and path_below_mount(scope) != self._path:
            return await self._refuse(send, HTTPStatus.NOT_FOUND)
        if scope["method"] != "POST":
            return await self._refuse(send, HTTPStatus.METHOD_NOT_ALLOWED)
        body = await read_body(receive, self._max_body)
        if body is None:  # the client disconnected: there is no one to respond to
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
        return await self._handle(event, body, send)

    async def _refuse(self, send: Send, status: HTTPStatus, *, counter: str = "refused") -> None:
        self._counts[counter] += 1
        await respond(send, status)

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

    async def _handle(self, event: WebhookEvent, body: bytes, send: Send) -> None:
        try:
            await self._keep(event, body)
            if self._handler is not None:
                await self._handler(event)
        except BaseException as error:
            # Cancelled counts as failed too: it is not handled, and the service's retry must get in.
            self._seen.pop(event.token, None)
            self._counts["failed"] += 1
            if not isinstance(error, Exception):
                raise
            logger.error("%s", _what_failed(error))  # noqa: TRY400  # a traceback ends with the exception's text
            return await respond(send, HTTPStatus.INTERNAL_SERVER_ERROR)
        finally:
            self._busy.discard(event.token)
        self._counts["accepted"] += 1
        return await respond(send, HTTPStatus.OK)

    async def _keep(self, event: WebhookEvent, body: bytes) -> None:
        if self._store is None or not isinstance(event, BotVerdicts):
            return
        from anyio import to_thread  # not before there is something to keep

        try:
            await to_thread.run_sync(self._store.add, body, event)
        except OmniveryError as error:
            raise _NotKeptError(str(error)) from None


class _NotKeptError(Exception):
    """The store failed. Its words may be logged: unlike a handler's, they hold nothing of the call."""


def _what_failed(error: Exception) -> str:
    if isinstance(error, _NotKeptError):
        return f"a webhook call was not kept: {error}"
    return f"the handler of a webhook call raised {type(error).__name__}, by way of {_way(error)}"


def _check_store(store: object, accepts: type[Any] | None) -> None:
    if store is None:
        return
    from omnivery.webhooks.store import VerdictStore  # SQLite is loaded only for those who use it

    if not isinstance(store, VerdictStore):
        raise ConfigError("store must be a VerdictStore: open the file with VerdictStore(path)")
    if accepts is DeliveryEvent:
        raise ConfigError("a store keeps verdicts, and accepts=DeliveryEvent refuses them: leave one of the two out")


def _way(error: Exception) -> str:
    """The lines that an exception came through, outermost first: places only, no content."""
    steps = traceback.walk_tb(error.__traceback__)
    return " > ".join(f"{frame.f_code.co_filename}:{line}" for frame, line in steps)
