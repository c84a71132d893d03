"""What queues, streams, gateways and tables put around the payloads of a webhook, one within another."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from omnivery import codec
from omnivery.errors import ConfigError, SourceError
from omnivery.events.event import EventLine, UnreadableLine
from omnivery.events.json_path import value_at
from omnivery.readers._json_documents import json_objects
from omnivery.readers._packing import unpacked


class Kind(str):
    """What stands in the place of a payload that cannot be opened, to be counted."""

    __slots__ = ()


def opened(payload: Any, own: Collection[str]) -> Iterator[Any]:
    """Yield a provider's payloads, by themselves or as SNS, SQS, Lambda, Kinesis, Pub/Sub and others hand them over.

    Args:
        payload: what was received.
        own: members by which the provider's payloads are told. One that has any is no wrapper, whatever else is in it.
    """
    yield from _within(payload, frozenset(own), _DEPTH)


_DEPTH = 10
"""Wrappers within one another that are opened; seven is the most that services make."""


def _within(payload: Any, own: frozenset[str], depth: int) -> Iterator[Any]:
    for one in payload if isinstance(payload, list | tuple) else (payload,):
        inside = _unwrapped(one) if depth and not (isinstance(one, Mapping) and own.intersection(one)) else None
        if inside is None:
            yield one
        else:
            yield from _within(inside, own, depth - 1)


def _unwrapped(value: Any) -> Any:
    """What is in a wrapper; None if the value is none, or one of SNS' messages about a subscription."""
    if not isinstance(value, Mapping) or value.get("Type") in {"SubscriptionConfirmation", "UnsubscribeConfirmation"}:
        return None
    for path, read in _WRAPPERS:
        if (inside := value_at(value, path)) is not None:
            # API Gateway and function URLs hand bodies of some kinds over in base64.
            return _base64(inside) if path == "body" and value.get("isBase64Encoded") is True else read(inside)
    return None


def _json(text: Any) -> Any:
    """What a text of JSON holds; SNS also sends plain text, when a topic is set up."""
    if not isinstance(text, str | bytes):
        return text
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if data.count(b"{") > _MOST:
        return _MANY
    found = payloads_in(data)
    return _TEXT if found is None else found[0] if len(found) == 1 else found


_TEXT = Kind("(text)")
_MOST = 300_000
"""Objects in one wrapper: several times as many as the largest that services make, and 100 MB of memory."""
_MANY = Kind(f"(more than {_MOST:,} objects in one)")


def _base64(text: Any) -> Any:
    try:
        return _json(_unpacked(b64decode(text, validate=True)))
    except (Base64Error, ValueError, TypeError, SourceError, ConfigError):
        return _TEXT


def _unpacked(data: bytes) -> bytes:
    """Data without its gzip: CloudWatch packs what it hands to Lambda, Kinesis and Firehose."""
    found = bytearray()
    for piece in unpacked(iter((data,))):
        found += piece
        if len(found) > _LARGEST:
            raise ValueError(len(found))
    return bytes(found)


_LARGEST = 16 * 1024 * 1024
"""Of what is in one record, unpacked: services allow less."""


def payloads_in(data: bytes) -> list[Any] | None:
    """The JSON in some bytes; None if they hold anything else. Firehose has one object right behind the other."""
    try:
        return [codec.loads(data)]
    except ValueError:
        objects = list(json_objects((data,)))
    try:
        return [codec.loads(one.data) for one in objects if isinstance(one, EventLine)] if _are_whole(objects) else None
    except ValueError:
        return None


def _are_whole(objects: Sequence[EventLine | UnreadableLine]) -> bool:
    return len(objects) > 1 and all(isinstance(one, EventLine) for one in objects)


def _data(value: Any) -> Any:
    """What is in base64, in JSON, or stands there as it is."""
    if isinstance(value, Mapping | list):
        return value
    return _json(value) if isinstance(value, str) and value.lstrip()[:1] in {"{", "["} else _base64(value)


def _same(value: Any) -> Any:
    return value


_WRAPPERS: Sequence[tuple[str, Callable[[Any], Any]]] = (
    ("Records", _same),  # Lambda: SNS, SQS or Kinesis
    ("records", _same),  # Lambda behind Firehose
    ("Messages", _same),  # SQS' ReceiveMessage
    ("Sns.Message", _json),
    ("kinesis.data", _base64),
    ("message.data", _base64),  # Pub/Sub
    ("data", _data),
    ("body", _json),  # API Gateway; also what inspects webhooks
    ("Body", _json),
    ("Message", _json),  # SNS over HTTP, or in a queue
    ("detail", _json),  # EventBridge
    ("awslogs.data", _base64),  # Lambda behind a log group of CloudWatch
    ("logEvents", _same),
    ("message", _json),
    ("payload", _json),  # a row of a table in which calls are kept
    ("log", _json),  # what a container has written
)
