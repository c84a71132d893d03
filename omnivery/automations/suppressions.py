"""Suppressions: addresses that the service shall no longer deliver to, whatever is sent to them.

This API only adds to the lists; the Mailgun-compatible one reads them and takes addresses off again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

from omnivery.automations.config import AutomationsConfig
from omnivery.automations.operations import operation
from omnivery.errors import ConfigError
from omnivery.mail.suppression import SuppressionReport, deliver
from omnivery.transport import body as encoding
from omnivery.transport.operation import IDEMPOTENT, maybe_empty
from omnivery.transport.resource import AsyncResource

if TYPE_CHECKING:
    from omnivery.transport.body import Body
    from omnivery.transport.config import CallOptions

FIELD_NAMES = ("address", "type", "error")
Record: TypeAlias = Mapping[str, str | None]
"""One suppression: `address`, `type` and, if there is one, `error`."""


@frozen(kw_only=True)
class SuppressionAdded:
    """What the service said to one new suppression: nothing is documented, so mostly nothing."""

    address: str | None = field(default=None, repr=False)
    """The address."""
    message: str | None = field(default=None, repr=False)
    """The service's words, which may hold the address."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the answer that the SDK does not know."""


# https://docs.omnivery.com/api-ref/automations-api (Suppressions)
ADD = operation(
    "suppressions.add", "POST", "/{domain}/suppress", returns=maybe_empty(SuppressionAdded), safety=IDEMPOTENT
)


class AsyncSuppressions(AsyncResource[AutomationsConfig]):
    """Suppressions of a domain."""

    async def add(
        self,
        address: str,
        *,
        type: str,  # noqa: A002  # the API's own word
        error: str | None = None,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionAdded:
        """Have an address suppressed.

        Args:
            address: the recipient.
            type: why, which is also the list that it goes to. The API's page names `complaint`; the service's guide
                knows `bounce`, `unsubscribe`, `complaint` and `block`. Any text is sent.
            error: the reason in words.
            domain: the sending domain; the client's own when left out.
            options: what this call does differently.

        Raises:
            ConfigError: the address, the type or the domain is missing; nothing was sent.
        """
        body = _body({"address": address, "type": type, "error": error})
        return await self._send(ADD, domain=domain, body=body, options=options)

    async def add_many(
        self,
        records: Iterable[Record],
        *,
        concurrency: int = 8,
        domain: str | None = None,
        options: CallOptions | None = None,
    ) -> SuppressionReport:
        """Have many addresses suppressed, and account for every one of them.

        The API takes one address a call, so there are as many calls as records. One that fails sinks no other; but
        after an answer that every one would meet (401, 402, 403, 404) no further call is made, and what is left is
        undelivered.

        Args:
            records: mappings with `address`, `type` and perhaps `error`, as in `add`.
            concurrency: calls in flight; fewer while the server asks to slow down.
            domain: the sending domain; the client's own when left out.
            options: what each call does differently.

        Returns:
            The account. Look at it, or call `raise_for_failures()`.

        Raises:
            ConfigError: a record has no address or no type, or the domain is missing; nothing was sent.
        """
        given = _checked(records)
        client, chosen = self._client._for_bulk(concurrency, options)
        sending_domain = self._client._domain(domain)

        async def post(batch: Sequence[Record]) -> None:
            for record in batch:
                await client.call(ADD, domain=sending_domain, body=_body(record), options=chosen)

        return await deliver(given, post, size=1, concurrency=concurrency)


def _checked(records: Iterable[Record]) -> list[Record]:
    if isinstance(records, str | Mapping):
        raise ConfigError("records: expected several, not a single one: add() takes that. Nothing was sent.")
    given = list(records)
    for index, record in enumerate(given):
        if not isinstance(record, Mapping):
            raise ConfigError(f"records[{index}]: expected a mapping. Nothing was sent.")
        if not record.keys() <= set(FIELD_NAMES):
            raise ConfigError(f"records[{index}]: it may have address, type and error only. Nothing was sent.")
        _body(record, where=f"records[{index}].")
    return given


def _body(record: Record, *, where: str = "") -> Body:
    for name in ("address", "type"):
        value = record.get(name)
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(f"{where}{name}: must be text, and not empty. Nothing was sent.")
    return encoding.multipart([(name, value) for name in FIELD_NAMES if (value := record.get(name)) is not None])
