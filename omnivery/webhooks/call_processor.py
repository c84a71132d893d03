"""The way of one webhook call: read, let in once, stored, handled, and counted, with or without an event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field

from omnivery.errors import OmniveryError, SignatureError, WebhookError
from omnivery.transport.http import Headers
from omnivery.webhooks.call_log import CallFailedError, CallLog, failing, personal_values
from omnivery.webhooks.call_reader import CallReader
from omnivery.webhooks.handlers import Runner
from omnivery.webhooks.payload import WebhookEvent
from omnivery.webhooks.reasons import RefusalReason
from omnivery.webhooks.replays import ReplayGuard
from omnivery.webhooks.upload import Upload, WholeBody
from omnivery.webhooks.verdicts import BotVerdicts
from omnivery.webhooks.watcher import Refusal, Watcher, claimed_ids

if TYPE_CHECKING:
    from omnivery.webhooks.store import VerdictStore

Verifier: TypeAlias = Callable[[Mapping[str, str], bytes], object]
"""Your own check of a call's header fields and body: returns True or False, or a coroutine of it."""

STATUSES: Mapping[str, HTTPStatus] = {
    RefusalReason.PATH: HTTPStatus.NOT_FOUND,
    RefusalReason.METHOD: HTTPStatus.METHOD_NOT_ALLOWED,
    RefusalReason.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    RefusalReason.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RefusalReason.IN_PROGRESS: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Of refusals; 406 for all others, which tells the service not to try again."""


@define(kw_only=True, eq=False, repr=False)
class CallProcessor:
    """Handles the calls of one receiver; the options are those of `Receiver`."""

    handler: Callable[[Any], object] | None
    reader: CallReader
    verifier: Verifier | None
    store: VerdictStore | None
    clock: Callable[[], float]
    log: CallLog = field(init=False, factory=CallLog)
    watchers: list[Watcher] = field(init=False, factory=list[Watcher])
    _replays: ReplayGuard = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._replays = ReplayGuard(2 * self.reader.tolerance, self.clock)

    async def process(self, headers: Headers, body: Upload | WholeBody, runner: Runner) -> HTTPStatus:
        """Read and handle a call; return the status to respond with. Raises nothing but cancellation."""
        try:
            content, event = await self._read(headers, body, runner)
            self._replays.begin(event.token)
        except WebhookError as error:
            return self.refuse(error, await self._claimed_ids(body, runner))
        except CallFailedError as failure:
            return self.fail(failure)
        handled = False
        try:
            await self._keep(event, content, runner)
            if self.handler is not None:
                with failing(RefusalReason.HANDLER_FAILED, "the handler of a webhook call raised"):
                    await runner.call(self.handler, event)
            handled = True
        except CallFailedError as failure:
            return self.fail(failure, event)
        except BaseException:
            # Cancelled: it is not handled, and the service's retry must get in.
            self.log.add_failed(RefusalReason.CANCELLED, "a webhook call was cancelled while it was handled")
            raise
        finally:
            self._replays.end(event.token, handled=handled)
        return self._accept(event)

    async def _read(self, headers: Headers, body: Upload | WholeBody, runner: Runner) -> tuple[bytes, WebhookEvent]:
        now, proved = self.clock(), self.verifier is not None
        if self.verifier is not None:
            await self._prove(self.verifier, headers, await runner.block(body.content), runner)

        def read() -> tuple[bytes, WebhookEvent]:
            content = body.content()
            return content, self.reader.read(content, now=now, proved=proved)

        if body.is_small:
            return read()
        try:
            return await runner.block_alone(read)
        except WebhookError:
            raise
        except OmniveryError as error:  # there is no thread for it
            raise CallFailedError(RefusalReason.SPOOL_FAILED, f"a large body was not read: {error}") from None

    async def _prove(self, verifier: Verifier, headers: Headers, content: bytes, runner: Runner) -> None:
        with failing(RefusalReason.VERIFIER_FAILED, "the verifier of a webhook call raised"):
            verdict = await runner.call(verifier, headers, content)
        if verdict is False:
            raise SignatureError("the verifier returned False", reason=RefusalReason.VERIFIER)
        if verdict is not True:
            # A `return` that was forgotten must neither let everyone in nor lose the service's calls.
            kind = type(verdict).__name__
            raise CallFailedError(
                RefusalReason.VERIFIER_FAILED, f"the verifier returned {kind}: it must return True or False"
            )

    async def _keep(self, event: WebhookEvent, content: bytes, runner: Runner) -> None:
        if self.store is None or not isinstance(event, BotVerdicts):
            return
        try:
            with failing(RefusalReason.STORE_FAILED, "the store of a webhook call raised", but=OmniveryError):
                await runner.block(self.store.add, content, event)
        except OmniveryError as error:
            # Its words hold nothing of the call.
            raise CallFailedError(RefusalReason.STORE_FAILED, f"a webhook call was not kept: {error}") from None

    def _accept(self, event: WebhookEvent) -> HTTPStatus:
        self.log.add_accepted(len(event.unreadable) if isinstance(event, BotVerdicts) else 0)
        for watcher in tuple(self.watchers):
            watcher.accepted(event)
        return HTTPStatus.OK

    def refuse(self, error: WebhookError, event_ids: tuple[str, ...] = ()) -> HTTPStatus:
        """Count and log a call that is refused; return the status to respond with.

        Args:
            error: why.
            event_ids: events whose verdicts the call claims to bring.
        """
        status = STATUSES.get(error.reason, HTTPStatus.NOT_ACCEPTABLE)
        self.log.add_refused(error.reason, str(error))
        self._tell(error.reason, str(error), status, event_ids)
        return status

    def fail(self, failure: CallFailedError, event: WebhookEvent | None = None) -> HTTPStatus:
        """Count and log a call that failed; return the status to respond with."""
        personal = personal_values(event) if event is not None and failure.error else frozenset[str]()
        self.log.add_failed(failure.reason, failure.text, failure.error, personal)
        self._tell(failure.reason, failure.text, HTTPStatus.INTERNAL_SERVER_ERROR)
        return HTTPStatus.INTERNAL_SERVER_ERROR

    async def _claimed_ids(self, body: Upload | WholeBody, runner: Runner) -> tuple[str, ...]:
        if not self.watchers:
            return ()
        read = partial(claimed_ids, body)
        return read() if body.is_small else await runner.block_alone(read)

    def _tell(self, reason: str, text: str, status: HTTPStatus, event_ids: tuple[str, ...] = ()) -> None:
        is_final = status == HTTPStatus.NOT_ACCEPTABLE
        for watcher in tuple(self.watchers):
            watcher.refused(Refusal(reason=reason, message=text, is_final=is_final, event_ids=event_ids))
