"""Addresses: validated by fixed rules, and parsed."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Email validation)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.address_rules import LONGEST_ADDRESS, LONGEST_LIST, Mailbox, judge, parsed, plain, read_list
from omnivery.emulator.forms import query_text
from omnivery.emulator.routes import json_response, mailgun
from omnivery.emulator.state import State
from omnivery.transport.operation import KeyKind


async def validate(request: Request, state: State) -> Response:
    """Say what is known about an address."""
    found = judge(query_text(request, "address", LONGEST_ADDRESS))
    names, more = ({"display_name": None}, {"mailbox_verification": None}) if state.settings.like_mailgun else ({}, {})
    content = {
        "address": found.address,
        "did_you_mean": found.did_you_mean,
        "is_disposable_address": found.disposable,
        "is_role_address": found.role,
        "is_valid": found.result != "undeliverable",
        "parts": {"domain": found.domain, "local_part": found.user, **names},
        "reason": found.reason,
        **more,
    }
    return json_response(content)


async def parse(request: Request, state: State) -> Response:
    """Read a comma list of addresses. In Mailgun's documents each is a text, and `unparsable` has no second `e`."""
    text = query_text(request, "addresses", LONGEST_LIST)
    if state.settings.like_mailgun:
        good, bad = read_list(text)
        return json_response({"parsed": [_written(mailbox) for mailbox in good], "unparsable": bad})
    return json_response(parsed(text, show=_named))


def _named(mailbox: Mailbox) -> dict[str, str]:
    return {**plain(mailbox), "name": mailbox.name}


def _written(mailbox: Mailbox) -> str:
    return f"{mailbox.name} <{mailbox.address}>" if mailbox.name else mailbox.address


ROUTES = (
    mailgun("addresses.validate", "GET", "/address/private/validate", validate, KeyKind.SENDING),
    mailgun("addresses.parse", "GET", "/address/private/parse", parse, KeyKind.ANY),
)
