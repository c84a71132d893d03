"""Being told of a receiver's calls as they come: by commands, and by code that waits for verdicts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Protocol

from attrs import field, frozen

from omnivery.errors import WebhookError
from omnivery.webhooks.payload import WebhookEvent, parse_unverified
from omnivery.webhooks.verdicts import BotVerdicts


@frozen(kw_only=True)
class Refusal:
    """A call that was not handled."""

    reason: str
    """A `RefusalReason`."""
    message: str
    """The reason in a sentence."""
    is_final: bool
    """Whether the service was told not to try again."""
    event_ids: tuple[str, ...] = field(default=(), repr=False)
    """Events whose verdicts it claimed to bring. **Not verified**: it may be anyone's call."""


class Watcher(ABC):
    """Is told of calls, on the receiver's event loop or in another thread. Its methods must be quick, and not raise."""

    @abstractmethod
    def accepted(self, event: WebhookEvent) -> None:
        """A call was handled; its verdicts are in the receiver's store, if it has one."""

    @abstractmethod
    def refused(self, refusal: Refusal) -> None:
        """A call was not handled."""


class Body(Protocol):
    """The body of a call."""

    def content(self) -> bytes:
        """All of it."""
        ...


def claimed_ids(body: Body) -> tuple[str, ...]:
    """Ids of the events whose verdicts a call claims to bring, by any sender."""
    with suppress(WebhookError):
        call = parse_unverified(body.content())
        if isinstance(call, BotVerdicts):
            return tuple(verdict.event_id for verdict in call if verdict.event_id)
    return ()
