"""Addresses: validated by fixed rules, and parsed."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Email validation)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.address_rules import LONGEST_ADDRESS, LONGEST_LIST, Mailbox, judge, parsed, plain
from omnivery.emulator.forms import query_text
from omnivery.emulator.routes import json_response, mailgun
from omnivery.emulator.state import State
from omnivery.transport.operation import KeyKind


async def validate(request: Request, _state: State) -> Response:
    """Say what is known about an address."""
    found = judge(query_text(request, "address", LONGEST_ADDRESS))
    content = {
        "address": found.address,
        "did_you_mean": found.did_you_mean,
        "is_disposable_address": found.disposable,
        "is_role_address": found.role,
        "is_valid": found.result != "undeliverable",
        "parts": {"domain": found.domain, "local_part": found.user},
        "reason": found.reason,
    }
    return json_response(content)


async def parse(request: Request, _state: State) -> Response:
    """Read a comma list of addresses."""
    return json_response(parsed(query_text(request, "addresses", LONGEST_LIST), show=_named))


def _named(mailbox: Mailbox) -> dict[str, str]:
    return {**plain(mailbox), "name": mailbox.name}


ROUTES = (
    mailgun("addresses.validate", "GET", "/address/private/validate", validate, KeyKind.SENDING),
    mailgun("addresses.parse", "GET", "/address/private/parse", parse, KeyKind.ANY),
)
