"""What carries the lines of a log: syslog, the journal, containers and their collectors write their own around each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from attrs import frozen

from omnivery import codec
from omnivery.events.json_path import members_of, value_at
from omnivery.readers._lines import PART
from omnivery.readers._parts import PartJoiner, joiner_for


@frozen
class Carrier:
    """One way in which lines are carried."""

    name: str
    unwrap: Callable[[bytes], bytes | None]
    """Returns the line inside; None if it is not carried in this way."""


_ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
_COLOUR = rb"(?:\x1b\[[\d;]{0,16}m)*"
_TAG = rb"(?:[\w.:-]{0,254}[\w.-] )?[\w./-]{1,64}(?:\[[\w.-]{1,64}\])?: "
"""The host, which may be missing, and the program; Heroku has a process by its name there, `app[web.1]`."""
_PREFIXES: dict[str, bytes] = {
    # RFC 5424: <190>1 2026-05-17T10:05:03Z web1 nginx 812 - - …
    # RFC 6587 has the length of each before it. Heroku leaves the structured data out.
    "syslog (RFC 5424)": rb"(?:\d{1,7} )?<\d{1,3}>\d{1,2} \S{1,64} \S{1,255} \S{1,64} \S{1,128} \S{1,64} "
    rb"(?:(?:-|(?:\[[^\]]{1,2048}\])+)(?: \xef\xbb\xbf| ))?",
    # RFC 3164, and what syslog daemons write to files: May 17 10:05:03 web1 nginx[812]: …
    "syslog": rb"(?:(?:\d{1,7} )?<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d|" + _ISO + rb") " + _TAG,
    # fly logs: 2026-05-17T10:05:03Z app[148ed5] fra [info]…
    "Fly.io": _ISO + rb" \w{1,64}\[[\w-]{1,64}\] \w{2,8} \[\w{1,16}\] ?",
    # https://kubernetes.io/docs/concepts/cluster-administration/logging/; docker logs -t, docker compose logs
    "container": rb"(?:\[pod/[^\]\s]{1,255}\] |"
    + _COLOUR
    + rb"[\w.-]{1,128} *\|"
    + _COLOUR
    + rb" )(?:"
    + _ISO
    + rb" )?|"
    + _ISO
    + rb" (?:std(?:out|err) [FP](?::\S*)? )?",
}


def _prefixed(pattern: bytes) -> Callable[[bytes], bytes | None]:
    match = re.compile(pattern).match

    def unwrap(line: bytes) -> bytes | None:
        found = match(line)
        return line[found.end() :] if found else None

    return unwrap


_MEMBERS = (
    "log",
    "MESSAGE",
    "message",
    "textPayload",
    "jsonPayload",
    "@message",
    "line",
    "_raw",
    "_source",
    "result._raw",
    "attributes.message",
    "short_message",
    "LogMessage",
    "LogEntry",
)
"""Where Docker's json-file driver, the journal, collectors, the logs of clouds, Loki, Splunk, Elasticsearch, Datadog,
Graylog and Azure have the line."""


def in_member(line: bytes) -> bytes | None:
    """Return the line that an object carries; None if it is none, or carries none."""
    if not line.startswith(b"{"):
        return None
    try:
        fields: Any = codec.loads(line)
    except ValueError:
        return None
    # In most objects none of them is there, and to look along each path takes long.
    if not isinstance(fields, dict) or fields.keys().isdisjoint(members_of(_MEMBERS)):
        return None
    if "ip" in fields and "uas" in fields:
        return None  # an event in the API's names, whose own attribute this is
    found = [value for name in _MEMBERS if (value := value_at(fields, name)) is not None]
    # Shippers have `message` with the line, and an object `log` about its file.
    found.sort(key=lambda value: not isinstance(value, str))
    return next((inside for value in found if (inside := _line_in(value)) is not None), None)


def _line_in(value: Any) -> bytes | None:
    if isinstance(value, str):
        return value.rstrip("\r\n").encode("utf-8", "surrogatepass")
    if isinstance(value, dict):
        # A collector has parsed the line, which was JSON itself.
        return codec.dumps(value)
    try:
        # The journal writes a text with characters for terminals as the numbers of its bytes.
        return bytes(value).rstrip(b"\r\n") if isinstance(value, list) and value else None
    except (TypeError, ValueError):
        return None


def _in_quotes(line: bytes) -> bytes | None:
    """The line inside quotes, which it may have itself: LiteSpeed writes them as they stand in its configuration."""
    if not _QUOTED.match(line):
        return None
    inside = line[1:].rstrip()
    return inside.removesuffix(b'"') if inside.endswith(b'""') else inside


_QUOTED = re.compile(rb'"[^"\s]+ [^"]{1,512} \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "')
CARRIERS = (
    *(Carrier(name, _prefixed(pattern)) for name, pattern in _PREFIXES.items()),
    Carrier("JSON", in_member),
    Carrier("quotes", _in_quotes),
)


def carried(sample: Sequence[bytes]) -> tuple[Carrier, Sequence[bytes]] | None:
    """Return how most lines of a sample are carried, and the sample without; None if they are not."""
    return _carried(tuple(sample))


# Every format looks at the same sample.
@lru_cache(maxsize=4)
def _carried(sample: Sequence[bytes]) -> tuple[Carrier, Sequence[bytes]] | None:
    for carrier in CARRIERS:
        inside = [carrier.unwrap(line) for line in sample]
        if 2 * sum(line is not None for line in inside) > len(sample):
            whole = _without_parts(carrier, sample)
            return carrier, [carrier.unwrap(line) or line for line in whole]
    return None


def joiner_of(sample: Sequence[bytes]) -> PartJoiner | None:
    """Make what joins the parts of lines in no format that is known; None if what carries the sample splits none."""
    inside = carried(sample)
    return joiner_for(inside[0].name, sample, lambda _line: False) if inside else None


def _without_parts(carrier: Carrier, sample: Sequence[bytes]) -> Sequence[bytes]:
    joiner = joiner_for(carrier.name, sample, lambda _line: False)
    if joiner is None:
        return sample
    return [
        line for _, lines in joiner.joined([(1, sample)]) for line in lines if line is not None and line is not PART
    ]
