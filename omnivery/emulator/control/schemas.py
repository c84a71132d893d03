"""JSON schemas of what the control API returns."""

from __future__ import annotations

from typing import Any, TypeAlias

from attrs import fields

from omnivery.emulator.records.changes import RecordKind
from omnivery.emulator.store import Statistics

Schema: TypeAlias = dict[str, Any]
"""A JSON schema."""

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
ANY: Schema = {"type": "object"}
NAMES: dict[RecordKind, str] = {
    "bot_events": "BotEvent",
    "deliveries": "Delivery",
    "delivery_events": "DeliveryEvent",
    "messages": "MessageSummary",
    "requests": "Request",
    "verdicts": "Verdict",
}
"""The schema of each kind of records."""


def ref(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def members(**properties: Schema) -> Schema:
    """Return the schema of an object with these members and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def options(**properties: Schema) -> Schema:
    """Return the schema of a request's object, whose members may be left out."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


def array(items: Schema) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": items}


def or_null(schema: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    return {**schema, "type": [schema["type"], "null"]}


def listed(key: str, name: str, **more: Schema) -> Schema:
    """Return the schema of a list of records."""
    return members(**more, **{key: array(ref(name))}, more=FLAG)


def received_verdicts() -> Schema:
    """Return the schema of the list of verdicts, which has counts."""
    counts = dict.fromkeys(("verdicts", "bots", "humans", "unknown"), WHOLE)
    return members(**counts, newest=array(ref("Verdict")), more=FLAG)


def delivery_with_body() -> Schema:
    """Return the schema of one delivery, which has its body."""
    whole = _delivery()
    return members(**whole["properties"], body=or_null(ANY))


def triggered() -> Schema:
    """Return the schema of the response to a trigger."""
    return members(deliveries=array(WHOLE), urls=array(TEXT), body=ANY)


def components() -> dict[str, Schema]:
    """Return all components."""
    record = {"id": WHOLE, "at": NUMBER}
    return {
        "Done": members(message=TEXT),
        "BotEvent": members(**record, batch_id=TEXT, single=FLAG, event=ANY, is_bot=or_null(FLAG)),
        "Verdict": members(**record, event_id=or_null(TEXT), is_bot=or_null(FLAG), request=ANY),
        "DeliveryEvent": members(**record, event_data=ANY),
        "Request": members(**record, method=TEXT, path=TEXT, route=TEXT, status=or_null(WHOLE), duration=NUMBER),
        "Delivery": _delivery(),
        "Attempt": _attempt(),
        "MessageSummary": _summary(),
        "Message": _message(),
        "File": members(name=TEXT, media_type=TEXT, size=WHOLE),
        "Faults": members(faults=TEXT, seed=or_null(WHOLE), parts=array(ANY), requested=array(ref("Fault"))),
        "Fault": _fault(),
        "Statistics": _statistics(),
        "Smtp": _smtp(),
        "Waited": _waited(),
    }


def _smtp() -> Schema:
    counts = dict.fromkeys(("passed_on", "failed", "dropped", "waiting"), WHOLE)
    return members(server=or_null(TEXT), **counts, last_error=or_null(TEXT))


def _delivery() -> Schema:
    states = {"type": "string", "enum": ["waiting", "delivered", "rejected", "given up"]}
    return members(
        id=WHOLE,
        at=NUMBER,
        url=TEXT,
        kind=TEXT,
        batch_id=TEXT,
        events=WHOLE,
        state=states,
        due_at=or_null(NUMBER),
        again_of=or_null(WHOLE),
        attempts=array(ref("Attempt")),
    )


def _attempt() -> Schema:
    return members(
        number=WHOLE,
        at=NUMBER,
        duration=NUMBER,
        status=or_null(WHOLE),
        headers=array(array(TEXT)),
        excerpt=TEXT,
        error=or_null(TEXT),
        signature=or_null(ANY),
    )


def _summary() -> Schema:
    return members(
        id=WHOLE,
        at=NUMBER,
        message_id=TEXT,
        domain=TEXT,
        surface=TEXT,
        sender=TEXT,
        recipients=array(TEXT),
        subject=or_null(TEXT),
        tags=array(TEXT),
        size=WHOLE,
        files=WHOLE,
        test_mode=FLAG,
    )


def _message() -> Schema:
    addresses = array(TEXT)
    return members(
        record=WHOLE,
        at=NUMBER,
        id=TEXT,
        domain=TEXT,
        surface=TEXT,
        fields=array(array(TEXT)),
        header_options=array(array(TEXT)),
        sender=TEXT,
        to=addresses,
        cc=addresses,
        bcc=addresses,
        subject=or_null(TEXT),
        text=or_null(TEXT),
        html=or_null(TEXT),
        attachments=array(ref("File")),
        inline=array(ref("File")),
        mime=or_null(TEXT),
        test_mode=FLAG,
        received_at={"type": "string", "format": "date-time"},
    )


def _fault() -> Schema:
    return options(
        where=TEXT,
        times=WHOLE,
        status=or_null(WHOLE),
        retry_after={"type": ["number", "string", "null"]},
        delay=or_null(NUMBER),
        after={"type": ["string", "null"], "enum": ["received", "accepted", None]},
        body=or_null(TEXT),
        headers=or_null(ANY),
    )


def _statistics() -> Schema:
    newest = members(**dict.fromkeys(sorted(NAMES), WHOLE))
    return members(**{field.name: WHOLE for field in fields(Statistics)}, newest=newest)


def _waited() -> Schema:
    lists = {kind: array(ref(name)) for kind, name in NAMES.items()}
    return {**options(enough=FLAG, more=FLAG, **lists), "required": ["enough", "more"]}
