"""The table of web servers' log formats: their names, how each is recognized, and what reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from omnivery.errors import ConfigError
from omnivery.readers import _json_log
from omnivery.readers._format import Format, ReadOptions, Sample
from omnivery.readers._haproxy_log import HaproxyLogReader
from omnivery.readers._json_log import JsonLog, JsonLogReader
from omnivery.readers._log_format import LogFormat, Maker
from omnivery.readers._log_notation import Role
from omnivery.readers._log_pattern import LogPattern
from omnivery.readers._request import RequestReader
from omnivery.readers._text_log import TextLogReader, decoded
from omnivery.readers._w3c_columns import layout_of
from omnivery.readers._w3c_log import W3CLogReader, columns_in
from omnivery.transport.config import checked


@cache
def _compiled(text: str, described: str) -> LogPattern:
    return LogPattern(text, described)


def _text(text: str, described: str, otherwise: str | None = None) -> Maker:
    def make() -> TextLogReader:
        other = None if otherwise is None else _compiled(otherwise, described)
        return TextLogReader(pattern=_compiled(text, described), otherwise=other)

    return make


def _json(layout: JsonLog) -> Maker:
    return lambda: JsonLogReader(layout=layout, no_agent=layout.no_agent)


_REST = '%u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'
_COMBINED = f"%h %l {_REST}"
_FORWARDING = f'{_COMBINED} "%{{X-Forwarded-For}}i"'
_BALANCER = (
    "%{iso8601}t %{balancer}x %{client:port}x %{target}x %{request_time}x %{target_time}x %{response_time}x %s "
    '%{target_status}x %B %O "%r" "%{User-Agent}i"'
)
_S3 = (
    "%{owner}x %{bucket}x %t %a %{requester}x %{request_id}x %{operation}x %{key}x "
    '"%r" %s %{error}x %B %B %{total_time}x %{turn_around_time}x "%{Referer}i" "%{User-Agent}i"'
)
_ISTIO = (
    '%t "%r" %s %{flags}x %{details}x %{termination}x "%{failure}x" %{received}x %B %{duration}x %{upstream_time}x '
    '"%{X-Forwarded-For}i" "%{User-Agent}i" "%{request_id}x" "%{authority}x" "%{upstream}x" %{cluster}x '
    "%{upstream_local}x %{downstream_local}x %{client:port}x"
)
_ENVOY = (
    '%t "%r" %s %{flags}x %{received}x %B %{duration}x %{upstream_time}x "%{X-Forwarded-For}i" '
    '"%{User-Agent}i" "%{request_id}x" "%{authority}x" "%{upstream}x"'
)


_PROXY_MANAGER = (
    '%t %{cache}x %{upstream_status}x %s - %m %{scheme}x %{host_header}x "%U" [Client %a] [Length %B] [Gzip %{ratio}x] '
    '[Sent-to %{upstream}x] "%{User-Agent}i" "%{Referer}i"'
)
_BUNNY = "%{cache}x|%s|%{msec}t|%B|%{zone}x|%a|%{Referer}i|%U|%{location}x|%{User-Agent}i|%{request_id}x|%{country}x"


def _vhost_combined(host: str) -> LogFormat:
    plain, described = f"{host} {_COMBINED}", "combined log format"
    return LogFormat(
        name="vhost_combined",
        make=_text(plain, described, _COMBINED),
        forwarding=_text(f"{host} {_FORWARDING}", described, plain),
    )


def _has(mark: bytes, layout: str = "") -> Callable[[bytes], bool]:
    """Return what says whether a line has a mark, or columns of a layout in which none needs to name them."""

    def marked(line: bytes) -> bool:
        return mark in line or (
            bool(layout) and (found := layout_of(decoded(line))) is not None and found.name == layout
        )

    return marked


_BEFORE_S3 = "A proxy stands before the bucket, and its log does not tell the client: read the proxy's own log"
_PATTERN = "Log X-Forwarded-For, give your pattern as the format and say client_ip='forwarded'"
_BEFORE_BALANCER = "Another proxy stands before the load balancer, and its logs do not tell the client"

LOG_FORMATS: Sequence[LogFormat] = (
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
    LogFormat(
        name="alb",
        make=_text(f"%{{type}}x {_BALANCER}", "the format of a load balancer's log (ALB)"),
        forwards=False,
        advice=_BEFORE_BALANCER,
    ),
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html
    LogFormat(
        name="elb",
        make=_text(_BALANCER, "the format of a classic load balancer's log (ELB)"),
        forwards=False,
        advice=_BEFORE_BALANCER,
    ),
    # https://docs.haproxy.org/3.0/configuration.html#8.2.3
    LogFormat(
        name="haproxy",
        make=HaproxyLogReader,
        advice="If the log has X-Forwarded-For among the captured headers, say client_ip='forwarded'",
    ),
    # https://httpd.apache.org/docs/current/logs.html#virtualhost, with the port as on Debian, or one of them alone
    _vhost_combined("%{vhost}x"),
    # https://nginx.org/en/docs/http/ngx_http_log_module.html, the format `main` of nginx.conf as it is delivered
    LogFormat(
        name="main",
        make=_text(_FORWARDING, "nginx's format main", _COMBINED),
        forwarding=_text(_FORWARDING, "nginx's format main"),
        advice="The log has X-Forwarded-For: say client_ip='forwarded'",
    ),
    # https://httpd.apache.org/docs/current/logs.html#combined; also nginx's default, and Traefik's CLF
    LogFormat(
        name="combined",
        make=_text(_COMBINED, "combined log format", f"%{{vhost}}x {_COMBINED}"),
        forwarding=_text(_FORWARDING, "combined log format", _COMBINED),
        advice="Log X-Forwarded-For behind the user agent and say client_ip='forwarded'",
    ),
    # https://redmine.lighttpd.net/projects/lighttpd/wiki/Mod_accesslog, as it is without accesslog.format
    LogFormat(
        name="lighttpd", make=_text(f"%h %{{host}}x {_REST}", "lighttpd's format"), forwards=False, advice=_PATTERN
    ),
    # https://docs.aiohttp.org/en/stable/logging.html#access-logs
    LogFormat(
        name="aiohttp",
        make=_text('%a %t "%r" %s %b "%{Referer}i" "%{User-Agent}i"', "aiohttp's format"),
        forwards=False,
        advice=_PATTERN,
    ),
    # https://github.com/NginxProxyManager/nginx-proxy-manager/blob/develop/docker/rootfs/etc/nginx/conf.d/include/log-proxy.conf
    LogFormat(
        name="nginx_proxy_manager",
        make=_text(_PROXY_MANAGER, "Nginx Proxy Manager's format"),
        forwards=False,
        advice=_PATTERN,
    ),
    # https://docs.bunny.net/docs/cdn-log-format
    LogFormat(name="bunny", make=_text(_BUNNY, "bunny.net's format"), forwards=False, advice=_BEFORE_BALANCER),
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
    LogFormat(name="s3", make=_text(_S3, "the format of S3's server access logs"), forwards=False, advice=_BEFORE_S3),
    # https://istio.io/latest/docs/tasks/observability/logs/access-log/#default-access-log-format
    LogFormat(name="istio", make=_text(_ISTIO, "Istio's default format")),
    # https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#default-format-string
    LogFormat(name="envoy", make=_text(_ENVOY, "Envoy's default format"), peers=False),
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
    LogFormat(name="cloudfront", make=W3CLogReader, marked=_has(b"x-edge-location", "cloudfront")),
    # https://learn.microsoft.com/windows/win32/http/w3c-logging
    LogFormat(name="iis", make=W3CLogReader, marked=_has(b"#Software: Microsoft", "iis")),
    LogFormat(name="w3c", make=W3CLogReader, marked=_has(b"#Fields:")),
    LogFormat(name="cloudfront_json", make=_json(_json_log.CLOUDFRONT)),
    LogFormat(name="caddy", make=_json(_json_log.CADDY)),
    LogFormat(name="traefik", make=_json(_json_log.TRAEFIK)),
    LogFormat(name="logpush", make=_json(_json_log.LOGPUSH), forwards=False),
    LogFormat(name="akamai", make=_json(_json_log.AKAMAI)),
    LogFormat(name="google_cloud", make=_json(_json_log.GOOGLE), forwards=False, advice=_BEFORE_BALANCER),
    LogFormat(name="aws_waf", make=_json(_json_log.AWS_WAF)),
    LogFormat(name="azure", make=_json(_json_log.AZURE), forwards=False, advice=_BEFORE_BALANCER),
    LogFormat(name="nginx_json", make=_json(_json_log.NGINX)),
)
"""In the order in which they are preferred: each before those that read its lines, too, but less of them."""


_NAMED = {"vhost_combined": _vhost_combined("%v")}
"""Formats that read more if the caller names them: of two addresses the first one is the host's then."""
_GROUPS = {
    "cloudfront": ("cloudfront", "cloudfront_json"),
    "apache": ("vhost_combined", "combined"),
    "nginx": ("main", "combined", "nginx_json"),
    "traefik": ("traefik", "combined"),
}
"""Names that stand for more than one format: by the first lines it shows which."""


def forms_of(formats: Sequence[LogFormat]) -> Sequence[Format]:
    """Return the rows as formats that are recognized: first those of one request a line, as most logs are."""
    return [one for form in zip(*(row.as_formats() for row in formats), strict=True) for one in form]


def log_reader(name: str | None, sample: Sample, options: ReadOptions) -> RequestReader:
    """Make the reader of a log that begins with these lines.

    Args:
        name: of a format, or a pattern in Apache's or nginx's notation; None for the format that reads most of the
            lines, or `combined` if none reads any.
        sample: the first lines.
        options: what the caller says about the log.

    Raises:
        ConfigError: there is no such format; the pattern does not have what an event needs; or an option is wrong.
    """
    candidates = log_formats(name)
    shares = [one.share(sample) for one in candidates]
    best = candidates[shares.index(max(shares))] if any(shares) else candidates[-1 if name is None else 0]
    return best.reader(sample, options)


def log_formats(name: str | None, *, others: Sequence[str] = ()) -> Sequence[LogFormat]:
    """Return the formats that a name stands for, or a pattern; all of them, and `combined` once more, for None.

    Args:
        name: the name.
        others: names of formats that are no logs, for the error.

    Raises:
        ConfigError: there is no such format; or the pattern does not have what an event needs.
    """
    by_name = {one.name: one for one in LOG_FORMATS}
    if name is None:
        return [*LOG_FORMATS, by_name["combined"]]
    checked(name, str, argument="format", expected="a name, or a pattern")
    if name.lstrip()[: len(_FIELDS)].lower() == _FIELDS:
        columns = columns_in(name.lstrip()[len(_FIELDS) :])
        return [LogFormat(name="of these fields", make=lambda: W3CLogReader(columns=columns))]
    if "%" in name or "$" in name:
        return [_of_pattern(name)]
    plain = name.lower().replace("-", "_")
    if plain in _NAMED:
        return [_NAMED[plain]]
    if plain in {"common", "vhost_common", "clf"}:
        raise ConfigError(f"format: {name!r} has no user agent, which every event needs: let the server log `combined`")
    if plain in _GROUPS:
        return [by_name[one] for one in _GROUPS[plain]]
    if plain in by_name:
        return [by_name[plain]]
    known = ", ".join(sorted({*by_name, *_GROUPS, *others}))
    raise ConfigError(f"format: there is no {name!r}; there are {known}, and patterns such as '%h %t \"%r\" …'")


_FIELDS = "#fields:"


def _of_pattern(text: str) -> LogFormat:
    pattern = LogPattern(text)
    return LogFormat(
        name="of this pattern", make=lambda: TextLogReader(pattern=pattern), peers=Role.CLIENT in pattern.roles
    )
