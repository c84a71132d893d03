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
from omnivery.readers._parts import JOURNAL_FIELD, Joiner, joiner_for


@frozen
class Carrier:
    """One way in which lines are carried."""

    name: str
    unwrap: Callable[[bytes], bytes | None]
    """Returns the line inside, empty if there is none; None if it is not carried in this way."""

    def around(self, inner: Carrier) -> Carrier:
        """Return the way in which this one carries what another one has written."""

        def unwrap(line: bytes) -> bytes | None:
            inside = self.unwrap(line)
            return (inner.unwrap(inside) or inside) if inside else inside

        return Carrier(self.name, unwrap)


_DAY = rb"\d{4}-\d\d-\d\d"
_CLOCK = rb"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_ISO = _DAY + rb"T" + _CLOCK + rb"(?:Z|[+-]\d\d:?\d\d)"
_STAMP = _DAY + rb"[T ]" + _CLOCK + rb"(?:Z| ?[+-]\d\d:?\d\d)?"
_COLOUR = rb"(?:\x1b\[[\d;]{0,16}m)*"
_TAG = rb"(?:[\w.:-]{0,254}[\w.-] )?[\w./-]{1,64}(?:\[[\w.-]{1,64}\])?: "
"""The host, which may be missing, and the program; Heroku has a process by its name there, `app[web.1]`."""
_NAME = rb"(?=\S*[g-zG-Z])"
"""Before a word that is no address. Of a line's two addresses, what stands in front must not be taken off."""
_FILE = rb"(?=[^:\s]*[g-zG-Z])[^\s:\"{\[|]{0,255}[./][^\s:\"{\[|]{0,255}:"
_PREFIXES: dict[str, bytes] = {
    # RFC 5424: <190>1 2026-05-17T10:05:03Z web1 nginx 812 - - …
    # RFC 6587 has the length of each before it. Heroku leaves the structured data out.
    "syslog (RFC 5424)": rb"(?:\d{1,7} )?<\d{1,3}>\d{1,2} \S{1,64} \S{1,255} \S{1,64} \S{1,128} \S{1,64} "
    rb"(?:(?:-|(?:\[[^\]]{1,2048}\])+)(?: \xef\xbb\xbf| ))?",
    # RFC 3164, and what syslog daemons write to files: May 17 10:05:03 web1 nginx[812]: …
    # journalctl also has, by its options: Sun 2026-05-17 10:05:03 UTC, 1779012303.123456, [12345.678901]
    "syslog": rb"(?:(?:\d{1,7} )?<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?"
    + _CLOCK
    + rb"|[A-Z][a-z]{2} "
    + _DAY
    + rb" "
    + _CLOCK
    + rb" [A-Z\d+-]{1,6}|\d{9,10}\.\d{6}|\[ *\d{1,9}\.\d{6}\]|"
    + _ISO
    + rb") "
    + _TAG,
    # fly logs: 2026-05-17T10:05:03Z app[148ed5] fra [info]…
    "Fly.io": _ISO + rb" \w{1,64}\[[\w-]{1,64}\] \w{2,8} \[\w{1,16}\] ?",
    # https://kubernetes.io/docs/concepts/cluster-administration/logging/; docker logs -t, docker compose logs
    "container": rb"(?:\[pod/[^\]\s]{1,255}\] |"
    + _COLOUR
    + rb"[\w.@-]{1,128} *\|"
    + _COLOUR
    + rb" )(?:"
    + _ISO
    + rb" )?|"
    + _ISO
    + rb" (?:std(?:out|err) [FP](?::\S*)? )?",
    # logcli, and Grafana's download of a panel: 2026-05-17T10:05:03Z {job="nginx"} …
    "Loki": _ISO + rb' \{(?:[^"}]|"(?:[^"\\]|\\.)*+")*+\} |\d{13}\t' + _ISO + rb"\t",
    # Fluentd's files have the time, the tag and JSON
    "Fluentd": _ISO + rb"\t[\w.-]{1,128}\t",
    # https://www.papertrail.com/help/permanent-log-archives/: ten columns, the last one with the message
    "Papertrail": rb"\d{1,20}\t" + _STAMP + rb"\t" + _STAMP + rb"\t\d{1,20}\t(?:[^\t]{0,255}\t){5}",
    # s6, runit, daemontools; aws logs tail --format short
    "time": rb"(?:@[\da-f]{24}|" + _DAY + rb"[T _]" + _CLOCK + rb"(?:Z|[+-]\d\d:?\d\d)?:?) +",
    # aws logs tail: 2026-05-17T10:05:03.123000+00:00 ecs/web/4f1c …
    "CloudWatch": _ISO + rb" " + _NAME + rb"[^\s\"{]{1,512} ",
    # stern has the pod and the container, so has kail, pm2 the process, foreman and overmind the time and the process
    "process": _COLOUR
    + _NAME
    + rb"[a-z\d][a-z\d.-]{0,252}"
    + _COLOUR
    + rb" "
    + _COLOUR
    + _NAME
    + rb"[a-z\d][a-z\d.-]{0,62}"
    + _COLOUR
    + rb" |"
    + _NAME
    + rb"[\w./-]{1,255}\[[\w.-]{1,64}\]: |\d{1,4}\|[\w .-]{1,64}\| (?:"
    + _DAY
    + rb"T"
    + _CLOCK
    + rb": )?|"
    + _COLOUR
    + _CLOCK
    + rb" [\w.-]{1,64} *\|"
    + _COLOUR
    + rb" ",
    # grep and zgrep have the file's name in front, by their options the line's number, too
    "grep": _FILE,
    "grep -n": rb"(?:" + _FILE + rb")?\d{1,9}:",
    # https://html.spec.whatwg.org/multipage/server-sent-events.html; journalctl -o json-sse
    "event stream": rb"data: ",
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
    "event.original",
    "event",
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


def _in_field(line: bytes) -> bytes | None:
    """The message in a field of the journal; nothing for its other fields."""
    found = JOURNAL_FIELD.match(line)
    return None if found is None else line[found.end() :] if found[1] == b"MESSAGE" else b""


def _in_fluent_bit(line: bytes) -> bytes | None:
    """The object in a line of Fluent Bit's files: `nginx: [1779012303.123456789, {…}]`."""
    found = _FLUENT_BIT.fullmatch(line)
    return found[1] if found else None


def _in_columns(line: bytes) -> bytes | None:
    """The message in columns of `aws logs get-log-events --output text`, or of `filter-log-events`."""
    found = _EVENTS.fullmatch(line)
    return found[1] if found else None


_FLUENT_BIT = re.compile(rb"[\w.-]{1,128}: \[\d{9,10}\.\d{1,9}, (\{.*\})\]\s*+", re.DOTALL)
# Between two times; an event that was searched for has its id in front, and behind the first time its stream.
_EVENTS = re.compile(rb"EVENTS\t(?:\d{20,64}\t\d{13}\t[^\t]{1,512}|\d{13})\t(.*)\t\d{13}\s*+", re.DOTALL)
CARRIERS = (
    *(Carrier(name, _prefixed(pattern)) for name, pattern in _PREFIXES.items()),
    Carrier("JSON", in_member),
    Carrier("quotes", _in_quotes),
    Carrier("fields", _in_field),
    Carrier("Fluent Bit", _in_fluent_bit),
    Carrier("columns", _in_columns),
)


def ways_of(sample: Sequence[bytes]) -> Sequence[tuple[Carrier, Sequence[bytes]]]:
    """Return each way in which most lines of a sample may be carried, and the sample without what carries it.

    One may carry what another has written: a collector the lines of a container, which are objects themselves.
    """
    return _ways_of(tuple(sample))


# Every format looks at the same sample.
@lru_cache(maxsize=4)
def _ways_of(sample: Sequence[bytes]) -> Sequence[tuple[Carrier, Sequence[bytes]]]:
    found: list[tuple[Carrier, Sequence[bytes]]] = []
    for outer in CARRIERS:
        if inside := _without(outer, sample):
            within = [(outer.around(inner), deeper) for inner in CARRIERS if (deeper := _without(inner, inside))]
            found += [(outer, inside), *within]
    return found


def _without(carrier: Carrier, sample: Sequence[bytes]) -> Sequence[bytes]:
    """A sample without what carries most of its lines; nothing if that does not carry them."""
    if 2 * sum(carrier.unwrap(line) is not None for line in sample) <= len(sample):
        return ()
    return [carrier.unwrap(line) or line for line in _without_parts(carrier, sample)]


def joiner_of(sample: Sequence[bytes]) -> Joiner | None:
    """Make what joins the parts of lines in no format that is known; None if what carries the sample splits none."""
    first = next(iter(ways_of(sample)), None)
    return joiner_for(first[0].name, sample, lambda _line: False) if first else None


def _without_parts(carrier: Carrier, sample: Sequence[bytes]) -> Sequence[bytes]:
    joiner = joiner_for(carrier.name, sample, lambda _line: False)
    if joiner is None:
        return sample
    return [
        line for _, lines in joiner.joined([(1, sample)]) for line in lines if line is not None and line is not PART
    ]
