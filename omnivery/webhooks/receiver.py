"""A receiver of webhook calls: an ASGI 3 app, to run in a server or to mount; and a function for other frameworks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar, overload

from omnivery.errors import ConfigError, OmniveryError, WebhookError
from omnivery.transport.http import Headers
from omnivery.transport.runtime import drive
from omnivery.webhooks.asgi import (
    Receive,
    Scope,
    Send,
    headers_of,
    path_below_mount,
    read_body,
    respond,
    serve_lifespan,
    too_large,
)
from omnivery.webhooks.call_log import CallFailedError, ReceiverStatistics, logger
from omnivery.webhooks.call_processor import CallProcessor, Verifier
from omnivery.webhooks.call_reader import Unsigned, make_reader
from omnivery.webhooks.delivery import DeliveryEvent
from omnivery.webhooks.handlers import DirectRunner, LoopRunner, check_function
from omnivery.webhooks.payload import WebhookEvent
from omnivery.webhooks.reasons import RefusalReason
from omnivery.webhooks.signature import TOLERANCE
from omnivery.webhooks.upload import Memory, Upload, WholeBody
from omnivery.webhooks.verdicts import BotVerdicts
from omnivery.webhooks.watcher import Watcher

if TYPE_CHECKING:
    from omnivery.webhooks.store import VerdictStore

EventT = TypeVar("EventT", BotVerdicts, DeliveryEvent)


class Receiver:
    """An ASGI app that verifies webhook calls and hands each new one to your function, coroutine or plain.

        async def on_verdicts(verdicts: BotVerdicts) -> None: ...

        app = Receiver(on_verdicts, signing_key, accepts=BotVerdicts)       # uvicorn module:app

    Without `accepts`, the handler gets calls of both kinds, and tests with `isinstance` which one it has. In a
    framework that does not speak ASGI, such as Django or Flask, a view calls `handle`.

    The handler is called *before* the response is sent, so a 200 means handled. Keep it short: the service may give up
    waiting, and call again. A plain function runs in a worker thread.

    With a `store`, a call that brings verdicts is committed there, in a worker thread, before the handler is called;
    delivery events go to the handler alone. Without a handler, the store is all there is, and delivery events are
    refused. The store stays open when the server stops: it is yours to close.

    | response | when |
    | --- | --- |
    | 200 | the verdicts are in the store, if there is one, and the handler returned |
    | 406 | signature missing, wrong, old or ahead; payload unknown or not accepted; handled before: not to be retried |
    | 404, 405, 413 | another path, another method than POST, a body beyond `max_body` |
    | 408 | the body did not arrive within a minute |
    | 500 | the store, the handler or the verifier failed. The token is forgotten, so that the retry is accepted |
    | 503 | the same call is being handled at this moment, and may yet fail: to be retried |

    Each refusal and failure is logged to `omnivery.webhooks`, with the traceback of what your function raised; personal
    data of the call is masked in it, and repeated records are throttled. This logger alone prints to standard error in
    a program that has set up no logging. `statistics` counts calls by reason.

    A batch entry that is not an event costs none of the others: it is kept in `BotVerdicts.unreadable`, and counted.

    A token is remembered for twice the tolerance, beyond which its signature is too old anyway; the last 100,000 are,
    if `tolerance` is None. The memory is this object's own: with several processes, make your handler idempotent on
    the `event_id` of a verdict and the `id` of a delivery event. Whether the service signs a retry anew is not known;
    if it does not, only a tolerance as long as its pauses (minutes to hours) lets a retry in.

    **A way in without our signature.** The service's page leaves `signature` optional and names no algorithm. If calls
    are refused for it although the key is right, `verifier` takes your own check; `unsigned="accept"` takes calls
    without a signature, which **everyone who knows the URL can send**: put a secret in the URL, or a gateway in front.

    Connections of type `lifespan` are served, `websocket` ones are closed. Runs on asyncio and on trio.

    Args:
        handler: your function, called with what `parse` returns. None for the store alone.
        keys: the account's signing key; several while it changes.
        accepts: the one kind of call to accept, `BotVerdicts` or `DeliveryEvent`; both when left out.
        store: keeps the verdicts on disk.
        tolerance: seconds by which a signature's timestamp may differ from the clock, either way; None for any.
        verifier: your function, coroutine or plain, in place of a signing key. It is called with the header fields
            and the body, and returns True for a call of the service's, False for any other.
        unsigned: `accept` lets in calls without a signature; with no key, signed ones are let in unverified, too.
        path: the only path to serve, below the mount point; any when left out.
        max_body: bytes of the largest body that is read; 16 MiB when left out.
        clock: returns the time in unix seconds.

    Raises:
        ConfigError: no key was given; a key is empty, or holds blanks, line breaks or quotes; handler or verifier
            cannot be called as above; or another option is invalid.
    """

    @overload
    def __init__(
        self,
        handler: Callable[[WebhookEvent], object],
        *keys: str | bytes,
        store: VerdictStore | None = ...,
        tolerance: float | None = ...,
        verifier: Verifier | None = ...,
        unsigned: Unsigned = ...,
        path: str | None = ...,
        max_body: int = ...,
        clock: Callable[[], float] = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        handler: Callable[[EventT], object],
        *keys: str | bytes,
        accepts: type[EventT],
        store: VerdictStore | None = ...,
        tolerance: float | None = ...,
        verifier: Verifier | None = ...,
        unsigned: Unsigned = ...,
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
        tolerance: float | None = ...,
        verifier: Verifier | None = ...,
        unsigned: Unsigned = ...,
        path: str | None = ...,
        max_body: int = ...,
        clock: Callable[[], float] = ...,
    ) -> None: ...

    def __init__(
        self,
        handler: Callable[[Any], object] | None,
        *keys: str | bytes,
        accepts: type[Any] | None = None,
        store: VerdictStore | None = None,
        tolerance: float | None = TOLERANCE,
        verifier: Verifier | None = None,
        unsigned: Unsigned = "refuse",
        path: str | None = None,
        max_body: int = 16 * 2**20,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if path is not None and not (isinstance(path, str) and path.startswith("/")):
            raise ConfigError(f"path must begin with a slash, unlike {path!r}")
        if not isinstance(max_body, int) or max_body < 1:
            raise ConfigError(f"max_body must be at least one byte, not {max_body!r}")
        if not callable(clock):
            raise ConfigError(f"clock must be a function that returns unix seconds, not {type(clock).__name__}")
        if accepts not in (None, BotVerdicts, DeliveryEvent):
            raise ConfigError("accepts must be BotVerdicts or DeliveryEvent, or be left out for both")
        _check_functions(handler, verifier, store)
        _check_store(store, accepts)
        self._path, self._max_body = path, max_body
        reader = make_reader(
            keys,
            tolerance=tolerance,
            verifier=verifier,
            unsigned=unsigned,
            accepts=BotVerdicts if handler is None else accepts,
        )
        self._calls = CallProcessor(handler=handler, reader=reader, verifier=verifier, store=store, clock=clock)
        self._memory = Memory()
        self._loop_runner = LoopRunner()
        if unsigned == "accept":
            logger.warning("this receiver accepts unsigned webhook calls: everyone who knows its URL can send them")

    def __repr__(self) -> str:
        reader = self._calls.reader
        unsigned = ", unsigned='accept'" if reader.accepts_unsigned else ""
        return f"Receiver(path={self._path!r}, tolerance={reader.tolerance}, keys={len(reader.keys)}{unsigned})"

    @property
    def store(self) -> VerdictStore | None:
        """The store that was given."""
        return self._calls.store

    @property
    def statistics(self) -> ReceiverStatistics:
        """Counts of the calls so far."""
        return self._calls.log.statistics

    @contextmanager
    def watch(self, watcher: Watcher) -> Iterator[None]:
        """Tell a watcher of each call while the block runs."""
        self._calls.watchers.append(watcher)
        try:
            yield
        finally:
            self._calls.watchers.remove(watcher)

    def handle(self, body: bytes | str, headers: Mapping[str, str] | None = None) -> HTTPStatus:
        """Handle one call without an event loop: for a view in Django or Flask, or a cloud function.

        It blocks until your handler has returned, and raises nothing that the handler raises: respond with the status.
        A coroutine function runs on an event loop for this one call, so not where there is one already. `path` is not
        looked at. Threads may share the receiver.

        Args:
            body: the request's body, as received; text, as cloud functions get it, is taken in UTF-8.
            headers: the request's header fields; only a `verifier` looks at them.

        Returns:
            The status to respond with, as in the table above.

        Raises:
            ConfigError: the body is neither bytes nor text, such as one that a framework has parsed.
        """
        if not isinstance(body, str | bytes | bytearray | memoryview):
            raise ConfigError(
                f"body: expected the request's body as received, bytes or text, not {type(body).__name__}: give what "
                "the framework has read before it parses it, such as request.get_data() or request.body"
            )
        content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)
        if len(content) > self._max_body:
            return self._calls.refuse(too_large(self._max_body))
        return drive(self._calls.process(Headers(headers), WholeBody(content), DirectRunner()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection.

        Raises:
            ValueError: the connection is of another type, as ASGI wants it.
        """
        match scope["type"]:
            case "http":
                await respond(send, status) if (status := await self._serve(scope, receive)) else None
            case "lifespan":
                await serve_lifespan(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close"})
            case other:
                raise ValueError(f"this app does not speak {other!r}")

    async def _serve(self, scope: Scope, receive: Receive) -> HTTPStatus | None:
        """Handle a request; None if the client disconnected: there is no one to respond to."""
        headers = headers_of(scope)
        with Upload(memory=self._memory) as upload:
            try:
                self._check_request(scope)
                if not await read_body(receive, headers, upload, self._max_body):
                    return None
            except WebhookError as error:
                return self._calls.refuse(error)
            except (OSError, OmniveryError) as error:
                text = f"a large body was not kept: {error.strerror if isinstance(error, OSError) else error}"
                return self._calls.fail(CallFailedError(RefusalReason.SPOOL_FAILED, text))
            return await self._calls.process(headers, upload, self._loop_runner)

    def _check_request(self, scope: Scope) -> None:
        if self._path is not None and path_below_mount(scope) != self._path:
            raise WebhookError(f"its path is not {self._path}", reason=RefusalReason.PATH)
        if scope["method"] != "POST":
            raise WebhookError("it is not a POST", reason=RefusalReason.METHOD)


def _check_functions(handler: object, verifier: object, store: object) -> None:
    if handler is not None or store is None:
        check_function("handler", handler, "each event")
    if verifier is not None:
        check_function("verifier", verifier, "the header fields", "the body")


def _check_store(store: object, accepts: type[Any] | None) -> None:
    if store is None:
        return
    from omnivery.webhooks.store import VerdictStore  # SQLite is loaded only for those who use it

    if not isinstance(store, VerdictStore):
        raise ConfigError("store must be a VerdictStore: open the file with VerdictStore(path)")
    if accepts is DeliveryEvent:
        raise ConfigError("a store keeps verdicts, and accepts=DeliveryEvent refuses them: leave one of the two out")
