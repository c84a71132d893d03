"""Recognizing a format by many lines: no single one decides, and what cannot be read is said to look like something."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from omnivery.errors import ConfigError
from omnivery.events.event import BotEvent, EventLine, UnreadableLine
from omnivery.readers import read
from omnivery.readers._detection import looks_like

LOG = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "Agent"\n'
LOGS = [LOG.replace(b"0.2.1", b"0.2.%d" % n) for n in range(60)]
"""Lines of different clients: if all of a log's come from one address, that is warned of."""
JSON = b'{"ip":"192.0.2.1","uas":"x","event_id":"1"}\n'
JUNK = (
    b'like Gecko) Chrome/1","event_id":"z"}\n',
    b"# exported 2026-05-17\n",
    b"\0" * 300,
    b"\0" * 700_000,
    b"x" * 1_100_000 + b"\n",
    b"\n\n\n",
    b"-- \n" * 50,
    b'"GET /a HTTP/1.1" 200 5 "-" "Agent"\n',
    b"{\n",
    b"192.0.2.1\n",
    b"ip,uas,event_id\n",
    b"ip;uas\n",
)


def kinds(source: Any, **options: Any) -> list[type]:
    return [type(item) for item in read(source, **options)]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
@pytest.mark.parametrize(("good", "kind"), [(b"".join(LOGS), BotEvent), (JSON * 60, EventLine)], ids=["log", "json"])
def test_a_first_line_that_cannot_be_read_sinks_itself_alone(junk: bytes, good: bytes, kind: type) -> None:
    """A file that was cut out of a longer one begins in the middle of a line; others begin with a comment."""
    found = kinds(io.BytesIO(junk + good))
    assert found[-59:] == [kind] * 59


def test_a_line_of_another_format_does_not_decide() -> None:
    """Somebody may write anything into a log: by asking for it."""
    assert kinds(io.BytesIO(JSON + LOG * 9)) == [UnreadableLine, *[BotEvent] * 9]
    assert kinds(io.BytesIO(LOG + JSON * 9)) == [EventLine] * 10


def test_a_server_that_says_in_its_container_how_it_starts_has_a_log_all_the_same() -> None:
    """Docker's files hold all that a container writes: these lines are JSON, and no event in the API's names."""
    inside = ["/docker-entrypoint.sh: Configuration complete; ready for start up", LOG.decode()[:60]]
    other = [json.dumps({"log": f"{line}\n", "stream": "stdout"}).encode() + b"\n" for line in inside]
    logs = [json.dumps({"log": line.decode(), "stream": "stdout"}).encode() + b"\n" for line in LOGS]
    found = list(read(io.BytesIO(b"".join([*other, *logs]))))
    assert [type(item) for item in found] == [UnreadableLine] * 2 + [BotEvent] * 60
    # Objects of which nobody knows what they are come out as lines where the caller says that they are events.
    assert kinds(io.BytesIO(b'{"log":"x"}\n' * 3), format="ndjson") == [EventLine] * 3
    assert kinds(io.BytesIO(b'{"a":{"cip":"192.0.2.1"}}\n' * 3), columns={"a.cip": "ip"}) == [BotEvent] * 3


@pytest.mark.parametrize("name", ["message", "log", "line"])
def test_an_events_own_attribute_with_a_line_of_a_log_makes_it_no_line_of_a_log(name: str) -> None:
    event = json.dumps({"ip": "192.0.2.1", "uas": "x", "event_id": "a", name: LOG.decode()})
    assert kinds(io.BytesIO(f"{event}\n".encode() * 3)) == [EventLine] * 3


@pytest.mark.parametrize(
    "content",
    [
        b'{"webhook_url":"x","events":[%b,%b]}\n' % (JSON.strip(), JSON.strip()),
        b"\x1e%b\x1e%b" % (JSON, JSON),
        b"%b,\n%b,\n" % (JSON.strip(), JSON.strip()),
        b"[%b,%b]" % (JSON.strip(), JSON.strip()),
        b"\xef\xbb\xbf%b%b" % (JSON.strip(), JSON.strip()),
    ],
    ids=["the body of a batch", "a sequence of RFC 7464", "cut out of an array", "an array", "without line breaks"],
)
def test_events_in_json_are_found_whatever_stands_around_them(content: bytes) -> None:
    assert [item.data for item in read(io.BytesIO(content))] == [JSON.strip()] * 2


def test_where_formats_read_as_much_the_first_line_decides() -> None:
    assert kinds(io.BytesIO(JSON + LOG)) == [EventLine, EventLine]
    assert kinds(io.BytesIO(LOG + JSON)) == [BotEvent, UnreadableLine]


class Pipe:
    """A pipe that gives some bytes at a time, and waits for ever when there are no more."""

    def __init__(self, *arrived: bytes) -> None:
        self._arrived: Iterator[bytes] = iter(arrived)

    def read(self, size: int, /) -> bytes:
        return b"" if size == 0 else self.read1(size)

    def read1(self, size: int, /) -> bytes:
        piece = next(self._arrived, None)
        assert piece is not None, "this would wait for ever"
        assert len(piece) <= size
        return piece


def test_of_a_pipe_no_more_is_waited_for_than_it_takes() -> None:
    assert isinstance(next(read(Pipe(LOG))), BotEvent)
    assert isinstance(next(read(Pipe(LOG[:30], LOG[30:]))), BotEvent)
    # One that is cut at its first line shows what it is when most of its lines are of one format.
    found = read(Pipe(b"Agent\n", *LOGS))
    assert [type(next(found)) for _ in range(12)] == [UnreadableLine, *[BotEvent] * 11]


def test_what_stands_before_the_damage_is_read_though_the_format_is_not_clear_yet() -> None:
    class Broken(Pipe):
        def read1(self, size: int, /) -> bytes:
            try:
                return super().read1(size)
            except AssertionError:
                raise EOFError from None

    found = read(Broken(b"Agent\n", LOG))
    assert [type(next(found)) for _ in range(2)] == [UnreadableLine, BotEvent]
    with pytest.raises(OSError, match="nothing after line 2 could be read"):
        next(found)


def test_a_format_that_is_named_is_not_looked_for() -> None:
    assert kinds(io.BytesIO(LOG * 3), format="ndjson") == [EventLine] * 3
    assert kinds(io.BytesIO(JSON * 3), format="combined") == [UnreadableLine] * 3
    assert kinds(io.BytesIO(JSON * 3), format="NDJSON") == [EventLine] * 3
    pattern = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'
    assert kinds(io.BytesIO(LOG * 3), format=pattern) == [BotEvent] * 3


def test_a_name_that_is_none_is_an_error_at_the_call() -> None:
    with pytest.raises(ConfigError, match=r"format: there is no 'apachee'; there are aiohttp.* csv,.* json,.* parquet"):
        read(io.BytesIO(LOG), format="apachee")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'["a", "b"]\n', "a JSON array"),
        (b"<!doctype html>\n<title>Log in</title>\n", "a web page"),
        (b"<html><body>\n", "a web page"),
        (b'<?xml version="1.0"?>\n<a/>\n', "XML"),
        (b"From ann@example.com Mon May 17\nSubject: x\n", "mail"),
        (b"Received: from a by b\n", "mail"),
        (b"-----BEGIN CERTIFICATE-----\n", "a key or a certificate"),
        (b"\x7f\x01\x02\x00\x00\x00" * 50, "binary data"),
        (b"name,age\nann,3\n", "a table with commas, whose first row names none of ip, uas and event_id"),
        (b"name\tage\nann\t3\n", "a table with tabs"),
        (b"once upon a time\nthere was a log\n", "text"),
        (b'{"context":{"ip":"192.0.2.1"},"messageId":"m"}\n' * 3, "say which is which, columns="),
        (b"cip,agent,method\n192.0.2.1,-,GET\n", "say which is which, columns="),
        (b'[2026-05-17T10:05:03.1Z] "GET /c/1 HTTP/1.1" 200 - 0 5 1 1 "192.0.2.1" "X; Y" "id"\n' * 3, "Envoy's"),
        (b'INFO:     192.0.2.1:50 - "GET /c/1 HTTP/1.1" 200 OK\n' * 3, "give its pattern, format="),
        (b'192.0.2.1 - - [17/May/2026 10:05:03] "GET /c/1 HTTP/1.1" 200 -\n' * 3, "give its pattern, format="),
        (b'x 192.0.2.1 y [17/May/2026:10:05:03 +0000] "GET /c/1 HTTP/1.1" 200 "X"\n' * 3, "give its pattern, format="),
        (b"2026/05/17 10:05:03.1\tINFO\thttp.log.access.a\thandled request\t{}\n" * 3, "Caddy's log for a console"),
        (b'2026-05-17T10:05:03+00:00 heroku[router]: at=info method=GET path="/c/1"\n' * 3, "Heroku's router"),
        (
            b'2026/11/20 10:00:00 [error] 7#7: *1 open() failed, client: 192.0.2.1, request: "GET / HTTP/1.1"\n',
            "a web server's error log",
        ),
        (b"[Fri Nov 20 10:00:00.000000 2026] [mpm_event:notice] [pid 1:tid 1] resuming\n", "a web server's error log"),
        (b"[Fri Nov  2 10:00:00 2026] [error] [client 192.0.2.1] no file\n", "a web server's error log"),
        (b"a|agent (X11; Linux)|b|c\n" * 3, "a table with bars, whose first row names none of"),
        (b"7|198.51.100.7|Mozilla/5.0 (X11; Linux)|no\n" * 3, "with bars without a row that names its columns"),
        (b'INFO: 198.51.100.7:51234 - "GET /c/1 HTTP/1.1" 302 Found\n' * 3, "No user agent shows in its first lines"),
        (
            b"--\n-- dump\n\nSET x = 0;\nCOPY clicks (ip, uas, event_id) FROM stdin;\n7\tx\ta\n\\.\n",
            "SQL, as of a database's",
        ),
        (b"COPY public.clicks (ip, uas, event_id) FROM stdin;\n192.0.2.1\tx\ta\n\\.\n", "SQL, as of a database's"),
        (b"INSERT INTO `clicks` (`ip`, `uas`) VALUES\n('192.0.2.1','x'),\n", "SQL, as of a database's dump: export it"),
        ("┌────┬─────┐\n│ ip │ uas │\n└────┴─────┘\n".encode(), "a table that a console has drawn"),
        ("shape: (1, 1)\n╭────╮\n│ ip │\n".encode(), "a table that a console has drawn"),
        (b"-[ RECORD 1 ]---\nip       | 192.0.2.1\nuas      | x\n", "a table that a console has drawn"),
        (b"*** 1. row ***\n  ip: 192.0.2.1\n uas: x\n", "a table that a console has drawn"),
        (b"---\nhttpRequest:\n  remoteIp: 192.0.2.1\n", "YAML, where JSON is needed"),
        (b"- ip: 192.0.2.1\n  uas: x\n", "YAML, where JSON is needed"),
        (b"{'ip': '192.0.2.1', 'uas': 'x'}\n" * 2, "objects, but not in JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n", "git lfs pull"),
        ("Привет, мир\n".encode("cp1251") * 3, "binary data, or text that is not in UTF-8"),
        (b"x" * 3_000_000, "no line of it is shorter than 1,000,000 bytes"),
    ],
)
def test_what_no_format_reads_is_said_to_look_like_something(content: bytes, words: str) -> None:
    found = list(read(io.BytesIO(content)))
    assert found
    for item in found:
        assert isinstance(item, UnreadableLine)
        if len(content) < 1_000_000:
            assert words in item.reason
    lines = [line for line in content.split(b"\n") if line and len(line) < 1_000_000]
    assert words in looks_like(lines)


def test_a_log_that_is_nearly_one_says_what_is_missing() -> None:
    """Common log format has no user agent: that helps more than "in no format that is known"."""
    [found] = read(io.BytesIO(b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5\n'))
    assert isinstance(found, UnreadableLine)
    assert "user agent" in found.reason


def test_rows_of_a_table_may_go_over_lines_and_be_damaged() -> None:
    content = (
        b'ip,uas,event_id,note\n192.0.2.1,x,a,"1\n2\n3\n4"\n192.0.2.1,x\n192.0.2.1,x,b,"1\n2"\n192.0.2.1,x,c,"open\n'
    )
    assert [one.event_id for one in read(io.BytesIO(content)) if isinstance(one, BotEvent)] == ["a", "b"]
