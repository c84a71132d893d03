"""Web-server logs: every request is a click."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers._client_ip import ClientIp
from omnivery.readers._file_events import file_events, items_of
from omnivery.readers._format import ReadOptions
from omnivery.readers._lines import Block, blocks
from omnivery.readers._log_formats import log_reader
from omnivery.readers._opening import FileSource


def access_log(
    source: FileSource,
    *,
    format: str | None = None,  # noqa: A002  # what it is
    client_ip: ClientIp | None = None,
    trusted_proxies: Sequence[str] = (),
) -> Iterator[BotEvent | UnreadableLine]:
    r"""Read events from a web server's log: Apache, nginx, Caddy, Traefik, IIS, CloudFront, ALB, Cloudflare Logpush.

    Each request becomes a click with `ip`, `uas`, `ts`, `event_id` and, as own attributes, `url` (as requested; left
    out where the request line is malformed) and `line` (the line's number). What else a line has is not read. The
    servers' escapes (`\"`, `\\`, `\n`, `\xhh`) are undone; bytes that are not UTF-8 stay readable as `\xhh`. A client
    that sent no user agent has `-`. Ports, zones and brackets around an address are removed, and so is what syslog,
    the journal or a container runtime writes in front of a line.

    The `event_id` is derived from address, user agent, time, URL and line number, so reading the log again yields
    the same ids. The line number tells equal lines apart, which are different interactions: that needs no memory of
    what was read before, and the ids stay when the log grows, is renamed or compressed. Ids do change when lines
    before an event are removed: submit a log as the server wrote it. Logs of CloudFront and Cloudflare have an id for
    each request, which is taken.

    Blank lines, comments and directives are skipped, and count in the line numbers. Every other line that holds no
    event comes out as an `UnreadableLine`.

    Args:
        source: a path, `"-"` for standard input, or a file open in binary mode, which stays open. Gzip is recognized
            by its first bytes.
        format: a name, such as `combined`, `main` or `cloudfront` (docs/readers.md lists them), or a pattern in the
            notation of Apache's `LogFormat` or nginx's `log_format`: `'%h %l %u %t "%r" %>s "%{User-Agent}i"'`. The
            format that reads most of the first lines, if left out.
        client_ip: `"peer"` for the address at the connection's other end; `"forwarded"` for the client that proxies
            name in `X-Forwarded-For`, `Forwarded` or the like. The peer's, if left out, with a `LogWarning` if the
            addresses look like those of a proxy.
        trusted_proxies: with `"forwarded"`, addresses and networks of your proxies. The client is the last forwarded
            address that is none of theirs, and what an unknown peer forwards is not believed. If left out, the peer is
            believed, and private addresses are proxies.

    Raises:
        ConfigError: the source is neither a path nor a file in binary mode; there is no such format; the pattern
            lacks the client or the user agent; or the format has no forwarded client.
        OSError: it cannot be opened; or, while iterating, it cannot be read. `gzip.BadGzipFile` where compressed
            data is damaged or cut off; every whole line before that place has come out by then.

    Source: https://httpd.apache.org/docs/current/mod/mod_log_config.html#formats
    """
    options = ReadOptions(client_ip=client_ip, trusted_proxies=trusted_proxies)
    log_reader(format, (), options)  # what is wrong with the arguments is told at the call
    return file_events(source, lambda first: log_reader(format, [first], options)) or _detected(
        blocks(source), format, options
    )


def _detected(
    all_blocks: Iterator[Block], name: str | None, options: ReadOptions
) -> Iterator[BotEvent | UnreadableLine]:
    seen: list[Block] = []
    for block in all_blocks:
        seen.append(block)
        if any(line and not line.isspace() for line in block[1]):
            break
    sample = [line for _, lines in seen for line in lines if line and not line.isspace()]
    yield from items_of(log_reader(name, sample[:200], options), chain(seen, all_blocks))
