"""The state that all routes share: the emulator's settings and its parts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from attrs import field, fields_dict, frozen

from omnivery.emulator.account import Account
from omnivery.emulator.activity import ActivityFeed
from omnivery.emulator.detector import Detector
from omnivery.emulator.faults import Faults
from omnivery.emulator.latency import Latency
from omnivery.emulator.options import count, key, seconds, word
from omnivery.emulator.receiver import ReceivedCalls
from omnivery.emulator.records.account_file import AccountFile
from omnivery.emulator.store import Store
from omnivery.emulator.webhook_sender import WebhookSender

if TYPE_CHECKING:
    from omnivery.emulator.smtp_relay import SmtpRelay


@frozen(kw_only=True)
class Settings:
    """The options of `Emulator`, resolved.

    Raises:
        ConfigError: an option is not of the kind that it must be.
    """

    domain: str
    token: str = field(repr=False, validator=key)
    api_key: str = field(repr=False, validator=key)
    sending_key: str = field(repr=False, validator=key)
    signing_key: str = field(repr=False, validator=key)
    bot_domains: frozenset[str]
    single: Literal["now", "later"] = field(validator=word("now", "later"))
    result_delay: float = field(validator=seconds)
    webhook_retry_delays: tuple[float, ...] = field(validator=seconds)
    max_body: int = field(validator=count)
    max_events_kept: int = field(validator=count)
    max_messages_kept: int = field(validator=count)
    paging: Literal["offset", "cursor"] = field(validator=word("offset", "cursor"))
    dialect: Literal["omnivery", "mailgun"] = field(validator=word("omnivery", "mailgun"))
    strict: bool
    hosts: frozenset[str]
    """Names by which the page and the control API may be called."""

    @property
    def like_mailgun(self) -> bool:
        """Whether to follow Mailgun's documents where they and Omnivery's page disagree."""
        return self.dialect == "mailgun"


@frozen(kw_only=True)
class Parts:
    """What an emulator consists of, from one start to the next."""

    settings: Settings
    account: Account
    account_file: AccountFile
    store: Store
    faults: Faults
    detector: Detector
    received: ReceivedCalls
    feed: ActivityFeed
    latency: Latency
    relay: SmtpRelay | None
    """Passes accepted messages on, if there is an SMTP server to pass them on to."""

    def reset(self) -> None:
        """Delete all records and everything that was created, and the faults that were requested."""
        self.store.reset()
        self.account.reset()
        self.faults.reset()
        self.received.reset()
        if self.relay:
            self.relay.reset()
        self.detector.honeypot.forget()


@frozen(kw_only=True)
class State(Parts):
    """The state of one running emulator."""

    webhook_sender: WebhookSender
    stopping: asyncio.Event = field(factory=asyncio.Event)
    """Set when the server begins to stop."""

    @classmethod
    def of(cls, parts: Parts, webhook_sender: WebhookSender) -> State:
        """Return the state of an emulator that is about to start."""
        return cls(**{name: getattr(parts, name) for name in fields_dict(Parts)}, webhook_sender=webhook_sender)
