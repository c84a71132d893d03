"""Acceptance of messages on both surfaces: checks the form, and stores the message."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from omnivery.codec import loads_or_none
from omnivery.emulator.address_rules import bare_addresses, organisational_domain
from omnivery.emulator.delivery import carry_out
from omnivery.emulator.domain import Domain
from omnivery.emulator.forms import Form, read_form
from omnivery.emulator.headers import header_options, own_message_id
from omnivery.emulator.message import StoredMessage
from omnivery.emulator.mime import parts_of, raw_headers, read_mime
from omnivery.emulator.payload import size_of
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import json_response
from omnivery.emulator.state import State

RECIPIENTS = 1000
"""Most recipients of one call (Mailgun's own limit)."""
LARGEST_MESSAGE = 25 * 1024 * 1024
"""Most bytes of a message, with its files (Mailgun's own limit)."""
BODIES = ("text", "html", "amp-html", "template")
"""At least one of these fields is required."""


async def accept_message(request: Request, state: State, *, surface: Literal["mailgun", "automations"]) -> Response:
    """Accept a message made of fields and files, and deliver it."""
    form, domain = await read_form(request, state), _sending_domain(request, state)
    sender, to = _sender(form.need("from"), domain), _addresses(form, "to")
    if not to:
        raise Refusal("to parameter is missing")
    if state.settings.strict and surface == "mailgun" and not form.all("subject"):
        raise Refusal("subject parameter is missing")
    if not any(form.get(name) for name in BODIES):
        raise Refusal("Need at least one of 'text' or 'html' parameters specified")
    _check_variables(form)
    message = StoredMessage(
        **_common(form, domain, surface),
        sender=sender,
        to=to,
        cc=_addresses(form, "cc"),
        bcc=_addresses(form, "bcc"),
        subject=form.get("subject") or None,
        text=form.get("text") or None,
        html=form.get("html") or None,
        attachments=form.files_of("attachment"),
        inline=form.files_of("inline"),
    )
    return await _accept(message, domain, state)


async def accept_mime(request: Request, state: State) -> Response:
    """Accept a MIME message, in a file or a field. It goes to the recipients in `to`, not to those in its headers."""
    form, domain = await read_form(request, state), _sending_domain(request, state)
    form.need("to")
    mime = _mime_text(form)
    _check_size(len(mime))
    parsed = read_mime(mime)
    message = StoredMessage(
        **_common(form, domain, "mailgun", mime=raw_headers(parsed)),
        **parts_of(parsed),
        sender=_sender(str(parsed["from"] or ""), domain),
        to=_addresses(form, "to"),
        mime=mime,
    )
    return await _accept(message, domain, state)


def _sending_domain(request: Request, state: State) -> Domain:
    domain = state.account.find(request.path_params["domain"])
    if domain.state != "active":
        raise Refusal(f"Domain {domain.name} is not allowed to send: its state is {domain.state}", status=403)
    return domain


def _sender(text: str, domain: Domain) -> str:
    senders = bare_addresses([text])
    if not senders:
        raise Refusal("from parameter is not a valid address. please check documentation")
    if organisational_domain(senders[0].rpartition("@")[2]) != organisational_domain(domain.name):
        raise Refusal("from parameter is outside the organisational domain of the sending domain")
    return senders[0]


def _addresses(form: Form, name: str) -> tuple[str, ...]:
    values = [value for value in form.all(name) if value.strip()]
    found = bare_addresses(values)
    if found is None:
        raise Refusal(f"{name} parameter is not a valid address. please check documentation")
    return found


def _check_variables(form: Form) -> None:
    for name in ("recipient-variables", "t:variables", "template_variables", "substitutions"):
        if (value := form.get(name)) and not isinstance(loads_or_none(value), dict):
            raise Refusal(f"'{name}' parameter is not a valid JSON")


def _common(
    form: Form, domain: Domain, surface: Literal["mailgun", "automations"], *, mime: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    return {
        "id": own_message_id([*form.headers, *mime]) or f"<{uuid.uuid1()}@{domain.name}>",
        "domain": domain.name,
        "surface": surface,
        "fields": form.fields,
        "header_options": header_options(form.headers, mime),
        "test_mode": form.says_yes("o:testmode"),
    }


def _mime_text(form: Form) -> bytes:
    files = form.files_of("message")
    mime = files[0].content if files else form.get("message").encode()
    if not mime.strip():
        raise Refusal("message parameter is missing")
    return mime


def _check_size(size: int) -> None:
    if size > LARGEST_MESSAGE:
        raise Refusal("The message is larger than 25 MB", status=413)


async def _accept(message: StoredMessage, domain: Domain, state: State) -> Response:
    _check_size(size_of(message))
    if len(message.recipients) > RECIPIENTS:
        raise Refusal(f"Too many recipients, max is {RECIPIENTS}")
    await state.webhook_sender.wait_for_room()
    state.store.add_message(message)
    if state.relay:
        state.relay.add(message)
    carry_out(message, domain, state)
    return json_response({"id": message.id, "message": "Queued. Thank you."})
