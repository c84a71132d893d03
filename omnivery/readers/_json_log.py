"""Logs of web servers and content delivery networks with one JSON object a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from attrs import define, frozen

from omnivery import codec
from omnivery.events.event import UnreadableLine
from omnivery.events.json_path import members_of, value_at
from omnivery.readers._json_repair import repaired
from omnivery.readers._request import Request, RequestReader
from omnivery.readers._times import unix_time
from omnivery.readers._w3c_log import plain_header


@frozen(kw_only=True)
class JsonLog:
    """Where a format's objects hold what: paths with dots, the first that is there counts."""

    described: str
    client: Sequence[str]
    forwarded: Sequence[str] = ()
    time: Sequence[str]
    url: Sequence[str]
    agent: Sequence[str]
    id: Sequence[str] = ()
    headers: str | None = None
    """What a line has that tells the client's headers: then one without a user agent means that none was sent."""
    no_agent: str = "no user agent: the server does not log it"
    """Why a line cannot be read that does not tell the user agent."""
    date: Sequence[str] = ()
    """The day, if the time is that of a day."""
    query: Sequence[str] = ()
    """What stands behind the URL's path, if the URL is in parts."""
    plain: Callable[[str], str] | None = None
    """Undoes how the values of headers are encoded."""

    @property
    def needed(self) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
        """Where an object of this format has what each of them has."""
        return self.client, self.time, self.url

    def fits(self, fields: Mapping[str, Any]) -> bool:
        """Whether an object is one of this format."""
        # In most objects none of these members is there, and to look along each path takes long.
        if fields.keys().isdisjoint(members_of(self.client)):
            return False
        # In the API's own names it is an event.
        if "ip" in fields and not _OF_EVENTS.isdisjoint(fields):
            return False
        return all(_first(fields, paths) is not None for paths in self.needed)


_OF_EVENTS = frozenset({"uas", "event_id"})


@define(eq=False, kw_only=True)
class JsonLogReader(RequestReader):
    """Reads one JSON object a line."""

    layout: JsonLog

    def count(self, sample: Sequence[bytes]) -> int:
        """Return how many lines are of the format. All formats in JSON look at the same objects."""
        objects = zip(sample, parsed_sample(tuple(sample)), strict=True)
        return sum(fields is not None and self.layout.fits(fields) and self.reads(line) for line, fields in objects)

    def request(self, line: bytes, number: int) -> Request | UnreadableLine:
        """Return the request of a line."""
        fields = parsed(line)
        if fields is None:
            return UnreadableLine(
                line=number, reason="not JSON" if _is_object(line) else f"not {self.layout.described}"
            )
        layout = self.layout
        client, time, url = (_first(fields, paths) for paths in layout.needed)
        if client is None or time is None or url is None:
            return UnreadableLine(line=number, reason=f"not {layout.described}")
        return Request(
            client=_text(client) or "",
            forwarded="" if self.forwarded is None else self._forwarded(fields),
            agent=self._agent(fields),
            ts=self._seconds(fields, time) if layout.date else unix_time(_bare(time)),
            url=self._url(fields, url) if layout.query else _url(_text(url)),
            id=_text(_first(fields, layout.id)),
        )

    def _agent(self, fields: Mapping[str, Any]) -> str | None:
        agent = _text(_first(fields, self.layout.agent))
        if agent is None and self.layout.headers and value_at(fields, self.layout.headers) is not None:
            return ""
        return self.layout.plain(agent) if agent and self.layout.plain else agent

    def _forwarded(self, fields: Mapping[str, Any]) -> str:
        text = _text(_first(fields, self.layout.forwarded)) or ""
        return self.layout.plain(text) if text and self.layout.plain else text

    def _seconds(self, fields: Mapping[str, Any], time: Any) -> int | None:
        day = _first(fields, self.layout.date)
        found = None if day is None else unix_time(f"{day}T{time}Z")
        return unix_time(time) if found is None else found

    def _url(self, fields: Mapping[str, Any], path: Any) -> str | None:
        found, query = _url(_text(path)), _text(_first(fields, self.layout.query))
        if found is None or found == "-":
            return None
        return found if not query or query == "-" or "?" in found else f"{found}?{query.removeprefix('?')}"


def parsed(line: bytes) -> Mapping[str, Any] | None:
    """The JSON object of a line; None if it is none."""
    found = codec.loads_or_none(line)
    if found is None and line.lstrip().startswith(b"{"):
        found = codec.loads_or_none(repaired(line))
    return found if isinstance(found, dict) else None


@lru_cache(maxsize=4)
def parsed_sample(sample: Sequence[bytes]) -> Sequence[Mapping[str, Any] | None]:
    """The JSON object of each line."""
    return [parsed(line) for line in sample]


def _is_object(line: bytes) -> bool:
    return line.lstrip().startswith(b"{")


def _first(fields: Mapping[str, Any], paths: Sequence[str]) -> Any:
    for path in paths:
        value = value_at(fields, path)
        # What is an object in one server's log is a text in another's.
        if value is not None and not isinstance(value, dict):
            return value
    return None


def _text(value: Any) -> str | None:
    """A value as text. A header that came more than once is a list."""
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return value if value is None or isinstance(value, str) else str(value)


def _bare(time: Any) -> Any:
    """A time without the brackets of Apache's `%t`."""
    return time[1:-1] if isinstance(time, str) and time[:1] == "[" and time[-1:] == "]" else time


def _url(text: str | None) -> str | None:
    """The URL as requested; of a request line, the URL in it."""
    if text is None:
        return None
    found = _REQUEST.fullmatch(text)
    return found[1] if found else text


_REQUEST = re.compile(r"[A-Za-z]+ ((?:\S+|/.*?)(?= HTTP/\d)|(?:/|https?://)\S*)(?: HTTP/\d(?:\.\d)?)?")

CLOUDFRONT = JsonLog(
    described="CloudFront's log",
    client=("c-ip",),
    forwarded=("x-forwarded-for",),
    time=("time", "timestamp", "timestamp(ms)"),
    date=("date",),
    url=("cs-uri-stem",),
    query=("cs-uri-query",),
    agent=("cs(User-Agent)",),
    id=("x-edge-request-id",),
    plain=plain_header,
    no_agent="no user agent: add the field cs(User-Agent) to the distribution's logging",
)
"""Standard logging v2 in JSON has the names of the columns of its text form, and so have IIS' logs that are forwarded.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
"""
CADDY = JsonLog(
    described="Caddy's access log",
    client=("request.remote_ip", "request.remote_addr"),
    forwarded=("request.headers.X-Forwarded-For", "request.client_ip"),
    time=("ts", "time"),
    url=("request.uri",),
    agent=("request.headers.User-Agent", "request.headers.user-agent"),
    headers="request.headers",
)
"""https://caddyserver.com/docs/logging"""
TRAEFIK = JsonLog(
    described="Traefik's access log",
    client=("ClientHost", "ClientAddr"),
    forwarded=("request_X-Forwarded-For", "request_X-Real-Ip"),
    time=("StartUTC", "StartLocal", "time"),
    url=("RequestPath",),
    agent=("request_User-Agent",),
    no_agent=("no user agent: Traefik logs it if accesslog.fields.headers.names.User-Agent is set to keep"),
)
"""https://doc.traefik.io/traefik/observability/access-logs/"""
LOGPUSH = JsonLog(
    described="Cloudflare's Logpush",
    client=("ClientIP",),
    time=("EdgeStartTimestamp", "EdgeEndTimestamp"),
    url=("ClientRequestURI", "ClientRequestPath"),
    agent=("ClientRequestUserAgent",),
    id=("RayID",),
    no_agent="no user agent: add the field ClientRequestUserAgent to the Logpush job",
)
"""https://developers.cloudflare.com/logs/logpush/logpush-job/datasets/zone/http_requests/"""
AKAMAI = JsonLog(
    described="Akamai's DataStream",
    client=("cliIP",),
    forwarded=("xForwardedFor",),
    time=("reqTimeSec",),
    url=("reqPath",),
    query=("queryStr",),
    agent=("UA",),
    plain=unquote_plus,
    no_agent="no user agent: add the field User-Agent to the stream",
)
"""https://techdocs.akamai.com/datastream2/docs/data-set-parameters"""
GOOGLE = JsonLog(
    described="a log of Google Cloud's load balancers",
    client=("httpRequest.remoteIp",),
    time=("timestamp", "receiveTimestamp"),
    url=("httpRequest.requestUrl",),
    agent=("httpRequest.userAgent",),
    headers="httpRequest",
    id=("insertId",),
)
"""An entry has no user agent where the client sent none.

https://docs.cloud.google.com/load-balancing/docs/https/https-logging-monitoring
"""
AWS_WAF = JsonLog(
    described="AWS WAF's log",
    client=("httpRequest.clientIp",),
    forwarded=("httpRequest.headers.X-Forwarded-For",),
    time=("timestamp",),
    url=("httpRequest.uri",),
    query=("httpRequest.args",),
    agent=("httpRequest.headers.User-Agent",),
    headers="httpRequest.headers",
)
"""`requestId` is a load balancer's trace, which the client may have chosen, so it is no event's id.

https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html
"""
AZURE = JsonLog(
    described="a log of Azure's Front Door or Application Gateway",
    client=("properties.clientIp", "properties.clientIP"),
    time=("time", "timeStamp"),
    url=("properties.originalRequestUriWithArgs", "properties.requestUri"),
    agent=("properties.userAgent",),
    id=("properties.trackingReference",),
)
"""https://learn.microsoft.com/azure/frontdoor/monitor-front-door-reference,
https://learn.microsoft.com/azure/application-gateway/monitor-application-gateway-reference
"""
NGINX = JsonLog(
    described="a web server's log in JSON",
    client=(
        *("remote_addr", "realip_remote_addr", "remote_ip", "client_ip", "clientip", "client"),
        *("remoteIP", "remoteIp", "remoteAddr", "clientIp", "clientIP", "remote_address", "ip_address"),
        *("downstream_remote_address", "req.remoteAddress", "client.ip", "source.ip", "proxy.clientIp", "remote", "ip"),
        *("sourceIp", "source_ip", "src_ip", "srcIp", "client_addr", "clientAddr", "remote_host", "identity.sourceIp"),
        *("client.address", "http.client_ip", "network.client.ip", "event.request.headers.cf-connecting-ip"),
    ),
    forwarded=(
        *("http_x_forwarded_for", "x_forwarded_for", "x-forwarded-for", "xff", "forwarded_for", "http_x_real_ip"),
        *("req.headers.x-forwarded-for", "request.headers.x-forwarded-for"),
    ),
    time=(
        *("time_iso8601", "time_local", "msec", "@timestamp", "timestamp", "time", "ts"),
        *("start_time", "started_at", "date", "requestTime", "requestTimeEpoch", "datetime", "event_time"),
        "eventTimestamp",
    ),
    url=(
        *("request_uri", "request", "uri", "url", "path"),
        *("request.uri", "req.url", "url.original", "url.path", "proxy.path", "x-envoy-origin-path"),
        *("request_path", "requestPath", "requested_uri", "requested_url", "requestUrl", "request_url", "resourcePath"),
        *("url.full", "http.url", "http.target", "event.request.url"),
    ),
    query=("args", "query_string", "query", "request_query", "url.query"),
    agent=(
        *("http_user_agent", "user_agent", "useragent", "agent", "request_user_agent", "user-agent", "userAgent"),
        *("user_agent.original", "req.headers.user-agent", "request.headers.user-agent", "proxy.userAgent"),
        *("clientUa", "http.user_agent", "http.useragent", "request_headers.user-agent", "headers.user-agent"),
        "event.request.headers.user-agent",
    ),
)
"""nginx has no JSON format of its own: these are its variables, and the names that examples give them; then those of
Envoy and Istio, Kong, Fastly, Vercel, pino-http, lograge, Fluent Bit and Elastic's common schema; of API Gateway in its
examples, Railway, logback-access, gunicorn, OpenTelemetry and Datadog; of `wrangler tail` for Cloudflare's Workers.

https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format
"""


LAYOUTS = (CLOUDFRONT, CADDY, TRAEFIK, LOGPUSH, AKAMAI, GOOGLE, AWS_WAF, AZURE, NGINX)


def is_json_log(fields: Mapping[str, Any]) -> bool:
    """Whether an object is a line of one of these logs."""
    return any(layout.fits(fields) for layout in LAYOUTS)
