"""Payloads of delivery webhooks, in the Mailgun format with Omnivery's spellings."""

from __future__ import annotations

import base64
import re
import secrets
import time
from email.utils import format_datetime
from html import unescape
from typing import Any

from omnivery.codec import loads
from omnivery.emulator.account import CUSTOMER
from omnivery.emulator.domain import Domain
from omnivery.emulator.happening import Happening
from omnivery.emulator.message import StoredMessage

CLIENT: dict[str, Any] = {
    "client-name": "Thunderbird",
    "client-type": "Email client",
    "client-os": "Linux",
    "device-type": "Personal computer",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0",
    "suspected-bot": False,
}
"""The mail client of recipients who open and click."""
PLACE = {
    "country_code": "ES",
    "country_name": "Spain",
    "continent_code": "EU",
    "continent_name": "Europe",
    "city": "Madrid",
}
"""The location of those recipients."""
PLACE_OF_MAILGUN = {"country": "ES", "region": "MD", "city": "Madrid"}
"""The same as Mailgun spells it."""
READER_IP = "198.51.100.7"
"""The IP address of those recipients, from a documentation network (RFC 5737)."""
SENDING_IP, RECEIVING_IP = "192.0.2.25", "203.0.113.25"
"""IP addresses of the mail servers, from documentation networks."""
LINK = re.compile(r"""https?://[^\s"'<>]+""")
SAMPLE_LACKS = ("event", "id", "user-variables")
"""Fields that webhook calls have, but the documented sample lacks."""


def event_data(
    happening: Happening, message: StoredMessage, recipient: str, domain: Domain, *, like_mailgun: bool = False
) -> dict[str, Any]:
    """Return the payload of a webhook call, without its signature."""
    data = _omnivery_data(happening, message, recipient, domain)
    return _of_mailgun(data, message) if like_mailgun else data


def _omnivery_data(happening: Happening, message: StoredMessage, recipient: str, domain: Domain) -> dict[str, Any]:
    now = time.time()
    name = f"{CUSTOMER}:{domain.id}:{happening.event}:{int(now)}:{secrets.token_hex(8)}"
    return {
        "event": happening.event,
        "id": base64.b64encode(name.encode()).decode(),
        "timestamp": now,
        "recipient": recipient,
        "recipient-domain": recipient.rpartition("@")[2],
        "tags": message.options("o:tag"),
        "user-variables": user_variables(message),
        "message": _message(happening, message, recipient),
        **_details(happening, message, recipient),
    }


def _of_mailgun(data: dict[str, Any], message: StoredMessage) -> dict[str, Any]:
    """Return a payload with Mailgun's spellings: the whole message id, and its own fields of opens and clicks."""
    headers = {**data["message"]["headers"], "message-id": message.id.strip("<>")}
    changed = {**data, "message": {**data["message"], "headers": headers}, "campaigns": []}
    changed["flags"] = {"is-test-mode": message.test_mode, "is-system-test": False}
    if client := data.get("client-info"):
        rest = {name: value for name, value in client.items() if name != "suspected-bot"}
        changed |= {"client-info": {**rest, "bot": ""}, "geolocation": dict(PLACE_OF_MAILGUN)}
    return changed


def sample(content: dict[str, Any]) -> dict[str, Any]:
    """Return a payload as the documented sample shows it: without some fields, and with a list instead of a text."""
    data = {name: value for name, value in content.items() if name not in SAMPLE_LACKS}
    headers = {name: value for name, value in data["message"]["headers"].items() if name != "message-id"}
    shaped = {**data, "message": {**data["message"], "headers": headers}}
    if status := data.get("delivery-status"):
        shaped["delivery-status"] = {**status, "message": [status["message"]]}
    return shaped


def user_variables(message: StoredMessage) -> dict[str, Any]:
    """Return the sender's variables. A value that was sent as a JSON object or array is returned as one."""
    given = (*message.header_options, *message.fields)
    return {name[2:]: _decoded(value) for name, value in given if name.startswith("v:")}


def _decoded(value: str) -> Any:
    if value[:1] not in {"{", "["}:
        return value
    try:
        return loads(value)
    except ValueError:
        return value


def _message(happening: Happening, message: StoredMessage, recipient: str) -> dict[str, Any]:
    own = {name[2:].lower(): value for name, value in message.fields if name.startswith("h:")}
    # With recipient variables, even empty ones, each recipient gets a message that does not name the others.
    to = recipient if message.value("recipient-variables") else ", ".join(message.values("to"))
    headers = {
        **own,
        "from": message.value("from") or message.sender,
        "to": to,
        "subject": message.subject or "",
        "date": format_datetime(message.received_at),
        "message-id": message.uuid,
    }
    if happening.event in {"opened", "clicked"}:
        return {"headers": headers}
    return {"headers": headers, "size": size_of(message)}


def size_of(message: StoredMessage) -> int:
    """Return the size of a message in bytes, with its files."""
    if message.mime is not None:
        return len(message.mime)
    files = sum(len(file.content) for file in (*message.attachments, *message.inline))
    return files + sum(len(value.encode()) for _, value in message.fields)


def _details(happening: Happening, message: StoredMessage, recipient: str) -> dict[str, Any]:
    if happening.event in {"delivered", "failed"}:
        return _delivery(happening, message, recipient)
    if happening.event in {"opened", "clicked"}:
        return _reading(happening, message, recipient)
    return {"envelope": {"targets": recipient}}


def _delivery(happening: Happening, message: StoredMessage, recipient: str) -> dict[str, Any]:
    status: dict[str, Any] = {
        "code": happening.code,
        "message": happening.text,
        "description": happening.text,
        "mx-host": f"mx.{recipient.rpartition('@')[2]}",
        "mx-ip": RECEIVING_IP,
        "tls": True,
    }
    if happening.bounce_class:
        status["bounce-class"] = happening.bounce_class
    details: dict[str, Any] = {
        "envelope": {
            "sender": f"bounce-{message.uuid}@{message.domain}",
            "sending-ip": SENDING_IP,
            "targets": recipient,
            "transport": "smtp",
        },
        "delivery-status": status,
    }
    if happening.event == "failed":
        details |= {"severity": happening.severity, "reason": happening.reason}
    return details


def _reading(happening: Happening, message: StoredMessage, recipient: str) -> dict[str, Any]:
    details: dict[str, Any] = {
        "envelope": {"targets": recipient},
        "ip": READER_IP,
        "client-info": dict(CLIENT),
        "geolocation": dict(PLACE),
    }
    if happening.event == "clicked":
        link = LINK.search(unescape(message.html) if message.html else message.text or "")
        details["url"] = link.group() if link else "https://example.com/"
    return details
