"""What carries the lines of a log: programs that print them, and one program within another."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers import access_log, read

TIME = "2026-05-17T10:05:03.123456789Z"
TEXT = '198.51.100.7 - - [17/May/2026:10:05:03 +0000] "GET /c/1 HTTP/1.1" 302 0 "-" "Mozilla/5.0 (X11; a=b)"'
OBJECT = json.dumps(
    {
        "time_iso8601": "2026-05-17T10:05:03+00:00",
        "remote_addr": "198.51.100.7",
        "request": "GET /c/1 HTTP/1.1",
        "http_user_agent": "Mozilla/5.0 (X11; a=b)",
        "message": "no line of a log",
    }
)
LINES = pytest.mark.parametrize("line", [TEXT, OBJECT], ids=["text", "object"])


def clicks(text: str | bytes) -> list[tuple[Any, ...]]:
    data = text.encode() if isinstance(text, str) else text
    return [(one.ip, one.ts, (one.attributes or {}).get("url")) for one in read(io.BytesIO(data))]


CLICK = ("198.51.100.7", 1_779_012_303, "/c/1")


@LINES
@pytest.mark.parametrize(
    "prefix",
    [
        "May 17 10:05:03.123456 web1 nginx[812]: ",
        "Sun 2026-05-17 10:05:03 UTC web1 nginx[812]: ",
        "Sun 2026-05-17 12:05:03 CEST web1 nginx.service[812]: ",
        "1779012303.123456 web1 nginx[812]: ",
        "[12345.678901] web1 nginx[812]: ",
        "[    5.678901] web1 nginx[812]: ",
        "web.1.x5f7abc@node1    | ",
        "web-5f7d nginx ",
        "default/web-5f7d[nginx]: ",
        "\x1b[32mweb-5f7d\x1b[0m \x1b[33mnginx\x1b[0m ",
        "0|app  | ",
        "0|app  | 2026-05-17T10:05:03: ",
        "10:05:03 web.1  | ",
        "2026-05-17T10:05:03Z {} ",
        '2026-05-17T10:05:03Z {job="nginx", path="/{id}"} ',
        f"1779012303123\t{TIME}\t",
        "2026-05-17T10:05:03.123000+00:00 ecs/web/4f1c ",
        "2026-05-17T10:05:03 ",
        "2026-05-17 10:05:03.123456789  ",
        "2026-05-17_10:05:03.12345 ",
        "@4000000069b1c2d31d2e3f40 ",
        "/var/log/nginx/access.log:",
        "access.log.2.gz:17:",
        "17:",
    ],
)
def test_what_programs_print_in_front_of_a_line_is_taken_off(prefix: str, line: str) -> None:
    """The options of journalctl, containers of Swarm, stern, pm2, foreman, logcli, the cloud's own tools, grep."""
    assert clicks(f"{prefix}{line}\n" * 3) == [CLICK] * 3


@LINES
def test_one_may_carry_what_another_has_written(line: str) -> None:
    """A shipper hands on the files of a container as they are, and a cloud what the shipper made of them."""
    cri = f"{TIME} stdout F {line}"
    docker = json.dumps({"log": f"{line}\n", "stream": "stdout", "time": TIME})
    for carried in (
        json.dumps({"line": cri, "timestamp": TIME}),
        json.dumps({"message": docker}),
        json.dumps({"event": line, "time": 1_779_012_303, "host": "web1"}),
        json.dumps({"_index": "logs", "_source": {"message": line, "@timestamp": TIME}}),
        f"web-1  | {docker}",
        f"2026-05-17T10:05:03+00:00\tnginx.access\t{json.dumps({'message': line})}",
        f"nginx: [1779012303.123456789, {json.dumps({'log': line})}]",
        f"data: {json.dumps({'__CURSOR': 'c', 'MESSAGE': line})}",
        f"access.log:May 17 10:05:03 web1 nginx: {line}",
    ):
        assert clicks(f"{carried}\n\n" * 3) == [CLICK] * 3
    events = {"events": [{"timestamp": 1_779_012_303_000, "message": docker}] * 3, "nextToken": "f/1"}
    hits = {"hits": {"hits": [{"_id": "a", "_source": {"message": line}}] * 3}}
    for document in (events, hits):
        assert clicks(json.dumps(document, indent=2)) == [CLICK] * 3


@LINES
def test_columns_of_a_command_line_tool_are_taken_off_on_both_sides(line: str) -> None:
    assert clicks(f"EVENTS\t1779012304000\t{line}\t1779012303000\n" * 3) == [CLICK] * 3
    found = f"EVENTS\t{'37' * 28}\t1779012304000\tweb/4f1c\t{line}\t1779012303000\n"
    assert clicks(found * 3) == [CLICK] * 3


@LINES
def test_an_entry_of_the_journal_may_have_each_field_on_a_line(line: str, tmp_path: Path) -> None:
    """`journalctl -o export` and `-o verbose`; an entry of another program is one line that cannot be read."""
    fields = f"_BOOT_ID=b\n_HOSTNAME=web1\nMESSAGE_ID=7\nMESSAGE={line}\n_PID=812\n"
    other = fields.replace(f"MESSAGE={line}", "MESSAGE=Started nginx.")
    export = "".join(f"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1779012303000000\n{one}\n" for one in (fields, other, fields))
    indented = ("    " + one.replace("\n", "\n    ").rstrip(" ") for one in (fields, other, fields))
    verbose = "".join(f"Sun 2026-05-17 10:05:03.123456 UTC [s=1;i=2;b=3]\n{one}" for one in indented)
    for text in (export, verbose):
        path = tmp_path / "journal"
        path.write_text(text)
        found = read(path)
        first, started, second = found
        assert isinstance(started, UnreadableLine)
        for one in (first, second):
            assert isinstance(one, BotEvent)
            assert (one.ip, one.ts) == CLICK[:2]
            assert text.splitlines()[(one.attributes or {})["line"] - 1].lstrip() == f"MESSAGE={line}"
        assert 3 + sum(found.skipped.values()) == text.count("\n")


def test_settings_are_no_entries_of_the_journal() -> None:
    for item in read(io.BytesIO(b"HOST=web1\nPORT=80\nMESSAGE=GET /\n" * 5)):
        assert "journal" not in item.reason


@pytest.mark.parametrize("first", ["203.0.113.9", "2001:db8::1", "10.0.0.1"])
@pytest.mark.parametrize("before", ["", "2026-05-17T10:05:03Z ", "access.log:"])
def test_of_two_addresses_in_front_none_is_taken_off(first: str, before: str) -> None:
    """Which is the client's? What cannot be told is not guessed: a pattern tells it."""
    for item in access_log(io.BytesIO(f"{before}{first} {TEXT}\n".encode() * 3)):
        assert isinstance(item, UnreadableLine)


def test_an_address_with_colons_is_no_name_of_a_file() -> None:
    line = TEXT.replace("198.51.100.7", "2001:db8::7")
    assert {ip for ip, *_ in clicks(f"{line}\n" * 3)} == {"2001:db8::7"}
    assert {ip for ip, *_ in clicks(f"access.log:{line}\n" * 3)} == {"2001:db8::7"}
    numbered = f"17:{line}\n18:{TEXT}\naccess.log:19:{line}\n"
    assert [ip for ip, *_ in clicks(numbered)] == ["2001:db8::7", "198.51.100.7", "2001:db8::7"]
