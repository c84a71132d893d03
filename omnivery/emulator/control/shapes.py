"""Records as the control API writes them in JSON."""

from __future__ import annotations

from typing import Any

from attrs import asdict, filters

from omnivery.emulator.message import StoredFile, StoredMessage
from omnivery.emulator.records.bot_events import BotEventRecord
from omnivery.emulator.records.deliveries import DeliveryRecord
from omnivery.emulator.records.messages import MessageRecord, MessageSummary
from omnivery.emulator.records.received import DeliveryEventRecord, VerdictRecord
from omnivery.emulator.records.requests import RequestRecord
from omnivery.events.event_list import event_row


def bot_event(record: BotEventRecord) -> dict[str, Any]:
    """An event with its verdict."""
    return asdict(record)


def delivery(record: DeliveryRecord) -> dict[str, Any]:
    """A delivery with its attempts. The body of a response is text; what is not UTF-8 in it is replaced."""
    attempts = [
        {
            **asdict(attempt, filter=filters.exclude("excerpt")),
            "headers": [list(pair) for pair in attempt.headers],
            "excerpt": attempt.excerpt.decode("utf-8", "replace"),
        }
        for attempt in record.attempts
    ]
    return {**asdict(record, filter=filters.exclude("attempts")), "attempts": attempts}


def delivery_event(record: DeliveryEventRecord) -> dict[str, Any]:
    """A delivery event: its payload, as it was received."""
    return {"id": record.id, "at": record.at, "event_data": record.data}


def summary(record: MessageSummary) -> dict[str, Any]:
    """What a list shows of a message."""
    return asdict(record)


def message(record: MessageRecord) -> dict[str, Any]:
    """A whole message, but for the content of its files. `record` is the record's id: `id` is the message's."""
    return {"record": record.id, "at": record.at, **content(record.message)}


def content(stored: StoredMessage) -> dict[str, Any]:
    """A message as it was accepted."""
    mime = stored.mime
    files = filters.exclude("attachments", "inline", "mime")
    whole = {
        **asdict(stored, filter=files),
        "attachments": [_file(file) for file in stored.attachments],
        "inline": [_file(file) for file in stored.inline],
        "mime": None if mime is None else mime.decode("utf-8", "replace"),
    }
    return {name: _plain(value) for name, value in whole.items()}


def request(record: RequestRecord) -> dict[str, Any]:
    """An API request."""
    return asdict(record)


def verdict(record: VerdictRecord) -> dict[str, Any]:
    """A verdict, with the event as it was submitted."""
    found = record.verdict
    return {
        "id": record.id,
        "at": record.at,
        "event_id": found.event_id,
        "is_bot": found.is_bot,
        "request": event_row(found.request),
    }


def _file(file: StoredFile) -> dict[str, Any]:
    return {"name": _plain(file.name), "media_type": _plain(file.media_type), "size": len(file.content)}


def _plain(value: Any) -> Any:
    """Replace halves of surrogate pairs, which a mail's headers may have and JSON may not."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
