"""The table of web servers' log formats: their names, how each is recognized, and what reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias, get_args

from attrs import frozen

from omnivery.errors import ConfigError
from omnivery.readers import _json_log
from omnivery.readers._carrier import carried
from omnivery.readers._client_ip import ClientIp, ForwardedClient, trusted_networks
from omnivery.readers._format import Format, ReadOptions, Sample
from omnivery.readers._haproxy_log import HaproxyLogReader
from omnivery.readers._json import is_laid_out
from omnivery.readers._json_envelope import records_in
from omnivery.readers._json_log import JsonLog, JsonLogReader
from omnivery.readers._log_check import LogCheck
from omnivery.readers._log_column import LogColumnReader, log_cells
from omnivery.readers._log_documents import LogDocumentsReader, objects_of, record_test
from omnivery.readers._log_notation import Role
from omnivery.readers._log_pattern import LogPattern
from omnivery.readers._loki import has_streams
from omnivery.readers._parts import joiner_for
from omnivery.readers._request import RequestReader
from omnivery.readers._text_log import TextLogReader
from omnivery.readers._w3c_log import W3CLogReader

Maker: TypeAlias = Callable[[], RequestReader]
"""Makes a reader that takes the peer for the client."""


@frozen(kw_only=True)
class LogFormat:
    """A row of the table."""

    name: str
    make: Maker
    forwarding: Maker | None = None
    """Makes the reader instead if the client is the forwarded one."""
    forwards: bool = True
    """Whether it can tell a forwarded client."""
    peers: bool = True
    """Whether it tells the peer."""
    marks: Sequence[bytes] = ()
    """Of which one has to be in the first lines."""
    advice: str = "If the log has X-Forwarded-For, say client_ip='forwarded'"
    """What to do about addresses of a proxy."""

    def as_formats(self) -> tuple[Format, Format, Format]:
        """The row as formats that are recognized: a request in each line, in objects of JSON, or in a column of CSV."""
        in_lines = Format(name=self.name, sniff=self._share_of_lines, reader=self.reader)
        in_json = Format(
            name=f"{self.name} in JSON", sniff=self._share_of_objects, reader=self._documents_reader, like=self.name
        )
        in_csv = Format(
            name=f"{self.name} in CSV", sniff=self._share_of_cells, reader=self._column_reader, like=self.name
        )
        return in_lines, in_json, in_csv

    def _share_of_lines(self, sample: Sample, options: ReadOptions) -> float:
        # Who says which member is which has objects in mind, and what these have besides.
        share = self.share(sample)
        return 0.0 if share and options.columns and _is_object(sample[0]) else share

    def _share_of_objects(self, sample: Sample, options: ReadOptions) -> float:
        if options.columns:
            return 0.0
        is_record = record_test(self.make())
        if not (is_laid_out(sample) or has_streams(tuple(sample)) or records_in(sample[0], is_record)):
            return 0.0
        return self.share(objects_of(sample, is_record))

    def _share_of_cells(self, sample: Sample, options: ReadOptions) -> float:
        if options.columns or isinstance(self.make(), W3CLogReader):
            return 0.0  # a W3C log is no log without its directives
        return self.share(log_cells(sample))

    def _column_reader(self, sample: Sample, options: ReadOptions) -> LogColumnReader:
        return LogColumnReader(log=self.reader(log_cells(sample), options))

    def _documents_reader(self, _sample: Sample, options: ReadOptions) -> LogDocumentsReader:
        self.reader((), options)  # what is wrong with the options is told before anything is read
        return LogDocumentsReader(
            make=lambda objects: self.reader(objects, options), is_record=record_test(self.make())
        )

    def share(self, sample: Sample) -> float:
        """Which share of a sample's lines it reads, carried or not."""
        inside = carried(sample)
        return max(self._share(sample), self._share(inside[1]) if inside else 0.0)

    def reader(self, sample: Sample, options: ReadOptions) -> RequestReader:
        """Make the reader of a source that begins with these lines.

        Raises:
            ConfigError: the format does not tell the client that is asked for; or an option is wrong.
        """
        made = self.forwarding() if self.forwarding and options.client_ip == "forwarded" else self.make()
        inside = carried(sample)
        if inside:
            parts = joiner_for(inside[0].name, sample, self.make().reads)
            plain, within = self._share(sample), self._share(inside[1])
            # Where no line can be read, those that were split may be all that there is so far.
            if within > plain or (parts is not None and not plain):
                made.carrier, made.parts = inside[0], parts
        made.learn(inside[1] if inside and made.carrier else sample)
        if options.client_ip not in (None, *get_args(ClientIp)):
            raise ConfigError(f"client_ip: expected one of 'peer', 'forwarded', not {options.client_ip!r}")
        if not self.peers and options.client_ip != "forwarded":
            raise ConfigError("format: the pattern has the forwarded client alone: say client_ip='forwarded'")
        networks = trusted_networks(options.trusted_proxies)
        if options.client_ip == "forwarded":
            if not self.forwards:
                raise ConfigError(f"client_ip: the format {self.name} does not have what proxies forward")
            made.forwarded = ForwardedClient(networks)
        elif networks:
            raise ConfigError("trusted_proxies: they are of use with client_ip='forwarded' alone")
        if options.client_ip is None:
            made.check = LogCheck(f"{self.advice}; if they are the clients', say client_ip='peer'.")
        elif made.forwarded is not None:
            made.check = LogCheck("If another proxy stands before yours, name all of them in trusted_proxies.")
        return made

    def _share(self, sample: Sample) -> float:
        if not sample or (self.marks and not any(mark in line for line in sample for mark in self.marks)):
            return 0.0
        return self.make().count(sample) / len(sample)


def _is_object(line: bytes) -> bool:
    return line.lstrip().startswith(b"{")


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


_COMBINED = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'
_FORWARDING = f'{_COMBINED} "%{{X-Forwarded-For}}i"'
_BALANCER = (
    "%{iso8601}t %{balancer}x %{client:port}x %{target}x %{request_time}x %{target_time}x %{response_time}x %s "
    '%{target_status}x %B %O "%r" "%{User-Agent}i"'
)


def _vhost_combined(host: str) -> LogFormat:
    plain, described = f"{host} {_COMBINED}", "combined log format"
    return LogFormat(
        name="vhost_combined",
        make=_text(plain, described),
        forwarding=_text(f"{host} {_FORWARDING}", described, plain),
    )


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
        make=_text(_COMBINED, "combined log format"),
        forwarding=_text(_FORWARDING, "combined log format", _COMBINED),
        advice="Log X-Forwarded-For behind the user agent and say client_ip='forwarded'",
    ),
    # https://docs.haproxy.org/3.0/configuration.html#8.2.3
    LogFormat(
        name="haproxy",
        make=HaproxyLogReader,
        advice="If the log has X-Forwarded-For among the captured headers, say client_ip='forwarded'",
    ),
    LogFormat(name="cloudfront", make=W3CLogReader, marks=(b"x-edge-location",)),
    LogFormat(name="iis", make=W3CLogReader, marks=(b"#Software: Microsoft",)),
    LogFormat(name="w3c", make=W3CLogReader, marks=(b"#Fields:",)),
    LogFormat(name="cloudfront_json", make=_json(_json_log.CLOUDFRONT)),
    LogFormat(name="caddy", make=_json(_json_log.CADDY)),
    LogFormat(name="traefik", make=_json(_json_log.TRAEFIK)),
    LogFormat(name="logpush", make=_json(_json_log.LOGPUSH), forwards=False),
    LogFormat(name="google_cloud", make=_json(_json_log.GOOGLE), forwards=False, advice=_BEFORE_BALANCER),
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


def _of_pattern(text: str) -> LogFormat:
    pattern = LogPattern(text)
    return LogFormat(
        name="of this pattern", make=lambda: TextLogReader(pattern=pattern), peers=Role.CLIENT in pattern.roles
    )
