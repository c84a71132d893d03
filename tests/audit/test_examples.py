"""Every documented response is read without loss: if any value of it were another one, the result would tell.

The golden files hold a response for each operation in the shape of the page's example. Below are further shapes that
the pages or Mailgun document, and the calls that come to a webhook. An example is read once as it is, and once for
each of its values with that one changed: what makes no difference was lost.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from enum import Enum
from typing import Any

import attrs
import httpx
import pytest

from omnivery.webhooks import parse_unverified
from tests.audit.test_parameters import CALLS, EVENT, HOOK, A, D, client_of
from tests.support import golden
from tests.support import mailgun as mg
from tests.test_conformance import OPERATIONS

pytestmark = pytest.mark.anyio

Path = tuple[str | int, ...]
DATE = "Fri, 21 Oct 2011 11:02:55 GMT"
PAGING = {"first": "https://mg-api.omnivery.net/v3/x?page=first", "next": "https://mg-api.omnivery.net/v3/x?page=next"}
EXAMPLES = {
    name: example
    for name in golden.names()
    if isinstance((example := golden.load(name)).response.get("body"), dict | list)
}


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each value of an example that is no object and no list, with the way to it."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def objects(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each object of an example, with the way to it."""
    if isinstance(value, Mapping):
        yield path, value
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for step, item in pairs:
        yield from objects(item, (*path, step))


def reached(value: Any, path: Path) -> Any:
    """What stands at a place."""
    for step in path:
        value = value[step]
    return value


def changed(example: Any, path: Path, old: Any) -> Any:
    """The example with another value at one place."""
    new = copy.deepcopy(example)
    reached(new, path[:-1])[path[-1]] = other(old)
    return new


def other(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case None:
            return "something"
        case bool():
            return not value
        case int() | float():
            return value + 1
    try:
        return format_datetime(parsedate_to_datetime(value) + timedelta(days=1))
    except ValueError:
        return f"{value}x"


def shown(value: Any) -> Any:
    """All that a result holds, `extra` included."""
    if attrs.has(type(value)):
        return {field.name: shown(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if hasattr(value, "to_fields"):
        return shown(value.to_fields())
    if isinstance(value, Mapping):
        return {name: shown(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return str(value) if isinstance(value, datetime | bytes | Enum) else value


CHECK = {"ip": "192.0.2.1", "uas": "Mozilla/5.0"}


async def result_of(operation: str, body: Any) -> Any:
    client: Any = client_of(operation, mg.service(httpx.Response(200, json=body)))
    if operation == "automations.bots.check":
        return shown(await client.bots.check(CHECK))
    return shown(await CALLS[operation][0](client))


SHAPES: list[tuple[str, Any]] = [
    *((name, example.response["body"]) for name, example in EXAMPLES.items()),
    # Of the pages, where an operation has two: another form of the same response, and both forms of a verdict.
    ("mailgun.complaints.get", {"address": A, "created_at": DATE, "error": "marked as spam"}),
    ("automations.bots.check", {"is_bot": False, "request": {**EVENT, "webhook_url": HOOK}}),
    ("automations.domains.get", {"domain": {"name": D, "channel": "email", "limit": "5000/86400", "dkim_auth": False}}),
    # Of Mailgun's documents, whose responses a compatible service may give.
    ("mailgun.bounces.create", {"address": A, "message": "Address has been added to the bounces table"}),
    ("mailgun.bounces.delete_all", {"message": "Bounced addresses for this domain have been removed"}),
    ("mailgun.bounces.get", {"address": A, "code": 550, "error": "No such mailbox", "created_at": DATE}),
    ("mailgun.unsubscribes.create", {"address": A, "message": "Address has been added to the unsubscribes table"}),
    ("mailgun.unsubscribes.delete", {"address": A, "message": "Unsubscribe event has been removed"}),
    ("mailgun.unsubscribes.get", {"address": A, "created_at": DATE, "error": "", "tags": ["*", "a"], "id": "x"}),
    ("mailgun.unsubscribes.list", {"items": [{"address": A, "tag": "*", "created_at": DATE}], "paging": PAGING}),
    ("mailgun.whitelists.get", {"type": "domain", "value": D, "createdAt": DATE, "reason": "why"}),
    ("mailgun.addresses.parse", {"parsed": ["Ann <ann@example.com>"], "unparsable": ["x"]}),
    (
        "mailgun.addresses.validate",
        {"address": A, "is_valid": True, "mailbox_verification": "true", "parts": {"display_name": "Ann"}},
    ),
    (
        "mailgun.domains.create",
        {
            "domain": {"name": D, "state": "unverified"},
            "message": "Domain has been created",
            "receiving_dns_records": [{"record_type": "MX", "valid": "unknown", "value": "mx", "priority": "10"}],
            "sending_dns_records": [{"record_type": "CNAME", "name": "k1", "valid": "valid", "state": "inactive"}],
        },
    ),
    (
        "mailgun.domains.tracking",
        {"tracking": {"unsubscribe": {"active": True, "html_footer": "<p>", "text_footer": "t"}}},
    ),
    ("mailgun.credentials.list", {"items": [{"login": A, "mailbox": A, "size_bytes": 7}], "total_count": 1}),
    ("mailgun.stats.total", {"stats": [{"time": DATE, "opened": {"total": 5}, "stored": {"total": 6}}]}),
    ("mailgun.webhooks.update", {"message": "Webhook has been updated", "webhook": {"url": HOOK}}),
    ("automations.bots.submit_batch", {"request_id": "r1", "message": "Accepted"}),
    ("automations.messages.send", {"id": f"<u@{D}>", "message": "Queued. Thank you."}),
    ("automations.suppressions.add", {"message": "Address has been suppressed", "address": A}),
    ("automations.account.test", {"auth": {"cid": 3, "tid": 7, "role": "account"}}),
]


@pytest.mark.parametrize(("operation", "example"), SHAPES, ids=[name for name, _ in SHAPES])
async def test_no_value_of_a_documented_response_is_lost(operation: str, example: Any) -> None:
    before = await result_of(operation, example)
    for path, value in leaves(example):
        assert await result_of(operation, changed(example, path, value)) != before, path


@pytest.mark.parametrize(("operation", "example"), SHAPES, ids=[name for name, _ in SHAPES])
async def test_no_field_that_the_page_does_not_know_is_lost(operation: str, example: Any) -> None:
    """Both pages say that fields may be added."""
    for path, _ in objects(example):
        if path == ("webhooks",):
            continue  # its names are those of webhooks
        new = copy.deepcopy(example)
        reached(new, path)["brand_new"] = "unheard of"
        assert "unheard of" in json.dumps(await result_of(operation, new)), path


def test_every_operation_with_a_documented_body_has_an_example() -> None:
    assert len(EXAMPLES) == 43
    assert {name for name, _ in SHAPES} == OPERATIONS.keys()


# Calls to a webhook

HEADERS = {"message-id": "u-1", "from": "News <n@example.org>", "to": A, "subject": "Hi", "date": DATE, "X-Own": "x"}
PARTS: dict[str, Any] = {
    "id": "MTI6MzQ6ZGVsaXZlcmVkOjE3MDAwMDAwMDA=",
    "timestamp": 1700000000.25,
    "recipient": A,
    "recipient-domain": "example.com",
    "tags": ["welcome", "spring"],
    "user-variables": {"order": {"no": 7}, "a": "b"},
    "envelope": {"sender": f"bounce-1@{D}", "sending-ip": "192.0.2.1", "targets": A, "transport": "smtp"},
    "message": {"size": 1200, "headers": HEADERS},
    "delivery-status": {
        "code": 550,
        "message": "User unknown",
        "description": "550 5.1.1 User unknown",
        "bounce-class": "bad-mailbox",
        "mx-host": "mx.example.com",
        "mx-ip": "192.0.2.9",
        "tls": True,
        "attempt-no": 1,
    },
}
PROGRAM = {
    "client-name": "Thunderbird",
    "client-type": "Email client",
    "client-os": "Windows 10",
    "device-type": "Personal computer",
    "user-agent": "Mozilla/5.0",
    "suspected-bot": False,
}
PLACE = {
    "country_code": "ES",
    "country_name": "Spain",
    "continent_code": "EU",
    "continent_name": "Europe",
    "city": "Madrid",
}
CALLED: dict[str, dict[str, Any]] = {
    "delivered": {"event": "delivered", **PARTS},
    "failed": {"event": "failed", "severity": "permanent", "reason": "bounce", **PARTS},
    "sample": {**PARTS, "delivery-status": {"code": 250, "message": ["Ok", "queued"]}},
    "opened": {"event": "opened", **PARTS, "ip": "192.0.2.33", "client-info": PROGRAM, "geolocation": PLACE},
    "clicked": {"event": "clicked", **PARTS, "ip": "192.0.2.33", "url": HOOK, "client-info": PROGRAM},
    "mailgun-opened": {
        "event": "opened",
        "client-info": {"bot": "apple", "client-name": "x"},
        "geolocation": {"country": "ES", "region": "MD", "city": "Madrid"},
        "campaigns": ["c"],
        "flags": {"is-test-mode": False},
        "storage": {"url": HOOK, "key": "k"},
    },
    "complained": {"event": "complained", **PARTS, "complaint": {"type": "abuse"}},
    "unsubscribed": {"event": "unsubscribed", **PARTS, "ip": "192.0.2.33", "unsubscribe": {"via": "link"}},
    "rejected": {"event": "rejected", **PARTS, "reject": {"reason": "virus", "description": "d"}},
}
SIGNATURE = {"timestamp": 1700000000, "token": "0123456789abcdef0123456789abcdef", "signature": "18cb"}


def read_call(data: dict[str, Any]) -> Any:
    return shown(parse_unverified(json.dumps(data)))


@pytest.mark.parametrize("name", CALLED)
def test_no_value_of_a_delivery_event_is_lost(name: str) -> None:
    call = {"event-data": CALLED[name], "signature": SIGNATURE}
    before = read_call(call)
    for path, value in leaves(CALLED[name]):
        assert read_call(changed(call, ("event-data", *path), value)) != before, path
    for path, _ in objects(CALLED[name]):
        new = copy.deepcopy(call)
        reached(new["event-data"], path)["brand-new"] = "unheard of"
        assert "unheard of" in json.dumps(read_call(new)), path


BOT_CALLS: dict[str, dict[str, Any]] = {
    "list": {"batch": {"size": 2}, "events": [{**EVENT, "is_bot": True}, {**EVENT, "event_id": "e2", "is_bot": False}]},
    "object": {"batch": {}, "events": {**EVENT, "is_bot": True}},
    "objects": {"events": {"0": {**EVENT, "is_bot": True}, "1": {**EVENT, "event_id": "e2", "is_bot": False}}},
    "single": {"is_bot": True, "request": EVENT},
}


@pytest.mark.parametrize("name", BOT_CALLS)
def test_no_value_of_a_call_with_verdicts_is_lost(name: str) -> None:
    call = {**BOT_CALLS[name], "signature": SIGNATURE}
    before = read_call(call)
    for path, value in leaves(BOT_CALLS[name]):
        assert read_call(changed(call, path, value)) != before, path
