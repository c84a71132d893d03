"""The table of log formats: each is recognized by its lines, and tells whose address a request came from."""

from __future__ import annotations

import io
import json
import warnings
from ipaddress import IPv4Address, IPv6Address
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers import LogWarning, access_log
from omnivery.readers._client_ip import PRIVATE, ClientIp, ForwardedClient, is_private
from omnivery.readers._format import ReadOptions
from omnivery.readers._log_formats import LOG_FORMATS, log_reader
from omnivery.readers._log_pattern import LogPattern
from omnivery.readers._text_log import TextLogReader

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0"
REST = f'[17/May/2026:10:05:03 +0000] "GET /c/1?x=2 HTTP/1.1" 302 0 "-" "{AGENT}"'
LINE = f"198.51.100.7 - - {REST}"


def items(content: str, **options: Any) -> list[BotEvent | UnreadableLine]:
    """Everything that the reader makes of a log; by a stream, as from a pipe."""
    return list(access_log(io.BytesIO(content.encode()), **options))


def ips(content: str, **options: Any) -> list[str | None]:
    """The addresses of all requests, and the reasons of what is none."""
    return [item.ip if isinstance(item, BotEvent) else item.reason for item in items(content, **options)]


# Patterns


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ('%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"', LINE),
        (r"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\"", LINE),
        ("%{sec}t %{c}a %m %U%q %H %{User-Agent}i", f"1779012303 198.51.100.7 GET /c/1?x=2 HTTP/1.1 {AGENT}"),
        ("%{msec}t|%a|%U|%q|%{User-Agent}i|%D", f"1779012303999|198.51.100.7|/c/1|?x=2|{AGENT}|77"),
        ("%{%Y-%m-%d %H:%M:%S %z}t\t%a\t%r\t%{User-Agent}i", "{time}\t198.51.100.7\t{request}\t{agent}"),
        (
            "[%{begin:%Y-%m-%dT%H:%M:%S}t] %a [%r] <%{User-Agent}i>",
            "[2026-05-17T10:05:03] 198.51.100.7 [{request}] <{agent}>",
        ),
        (
            '%a %{iso8601}t %400,501{X}i %!200s %%%p "%r" "%{User-Agent}i"',
            '198.51.100.7 {iso} - 302 %443 "{request}" "{agent}"',
        ),
        (
            '$remote_addr [$time_local] "$request" "$http_user_agent"',
            f"198.51.100.7 {REST.replace(' 302 0', '').replace(chr(34) + '-' + chr(34) + ' ', '')}",
        ),
        (
            "$time_iso8601 $remote_addr $request_uri $http_user_agent",
            "2026-05-17T12:05:03+02:00 198.51.100.7 /c/1?x=2 {agent}",
        ),
        (
            '${msec} $remote_addr "$uri" "$args" "$http_user_agent"',
            '1779012303.123 198.51.100.7 "/c/1" "x=2" "{agent}"',
        ),
        # https://httpd.apache.org/docs/current/mod/mod_log_config.html#formats has this of a time
        (
            '%h %l %u [%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t] "%r" "%{User-Agent}i"',
            '198.51.100.7 - - [17/May/2026 12:05:03.186 +0200] "{request}" "{agent}"',
        ),
        (
            '%{%Y-%m-%d}t %{%T}t.%{usec_frac}t %h "%r" "%{User-Agent}i"',
            '2026-05-17 10:05:03.186641 198.51.100.7 "{request}" "{agent}"',
        ),
        ('%{%b %e %Y %T}t %h "%r" "%{User-Agent}i"', 'May 17 2026 10:05:03 198.51.100.7 "{request}" "{agent}"'),
        ('%v %h "%r" %t "%{User-Agent}i"', '10.0.0.4:80 198.51.100.7 "{request}" [{iso}] "{agent}"'),
        ('%v:%p %h "%r" %t "%{User-Agent}i"', '[2001:db8::1]:80 198.51.100.7 "{request}" [{iso}] "{agent}"'),
        # mod_logio has these of two letters, mod_remoteip finds the client behind the peer
        ('%h %t %^FU %^FB "%r" "%{User-Agent}i"', '198.51.100.7 [{iso}] 12 13 "{request}" "{agent}"'),
        ('%{c}a %a %t "%r" "%{User-Agent}i"', '10.0.0.1 198.51.100.7 [{iso}] "{request}" "{agent}"'),
        ('%a %{c}a %t "%r" "%{User-Agent}i"', '198.51.100.7 10.0.0.1 [{iso}] "{request}" "{agent}"'),
        ('%h %a %t "%r" "%{User-Agent}i"', 'mail.example.org 198.51.100.7 [{iso}] "{request}" "{agent}"'),
        (
            '$realip_remote_addr $remote_addr [$time_local] $msec "$request" "$http_user_agent"',
            '10.0.0.1 198.51.100.7 [17/May/2026:10:05:03 +0000] 1779012303.1 "{request}" "{agent}"',
        ),
        # Of several times that are whole, one that tells its zone
        (
            '%a %{begin:usec}t %{end:usec}t "%r" "%{User-Agent}i"',
            '198.51.100.7 {usec} 1779012399000000 "{request}" "{agent}"',
        ),
        (
            '%a %{%d/%b/%Y %T}t - %{%s}t "%r" "%{User-Agent}i"',
            '198.51.100.7 17/May/2026 12:05:03 - 1779012303 "{request}" "{agent}"',
        ),
        # %I is a thread's name in Tomcat
        ('%h %t "%r" %I "%{User-Agent}i"', '198.51.100.7 [{iso}] "{request}" http-nio-8080-exec-1 "{agent}"'),
        # A whole line of the configuration
        (r'LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined', LINE),
        (
            """log_format main escape=default '$remote_addr - $remote_user [$time_local] "$request" '
                     '$status $body_bytes_sent "$http_referer" "$http_user_agent"';""",
            LINE,
        ),
        ('"%{User-Agent}i" "%r" %t %h', '"{agent}" "{request}" [17/May/2026:10:05:03 +0000] 198.51.100.7'),
    ],
)
def test_a_pattern_of_ones_own_is_read_in_the_servers_notation(pattern: str, line: str) -> None:
    """Copied from the server's configuration, with its quotes."""
    line = line.format(
        agent=AGENT,
        request="GET /c/1?x=2 HTTP/1.1",
        iso="2026-05-17T10:05:03Z",
        time="2026-05-17 12:05:03 +0200",
        usec="1779012303186641",
    )
    (event,) = items(f"{line}\n", format=pattern)
    assert isinstance(event, BotEvent), event
    assert (event.ip, event.uas, event.ts, event.attributes) == (
        "198.51.100.7",
        AGENT,
        1_779_012_303,
        {"url": "/c/1?x=2", "line": 1},
    )


def test_a_path_without_a_query_is_read_beside_one_that_has_one() -> None:
    """Apache logs nothing where there is no query."""
    lines = "".join(f'198.51.100.7 {{time}} "GET {url} HTTP/1.1" "{AGENT}"\n' for url in ("/c/1", "/c/1?x=2"))
    found = items(lines.format(time="[17/May/2026:10:05:03 +0000]"), format='%a %t "%m %U%q %H" "%{User-Agent}i"')
    assert [isinstance(item, BotEvent) and (item.attributes or {})["url"] for item in found] == ["/c/1", "/c/1?x=2"]


def test_the_proxy_protocols_client_is_a_forwarded_one() -> None:
    line = f"203.0.113.9 198.51.100.7 {REST.replace(' 302 0', '')}"
    pattern = '$proxy_protocol_addr $remote_addr [$time_local] "$request" "$http_referer" "$http_user_agent"'
    assert ips(line, format=pattern, client_ip="peer") == ["198.51.100.7"]
    assert ips(line, format=pattern, client_ip="forwarded") == ["203.0.113.9"]
    assert ips(line, format=pattern, client_ip="forwarded", trusted_proxies=["10.0.0.0/8"]) == ["198.51.100.7"]


def test_a_pattern_without_a_time_makes_events_without_one() -> None:
    (event,) = items(f'198.51.100.7 "{AGENT}"', format='%h "%{User-Agent}i"')
    assert isinstance(event, BotEvent)
    assert (event.ts, event.attributes) == (None, {"line": 1})


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("%h %l %u %t", "no user agent"),
        ('%t "%{User-Agent}i"', "no client address"),
        ('%h %{%Q}t "%{User-Agent}i"', r"%\{%Q\}t cannot be read"),
        ('%h %{%T}t "%{User-Agent}i"', "does not tell both day and time"),
        ('%h %{%d/%b/%Y}t "%{User-Agent}i"', "does not tell both day and time"),
        ("%h %{yyyy-MM-dd'T'HH:mm:ss}t \"%{User-Agent}i\"", "does not tell both day and time"),
        ('%{X-Forwarded-For}i %t "%{User-Agent}i"', "say client_ip='forwarded'"),
        ('%h %{%d/%b/%Y %T}t %u %{%z}t "%{User-Agent}i"', "time in more than one field"),
        ('%h %{%d/%b/%Y}t %{sec}t "%{User-Agent}i"', "time in more than one field"),
        ("common", "no user agent, which every event needs"),
        ("combine", "there is no 'combine'; there are aiohttp, akamai, alb, apache, aws_waf, azure, bunny, caddy"),
    ],
)
def test_a_format_that_can_yield_no_event_is_refused_at_the_call(pattern: str, why: str) -> None:
    """Before a file is opened, and not once for each line."""
    with pytest.raises(ConfigError, match=f"format: .*{why}"):
        items(LINE, format=pattern)


def test_names_are_taken_in_any_spelling_and_stand_for_their_servers_formats() -> None:
    for name in ("combined", "Combined", "apache", "nginx", "traefik"):
        assert ips(LINE, format=name) == ["198.51.100.7"]
    with_host = f"mail.example.com:443 {LINE}"
    assert ips(with_host, format="vhost-combined") == ips(with_host, format="apache") == ["198.51.100.7"]
    assert ips(f'{LINE} "-"', format="nginx") == ["198.51.100.7"]


def test_of_two_addresses_the_first_is_the_hosts_where_it_has_a_servers_port_or_the_format_is_named() -> None:
    """Apache logs the address of a host without a name. Elsewhere the first one may be what a proxy forwarded."""
    for host in ("192.0.2.10:80", "127.0.1.1:443", "[2001:db8::1]:8080"):
        assert ips(f"{host} {LINE}") == ips(f"{host} {LINE}", format="vhost_combined") == ["198.51.100.7"]
    for host in ("192.0.2.10", "192.0.2.10:51234", "2001:db8::1"):
        assert ips(f"{host} {LINE}") == ["not in combined log format"]
        assert ips(f"{host} {LINE}", format="vhost_combined") == ["198.51.100.7"]


@pytest.mark.filterwarnings("ignore::omnivery.readers.LogWarning")
def test_a_log_that_was_told_to_log_more_is_read_before_and_after() -> None:
    """By the format of its first lines: the later ones must not be lost, nor be taken for requests of the proxy."""
    before, after = f"10.0.0.1 - - {REST}\n", f'10.0.0.1 - - {REST} "198.51.100.7"\n'
    for name in (None, "combined", "apache"):
        assert ips(before * 300 + after, format=name, client_ip="forwarded")[-1] == "198.51.100.7"
    assert ips(after * 300 + before, client_ip="peer")[-1] == "10.0.0.1"
    # Who asks for the forwarded client is not given the proxy's address in its place.
    assert ips(after * 300 + before, client_ip="forwarded")[-1] != "10.0.0.1"
    for name in (None, "vhost_combined"):
        with_host = f"mail.example.com:443 {after}"
        assert ips(with_host, format=name, client_ip="forwarded") == ["198.51.100.7"]


@pytest.mark.parametrize(
    ("client", "ip"),
    [
        ("198.51.100.7:2817", "198.51.100.7"),
        ("[2001:db8::7]:2817", "2001:db8::7"),
        ("2001:db8::7:2817", "2001:db8::7"),
        ("2001:db8:1:2:3:4:5:6:2817", "2001:db8:1:2:3:4:5:6"),
        ("::ffff:198.51.100.7:2817", "198.51.100.7"),
    ],
)
def test_the_port_of_a_load_balancers_client_is_no_part_of_its_address(client: str, ip: str) -> None:
    """It is always there, so the last group of an address without brackets is none of it."""
    rest = f'10.0.0.1:80 0.1 0.1 0.1 200 200 0 57 "GET https://a.example:443/c/1 HTTP/1.1" "{AGENT}" - -'
    for start in ("https 2026-05-17T10:05:03.186641Z app/lb/50", "2026-05-17T10:05:03.186641Z lb"):
        assert ips(f"{start} {client} {rest}") == [ip]


# Recognition


def test_the_format_is_that_of_most_lines_and_not_of_the_first() -> None:
    """A line that was cut off, or a message of the server, stands at the top of many a file."""
    with_host = f"mail.example.com:443 {LINE}\n"
    for first in ("[notice] worker started", LINE, LINE[:40]):
        assert ips(f"{first}\n{with_host * 5}")[1:] == ["198.51.100.7"] * 5


@pytest.mark.parametrize("hosts", [1, 9])
def test_logs_of_one_server_with_and_without_the_host_may_lie_in_one_file(hosts: int) -> None:
    """Apache has `other_vhosts_access.log` beside `access.log`; joined, neither may cost the other its lines."""
    lines = [f"mail.example.com:443 {LINE}"] * hosts + [LINE] * (10 - hosts) + [LINE[:120], f"a.example {LINE[:120]}"]
    assert ips("\n".join(lines), client_ip="peer") == ["198.51.100.7"] * 10 + ["cut off inside the user agent"] * 2


@pytest.mark.parametrize(
    "prefix",
    [
        "<190>May 17 10:05:03 web1 nginx: ",
        "May  7 10:05:03 web1 nginx[812]: ",
        "<190>May 17 10:05:03 nginx: ",
        "<190>1 2026-05-17T10:05:03.123Z web1 nginx 812 - - ",
        '<190>1 2026-05-17T10:05:03+02:00 web1 nginx 812 ID47 [a@1 b="c"][d@2] ',
        "2026-05-17T10:05:03.123456+00:00 web1 nginx: ",
        "2026-05-17T10:05:03+0000 web1 httpd[812]: ",
        "2026-05-17T10:05:03.123456789Z stdout F ",
        "2026-05-17T10:05:03.123456789Z ",
        "web-1  | ",
        "web-1  | 2026-05-17T10:05:03.123456789Z ",
        "[pod/web-5f7/nginx] ",
        "\x1b[36mweb-1  |\x1b[0m ",
        "May 17 2026 10:05:03 web1 nginx: ",
        "312 <190>1 2026-05-17T10:05:03.123Z web1 nginx 812 - - ",
        "312 <190>May 17 10:05:03 web1 nginx: ",
        "[pod/web-5f7/nginx] 2026-05-17T10:05:03.123456789Z ",
    ],
)
def test_what_carries_a_line_is_taken_off(prefix: str) -> None:
    """Syslog, the journal, Docker, Kubernetes: in front of text and of JSON; a line without it is read as well."""
    request = {"remote_ip": "198.51.100.7", "uri": "/", "headers": {"User-Agent": [AGENT]}}
    caddy = json.dumps({"ts": 1_779_012_303.5, "request": request})
    for line in (LINE, f"mail.example.com:80 {LINE}", f'{LINE} "203.0.113.9"', caddy):
        assert ips(f"{prefix}{line}\n" * 3 + line) == ["198.51.100.7"] * 4


@pytest.mark.parametrize("member", ["log", "MESSAGE", "message", "textPayload", "@message", "line", "_raw"])
def test_a_line_in_json_is_taken_out_of_it(member: str) -> None:
    """As Docker's json-file driver, the journal and collectors write it."""
    line = LINE.replace('"', '\\"')
    assert ips(f'{{"{member}":"{line}\\n","stream":"stdout"}}\n' * 3) == ["198.51.100.7"] * 3


@pytest.mark.parametrize("path", ["result._raw", "attributes.message"])
def test_a_line_in_json_may_lie_deeper(path: str) -> None:
    """As searches in Splunk and Datadog export it."""
    outer, inner = path.split(".")
    carried = json.dumps({"id": 1, outer: {inner: LINE, "time": 5}})
    assert ips(f"{carried}\n" * 3) == ["198.51.100.7"] * 3


def test_a_line_in_json_may_be_bytes_or_an_object() -> None:
    """The journal writes what has characters for terminals as numbers; collectors parse lines that are JSON."""
    coloured = json.dumps({"MESSAGE": [*f"{LINE} \x1b[0m".encode()]})
    assert ips(f"{coloured}\n" * 3) == ["198.51.100.7"] * 3
    parsed = {
        "remote_addr": "198.51.100.7",
        "http_user_agent": AGENT,
        "request": "GET / HTTP/1.1",
        "msec": "1779012303",
    }
    for member in ("log", "jsonPayload"):
        assert ips(f"{json.dumps({member: parsed, 'stream': 'stdout'})}\n" * 3) == ["198.51.100.7"] * 3
    for odd in ([], [1, 300], ["a"], [None], 7, True):
        assert len(items(f"{json.dumps({'MESSAGE': odd})}\n{coloured}\n{coloured}\n")) == 3


# Whose address


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "client"),
    [
        ("10.0.0.1", "203.0.113.9", (), "203.0.113.9"),
        ("192.0.2.1", "203.0.113.9", (), "203.0.113.9"),
        ("10.0.0.1", "-", (), "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", (), "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 192.0.2.1", (), "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9, 192.0.2.1", ("10.0.0.0/8", "192.0.2.0/24"), "203.0.113.9"),
        ("198.51.100.7", "203.0.113.9", ("10.0.0.0/8",), "198.51.100.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", (), "10.0.0.3"),
        ("10.0.0.1", "203.0.113.9:55220", (), "203.0.113.9"),
        ("10.0.0.1", "::ffff:203.0.113.9", (), "203.0.113.9"),
        ("10.0.0.1", "unknown, 203.0.113.9", (), "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, unknown", (), "the forwarded client is no IP address"),
        ("10.0.0.1", "203.0.113.9, ", (), "203.0.113.9"),
        ("10.0.0.1", ", 203.0.113.9,,10.0.0.2", (), "203.0.113.9"),
        ("10.0.0.1", ",", (), "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", ("::ffff:10.0.0.0/104",), "203.0.113.9"),
        ("::ffff:10.0.0.1", "203.0.113.9", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.1", "<script>", (), "the forwarded client is no IP address"),
        ("unix:", "203.0.113.9", (), "203.0.113.9"),
        ("unix:", "-", (), "the request came over a Unix socket, which has no client address"),
        ("10.0.0.1", "for=203.0.113.9;proto=https;by=10.0.0.9", (), "203.0.113.9"),
        ("10.0.0.1", r"for=6.6.6.6, For=\"[2001:db8::7]:4711\"", (), "2001:db8::7"),
        ("10.0.0.1", "for=_hidden", (), "the forwarded client is no IP address"),
        ("10.0.0.1", "for=203.0.113.9, proto=https;by=10.0.0.9", (), "203.0.113.9"),
        # What the client has sent, to which a proxy that writes X-Forwarded-For appends its address
        ("10.0.0.1", "for=6.6.6.6, 203.0.113.9", (), "203.0.113.9"),
        ("10.0.0.1", "a=b, 203.0.113.9", (), "203.0.113.9"),
        ("10.0.0.1", r"\", 203.0.113.9", (), "203.0.113.9"),
        ("10.0.0.1", r"for=\"6.6.6.6, 203.0.113.9", (), "203.0.113.9"),
    ],
)
def test_the_forwarded_client_is_the_last_that_no_proxy_of_ours_has(
    peer: str, forwarded: str, trusted: tuple[str, ...], client: str
) -> None:
    """What stands left of it, the client wrote itself: to believe it is to let anybody choose an address."""
    line = f'{peer} - - {REST} "{forwarded}"'
    assert ips(line, client_ip="forwarded", trusted_proxies=trusted, format="main") == [client]


def test_a_header_in_place_of_the_peer_is_read_as_one() -> None:
    """As Apache is often told to log behind a proxy."""
    for client in ("203.0.113.9", "6.6.6.6, 203.0.113.9", '"6.6.6.6, 203.0.113.9"', "203.0.113.9,10.0.0.1"):
        assert ips(f"{client} - - {REST}", client_ip="forwarded") == ["203.0.113.9"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"trusted_proxies": ["10.0.0.1"]}, "of use with client_ip='forwarded' alone"),
        ({"client_ip": "forwarded", "trusted_proxies": "10.0.0.1"}, "expected a sequence of networks"),
        ({"client_ip": "forwarded", "trusted_proxies": ["10.0.0"]}, "'10.0.0' does not appear to be an IPv4 or IPv6"),
        ({"client_ip": "forwarded", "format": "alb"}, "the format alb does not have what proxies forward"),
        ({"client_ip": "forwarded", "format": "logpush"}, "the format logpush does not have what proxies forward"),
        ({"client_ip": "xff"}, "client_ip: expected one of 'peer', 'forwarded'"),
    ],
)
def test_options_that_cannot_hold_are_refused_at_the_call(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        access_log(io.BytesIO(), **options)


@pytest.mark.parametrize(
    ("addresses", "says"),
    [
        (["10.0.0.1", "10.0.0.2", "192.168.1.1"], "is private"),
        (["127.0.0.1", "::1", "fd00::1"], "is private"),
        (["203.0.113.5"] * 10, "is one and the same"),
        (["203.0.113.5"] * 9, None),
        (["10.0.0.1", "10.0.0.2", "203.0.113.5"], None),
        (["203.0.113.5", "203.0.113.6"] * 10, None),
    ],
)
def test_addresses_that_look_like_a_proxys_are_said_before_any_event_is_out(
    addresses: list[str], says: str | None
) -> None:
    """To submit them is to ask about the proxy, once for each click."""
    log = "".join(f"{address} - - {REST}\n" for address in addresses)
    for client_ip in (None, "forwarded", "peer"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            next(access_log(io.BytesIO(log.encode()), client_ip=client_ip))
        assert [says in str(one.message) and one.category is LogWarning for one in caught if says] == (
            [True] if says and client_ip != "peer" else []
        )


def test_a_log_without_user_agents_is_said() -> None:
    """Traefik's text format has `-` in each line unless it is told to keep the header."""
    log = "".join(f"198.51.100.{n} - - {REST}\n".replace(AGENT, "-") for n in range(10))
    with pytest.warns(LogWarning, match="none of the first 10 requests has a user agent"):
        assert len(items(log)) == 10


# Laws


def test_every_choice_of_address_is_known() -> None:
    assert get_args(ClientIp) == ("peer", "forwarded")


@pytest.mark.parametrize("name", [one.name for one in LOG_FORMATS])
@settings(deadline=None, max_examples=40)
@given(st.lists(st.binary(max_size=60) | st.sampled_from([LINE.encode(), b"#Fields: c-ip cs(User-Agent) time", b"{}"])))
def test_no_bytes_raise_and_each_line_is_an_item_or_counted(name: str, lines: list[bytes]) -> None:
    """Items, headers and blank lines are as many as there are lines, for every format."""
    cut = [line.replace(b"\n", b"").replace(b"\r", b"") for line in lines]
    reader = log_reader(name, (), ReadOptions(client_ip="forwarded" if name == "envoy" else "peer"))
    found = [item for placed in reader.read([(1, list(cut))]) for item in placed.items]
    assert len(found) + reader.skipped.total() == len(cut)


TEXTS = [one for one in LOG_FORMATS if isinstance(one.make(), TextLogReader)]
PIECES = st.sampled_from(
    [
        LINE,
        "198.51.100.7",
        "mail.example.com ",
        " - ",
        " ",
        '"',
        "\\",
        '\\"',
        "[17/May/2026:10:05:03 +0000]",
        "x",
        "é",
        "10.0.0.1, ",
    ]
)


@pytest.mark.parametrize("name", [one.name for one in TEXTS])
@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES, max_size=8).map("".join), st.booleans(), st.randoms(use_true_random=False))
def test_the_quick_way_through_lines_and_the_whole_one_agree(
    name: str, text: str, forwarded: bool, random: Random
) -> None:
    """The quick way is taken where nothing is out of the ordinary, and no line may take anything from another."""
    row = next(one for one in TEXTS if one.name == name)
    if not (row.forwards if forwarded else row.peers):
        return
    options = ReadOptions(client_ip="forwarded" if forwarded else "peer")
    reader = log_reader(name, (), options)
    odd = [
        text,
        LINE + text,
        text + LINE,
        text + REST,
        f"198.51.100.7 - {text} {REST}",
        LINE.replace("/c/1", text),
        LINE.replace(AGENT, text),
    ]
    cut = LINE[: random.randrange(len(LINE))]
    texts = random.sample([*odd, cut, LINE, ""], k=len(odd) + 3)
    data = [line.replace("\n", "").encode("utf-8", "surrogatepass") for line in texts]
    (placed,) = reader.read([(7, list(data))])
    there = [(number, line) for number, line in enumerate(data, 7) if line and not line.isspace()]
    assert list(placed.ends) == [number for number, _ in there]
    assert list(placed.items) == [reader.item(line, number) for number, line in there]
    assert reader.skipped["blank"] == len(data) - len(there)


HOSTILE = [
    b" [" * 100_000,
    b"1.2.3.4 - " + b"a:1.1.1.1 " * 25_000,
    b'1.2.3.4 - - [x] "' + b"\\" * 250_000,
    b"1," * 125_000,
    b"1.2.3.4 - " + b'\\"' * 125_000,
    b'1.2.3.4 - - [x] "GET ' + b"a" * 250_000,
    b"1.2.3.4 - " + b":" * 250_000,
    b"{" * 250_000,
    b"<1>1 " + b"[" * 250_000,
    b"a" * 250_000 + b" | ",
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: line[:12].decode())
def test_no_line_is_looked_at_more_than_a_few_times(line: bytes) -> None:
    """Any client of a server writes into its log: a pattern that tries again and again would stop the reading."""
    for one in LOG_FORMATS:
        assert one.share([line]) == 0.0
        assert isinstance(one.make().item(line, 1), UnreadableLine)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[%>s %b] %h "%{User-Agent}i"', f'[200 12] 198.51.100.7 "{AGENT}"'),
        ('[^%b %h "%{User-Agent}i"', f'[^12 198.51.100.7 "{AGENT}"'),
    ],
)
def test_a_bracket_before_a_field_does_not_slow_a_pattern_down(text: str, line: str) -> None:
    pattern = LogPattern(text)
    assert pattern.usual_fields(f"{line}\n{line}", 2) == [("198.51.100.7", "", "", AGENT, "")] * 2


@given(st.one_of(st.ip_addresses(), st.sampled_from(list(PRIVATE)).map(lambda network: network.network_address)))
def test_an_address_is_private_if_it_is_in_one_of_these_networks(address: IPv4Address | IPv6Address) -> None:
    assert is_private(str(address)) == any(address in network for network in PRIVATE)
    assert ForwardedClient()(None, f"{address}, 10.0.0.1") is not None
