"""Files of providers' webhook payloads as formats that are recognized: how each is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omnivery import codec
from omnivery.readers._events import ProviderReader
from omnivery.readers._format import Format, ReadOptions, Sample
from omnivery.readers._json import is_laid_out
from omnivery.readers._log_documents import objects_of
from omnivery.readers._payload_envelopes import opened
from omnivery.readers._providers import PROVIDERS

_MARKS: Mapping[str, Sequence[str]] = {
    "mailgun": ("event-data", "client-info"),
    "postmark": ("RecordType",),
    "resend": ("email_id",),
    "sendgrid": ("sg_event_id", "sg_message_id"),
    "ses": ("eventType", "notificationType"),
    "sparkpost": ("msys", "rcpt_meta"),
}
"""Members that only the payloads of a provider have, or the events in them."""


def _share_of(name: str) -> Callable[[Sample, ReadOptions], float]:
    provider, marks = PROVIDERS[name], frozenset(_MARKS[name])
    quoted = re.compile("|".join(_MARKS[name]).encode())

    def is_told(payload: Any) -> bool:
        objects = [payload, *provider.events(payload)]
        if name == "resend":
            objects += [one.get("data") for one in objects if isinstance(one, Mapping)]
        members = frozenset[str]().union(*(one for one in objects if isinstance(one, Mapping)))
        # In the API's own names, it is an event that has such a member among its attributes.
        return not marks.isdisjoint(members) and "uas" not in members

    def is_payload(data: bytes) -> bool:
        if quoted.search(data) is None:
            return False  # as in nearly all files
        try:
            found = [is_told(one) for one in opened(codec.loads(data), provider.own)]
        except ValueError:
            return False
        return 2 * sum(found) > len(found)

    def share(sample: Sample, options: ReadOptions) -> float:
        # Who says which member is which has objects in mind.
        if options.columns or not any(map(quoted.search, sample)):
            return 0.0
        # Of what clients have sent to a server, none may tell how the others are read.
        found = objects_of(sample, is_payload) if is_laid_out(sample) else sample
        return sum(map(is_payload, found)) / len(found) if found else 0.0

    return share


def _format(name: str) -> Format:
    provider = PROVIDERS[name]
    return Format(name=name, sniff=_share_of(name), reader=lambda _sample, _options: ProviderReader(provider, None, ()))


PROVIDER_FORMATS: Sequence[Format] = [_format(name) for name in _MARKS]
