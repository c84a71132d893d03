"""Lines of a log in a column of CSV: what search engines export, and how it is told from a table of events."""

from __future__ import annotations

import csv
import io
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from omnivery.events.event import BotEvent, UnreadableLine
from omnivery.readers import LogWarning, access_log, read


def line(n: int, agent: str = "Mozilla/5.0 (X11, x)") -> str:
    return f'198.51.100.{n} - - [17/May/2026:10:05:03 +0000] "GET /c/{n} HTTP/1.1" 302 0 "-" "{agent}"'


def table(names: list[str], rows: list[list[str]], **options: Any) -> str:
    text = io.StringIO()
    csv.writer(text, **options).writerows([names, *rows])
    return text.getvalue()


LINES = [line(n) for n in range(3)]
TABLES = {
    "Splunk": table(
        ["_serial", "_time", "source", "_raw"],
        [[str(n), "2026-05-17T10:05:03.000+0000", "/var/log/nginx/access.log", one] for n, one in enumerate(LINES)],
        quoting=csv.QUOTE_ALL,
    ),
    "CloudWatch": table(["@timestamp", "@message"], [["2026-05-17 10:05:03.000", f"{one}\n"] for one in LINES]),
    "Kibana": table(["@timestamp", "message"], [["May 17, 2026 @ 10:05:03.000", one] for one in LINES]),
    "Kibana with semicolons": table(["message", "host.name"], [[one, "web"] for one in LINES], delimiter=";"),
    "Elastic's schema": table(["event.original", "message"], [[one, "a request"] for one in LINES]),
    "Datadog": table(["Date", "Host", "Service", "Message"], [["2026-05-17", "web", "nginx", one] for one in LINES]),
    "Grafana": "sep=,\n" + table(["Time", "Line"], [["1779012303000", one] for one in LINES]),
    "one column": table(["message"], [[one] for one in LINES], lineterminator="\n"),
}


def items(content: str, **options: Any) -> list[Any]:
    return list(read(io.BytesIO(content.encode()), **{"client_ip": "peer", **options}))


def urls(found: list[Any]) -> list[Any]:
    return [(one.attributes or {})["url"] if isinstance(one, BotEvent) else one.reason for one in found]


@pytest.mark.parametrize("name", TABLES)
def test_each_cell_is_a_line_of_the_log(name: str) -> None:
    for found in (items(TABLES[name]), items(TABLES[name], format="nginx")):
        assert urls(found) == ["/c/0", "/c/1", "/c/2"]
        assert [one.ip for one in found] == ["198.51.100.0", "198.51.100.1", "198.51.100.2"]
    step = 2 if name == "CloudWatch" else 1
    first = 3 if name == "Grafana" else 2
    assert [one.attributes["line"] for one in found] == list(range(first, first + 3 * step, step))
    assert urls(list(access_log(io.BytesIO(TABLES[name].encode()), client_ip="peer"))) == ["/c/0", "/c/1", "/c/2"]


def test_each_row_is_accounted_for() -> None:
    rows = [["1", line(1)], ["2", "ready"], ["3", ""], ["_time", "_raw"], ["4", line(4)], ["5"]]
    source = read(io.BytesIO(table(["_time", "_raw"], rows).encode()), client_ip="peer")
    assert urls(list(source)) == ["/c/1", "not in combined log format", "/c/4", "1 cells where the first row has 2"]
    assert source.skipped == {"header": 2, "blank": 1}


def test_a_log_in_json_in_a_column() -> None:
    own = {"time_iso8601": "2026-05-17T10:05:03Z", "remote_addr": "198.51.100.7", "request": "GET /c/1 HTTP/1.1"}
    assert urls(items(table(["message"], [[json.dumps({**own, "http_user_agent": "x"})]]))) == ["/c/1"]


def test_a_table_with_the_fields_of_events_is_one() -> None:
    """Splunk exports what it has found in the line beside it."""
    [event] = items(table(["_raw", "ip", "uas"], [[line(1), "192.0.2.1", "x"]]))
    assert (event.ip, event.uas) == ("192.0.2.1", "x")
    assert items(table(["_raw", "clientip"], [[line(1), "192.0.2.1"]]), columns={"clientip": "ip"})[0].ip == "192.0.2.1"


def test_a_column_without_a_log_is_none() -> None:
    found = items(table(["message", "level"], [["started", "info"]]))
    assert [type(one) for one in found] == [UnreadableLine] * 2
    assert "looks like a table" in found[0].reason


def test_whose_addresses_they_are_is_looked_at() -> None:
    rows = [[line(1).replace("198.51.100.1", "10.0.0.1")]] * 30
    with pytest.warns(LogWarning, match="private"):
        list(read(io.BytesIO(table(["message"], rows).encode())))


@pytest.mark.parametrize("name", TABLES)
def test_reading_resumes_between_any_two_rows(name: str, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(TABLES[name], newline="")
    for count in range(1, 4):
        source: Any = read(path, client_ip="peer")
        found = list(islice(source.open(source.locate(())), count))
        place = json.loads(json.dumps(source.position(found[-1])))
        again: Any = read(path, client_ip="peer")
        point = type(again.locate(()))(name=again.name, position=place)
        assert urls([*found, *again.open(again.locate([point]))]) == ["/c/0", "/c/1", "/c/2"]


@pytest.mark.parametrize("cut", [5, 13, 20, 60])
def test_a_table_that_is_still_being_written_waits_until_its_rows_tell_what_it_is(cut: int, tmp_path: Path) -> None:
    """By its header alone nobody knows which log is in it, and its rows cannot be read without it."""
    path = tmp_path / "export.csv"
    content = table(["_time", "_raw"], [["1", one] for one in LINES], lineterminator="\n")
    path.write_text(content[:cut])
    source: Any = read(path, client_ip="peer")
    assert list(source.open(source.locate(()))) == []
    assert source.unfinished == 1
    path.write_text(content)
    again: Any = read(path, client_ip="peer")
    assert urls(list(again.open(again.locate(())))) == ["/c/0", "/c/1", "/c/2"]
