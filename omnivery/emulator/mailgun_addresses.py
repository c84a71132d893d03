"""Addresses: validated by fixed rules, and parsed."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Email validation)
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.address_rules import Mailbox, judge, read_list
from omnivery.emulator.forms import read_query
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.rows import json_answer, mailgun
from omnivery.emulator.site import Site
from omnivery.transport.operation import KeyKind

LONGEST_ADDRESS, LONGEST_LIST = 512, 8000
"""Characters (Mailgun's own limits)."""


async def validate(request: Request, _site: Site) -> Response:
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
    return json_answer(content)


async def parse(request: Request, _site: Site) -> Response:
    """Read a comma list of addresses."""
    return json_answer(parsed(query_text(request, "addresses", LONGEST_LIST), show=_named))


def query_text(request: Request, name: str, longest: int) -> str:
    """A parameter of the query that must be there, and not too long; repeats are one list.

    Raises:
        Refusal: it is missing, or too long.
    """
    query = read_query(request)
    query.need(name)
    text = ",".join(query.all(name))
    if len(text) > longest:
        raise Refusal(f"{name} parameter is longer than {longest} characters")
    return text


def parsed(text: str, *, show: Callable[[Mailbox], dict[str, str]]) -> dict[str, Any]:
    """A comma list as both surfaces answer it."""
    good, bad = read_list(text)
    return {"parsed": [show(mailbox) for mailbox in good], "unparseable": bad}


def plain(mailbox: Mailbox) -> dict[str, str]:
    """An address and its parts."""
    localpart, _, domain = mailbox.address.rpartition("@")
    return {"email": mailbox.address, "domain": domain, "localpart": localpart}


def _named(mailbox: Mailbox) -> dict[str, str]:
    return {**plain(mailbox), "name": mailbox.name}


ROWS = (
    mailgun("addresses.validate", "GET", "/address/private/validate", validate, KeyKind.SENDING),
    mailgun("addresses.parse", "GET", "/address/private/parse", parse, KeyKind.ANY),
)
