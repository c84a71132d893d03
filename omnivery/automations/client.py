"""The client of the Automations API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Self

from omnivery._lazy import lazy_property
from omnivery.transport.client import AsyncBaseClient
from omnivery.transport.client_config import user_agent
from omnivery.transport.config import (
    CallOptions,
    Limits,
    RetryPolicy,
    Timeouts,
    from_environment,
)

if TYPE_CHECKING:
    import ssl

    import httpx

    from omnivery.automations.account import AsyncAccount
    from omnivery.automations.addresses import AsyncAddresses
    from omnivery.automations.bots import AsyncBots
    from omnivery.automations.domains import AsyncDomains
    from omnivery.automations.honeypots import AsyncHoneypots
    from omnivery.automations.messages import AsyncMessages
    from omnivery.automations.suppressions import AsyncSuppressions
    from omnivery.automations.webhooks import AsyncWebhooks
    from omnivery.transport.observe import Observer
from omnivery.automations.config import AutomationsConfig, resolve_base_url, token_header


class AsyncAutomations(AsyncBaseClient[AutomationsConfig]):
    """Client of the Automations API.

    Open it with `async with`, or call `aclose()` in the end.

    Async only: it runs on asyncio and trio. One client serves any number of tasks of one event loop.

    Sync only: any number of threads may share one client, and a forked child may use its parent's.

    Args:
        token: the account's or the domain's token; `OMNIVERY_TOKEN` if left out.
        domain: the sending domain for operations that need one; `OMNIVERY_DOMAIN` if left out.
        base_url: another server, such as the emulator; `OMNIVERY_AUTOMATIONS_URL` if left out, else the service.
        webhook_url: the URL to which verdicts are posted; `OMNIVERY_WEBHOOK_URL` if left out.
        timeouts: timeouts of each attempt.
        retry: when to retry.
        limits: limits of requests in flight and idle connections.
        http_client: your own client of httpx, used as it is and never closed by us.
            Async only: it is an `httpx.AsyncClient`, or an `httpx.Client`, with which each request waits in a thread.
            Sync only: it is an `httpx.Client`.
        adapter: the HTTP library that sends the requests: `"httpx"`, or `"aiohttp"`, which needs the extra `fast` and
            takes a fraction of the CPU.
            Async only: aiohttp runs on asyncio, not on trio.
            Sync only: bulk work runs over it, single calls always over httpx.
        proxy: URL of a proxy.
        trust_env: without `proxy`, use the one that the environment names for the base URL: HTTPS_PROXY, HTTP_PROXY or
            ALL_PROXY, unless NO_PROXY excludes the host.
        verify: an `ssl.SSLContext` of your own, or False to turn TLS verification off.
        observers: notified of each attempt.
        user_agent_suffix: your own text at the end of our User-Agent header.
        headers: further header fields of every request; those of `CallOptions` override them, and nothing overrides
            the credential.

    Raises:
        ConfigError: no token, or an invalid argument.
    """

    _surface = "automations"

    def __init__(
        self,
        token: str | None = None,
        *,
        domain: str | None = None,
        base_url: str | None = None,
        webhook_url: str | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        http_client: httpx.AsyncClient | httpx.Client | None = None,
        adapter: Literal["httpx", "aiohttp"] = "httpx",
        proxy: str | None = None,
        trust_env: bool = False,
        verify: ssl.SSLContext | bool = True,
        observers: Sequence[Observer] = (),
        user_agent_suffix: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        config = AutomationsConfig(
            token=token_header(from_environment(token, "OMNIVERY_TOKEN")),
            base_url=resolve_base_url(base_url),
            domain=from_environment(domain, "OMNIVERY_DOMAIN"),
            webhook_url=from_environment(webhook_url, "OMNIVERY_WEBHOOK_URL"),
            timeouts=timeouts or Timeouts(),
            retry=retry or RetryPolicy(),
            user_agent=user_agent(user_agent_suffix),
            headers=CallOptions(headers=headers or {}).headers,
        )
        self._open(
            config,
            limits=limits,
            adapter=adapter,
            http_client=http_client,
            proxy=proxy,
            trust_env=trust_env,
            verify=verify,
            observers=observers,
        )

    @lazy_property
    def bots(self) -> AsyncBots:
        """Bot detection."""
        from omnivery.automations.bots import AsyncBots

        return AsyncBots(self)

    @lazy_property
    def honeypots(self) -> AsyncHoneypots:
        """Hidden links that reveal bots."""
        from omnivery.automations.honeypots import AsyncHoneypots

        return AsyncHoneypots(self)

    @lazy_property
    def messages(self) -> AsyncMessages:
        """Sending mail."""
        from omnivery.automations.messages import AsyncMessages

        return AsyncMessages(self)

    @lazy_property
    def addresses(self) -> AsyncAddresses:
        """Validation and parsing of e-mail addresses."""
        from omnivery.automations.addresses import AsyncAddresses

        return AsyncAddresses(self)

    @lazy_property
    def suppressions(self) -> AsyncSuppressions:
        """Addresses that mail is no longer delivered to."""
        from omnivery.automations.suppressions import AsyncSuppressions

        return AsyncSuppressions(self)

    @lazy_property
    def domains(self) -> AsyncDomains:
        """Sending domains, read-only."""
        from omnivery.automations.domains import AsyncDomains

        return AsyncDomains(self)

    @lazy_property
    def webhooks(self) -> AsyncWebhooks:
        """The URLs to which delivery events are posted."""
        from omnivery.automations.webhooks import AsyncWebhooks

        return AsyncWebhooks(self)

    @lazy_property
    def account(self) -> AsyncAccount:
        """The owner of the token."""
        from omnivery.automations.account import AsyncAccount

        return AsyncAccount(self)

    def with_options(
        self,
        *,
        token: str | None = None,
        domain: str | None = None,
        base_url: str | None = None,
        webhook_url: str | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Return a cheap clone with other settings, which shares connections, slots and retry budget.

        Closing the clone does nothing; closing this client closes the connections of both.

        Raises:
            ConfigError: an argument is invalid.
        """
        return self._changed(
            token=None if token is None else token_header(token),
            domain=domain,
            base_url=None if base_url is None else resolve_base_url(base_url),
            webhook_url=webhook_url,
            timeouts=timeouts,
            retry=retry,
            headers=None if headers is None else CallOptions(headers=headers).headers,
        )
