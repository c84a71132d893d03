"""Lines about what an emulator does, as people and programs read them."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from omnivery.cli import activity_lines
from omnivery.cli.activity_lines import ActivityLines, line, wants_colour
from omnivery.emulator import Activity

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def activity(**fields: Any) -> Activity:
    given = {"kind": "request", "name": "POST", "target": "/v3/x/messages", "status": 200, "seconds": 0.0042, "at": AT}
    return Activity(**{**given, **fields})


def shown(columns: int = 80, **fields: Any) -> str:
    return click.unstyle(line(activity(**fields), columns=columns))


def test_lines_are_aligned_whatever_they_are_about() -> None:
    lines = [
        shown(),
        shown(name="DELETE", status=404, seconds=12.5),
        shown(kind="webhook", name="bot", target="http://127.0.0.1/hook", status=None, seconds=0.0001, note="refused"),
        shown(kind="smtp", name="DATA", target="127.0.0.1:1025", status=250),
    ]
    assert [re.sub("^..:..:..  ", "", each) for each in lines] == [
        "POST     200       4 ms  /v3/x/messages",
        "DELETE   404  12,500 ms  /v3/x/messages",
        "webhook  ---      <1 ms  bot http://127.0.0.1/hook (refused)",
        "smtp     250       4 ms  DATA 127.0.0.1:1025",
    ]


def test_a_narrow_terminal_has_no_room_for_the_time() -> None:
    assert shown(columns=40).startswith("POST ")
    assert re.match(r"\d\d:\d\d:\d\d  POST ", shown(columns=60))


@pytest.mark.parametrize(("status", "code"), [(200, "32"), (302, "36"), (429, "33"), (500, "31"), (None, "31")])
def test_a_status_has_the_colour_of_its_class(status: int | None, code: str) -> None:
    assert f"\x1b[{code}m{status or '---'}\x1b[0m" in line(activity(status=status), columns=80)


def test_a_path_cannot_steer_the_terminal() -> None:
    assert "\x1b[2J" not in line(activity(target="/\x1b[2J"), columns=80)


@pytest.mark.skipif(os.name != "posix", reason="Windows says so at the next line only")
def test_lines_that_nobody_reads_any_more_end_before_the_next_one() -> None:
    """`omnivery emulator | head -1` would otherwise go on until a request comes, and fail then."""
    lines = ActivityLines()
    read, write = os.pipe()
    lines.end_without_reader(write)
    threading.Timer(0.02, os.close, [read]).start()
    with pytest.raises(BrokenPipeError):
        lines.print_until_end()
    os.close(write)


def test_lines_in_a_file_have_a_reader(tmp_path: Path) -> None:
    lines = ActivityLines()
    with (tmp_path / "lines").open("w") as file:
        lines.end_without_reader(file.fileno())
        threading.Timer(0.05, lines.end).start()
        lines.print_until_end()


class Terminal:
    @staticmethod
    def isatty() -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "colour"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_can_be_switched_off(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], colour: bool
) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_colour() is colour


def test_programs_get_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ActivityLines()
    lines.add(activity())
    lines.add(activity(kind="webhook", name="bot", target="http://x/", status=None, note="refused"))
    lines.end()
    lines.print_until_end()
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    at = "2026-01-02T03:04:05.678Z"
    assert first == {
        "activity": "request", "at": at, "method": "POST", "path": "/v3/x/messages", "status": 200, "milliseconds": 4.2
    }  # fmt: skip
    assert second == {
        "activity": "webhook", "at": at, "event": "bot", "url": "http://x/", "status": None, "milliseconds": 4.2,
        "note": "refused",
    }  # fmt: skip


def test_waiting_again_and_again_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On Windows, Ctrl-C has no effect while a thread waits."""
    monkeypatch.setattr(activity_lines, "WAKE", 0.001)
    lines = ActivityLines()

    def add_and_end() -> None:
        lines.add(activity())
        time.sleep(0.02)
        lines.end()

    threading.Timer(0.02, add_and_end).start()
    lines.print_until_end()
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_an_output_that_is_held_up_costs_lines_and_no_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(activity_lines, "CAPACITY", 3)
    lines = ActivityLines()
    for _ in range(10):
        lines.add(activity())
    threading.Timer(0.05, lines.end).start()
    lines.print_until_end()
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err == "7 further lines were left out: the output was held up\n"
