"""The events of the benchmarks as files of each format that is read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from benchmarks.events import Event

Encoder: TypeAlias = Callable[[Iterable[Event]], Iterator[bytes]]


def write(path: Path, lines: Iterable[bytes]) -> Path:
    """Write a file of lines."""
    with path.open("wb") as file:
        file.writelines(line + b"\n" for line in lines)
    return path


def log_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The clicks as a web server logs them in combined format."""
    for event in events:
        request = f'"GET {_url(event)} HTTP/1.1" 302 0 "https://mail.example/" "{event["uas"]}"'
        yield f"{event['ip']} - - [{_moment(event):%d/%b/%Y:%H:%M:%S +0000}] {request}".encode()


def _url(event: Event) -> str:
    return f"/c/{event['campaign']}/{event['recipient_id']}"


def _moment(event: Event) -> datetime:
    return datetime.fromtimestamp(event["ts"], UTC)


def vhost_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The same with the virtual host and its port in front."""
    return (b"mail.example:443 " + line for line in log_lines(events))


def main_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The same behind a proxy, in nginx's format `main`."""
    for event in events:
        (line,) = log_lines([event])
        _, _, rest = line.partition(b" ")
        yield b'10.0.0.1 %b "%b"' % (rest, event["ip"].encode())


def alb_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The same as a load balancer of AWS logs them."""
    for event in events:
        times = "0.086 0.048 0.037 302 302 0 57"
        request = f'"GET https://mail.example:443{_url(event)} HTTP/1.1" "{event["uas"]}" ECDHE-RSA TLSv1.3 arn:aws:x'
        place = f"app/my-lb/50dc6c495c0c9188 {event['ip']}:2817 10.0.0.1:80"
        yield f"https {_moment(event):%Y-%m-%dT%H:%M:%S.000000Z} {place} {times} {request}".encode()


def cloudfront_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The same as CloudFront logs them."""
    yield b"#Version: 1.0"
    yield b"#Fields: date time x-edge-location c-ip cs-method cs-uri-stem sc-status cs(User-Agent) x-edge-request-id"
    for event in events:
        agent = event["uas"].replace(" ", "%20")
        cells = (event["ip"], "GET", _url(event), "302", agent, event["event_id"])
        yield "\t".join((f"{_moment(event):%Y-%m-%d\t%H:%M:%S}", "FRA56-P1", *cells)).encode()


def iis_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The same as IIS logs them."""
    yield b"#Software: Microsoft Internet Information Services 10.0"
    yield b"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip cs(User-Agent) sc-status time-taken"
    for event in events:
        agent = event["uas"].replace(" ", "+")
        cells = ("10.0.0.4", "GET", _url(event), "-", "443", event["ip"], agent, "302", "15")
        yield " ".join((f"{_moment(event):%Y-%m-%d %H:%M:%S}", *cells)).encode()


def caddy_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The same as Caddy logs them."""
    for event in events:
        request = {
            "remote_ip": event["ip"],
            "remote_port": "55220",
            "proto": "HTTP/2.0",
            "method": "GET",
            "host": "mail.example",
            "uri": _url(event),
            "headers": {"User-Agent": [event["uas"]], "Accept": ["*/*"]},
        }
        yield orjson.dumps({"level": "info", "ts": event["ts"] + 0.5, "request": request, "status": 302, "size": 0})


def _json_lines(make: Callable[[Event], dict[str, Any]]) -> Encoder:
    return lambda events: map(orjson.dumps, map(make, events))


traefik_lines = _json_lines(
    lambda event: {
        "ClientAddr": f"{event['ip']}:55220",
        "ClientHost": event["ip"],
        "DownstreamStatus": 302,
        "RequestMethod": "GET",
        "RequestPath": _url(event),
        "StartUTC": f"{_moment(event):%Y-%m-%dT%H:%M:%SZ}",
        "request_User-Agent": event["uas"],
    }
)
"""The same as Traefik logs them."""
logpush_lines = _json_lines(
    lambda event: {
        "ClientIP": event["ip"],
        "ClientRequestMethod": "GET",
        "ClientRequestURI": _url(event),
        "ClientRequestUserAgent": event["uas"],
        "EdgeResponseStatus": 302,
        "EdgeStartTimestamp": f"{_moment(event):%Y-%m-%dT%H:%M:%SZ}",
        "RayID": event["event_id"][:16],
    }
)
"""The same as Cloudflare's Logpush delivers them."""
nginx_json_lines = _json_lines(
    lambda event: {
        "time_iso8601": f"{_moment(event):%Y-%m-%dT%H:%M:%S+00:00}",
        "remote_addr": event["ip"],
        "request": f"GET {_url(event)} HTTP/1.1",
        "status": "302",
        "http_user_agent": event["uas"],
    }
)
"""The same as nginx is often told to log them."""
sendgrid_lines = _json_lines(
    lambda event: {
        "event": event["action"],
        "ip": event["ip"],
        "useragent": event["uas"],
        "timestamp": event["ts"],
        "sg_event_id": event["event_id"],
        "sg_message_id": event["message_id"],
        "email": f"reader@{event['domain']}",
    }
)
"""The same as SendGrid's webhook brings them, one a line."""


def ndjson_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The events as NDJSON."""
    return map(orjson.dumps, events)


def array_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The events as one array, one a line."""
    opening = b"["
    for event in events:
        yield opening + orjson.dumps(event)
        opening = b","
    yield b"]"


def csv_lines(events: Iterable[Event]) -> Iterator[bytes]:
    """The events as CSV."""
    for number, event in enumerate(events):
        for row in (event, event.values()) if number == 0 else (event.values(),):
            text = StringIO()
            csv.writer(text, lineterminator="").writerow(row)
            yield text.getvalue().encode()


def csv_lines_without_ids(events: Iterable[Event]) -> Iterator[bytes]:
    """The events as CSV without the column of their ids."""
    return csv_lines({name: value for name, value in event.items() if name != "event_id"} for event in events)
