"""Web-server logs: every request is a click."""

from __future__ import annotations

from collections.abc import Sequence

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers._client_ip import ClientIp
from omnivery.readers._detection import Recognition
from omnivery.readers._file_events import FileEvents, file_events
from omnivery.readers._file_source import FileSources
from omnivery.readers._format import ReadOptions
from omnivery.readers._log_formats import forms_of, log_formats, log_reader


def access_log(
    source: FileSources,
    *,
    format: str | None = None,  # noqa: A002  # what it is
    client_ip: ClientIp | None = None,
    trusted_proxies: Sequence[str] = (),
) -> FileEvents[BotEvent | UnreadableLine]:
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
        source: as in `read()`.
        format: a name, such as `combined`, `main` or `cloudfront` (docs/readers.md lists them), or a pattern in the
            notation of Apache's `LogFormat` or nginx's `log_format`, or the whole line that begins with one of these:
            `'%h %l %u %t "%r" %>s "%{User-Agent}i"'`. The format that reads most of the first lines, if left out.
        client_ip: `"peer"` for the address at the connection's other end; `"forwarded"` for the client that proxies
            name in `X-Forwarded-For`, `Forwarded` or the like. The peer's, if left out, with a `LogWarning` if the
            addresses look like those of a proxy.
        trusted_proxies: with `"forwarded"`, addresses and networks of your proxies. The client is the last forwarded
            address that is none of theirs, and what an unknown peer forwards is not believed. If left out, the peer is
            believed, and private addresses are proxies.

    Raises:
        ConfigError: it is no source; there is no such format; the pattern lacks the client or the user agent; or the
            format has no forwarded client.
        OSError, SourceError: as `read()`.

    Source: https://httpd.apache.org/docs/current/mod/mod_log_config.html#formats
    """
    options = ReadOptions(client_ip=client_ip, trusted_proxies=trusted_proxies)
    log_reader(format, (), options)  # what is wrong with the arguments is told at the call
    formats = log_formats(format)
    otherwise = formats[-1 if format is None else 0]
    return file_events(source, Recognition(forms_of(formats), options, otherwise.reader))
