"""The client of the Mailgun-compatible API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Self

from attrs import evolve

from omnivery._lazy import lazy_property
from omnivery.errors import ConfigError
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

    from omnivery.mailgun.addresses import AsyncAddresses
    from omnivery.mailgun.bounces import AsyncBounces
    from omnivery.mailgun.complaints import AsyncComplaints
    from omnivery.mailgun.credentials import AsyncCredentials
    from omnivery.mailgun.domains import AsyncDomains
    from omnivery.mailgun.messages import AsyncMessages
    from omnivery.mailgun.stats import AsyncStats
    from omnivery.mailgun.unsubscribes import AsyncUnsubscribes
    from omnivery.mailgun.webhooks import AsyncWebhooks
    from omnivery.mailgun.whitelists import AsyncWhitelists
    from omnivery.transport.observe import Observer
from omnivery.mailgun.config import MailgunConfig, Region, basic_key, resolve_base_url


class AsyncMailgun(AsyncBaseClient[MailgunConfig]):
    """Client of the Mailgun-compatible API.

    Open it with `async with`, or call `aclose()` in the end.

    Async only: it runs on asyncio and trio. One client serves any number of tasks of one event loop.

    Sync only: any number of threads may share one client, and a forked child may use its parent's.

    It holds two kinds of key, and uses for each operation the kind that it needs: the sending key for sending and
    validation, the primary key for operations that manage the account. One key is enough for its own operations.

    Args:
        api_key: the account's primary key; `OMNIVERY_API_KEY` if left out. A sending key may be passed here, too.
        sending_key: a domain's sending key; `OMNIVERY_SENDING_KEY` if left out.
        domain: the sending domain for operations that need one; `OMNIVERY_DOMAIN` if left out.
        region: the entry point for requests: `global`, which picks the nearest, `eu` or `us`; `OMNIVERY_REGION` if left
            out, else `global`. Data stays in the region that the domain is configured for.
        base_url: another server, such as the emulator, with or without its `/v3`; `OMNIVERY_MAILGUN_URL` if left out.
            That variable takes precedence over a region.
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
        ConfigError: no key, both `region` and `base_url`, or an invalid argument.
    """

    _surface = "mailgun"

    def __init__(
        self,
        api_key: str | None = None,
        *,
        sending_key: str | None = None,
        domain: str | None = None,
        region: Region | None = None,
        base_url: str | None = None,
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
        config = MailgunConfig(
            api_key=basic_key(from_environment(api_key, "OMNIVERY_API_KEY")),
            sending_key=basic_key(from_environment(sending_key, "OMNIVERY_SENDING_KEY")),
            base_url=resolve_base_url(region, base_url),
            domain=from_environment(domain, "OMNIVERY_DOMAIN"),
            timeouts=timeouts or Timeouts(),
            retry=retry or RetryPolicy(),
            user_agent=user_agent(user_agent_suffix),
            headers=CallOptions(headers=headers or {}).headers,
        )
        if config.api_key is None and config.sending_key is None:
            raise ConfigError(
                "no key: pass api_key=… or set OMNIVERY_API_KEY for the account's primary key, or pass sending_key=… "
                "or set OMNIVERY_SENDING_KEY for a domain's. Nothing was sent."
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
    def messages(self) -> AsyncMessages:
        """Sending."""
        from omnivery.mailgun.messages import AsyncMessages

        return AsyncMessages(self)

    @lazy_property
    def addresses(self) -> AsyncAddresses:
        """Validation and parsing of e-mail addresses."""
        from omnivery.mailgun.addresses import AsyncAddresses

        return AsyncAddresses(self)

    @lazy_property
    def domains(self) -> AsyncDomains:
        """Sending domains."""
        from omnivery.mailgun.domains import AsyncDomains

        return AsyncDomains(self)

    @lazy_property
    def credentials(self) -> AsyncCredentials:
        """SMTP credentials of a domain."""
        from omnivery.mailgun.credentials import AsyncCredentials

        return AsyncCredentials(self)

    @lazy_property
    def stats(self) -> AsyncStats:
        """Counts of events."""
        from omnivery.mailgun.stats import AsyncStats

        return AsyncStats(self)

    @lazy_property
    def bounces(self) -> AsyncBounces:
        """Addresses that mail is no longer delivered to, because it bounced."""
        from omnivery.mailgun.bounces import AsyncBounces

        return AsyncBounces(self)

    @lazy_property
    def complaints(self) -> AsyncComplaints:
        """Addresses whose owners reported a message as spam."""
        from omnivery.mailgun.complaints import AsyncComplaints

        return AsyncComplaints(self)

    @lazy_property
    def unsubscribes(self) -> AsyncUnsubscribes:
        """Addresses whose owners unsubscribed."""
        from omnivery.mailgun.unsubscribes import AsyncUnsubscribes

        return AsyncUnsubscribes(self)

    @lazy_property
    def whitelists(self) -> AsyncWhitelists:
        """Addresses and domains that are exempt from suppressions."""
        from omnivery.mailgun.whitelists import AsyncWhitelists

        return AsyncWhitelists(self)

    @lazy_property
    def webhooks(self) -> AsyncWebhooks:
        """The URLs to which the service posts the events of a domain."""
        from omnivery.mailgun.webhooks import AsyncWebhooks

        return AsyncWebhooks(self)

    def with_options(
        self,
        *,
        api_key: str | None = None,
        sending_key: str | None = None,
        domain: str | None = None,
        region: Region | None = None,
        base_url: str | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Return a cheap clone with other settings, which shares connections, slots and retry budget.

        A clone with another `api_key` has no `sending_key` unless one is given, too: it would be the old account's.
        With another `region` or `base_url`, the keys go to that server.
        Closing the clone does nothing; closing this client closes the connections of both.

        Raises:
            ConfigError: an argument is invalid.
        """
        elsewhere = region is not None or base_url is not None
        clone = self._changed(
            api_key=basic_key(api_key),
            domain=domain,
            base_url=resolve_base_url(region, base_url) if elsewhere else None,
            timeouts=timeouts,
            retry=retry,
            headers=None if headers is None else CallOptions(headers=headers).headers,
        )
        if api_key is not None or sending_key is not None:
            clone._config = evolve(clone._config, sending_key=basic_key(sending_key))
        return clone
