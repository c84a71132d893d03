"""Reading events from any file: the format is recognized, or named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from omnivery.errors import ConfigError
from omnivery.events.event_list import EventList
from omnivery.readers._client_ip import ClientIp, checked_client_ip, trusted_networks
from omnivery.readers._columns import own_columns
from omnivery.readers._detection import Recognition
from omnivery.readers._file_events import FileEvents, file_events
from omnivery.readers._file_source import FileSources
from omnivery.readers._format import ReadOptions
from omnivery.readers._formats import FORMATS, formats_named, nearest
from omnivery.readers._ndjson import ndjson_reader
from omnivery.transport.config import checked


def read(
    source: FileSources,
    *,
    format: str | None = None,  # noqa: A002  # what it is
    columns: Mapping[str, str] | None = None,
    client_ip: ClientIp | None = None,
    trusted_proxies: Sequence[str] = (),
    follow: bool = False,
    complete: bool = False,
) -> FileEvents[Any]:
    """Read events from files of any format that is known.

    The format of each file is recognized by its first lines, and not by its name: the one that reads most of them is
    taken. A file of which no line can be read comes out as an `UnreadableLine` for each, whose reason says what the
    file looks like.

    A file may be packed by gzip, bzip2, xz or zstd (`pip install 'omnivery[zstd]'`), once or several times over, and in
    UTF-8, UTF-16 or UTF-32. Lines end with a line feed, with or without a carriage return, or with a carriage return.

    In a run with a journal, a file is recognized by its content: it may have grown, and been renamed or packed
    meanwhile. If another one lies under its name now, as after a log was rotated, the rest of the first is read from
    where it lies beside it, then those that were rotated since, and then the new one. A last line without an ending is
    left for the next run, because it may still be being written, unless the file is packed, rotated or a pipe; so is
    an object of JSON that has not come to its end.

    Args:
        source: a path; a folder, with the folders in it; a pattern such as `"logs/*.gz"`; `"-"` for standard input; a
            file open in binary mode, which stays open; a file of fsspec (`fsspec.open("s3://…")`); or several of these.
            Files whose names begin with a dot are left out of folders.
        format: its name, if it is not to be recognized: `ndjson`, `csv`, `parquet`, what `access_log()` takes, or a
            provider of `events()` but `omnivery`, which is `mailgun` here.
        columns: the source's names of columns to an event's fields, where they differ: `{"client_ip": "ip"}`.
        client_ip: whose address an event gets, as in `access_log()`.
        trusted_proxies: addresses and networks of your proxies, as in `access_log()`.
        follow: whether to go on with what is written to the file later, as `tail -F` does: through rotation,
            truncation, and a link that leads elsewhere. In a run, items wait a second for others to fill a batch with.
        complete: whether a last line without an ending is an event though the file may still grow.

    Raises:
        ConfigError: it is no source, or there is no such format; while iterating: a file's columns are none of an
            event's, for instance.
        OSError: a file that was named does not exist or cannot be opened; while iterating: it cannot be read.
        SourceError: while iterating: packed data is damaged or cut off, or is of a kind that has to be unpacked first;
            every whole line before that place has come out by then. Of several files, one that cannot be read does not
            keep the others from being read: the error comes at the end.
    """
    # What is wrong with these is told at the call, whatever the files turn out to be.
    options = ReadOptions(
        columns=own_columns(columns), client_ip=checked_client_ip(client_ip), trusted_proxies=trusted_proxies
    )
    ndjson_reader(options.columns)
    trusted_networks(options.trusted_proxies)
    if format is None:
        choice = Recognition(FORMATS, options, nearest)
    else:
        named = formats_named(format)
        plain = next(one for one in named if not one.like)
        choice = Recognition(named, options, plain.reader)
    return file_events(source, choice, follow=follow, complete=complete)


def load(source: FileSources, *, limit: int | None = None, **options: Any) -> EventList:
    """Read everything to a list, as `read()` does: to look at it, or to submit part of it.

    Args:
        source: as in `read()`.
        limit: the most items to read; all of them if left out.
        options: as in `read()`.

    Raises:
        ConfigError: as `read()`, but at once; or the limit is negative.
        OSError: as `read()`.
    """
    checked(limit, int | None, argument="limit", expected="a number of items")
    if limit is not None and limit < 0:
        raise ConfigError("limit: it must not be negative")
    return EventList(islice(read(source, **options), limit))
