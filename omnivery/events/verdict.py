"""A verdict: what the service says about one interaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen


@frozen(kw_only=True)
class Verdict:
    """What the service says of one interaction: a bot, a human, or unknown.

    Source: https://docs.omnivery.com/api-ref/automations-api (Bot detection, result).
    """

    is_bot: bool | None = None
    """True for a bot, False for a human, None where the response does not say, which is not False."""
    request: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """The interaction as it was submitted: its fields and your own attributes, all in one mapping."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the response that the SDK does not know."""

    @property
    def event_id(self) -> str | None:
        """The interaction's own id, by which a verdict is matched to its event; None where none was given."""
        value = self.request.get("event_id")
        return value if isinstance(value, str) else None


@frozen(kw_only=True)
class PendingVerdict:
    """A single check whose verdict comes later: ask for it with `bots.result()` or `bots.wait()`."""

    request_id: str
    """The service's id of this check."""
    domain: str | None = None
    """The sending domain under which the check was made, and under which its result is found."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields of the response that the SDK does not know."""
