"""Words of the pages are typed, so that editors complete them; every vocabulary is open, because the service's is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args, get_origin

import attrs
import pytest

from omnivery import BotEvent, automations, mailgun
from omnivery.automations import KickboxResult, Verdict
from omnivery.events import event
from omnivery.mail import vocabulary
from omnivery.mailgun import AddressValidation, DnsRecord, StatsTotal
from omnivery.webhooks import DeliveryEvent

STATES = {"pending", "unverified", "active", "rejected", "disabled"}
REASONS = {
    "invalid_email",
    "invalid_domain",
    "rejected_email",
    "accepted_email",
    "low_quality",
    "low_deliverability",
    "no_connect",
    "timeout",
    "invalid_smtp",
    "unavailable_smtp",
    "unexpected_error",
}
EVENTS = {"accepted", "delivered", "failed", "rejected", "opened", "clicked", "unsubscribed", "complained"}

FIELDS: list[tuple[type[Any], str, set[str]]] = [
    (BotEvent, "action", {"open", "click"}),
    (KickboxResult, "result", {"deliverable", "undeliverable", "risky", "unknown"}),
    (KickboxResult, "reason", REASONS),
    (AddressValidation, "reason", REASONS),
    (mailgun.Domain, "state", STATES),
    (automations.Domain, "state", STATES),
    (automations.DomainDetail, "state", STATES),
    (DnsRecord, "record_type", {"MX", "TXT", "CNAME"}),
    (DnsRecord, "state", {"unverified", "active", "inactive"}),
    (StatsTotal, "resolution", {"hour", "day", "month"}),
    (DeliveryEvent, "event", EVENTS),
    (DeliveryEvent, "severity", {"permanent", "temporary"}),
    (DeliveryEvent, "reason", {"bounce", "espblock", "generic", "old", "suppress-bounce", "suppress-complaint"}),
]
PARAMETERS: list[tuple[Callable[..., Any], str, set[str]]] = [
    (mailgun.AsyncDomains.list, "state", STATES),
    (mailgun.AsyncStats.total, "event", EVENTS - {"rejected"} | {"stored"}),
    (mailgun.AsyncStats.total, "resolution", {"hour", "day", "month"}),
    (mailgun.AsyncWebhooks.create, "name", {"opened", "clicked", "delivered", "softbounced", "hardbounced"}),
    (automations.AsyncWebhooks.create, "type", {"opened", "clicked", "delivered", "softbounced", "hardbounced"}),
    (automations.AsyncSuppressions.add, "type", {"bounce", "complaint", "unsubscribe", "block"}),
]


def parts(annotation: Any) -> Iterator[Any]:
    """A type and all types in it."""
    yield annotation
    if get_origin(annotation) is not Literal:
        for part in get_args(annotation):
            yield from parts(part)


def words(annotation: Any) -> set[str]:
    return {word for part in parts(annotation) if get_origin(part) is Literal for word in get_args(part)}


@pytest.mark.parametrize(("model", "name", "known"), FIELDS)
def test_a_field_of_known_words_is_typed_and_open(model: type[Any], name: str, known: set[str]) -> None:
    hint = attrs.fields_dict(attrs.resolve_types(model))[name].type
    assert words(hint) >= known
    assert str in parts(hint)


@pytest.mark.parametrize(("method", "name", "known"), PARAMETERS)
def test_a_parameter_of_known_words_is_typed_and_open(method: Callable[..., Any], name: str, known: set[str]) -> None:
    names = vars(vocabulary) | vars(event)
    # The annotation is text, such as `StatsEvent | Iterable[StatsEvent]`, and its module's imports are for checkers.
    annotation = inspect.signature(method).parameters[name].annotation
    hint = names[re.split(r"[ \[\]|]+", annotation)[0]]
    assert words(hint) >= known
    assert str in parts(hint)


def test_the_request_of_a_verdict_is_an_event() -> None:
    assert BotEvent in parts(attrs.fields_dict(attrs.resolve_types(Verdict))["request"].type)
