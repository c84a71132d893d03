"""The registry: every format that is recognized by its content and has a name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from omnivery.events.event import BotEvent
from omnivery.readers._carried_events import carried_reader, carried_share
from omnivery.readers._carrier import joiner_of
from omnivery.readers._columns import KEYS, names_event
from omnivery.readers._csv import CsvReader
from omnivery.readers._csv_header import csv_share
from omnivery.readers._detection import Unrecognized, looks_like
from omnivery.readers._format import ANY_OBJECT, Format, Reader, ReadOptions, Sample
from omnivery.readers._json import event_test, json_reader, json_share
from omnivery.readers._json_log import is_json_log, parsed_sample
from omnivery.readers._log_documents import objects_of
from omnivery.readers._log_formats import LOG_FORMATS, forms_of, log_formats, log_reader
from omnivery.readers._ndjson import ndjson_reader
from omnivery.readers._parquet import MAGIC, ParquetReader
from omnivery.readers._provider_formats import PROVIDER_FORMATS
from omnivery.readers._request import RequestReader


def _ndjson_share(sample: Sample, options: ReadOptions) -> float:
    names = {path.rpartition(".")[2] for path in options.columns or ()} | KEYS
    quoted = [b'"%b"' % name.encode() for name in names]
    objects = zip(sample, parsed_sample(tuple(sample)), strict=True)
    return sum(_event_share(line, fields, quoted, options) for line, fields in objects) / len(sample)


def _json_share(sample: Sample, options: ReadOptions) -> float:
    share = json_share(sample, options.columns)
    objects = objects_of(sample, event_test(options.columns)) if share else ()
    # A first object that is not over yet may turn out to be anything.
    return _ndjson_share(objects, options) if objects else share * ANY_OBJECT


def _event_share(line: bytes, fields: Mapping[str, Any] | None, names: Sequence[bytes], options: ReadOptions) -> float:
    # A line of a log in JSON is no event in the API's names, though it is an object.
    if not line.lstrip().startswith(b"{") or (not options.columns and fields is not None and is_json_log(fields)):
        return 0.0
    # Anything may be an object: what carries the lines of a log, for instance.
    if fields is not None and not options.columns:
        return 1.0 if names_event(fields) else ANY_OBJECT
    return 1.0 if any(name in line for name in names) else ANY_OBJECT


def _parquet_share(sample: Sample, _options: ReadOptions) -> float:
    return float(sample[0].startswith(MAGIC))


def _csv_share(sample: Sample, options: ReadOptions) -> float:
    # Any client of a server writes into its log: a line of a log is one, whatever its user agent contains.
    if isinstance(log_reader("combined", sample[:1], ReadOptions()).item(sample[0], 1), BotEvent):
        return 0.0
    return csv_share(sample, options.columns)


FORMATS: tuple[Format, ...] = (
    Format(
        name="parquet", sniff=_parquet_share, reader=lambda _sample, options: ParquetReader(columns=options.columns)
    ),
    Format(name="csv", sniff=_csv_share, reader=lambda _sample, options: CsvReader(columns=options.columns)),
    *PROVIDER_FORMATS,
    *forms_of(LOG_FORMATS),
    Format(name="carried ndjson", sniff=carried_share, reader=carried_reader, like="ndjson"),
    Format(name="json", sniff=_json_share, reader=lambda _sample, options: json_reader(options.columns)),
    Format(name="ndjson", sniff=_ndjson_share, reader=lambda sample, options: ndjson_reader(options.columns, sample)),
)
"""In the order in which they are preferred where a sample fits several alike. A sample is never empty."""


def formats_named(name: str) -> Sequence[Format]:
    """Return the formats that a name stands for, or a pattern in the notation of Apache's or nginx's logs.

    Raises:
        ConfigError: there is no such format.
    """
    logs = {one.name for one in LOG_FORMATS}
    others = [one for one in FORMATS if one.name not in logs and one.like not in logs]
    found = [one for one in others if isinstance(name, str) and name.lower() == (one.like or one.name)]
    return found or forms_of(log_formats(name, others=[one.name for one in others if not one.like]))


def nearest(sample: Sample, options: ReadOptions) -> Reader:
    """Make what says of each line why it cannot be read, where no format reads any of the first ones."""
    combined = log_reader("combined", sample, options) if any(map(_STAMP.search, sample)) else None
    # One of its own that has no user agent, or was cut off, says so; what is another server's is looked at here.
    if combined is not None and any(_is_near(combined, line) for line in sample):
        return combined
    return Unrecognized(looks=looks_like(sample, options.columns), parts=joiner_of(sample))


def _is_near(reader: RequestReader, line: bytes) -> bool:
    found = reader.item(line, 1)
    return isinstance(found, BotEvent) or (found is not None and not found.reason.startswith("not in "))


_STAMP = re.compile(rb"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d ")
