"""Recognizing the format of a source by many of its lines, so that no single one decides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import define, frozen

from omnivery import codec
from omnivery.events.event import EventLine, UnreadableLine
from omnivery.readers._carrier import joiner_of
from omnivery.readers._choice import SAMPLE_LINES, Choice, Chosen
from omnivery.readers._format import ANY_OBJECT, Format, LineReader, Placed, Reader, ReadOptions, Sample
from omnivery.readers._joined_reader import JoinedReader
from omnivery.readers._lines import Block
from omnivery.readers._log_column import is_header_alone

_MOST = 0.5
_ENOUGH = 10
"""Lines that a format has to read, if it is most of them, before others need not be waited for."""


@frozen
class Recognition(Choice):
    """Chooses the format that reads most of the first lines."""

    formats: Sequence[Format]
    """The earlier one is taken where two read as much."""
    options: ReadOptions
    otherwise: Callable[[Sample, ReadOptions], Reader]
    """Makes what says of each line why it cannot be read, if no format reads any."""

    def choose(self, sample: Sample, *, final: bool) -> Chosen | None:
        """Return the reader of the format; None while that is not clear and more lines may come."""
        if not sample and not final:
            return None
        best, share = self._best(sample)
        if best is not None and share < 2 * ANY_OBJECT and self._is_foreign(best, sample):
            best = None  # later lines may be what is known
        if best is not None and (final or _is_clear(share, len(sample)) or self._is_one):
            return Chosen(best.reader(sample, self.options), best.name)
        if final and (is_header_alone(sample) or all(line.startswith(b"#") for line in sample)):
            return Chosen(Unrecognized(looks=looks_like(sample, self.options.columns), waits=True))
        return Chosen(self.otherwise(sample, self.options)) if final else None

    def again(self, sample: Sample, name: str | None) -> Chosen:
        """Return a reader of the format that it had; what was not recognized is looked at again."""
        known = next((one for one in self.formats if one.name == name), None)
        if known is not None:
            return Chosen(known.reader(sample, self.options), name)
        chosen, otherwise = super().again(sample, name), self.otherwise(sample, self.options)
        # Readers of lines and of objects count differently how far they have come: none can go on for the other.
        is_alike = isinstance(chosen.reader, LineReader) and not chosen.reader.headed
        is_alike = is_alike or not isinstance(otherwise, LineReader)
        return chosen if is_alike else Chosen(otherwise)

    def _is_foreign(self, best: Format, sample: Sample) -> bool:
        """Whether lines that anything may be are what a container has written, or objects that name no field."""
        return joiner_of(sample) is not None or (best.name == "ndjson" and not self._is_one)

    @property
    def _is_one(self) -> bool:
        return len({one.like or one.name for one in self.formats}) == 1

    def _best(self, sample: Sample) -> tuple[Format | None, float]:
        if not sample:
            return None, 0.0
        scored: list[tuple[float, Format]] = []
        for one in self.formats:
            share = one.sniff(sample, self.options)
            if share == 1.0:
                return one, share  # no later one can read more
            scored.append((share, one))
        most = max(share for share, _ in scored)
        if not most:
            return None, 0.0
        # Of those that read as much, the one that reads the first line.
        equal = [one for share, one in scored if share == most]
        return max(equal, key=lambda one: one.sniff(sample[:1], self.options)), most


def _is_clear(share: float, lines: int) -> bool:
    return share == 1.0 or lines >= SAMPLE_LINES or (share >= _MOST and share * lines >= _ENOUGH)


@define(eq=False, kw_only=True)
class Unrecognized(JoinedReader[EventLine]):
    """What reads a source of which no line can be read."""

    looks: str
    waits: bool = False
    """Whether more has to come before anybody knows what it is: it is left if it may grow."""

    def read(self, blocks: Iterable[Block]) -> Iterator[Placed[EventLine]]:
        """Yield why each line cannot be read."""
        if self.waits and self.growing:
            self.unfinished = sum(len(line or b"") + 1 for _, lines in blocks for line in lines)
            return
        yield from super().read(blocks)

    def item(self, line: bytes, number: int) -> UnreadableLine:  # noqa: ARG002  # none of them can be read
        """Return why the line cannot be read."""
        return UnreadableLine(line=number, reason=f"in no format that is known: {self.looks}")


def looks_like(sample: Sample, columns: Mapping[str, str] | None = None) -> str:
    """Say what lines look like that no format reads, in words that hold nothing of them; `columns` are the caller's."""
    start = b"\n".join(sample[:20])[:4096]
    if _DRAWN.match(start):
        return f"it looks like a table that a console has drawn, maybe without some of its rows: {_EXPORT}"
    if joiner_of(sample) is not None:
        return "it looks like what a container or the journal has written, with no request of a web server in it"
    if 2 * sum(map(_is_object, sample)) > len(sample):
        if all(codec.loads_or_none(line) is None for line in sample):
            return "it looks like objects, but not in JSON, where names and texts are in double quotes"
        return f"it looks like JSON objects whose members are {_none_of(columns)}"
    return next((words for pattern, words in _LOOKS if pattern.match(start)), _otherwise(sample, start, columns))


def _is_object(line: bytes) -> bool:
    text = line.strip()
    return text.startswith(b"{") and text.endswith(b"}")


_EXPORT = "export it as CSV"
_DRAWN = re.compile(
    rb"(?:shape: [^\n]*+\n)?\s*+(?:\xe2(?:\x94[\x80-\xbf]|\x95[\x80-\xb0])|-\[ RECORD \d+ \]|\*+ 1\. row \*)"
)
"""Of DuckDB, polars, psql and mysql, also with each column on a line of its own."""
_SQL = (
    rb"(?:\s++|--[^\n]*+|/\*[^\n]*+|\\[^\n]*+)*+"
    rb"(?:COPY|INSERT INTO|CREATE|DROP|SET|USE|PRAGMA|BEGIN TRANSACTION)\b[^\n]*(?:[;(,]|VALUES)[ \t]*+(?:\n|$)"
)
_PATTERN = "give its pattern, format='%h %t …', with a client and a user agent"
_LOOKS = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), words)
    for pattern, words in (
        (rb"\s*+\[\s*+[\[{\"]", "it looks like a JSON array, but not like one of objects"),
        (rb"\s*+\{\s*+(?:\n|$)", "it looks like a JSON object over several lines, where one a line is needed"),
        (rb"\s*+<(?:!doctype\s|html\b)", "it looks like a web page"),
        (rb"\s*+<\?xml\b", "it looks like XML"),
        (_SQL, f"it looks like SQL, as of a database's dump: {_EXPORT}"),
        (rb"version https://git-lfs\.", "it looks like a pointer of Git LFS to a file: fetch that with `git lfs pull`"),
        (
            rb"(?:---[ \t]*+\n)?(?:- )?[\w.-]++:(?: [^\n{]*+)?\n(?:[ \t]++|- )[\w.-]++:",
            "it looks like YAML, where JSON is needed",
        ),
        (rb"-----BEGIN ", "it looks like a key or a certificate"),
        (rb"From \S++ |(?:Received|Return-Path|Delivered-To): ", "it looks like mail"),
        (rb"(?:\w+ ?\w* )?\S* *(?:postfix|sendmail|exim|dovecot)\b", "it looks like the log of a mail server"),
        (
            rb"(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#\d+: |\[\w{3} \w{3} [\d :.]+\] \[(?:\w+:)?\w+\] )",
            "it looks like a web server's error log, which has no user agents: leave it out, and read the access log",
        ),
        (
            rb"[^\n]{0,64}heroku\[router\]",
            "it looks like Heroku's router, which logs no user agent: read the app's log",
        ),
        (
            rb"[^\n]{10,40}\t(?:\x1b\[\d+m)?\w+(?:\x1b\[\d+m)?\thttp\.log\.access",
            "it looks like Caddy's log for a console: let Caddy write it with `format json`",
        ),
        (
            rb'\[\d{4}-\d\d-\d\dT[\d:.]+Z\] "[^"\n]*" \d+ ',
            f"it looks like Envoy's or Istio's log: let it write JSON, or {_PATTERN}",
        ),
    )
)


def _none_of(columns: Mapping[str, str] | None) -> str:
    if columns:
        return "none of ip, uas and event_id, and none of those that `columns` names"
    return 'none of ip, uas and event_id: say which is which, columns={"client_ip": "ip"}'


def _otherwise(sample: Sample, start: bytes, columns: Mapping[str, str] | None) -> str:
    if not sample:
        return "no line of it is shorter than 1,000,000 bytes"
    if words := _no_text(start):
        return words
    if _METHOD.search(sample[0]):
        silent = "" if any(map(_AGENT.search, sample)) else f". {_NO_AGENT}"
        return f"it looks like requests of a web server in a format that is not known: {_PATTERN}{silent}"
    plain = [_IN_QUOTES.sub(b"", line) for line in sample[:20]]
    # Signs in the cells, such as the semicolons of a user agent, may be as many in each row, too, but are fewer.
    counts = {name: {one.count(sign) for one in plain} for sign, name in _DELIMITERS}
    steady = {name: count for name, (count, *others) in counts.items() if count and not others}
    if steady:
        name = max(steady, key=steady.__getitem__)
        if _ADDRESS.search(sample[0]):
            return f"it looks like a table with {name} without a row that names its columns: put one in front"
        return f"it looks like a table with {name}, whose first row names {_none_of(columns)}"
    return "it looks like text"


def _no_text(start: bytes) -> str | None:
    """What data look like that are no text, or none in UTF-8."""
    most = len(start) * 9
    if start.count(b"\0") * 10 > len(start) or len(start.translate(None, _CONTROL)) * 10 < most:
        return "it looks like binary data"
    is_utf8 = len(start.decode(errors="ignore").encode()) * 10 >= most
    return None if is_utf8 else "it looks like binary data, or text that is not in UTF-8"


_DELIMITERS = ((b",", "commas"), (b"\t", "tabs"), (b";", "semicolons"), (b"|", "bars"))
_AGENT = re.compile(rb"Mozilla/|[Bb]ot\b|[Ss]pider|curl/|python-|okhttp|[Hh]ttp-client|Outlook|Thunderbird|Mail/")
_NO_AGENT = "No user agent shows in its first lines: each event needs one, so let the server log it"
_ADDRESS = re.compile(rb"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_METHOD = re.compile(rb"\b(?:GET|HEAD|POST)\b")
_IN_QUOTES = re.compile(rb'"[^"]*+"')
_CONTROL = bytes(code for code in range(32) if code not in b"\t\n\r\f\x1b")
