"""HAProxy's log: which captured header is the user agent, whose clock wrote the time, and what is said without one."""

from __future__ import annotations

import io
from typing import Any

import pytest

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers import LogWarning, access_log, read
from omnivery.readers._haproxy_log import NO_AGENT

TIME = "17/May/2026:10:05:03.655"


def line(captured: str = "", *, before: str = "", time: str = TIME, client: str = "198.51.100.7:5") -> str:
    return (
        f"{before}{client} [{time}] in b/s 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "
        f'{captured}"GET /c/1 HTTP/1.1"\n'
    )


def items(*lines: str, **options: Any) -> list[Any]:
    return list(read(io.BytesIO("".join(lines).encode()), **{"client_ip": "peer", **options}))


@pytest.mark.parametrize(
    ("captured", "uas"),
    [
        ("{Mozilla/5.0 (X11)} ", "Mozilla/5.0 (X11)"),
        ("{Mozilla/5.0 (X11)} {nginx/1.27.0} ", "Mozilla/5.0 (X11)"),
        ("{www.example.com|curl/8.5.0} ", "curl/8.5.0"),
        ("{https://www.example.com/a/1|10.0.0.1|Go-http-client/1.1} ", "Go-http-client/1.1"),
        ("{Mozilla/5.0 #28X11#29 #7Cx#7D #22y#22|www.example.com:8080} ", 'Mozilla/5.0 (X11) |x} "y"'),
    ],
)
def test_of_captured_headers_the_one_is_taken_that_looks_like_a_user_agent(captured: str, uas: str) -> None:
    assert [one.uas for one in items(line(captured))] == [uas]


def test_where_most_lines_have_it_it_is_whatever_it_looks_like() -> None:
    usual = [line(f"{{www.example.com|Mozilla/5.0 ({n})}} ") for n in range(3)]
    others = [line("{a/1|Thunderbird} "), line("{b/2|} ")]
    assert [one.uas for one in items(*usual, *others)][3:] == ["Thunderbird", "-"]


@pytest.mark.parametrize("captured", ["", "{} ", "{www.example.com} ", "{nginx/1.27.0} ", "{www.example.com|} "])
def test_without_a_user_agent_it_is_said_how_to_log_one(captured: str) -> None:
    """Not that it is no combined log: of no use to who has HAProxy."""
    assert items(line(captured)) == [UnreadableLine(line=1, reason=NO_AGENT)]
    assert items(line(captured, before="May 17 10:05:03 lb haproxy[8]: "))[0].reason == NO_AGENT


@pytest.mark.parametrize(
    ("before", "hour"),
    [
        ("", 10),
        ("May 17 10:05:03 lb haproxy[8]: ", 10),
        ("2026-05-17T10:05:03Z lb haproxy[8]: ", 10),
        ("2026-05-17T08:05:04.123+00:00 lb haproxy[8]: ", 8),
        ("<134>1 2026-05-17T10:05:40.123+02:00 lb haproxy 8 - - ", 8),
        ("2026-05-17T15:35:03+00:00 lb haproxy[8]: ", 15.5),
        ("2026-05-19T15:35:03+00:00 lb haproxy[8]: ", 10),
    ],
)
def test_the_zone_of_its_time_is_told_by_syslog_in_front(before: str, hour: float) -> None:
    [event] = items(line("{curl/8.5.0} ", before=before))
    assert event.ts == 1_779_012_303 + (hour - 10) * 3600


def test_the_forwarded_client_is_a_captured_header() -> None:
    lines = [line(f"{{198.51.100.{n}, 10.0.0.2|curl/8.5.0}} ", client="10.0.0.1:5") for n in range(3)]
    assert [one.ip for one in items(*lines, client_ip="forwarded")] == [f"198.51.100.{n}" for n in range(3)]
    with pytest.warns(LogWarning, match="captured headers, say client_ip='forwarded'"):
        list(access_log(io.BytesIO("".join(lines).encode())))


def test_a_line_that_syslog_has_cut_off_keeps_its_click() -> None:
    [event] = items(line("{curl/8.5.0} ")[:-12])
    assert isinstance(event, BotEvent)
    assert event.attributes == {"line": 1}
