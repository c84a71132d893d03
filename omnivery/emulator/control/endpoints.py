"""The endpoints of the control API, as its OpenAPI document describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, get_args, get_type_hints

from attrs import frozen

from omnivery.emulator.control import schemas
from omnivery.emulator.control.lists import ELSEWHERE, LISTS
from omnivery.emulator.control.parameters import MOST, WINDOW, filters_of
from omnivery.emulator.control.schemas import Schema, ref
from omnivery.emulator.records.messages import MessageQuery
from omnivery.emulator.records.received import VerdictQuery
from omnivery.emulator.records.window import LIMIT

Bodies: TypeAlias = Mapping[str, Schema]
"""Media types of a response with the schemas of its body."""

WINDOW_TEXT = {
    "before": "Only records with lower ids, beginning with the highest of them: the next older ones.",
    "after": "Only records with higher ids, beginning with the lowest of them: those that came since.",
    "limit": f"Largest number of records, {LIMIT} if left out.",
}


@frozen(kw_only=True)
class Endpoint:
    """One operation."""

    method: str
    path: str
    summary: str
    bodies: Bodies
    status: int = 200
    query: tuple[Schema, ...] = ()
    body: Schema | None = None
    refused: tuple[int, ...] = ()


def json_of(schema: Schema) -> Bodies:
    """Return the body of a response in JSON."""
    return {"application/json": schema}


def list_parameters(query: type[Any]) -> tuple[Schema, ...]:
    """Return the parameters of a list: its filters, and its window."""
    hints = get_type_hints(query)
    filters = [_parameter(name, _type_of(hints[name])) for name in filters_of(query)]
    whole = {"type": "integer", "minimum": 0}
    limit = {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}
    return (*filters, *(_parameter(name, limit if name == "limit" else whole, WINDOW_TEXT[name]) for name in WINDOW))


def wait_parameters() -> tuple[Schema, ...]:
    """Return the parameters of a wait: count, timeout, and those of every list."""
    count = _parameter("count", {"type": "integer", "minimum": 1, "default": 1}, "How many must match.")
    timeout = {"type": "number", "minimum": 0, "maximum": 600, "default": 10}
    every = {each["name"]: each for listed in LISTS for each in list_parameters(listed.query)}
    return (count, _parameter("timeout", timeout, "Seconds to wait at most."), *every.values())


def _parameter(name: str, schema: Schema, text: str = "") -> Schema:
    described = {"description": text} if text else {}
    return {"name": name, "in": "query", "schema": schema, **described}


def _type_of(hint: Any) -> Schema:
    kinds = get_args(hint)
    if bool in kinds:
        return {"type": "boolean"}
    if int in kinds:
        return {"type": "integer"}
    words = [word for kind in kinds for word in get_args(kind)]
    return {"type": "string", "enum": words} if words else {"type": "string"}


DONE, FILE, TEXT = json_of(ref("Done")), {"type": "string", "format": "binary"}, {"type": "string"}
ONE = "/_/messages/{message}"
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/_/messages",
        summary="Messages with their text, HTML and fields, and the number accepted",
        bodies=json_of(schemas.listed("messages", "Message", count={"type": "integer"})),
        query=list_parameters(MessageQuery),
        refused=(400,),
    ),
    Endpoint(method="DELETE", path="/_/messages", summary="Delete the messages", bodies=DONE),
    Endpoint(method="GET", path=ONE, summary="One message", bodies=json_of(ref("Message")), refused=(404,)),
    Endpoint(method="DELETE", path=ONE, summary="Delete one message", bodies=DONE, refused=(404,)),
    Endpoint(
        method="GET",
        path=f"{ONE}/html",
        summary="Its HTML, sealed: it runs and loads nothing in a browser",
        bodies={"text/html; charset=utf-8": {"type": "string"}},
        refused=(404,),
    ),
    Endpoint(
        method="GET",
        path=f"{ONE}/text",
        summary="Its plain text",
        bodies={"text/plain; charset=utf-8": {"type": "string"}},
        refused=(404,),
    ),
    Endpoint(
        method="GET",
        path=f"{ONE}/mime",
        summary="Its MIME text, if it was sent as one",
        bodies={"message/rfc822": FILE},
        refused=(404,),
    ),
    *(
        Endpoint(
            method="GET",
            path=f"{ONE}/{where}/{{place}}",
            summary=f"The content of {what}",
            bodies={"application/octet-stream": FILE},
            refused=(404,),
        )
        for where, what in (("attachments", "an attachment"), ("inline", "an inline file"))
    ),
    Endpoint(
        method="GET",
        path="/_/events",
        summary="The newest bot events, as they were submitted, and the number received",
        bodies=json_of(schemas.members(count={"type": "integer"}, events=schemas.array({"type": "object"}))),
    ),
    Endpoint(
        method="GET",
        path="/_/webhooks",
        summary="The newest attempts to deliver webhooks, and the number of all",
        bodies=json_of(schemas.members(count={"type": "integer"}, webhooks=schemas.array({"type": "object"}))),
    ),
    Endpoint(
        method="GET",
        path="/_/verdicts",
        summary="Verdicts that the emulator's own receiver received, and counts of all",
        bodies=json_of(schemas.received_verdicts()),
        query=list_parameters(VerdictQuery),
        refused=(400,),
    ),
    Endpoint(
        method="GET",
        path="/_/statistics",
        summary="Counts since the start or the last reset, and the newest ids",
        bodies=json_of(ref("Statistics")),
    ),
    *(
        Endpoint(
            method="GET",
            path=f"/_/{each.name}",
            summary=f"Records: {each.name.replace('-', ' ')}",
            bodies=json_of(schemas.listed(each.kind, schemas.NAMES[each.kind])),
            query=list_parameters(each.query),
            refused=(400,),
        )
        for each in LISTS
        if each.name not in ELSEWHERE
    ),
    Endpoint(
        method="GET",
        path="/_/deliveries/{id}",
        summary="One webhook delivery with its body, which is signed anew for each attempt",
        bodies=json_of(schemas.delivery_with_body()),
        refused=(404,),
    ),
    Endpoint(
        method="POST",
        path="/_/deliveries/{id}/resend",
        summary="Deliver the same body once more, with a new signature",
        status=202,
        bodies=json_of(schemas.members(message={"type": "string"}, id={"type": "integer"})),
        body=schemas.options(url={"type": "string"}),
        refused=(400, 404, 410, 415),
    ),
    Endpoint(
        method="GET",
        path="/_/wait/{kind}",
        summary="Wait until enough records match, or the time is up; takes the filters of the kind's list",
        bodies=json_of(ref("Waited")),
        query=wait_parameters(),
        refused=(400, 404),
    ),
    Endpoint(method="GET", path="/_/faults", summary="Faults in force", bodies=json_of(ref("Faults"))),
    Endpoint(
        method="PUT",
        path="/_/faults",
        summary="Set the faults by chance",
        bodies=json_of(ref("Faults")),
        body={**schemas.options(faults={"type": "string"}), "required": ["faults"]},
        refused=(400,),
    ),
    Endpoint(method="DELETE", path="/_/faults", summary="Remove all faults", bodies=json_of(ref("Faults"))),
    Endpoint(
        method="POST",
        path="/_/fail",
        summary="Let the next requests of a route fail",
        bodies=DONE,
        body=ref("Fault"),
        refused=(400, 415),
    ),
    Endpoint(
        method="POST",
        path="/_/trigger/{kind}",
        summary="Deliver an example of a webhook call, with values of your own",
        status=202,
        bodies=json_of(schemas.triggered()),
        body=schemas.options(
            url={"type": "string"},
            domain={"type": "string"},
            fields={"type": "object"},
            flags={"type": "object"},
        ),
        refused=(400, 404, 415),
    ),
    Endpoint(
        method="GET",
        path="/_/smtp",
        summary="The SMTP server that messages are passed on to, and counts of it",
        bodies=json_of(ref("Smtp")),
    ),
    Endpoint(
        method="POST",
        path="/_/reset",
        summary="Delete all records and everything that was created",
        bodies=DONE,
        refused=(415,),
    ),
    Endpoint(method="DELETE", path="/_/", summary="The same", bodies=DONE),
    Endpoint(
        method="GET",
        path="/healthz",
        summary="Whether the emulator is up",
        bodies=json_of(schemas.members(status={"type": "string"})),
    ),
    Endpoint(method="GET", path="/_/openapi.json", summary="This document", bodies=json_of({"type": "object"})),
)
"""All of them."""
