"""Opens and clicks as an e-mail provider's webhooks report them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qsl

from attrs import define, field

from omnivery import codec
from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, EventLine, UnreadableLine, check_options, event_of
from omnivery.readers._charset import in_utf8
from omnivery.readers._file_events import FileEvents, events_from
from omnivery.readers._file_source import FileSources
from omnivery.readers._format import WholeReader
from omnivery.readers._json_documents import json_objects
from omnivery.readers._lines import Blocks, too_long
from omnivery.readers._packing import PIECE, unpacked
from omnivery.readers._payload_envelopes import payloads_in
from omnivery.readers._payload_values import listed
from omnivery.readers._providers import PROVIDERS, Found, Provider, ProviderName

Payload: TypeAlias = bytes | bytearray | memoryview | Sequence[bytes] | Sequence[Mapping[str, Any]] | Mapping[str, Any]
"""A webhook call's body as it was received, several of them, or what is in it."""


def events(
    source: FileSources | Payload,
    *,
    provider: ProviderName,
    recipient_key: str | bytes | None = None,
    attributes: Sequence[str] = (),
) -> ProviderEvents | FileEvents[BotEvent | UnreadableLine]:
    """Read opens and clicks from an e-mail provider's webhook payloads, one or many, stored or just received.

        report = await client.bots.submit(readers.events(request.body, provider="sendgrid"))

    Payloads are read in every envelope in which they come: alone, in a list, one a line, one after the other; as SNS,
    SQS, EventBridge, Lambda, API Gateway, Kinesis, Firehose and Pub/Sub hand them over, or as a `payload` or `body` in
    other objects; those of Mailgun, Postmark and SparkPost also as pages of their events APIs.
    Events that are neither opens nor clicks are counted in `skipped`.

    `ip`, `uas`, `ts`, `action`, `message_id` and `event_id` come from the fields that docs/readers.md names for each
    provider. Where a provider has no id for an event, it is derived by `event_id_for`, so a call that is repeated
    yields the same one. `message_ts` is when the message was sent, for SES and SparkPost. What a payload does not have
    is None, and the run rejects an event without an IP address. The recipient's e-mail address does not travel:
    `domain` is its domain, and `recipient_id` a keyed hash, or left out.

    Signatures are not checked here: verify a call before its payload is read, with the provider's own library, or
    `webhooks.Receiver` for Omnivery.

    Args:
        source: a path, `"-"` for standard input, a file open in binary mode; or a payload: bytes, packed or not, a list
            of payloads or events, or a mapping.
        provider: whose payloads they are. Omnivery's are those in the format `mailgun`; a webhook of Omnivery that is
            set to another format is read as that provider's.
        recipient_key: makes `recipient_id` by `recipient_id_for`; without it there is no `recipient_id`.
        attributes: names of the message's own variables, tags or metadata that travel as attributes of the event; dots
            lead into nested ones. `url` is the link of a click.

    Raises:
        ConfigError: there is no such provider; a name among `attributes` is that of an event's own field; the key is
            empty; or the source is none of these.
        OSError: a file cannot be opened, or read.
        SourceError: while iterating: packed data is damaged or cut off.
    """
    if not isinstance(provider, str) or provider not in PROVIDERS:
        raise ConfigError(f"provider: there is no {provider!r}; there are {', '.join(PROVIDERS)}")
    check_options(recipient_key, attributes)
    if any(isinstance(one, str) and one.lstrip()[:1] in {"{", "["} for one in listed(source)):
        raise ConfigError("source: a text is taken for a path: give the payload as bytes")
    reader = ProviderReader(PROVIDERS[provider], recipient_key, attributes)
    found: Iterator[BotEvent | UnreadableLine]
    if isinstance(source, list | tuple) and not _are_paths(source):
        found = chain.from_iterable(map(reader.taken, source))
    elif isinstance(source, Mapping | bytes | bytearray | memoryview):
        found = reader.taken(source)
    else:
        files = cast("FileSources", source)
        return events_from(files, lambda: ProviderReader(PROVIDERS[provider], recipient_key, attributes))
    return ProviderEvents(found, reader.skipped)


@define(eq=False)
class ProviderEvents(Iterator[BotEvent | UnreadableLine]):
    """Opens and clicks of a provider's payloads, to iterate or to submit."""

    _found: Iterator[BotEvent | UnreadableLine] = field(repr=False)
    skipped: Counter[str]
    """How many events were neither an open nor a click, by the provider's name for them: `{"delivered": 3}`."""

    def __iter__(self) -> Iterator[BotEvent | UnreadableLine]:  # noqa: PYI034  # the bare generator: a step less
        return self._found

    def __next__(self) -> BotEvent | UnreadableLine:
        return next(self._found)


@define(eq=False)
class ProviderReader(WholeReader[BotEvent]):
    """Reads payloads of one provider."""

    provider: Provider
    recipient_key: str | bytes | None = field(repr=False)
    attributes: Sequence[str]

    def read(self, pieces: Iterator[bytes], path: Path | None) -> Iterator[BotEvent | UnreadableLine]:  # noqa: ARG002
        """Yield the opens and clicks of a file with a payload in each line, or with payloads in any other form."""
        start = b""
        # Packed, blanks without end take a few bytes.
        while not start.strip() and len(start) < PIECE and (piece := next(pieces, None)) is not None:
            start += piece
        everything = chain((start,), pieces)
        # Where each line is a payload, one that was cut off costs itself alone.
        if _is_in_lines(start):
            yield from self._in_lines(everything)
            return
        for document in json_objects(everything, leave=self.leave if self.growing else None):
            if isinstance(document, UnreadableLine):
                yield document
            else:
                yield from self._payload(document)

    def _in_lines(self, pieces: Iterator[bytes]) -> Iterator[BotEvent | UnreadableLine]:
        """The same of payloads that are whole lines; the last one may still be being written."""
        end = b""

        def watched() -> Iterator[bytes]:
            nonlocal end
            for piece in pieces:
                end = piece[-1:]
                yield piece

        fault, size = None, 0
        for document in _lines(watched()):
            if fault is not None:
                yield fault
                fault = None
            if isinstance(document, UnreadableLine):
                yield document
                continue
            payloads = payloads_in(document.data) or _forms(document.data) or _logged(document.data)
            if payloads is None:
                fault, size = UnreadableLine(line=document.line, reason="not JSON"), len(document.data)
            for payload in payloads or ():
                yield from self.events_in(payload)
        if fault is not None and self.growing and end not in {b"\n", b"\r"}:
            self.leave(size)
        elif fault is not None:
            yield fault

    def taken(self, payload: Any) -> Iterator[BotEvent | UnreadableLine]:
        """Yield the opens and clicks of a payload, as it was received or parsed."""
        is_body = isinstance(payload, bytes | bytearray | memoryview)
        return self.received(bytes(payload)) if is_body else self.events_in((payload,))

    def received(self, body: bytes) -> Iterator[BotEvent | UnreadableLine]:
        """Yield the opens and clicks in the body of a call, packed or not, or in what was a file of them."""
        form = _form(body) or _multipart(body)
        return self.events_in(form) if form else self.read(in_utf8(unpacked(iter((body,)))), None)

    def events_in(self, payload: Any) -> Iterator[BotEvent | UnreadableLine]:
        """Yield the opens and clicks of a payload."""
        for found in self.provider.found(payload):
            if (event := self._event(found)) is not None:
                yield event

    def _payload(self, document: EventLine) -> Iterator[BotEvent | UnreadableLine]:
        payloads = payloads_in(document.data)
        if payloads is None:
            yield UnreadableLine(line=document.line, reason="not JSON")
        for payload in payloads or ():
            yield from self.events_in(payload)

    def _event(self, found: Found) -> BotEvent | None:
        if isinstance(found, str):
            self.skipped[found] += 1
            return None
        return event_of(found, recipient_key=self.recipient_key, attributes=self.attributes)


def _are_paths(source: Sequence[object]) -> bool:
    return len(source) > 0 and all(isinstance(one, str | os.PathLike) for one in source)


def _is_in_lines(start: bytes) -> bool:
    """Whether most of the first lines are whole payloads."""
    lines = [line for line in start.split(b"\n")[:20] if line.strip()]
    if b"\n" in start and not start.endswith(b"\n"):
        lines = lines[:-1] or lines  # it may go on
    return 2 * sum(_is_json(line) or bool(_forms(line) or _logged(line)) for line in lines) > len(lines)


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(codec.loads(line), dict | list)
    except ValueError:
        return False


def _lines(data: Iterator[bytes]) -> Iterator[EventLine | UnreadableLine]:
    for first, lines in Blocks(data):
        for number, line in enumerate(lines, first):
            if line is None:
                yield too_long(number)
            elif line and not line.isspace():
                yield EventLine(data=line, line=number)


_FORM = re.compile(rb"[\w.%-]{1,64}=")


def _form(body: bytes) -> Mapping[str, str] | None:
    """The fields of a url-encoded form, as Mailgun's legacy webhooks post one."""
    if not _FORM.match(body):
        return None
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1_000))


def _forms(line: bytes) -> list[Mapping[str, str]] | None:
    """The form in a stored line; None if it is none of an event."""
    form = _form(line) if b"event=" in line else None
    return [form] if form else None


def _logged(line: bytes) -> list[Any] | None:
    """The JSON at the end of a line that has something in front, such as the time; None if there is none."""
    starts = sorted({line.find(start) for start in (b"{", b"[", b"[{")} - {-1, 0})
    for at in starts:
        if _is_json(line[at:]):
            return [codec.loads(line[at:])]
    return None


_PART_NAME = re.compile(rb'(?i:content-disposition): *form-data;[^\r\n]* name="([^"\r\n]*)"')


def _multipart(body: bytes) -> Mapping[str, str] | None:
    """The fields of a form in parts, as Mailgun posts one where a legacy webhook has files; these are left out."""
    boundary, end, _ = body.partition(b"\r\n")
    if not end or not boundary.startswith(b"--"):
        return None
    fields: dict[str, str] = {}
    for part in body.split(boundary):
        head, _, value = part.partition(b"\r\n\r\n")
        if (name := _PART_NAME.search(head)) and b"filename" not in head:
            fields[name[1].decode("utf-8", "replace")] = value.removesuffix(b"\r\n").decode("utf-8", "replace")
    return fields or None
