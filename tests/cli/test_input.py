"""The files that commands read: options, folders, names, and what one file's error does to the others: nothing."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from omnivery._sqlite.files import open_file
from omnivery.cli import input as inputs
from omnivery.cli.input import InputOptions
from omnivery.emulator import Emulator
from omnivery.errors import ConfigError
from tests.cli.test_app import printed
from tests.support.cli import error_of, free_port, in_process, on_terminal, unread
from tests.support.waiting import killed_in_the_end

REQUEST = b'10.0.0.7 - - [17/May/2026:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x"\n'


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(webhook_retry_delays=()) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Iterator[Emulator]:
    running.reset()
    yield running
    running.faults = None


@pytest.fixture
def settings(emulator: Emulator) -> dict[str, str]:
    return {
        "OMNIVERY_TOKEN": emulator.token,
        "OMNIVERY_DOMAIN": emulator.domain,
        "OMNIVERY_WEBHOOK_URL": "http://127.0.0.1:9/",
        "OMNIVERY_AUTOMATIONS_URL": emulator.automations_url,
    }


def ndjson(count: int, start: int = 0) -> bytes:
    return b"".join(b'{"ip":"203.0.113.7","uas":"x","event_id":"e%d"}\n' % n for n in range(start, start + count))


def submit(settings: dict[str, str], *arguments: str | Path, stdin: bytes = b"") -> Any:
    return in_process("bots", "submit", *map(str, arguments), stdin=stdin, environment=settings)


def seen(emulator: Emulator) -> list[str]:
    return sorted(event["event_id"] for event in emulator.bot_events)


def test_a_file_that_is_named_twice_is_sent_once(tmp_path: Path, settings: dict[str, str], emulator: Emulator) -> None:
    """Such as `access.log` and the link `current.log`; each event twice is twice the price."""
    (file := tmp_path / "a.ndjson").write_bytes(ndjson(2))
    (link := tmp_path / "current.ndjson").symlink_to(file)
    os.link(file, hard := tmp_path / "hard.ndjson")
    done = submit(settings, file, link, hard, tmp_path / "*.ndjson", tmp_path)
    assert (done.returncode, printed(done)["read"]) == (0, 2), done.stderr
    assert seen(emulator) == ["e0", "e1"]


def test_a_file_is_known_by_either_of_its_names_though_they_are_no_text(tmp_path: Path) -> None:
    """A path of a file may be any bytes."""
    (file := tmp_path / os.fsdecode(b"caf\xe9")).write_bytes(ndjson(1))
    os.link(file, other := tmp_path / os.fsdecode(b"th\xe9"))
    events, _ = InputOptions().open([str(file), str(other)])
    assert len(events) == 1


def test_a_copy_is_told_before_anything_is_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each event twice is twice the price."""
    files = [tmp_path / "access.log", tmp_path / "access.log.bak"]
    for file in files:
        file.write_bytes(ndjson(1))
    InputOptions().open(map(str, files))
    assert capsys.readouterr().err.startswith(f"Warning: {files[1]} seems to be a copy of {files[0]}: ")
    InputOptions().open([str(tmp_path)])
    assert capsys.readouterr().err.count("seems to be a copy") == 1


def test_a_folder_and_a_pattern_are_their_files(tmp_path: Path, settings: dict[str, str], emulator: Emulator) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a").write_bytes(ndjson(2) + b"rubbish\n")
    (tmp_path / "logs" / "b.gz").write_bytes(gzip.compress(ndjson(3, 2)))
    (tmp_path / "c.1").write_bytes(ndjson(1, 5))
    result = submit(settings, tmp_path / "logs", f"{tmp_path}/c.*", tmp_path / "logs" / "a")
    totals = printed(result)
    assert (totals["read"], totals["accepted"], totals["rejected"]) == (7, 6, 1)
    [rejection] = totals["rejections"]
    assert (rejection["file"], rejection["line"]) == (str(tmp_path / "logs" / "a"), 3)
    assert seen(emulator) == [f"e{n}" for n in range(6)]


def test_the_files_of_a_folder_share_an_open_journal(
    tmp_path: Path, settings: dict[str, str], emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To open it for each of 1,200 files took most of 45 s."""
    opened = list[Path]()

    def counted(path: Path, *arguments: Any, **options: Any) -> Any:
        opened.append(path)
        return open_file(path, *arguments, **options)

    monkeypatch.setattr("omnivery.bulk.journal.file.open_file", counted)
    (tmp_path / "logs").mkdir()
    for number in range(5):
        (tmp_path / "logs" / f"{number}.ndjson").write_bytes(ndjson(2, 2 * number))
    for runs in (1, 2):
        result = submit(settings, "--journal", tmp_path / "j", tmp_path / "logs")
        assert (result.returncode, printed(result)["read"], printed(result)["accepted"]) == (0, 10, 10)
        assert opened == [tmp_path / "j"] * runs
    assert seen(emulator) == [f"e{n}" for n in range(10)]


def test_a_journal_beside_the_logs_is_not_one_of_them(
    tmp_path: Path, settings: dict[str, str], emulator: Emulator
) -> None:
    """A shell writes out `*`: that names the journal, and what lies beside it."""
    (tmp_path / "a").write_bytes(ndjson(2))
    (tmp_path / "b").write_bytes(ndjson(2, 2))
    for _ in range(2):
        done = submit(settings, "--journal", tmp_path / "journal", *sorted(tmp_path.iterdir()))
        assert (done.returncode, printed(done)["read"], done.stderr) == (0, 4, b"")
    assert len(seen(emulator)) == 4
    alone = submit(settings, tmp_path / "journal")
    assert (alone.returncode, b"this is a journal" in alone.stderr) == (1, True)


def test_what_a_journal_does_with_lines_that_wrong_options_spoiled_is_told(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    """The right options come later, and nothing happens."""
    (file := tmp_path / "a.csv").write_bytes(b"address,uas,event_id\n192.0.2.1,x,1\n")
    arguments = ("--journal", tmp_path / "journal", file)
    for options in ((), ("--columns", "address=ip")):
        done = submit(settings, *options, *arguments)
        assert (done.returncode, printed(done)["rejected"]) == (1, 1)
        assert b"with this journal none is read again: once the options are right, name another journal" in done.stderr
    assert b"journal" not in submit(settings, file).stderr


def test_an_empty_folder_is_one_clear_line(tmp_path: Path, settings: dict[str, str]) -> None:
    result = submit(settings, tmp_path)
    assert (result.returncode, result.stdout) == (1, b"")
    assert error_of(result)["message"] == f"There is no file in this folder: {tmp_path}"


def test_what_cannot_be_opened_does_not_keep_the_others_from_being_sent(
    tmp_path: Path, settings: dict[str, str], emulator: Emulator
) -> None:
    """As with cat, grep and gzip; a log may be rotated away between a shell's pattern and its reading."""
    (file := tmp_path / "a.ndjson").write_bytes(ndjson(2))
    (empty := tmp_path / "empty").mkdir()
    gone = tmp_path / "gone.ndjson"
    result = submit(settings, gone, file, empty)
    assert (result.returncode, printed(result)["accepted"], seen(emulator)) == (1, 2, ["e0", "e1"])
    assert printed(result)["errors"] == [
        {"file": str(gone), "error": "No such file or directory"},
        {"file": str(empty), "error": "There is no file in this folder"},
    ]
    first, *_, last = result.stderr.decode().splitlines()
    assert first == f"Warning: {gone}: No such file or directory: going on with the other files"
    assert last == "Note: name only these the next time: without a journal, the others would be sent again"
    kept = submit(settings, gone, file, "--journal", tmp_path / "j")
    assert (kept.returncode, b"would be sent again" in kept.stderr) == (1, False)


def test_where_nothing_can_be_opened_nothing_is_sent(tmp_path: Path, settings: dict[str, str]) -> None:
    result = submit(settings, tmp_path / "a", tmp_path / "b", "--journal", tmp_path / "j")
    assert (result.returncode, result.stdout) == (1, b"")
    assert error_of(result)["message"] == (
        f"none of 2 files can be opened: {tmp_path / 'a'}: No such file or directory; "
        f"{tmp_path / 'b'}: No such file or directory. Nothing was sent."
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("journal", [False, True])
def test_a_file_that_cannot_be_read_does_not_hide_the_others(
    tmp_path: Path, settings: dict[str, str], emulator: Emulator, journal: bool
) -> None:
    files = {
        "1": ndjson(2),
        "2": gzip.compress(b"".join(ndjson(1, 100 + n) + os.urandom(60).hex().encode() for n in range(900)))[:-300],
        "3": b"PK\x03\x04",
        "4": b"name,age\nann,3\n",
        "5": ndjson(3, 10),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    kept = ("--journal", tmp_path / "j") if journal else ()
    result = submit(settings, *(tmp_path / name for name in files), *kept)
    totals = printed(result)
    assert result.returncode == 1
    assert {"e0", "e1", "e10", "e11", "e12"} < set(seen(emulator))
    assert [(Path(one["file"]).name, one["error"]) for one in totals["errors"]][1:] == [
        ("3", "this is a zip archive or an Excel workbook: unpack it first, or save the workbook as CSV")
    ]
    assert "the gzip data is cut off: nothing after line" in totals["errors"][0]["error"]
    assert totals["accepted"] + totals["rejected"] == totals["read"]
    assert any("it looks like a table with commas" in one["reason"] for one in totals["rejections"])
    assert b"Error: " + str(tmp_path / "3").encode() + b": this is a zip archive" in result.stderr


def test_files_that_a_wrong_token_kept_from_being_begun_are_named(tmp_path: Path, settings: dict[str, str]) -> None:
    files = [tmp_path / f"{n}.ndjson" for n in range(6)]
    for place, file in enumerate(files):
        file.write_bytes(ndjson(1, place))
    result = submit({**settings, "OMNIVERY_TOKEN": "wrong"}, *files)
    totals = printed(result)
    assert (result.returncode, totals["read"], totals["undelivered"]) == (1, 1, 1)
    assert totals["not_begun"] == [str(file) for file in files[1:]]
    told = ", ".join(map(str, files[1:4]))
    assert f"Note: 5 files not begun, as the run ended before: {told} …" in result.stderr.decode()
    assert printed(submit(settings, *files))["not_begun"] == []


def test_a_file_that_was_cut_short_does_not_hide_the_others(
    tmp_path: Path, settings: dict[str, str], emulator: Emulator
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(ndjson(3000))
    second.write_bytes(ndjson(1, 9000))
    assert submit(settings, "--journal", tmp_path / "j", first).returncode == 0
    first.write_bytes(ndjson(2000))
    result = submit(settings, "--journal", tmp_path / "j", first, second)
    totals = printed(result)
    assert (result.returncode, totals["accepted"]) == (1, 3001)
    assert "it was cut short" in totals["errors"][0]["error"]
    assert "e9000" in seen(emulator)


def test_a_wrong_setting_is_one_line_and_nothing_is_sent(
    tmp_path: Path, settings: dict[str, str], emulator: Emulator
) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(ndjson(1))
    for options in (
        ("--columns", "ip"),
        ("--follow", tmp_path, tmp_path / "a"),
    ):
        result = submit(settings, tmp_path / "a", *options)
        assert (result.returncode, result.stdout) == (2, b""), (options, result)
        assert b"Traceback" not in result.stderr
    assert emulator.bot_events == []


@pytest.mark.parametrize(
    "options",
    [
        InputOptions(format="apachee"),
        InputOptions(columns={"x": "nothing"}),
        InputOptions(client_ip="forwarded", trusted_proxies=("here",)),
    ],
)
def test_a_wrong_option_is_known_before_a_file_is_read(tmp_path: Path, options: InputOptions) -> None:
    (tmp_path / "a").write_bytes(ndjson(1))
    with pytest.raises(ConfigError):
        options.open([str(tmp_path / "a")])


def test_options_say_how_files_are_read(tmp_path: Path, settings: dict[str, str], emulator: Emulator) -> None:
    table = tmp_path / "clicks.csv"
    table.write_bytes(b"client,agent,id\n203.0.113.9,x,1\n")
    assert submit(settings, table, "--columns", "client=ip,agent=uas", "--columns", "id=event_id").returncode == 0
    assert emulator.bot_events[-1]["ip"] == "203.0.113.9"
    log = tmp_path / "access.log"
    log.write_bytes(
        b'10.0.0.7 - - [17/May/2026:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x" "203.0.113.8, 10.0.0.1"\n'
    )
    assert submit(settings, log, "--client-ip", "forwarded", "--trusted-proxy", "10.0.0.0/8").returncode == 0
    assert emulator.bot_events[-1]["ip"] == "203.0.113.8"
    assert submit(settings, log, "--format", "combined", "--client-ip", "peer").returncode == 0
    assert emulator.bot_events[-1]["ip"] == "10.0.0.7"


def test_a_reader_s_warning_is_told(tmp_path: Path, settings: dict[str, str]) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(REQUEST * 5)
    result = submit(settings, log)
    assert result.returncode == 0
    assert result.stderr.startswith(b"Warning: every client address of the first 5 requests is private")
    assert b"say --client-ip forwarded; if they are the clients', say --client-ip peer." in result.stderr


def test_a_line_that_is_still_being_written_is_told_and_taken_where_it_is_asked_for(
    tmp_path: Path, settings: dict[str, str], emulator: Emulator
) -> None:
    file, journal = tmp_path / "live", tmp_path / "j"
    file.write_bytes(ndjson(3)[:-1])
    result = submit(settings, "--journal", journal, file)
    totals = printed(result)
    assert (result.returncode, totals["read"], totals["unfinished"]) == (0, 2, 1)
    assert b"the last line has no ending and may still be being written" in result.stderr
    assert b"--complete" in result.stderr
    result = submit(settings, "--journal", journal, "--complete", file)
    totals = printed(result)
    assert (result.returncode, totals["read"], totals["unfinished"]) == (0, 3, 0)
    assert result.stderr == b""
    assert seen(emulator) == ["e0", "e1", "e2"]


def test_that_a_file_was_replaced_is_told(tmp_path: Path, settings: dict[str, str]) -> None:
    file, journal = tmp_path / "live", tmp_path / "j"
    file.write_bytes(ndjson(3))
    submit(settings, "--journal", journal, file)
    file.write_bytes(ndjson(2, 50))
    result = submit(settings, "--journal", journal, file)
    assert (result.returncode, printed(result)["read"]) == (0, 5)
    assert b"Note: " in result.stderr
    assert b"is another file than the one that was read before" in result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are text")
@pytest.mark.parametrize("journal", [False, True])
def test_a_name_that_is_no_utf_8_is_told_in_escapes(
    tmp_path: Path, settings: dict[str, str], emulator: Emulator, journal: bool
) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    Path(path).write_bytes(ndjson(1) + b"rubbish\n")
    kept = ("--journal", tmp_path / "j") if journal else ()
    for _ in range(2 if journal else 1):
        result = submit(settings, path, *kept)
        totals = printed(result)
        assert (totals["read"], totals["accepted"], totals["rejected"]) == (2, 1, 1), result.stderr
        assert totals["rejections"][0]["file"] == f"{tmp_path}/caf\\xe9"
    assert len(emulator.bot_events) == 1


def test_events_go_out_no_faster_than_they_may(tmp_path: Path, settings: dict[str, str]) -> None:
    (tmp_path / "a").write_bytes(ndjson(1500))
    started = time.monotonic()
    result = submit(settings, tmp_path / "a", "--rate", "1000")
    assert (result.returncode, printed(result)["accepted"]) == (0, 1500)
    assert time.monotonic() - started > 0.9, "the third batch of 500 goes out a second after the first"


def until(come: Any, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while not come():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("sign", "hangs"),
    [
        (signal.SIGINT, False),
        (signal.SIGINT, True),
        (signal.SIGTERM, False),
        (signal.SIGTERM, True),
        (signal.SIGHUP, False),
    ],
)
def test_each_line_that_left_the_pipe_is_in_the_report_of_a_run_that_is_interrupted(
    settings: dict[str, str], emulator: Emulator, sign: signal.Signals, hangs: bool
) -> None:
    """Whether it waits for more lines, or for the server with lines in hand that were read ahead."""
    emulator.faults = "delay=60s" if hangs else None
    command = [sys.executable, "-W", "error", "-m", "omnivery", "bots", "submit", "-", "--concurrency", "1"]
    with (
        subprocess.Popen(
            command,
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process,
        killed_in_the_end(process),
    ):
        pipe, output = process.stdin, process.stdout
        assert pipe is not None
        assert output is not None
        pipe.write(ndjson(1020))
        pipe.flush()
        until(lambda: not unread(pipe) and (hangs or len(emulator.bot_events) >= 500), process)
        time.sleep(0.3 if hangs else 0.1)
        process.send_signal(sign)
        status = process.wait(timeout=40)  # standard input stays open: the pipe only pauses
        totals = json.loads(output.read())
    assert status == 128 + sign
    assert totals["read"] == 1020
    assert totals["accepted"] + totals["undelivered"] == 1020


@pytest.mark.skipif(os.name != "posix", reason="signals")
def accepted_by(journal: Path) -> int:
    """How many events a journal has as accepted."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT sum(accepted) FROM source").fetchone()[0])


def test_a_log_that_is_followed_goes_out_until_ctrl_c(
    tmp_path: Path, settings: dict[str, str], emulator: Emulator
) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(ndjson(2))
    process = subprocess.Popen(
        [sys.executable, "-m", "omnivery", "bots", "submit", "--follow", "--journal", str(tmp_path / "j"), str(file)],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with killed_in_the_end(process):
        until(lambda: len(emulator.bot_events) == 2, process)
        file.rename(tmp_path / "access.log.1")
        file.write_bytes(ndjson(3, 2)[:-5])
        # The emulator has them before the command knows.
        until(lambda: accepted_by(tmp_path / "j") == len(emulator.bot_events) == 4, process)
        process.send_signal(signal.SIGINT)
        output, complaints = process.communicate(timeout=60)
    assert (process.returncode, json.loads(output)["accepted"]) == (130, 4), complaints
    assert submit(settings, "--journal", tmp_path / "j", "--complete", file).returncode == 1
    assert len(emulator.bot_events) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "-"),
        ("verify", "{file}"),
        ("listen", "--forward-to", "http://127.0.0.1:9", "--replay", "{file}"),
        ("addresses", "parse", "-"),
        ("bots", "check", "-"),
        ("send", "--from", "a@d.com", "--to", "b@d.com", "--text-file", "{file}"),
        ("send", "--from", "a@d.com", "--to", "b@d.com", "--template", "t", "--variables", "-"),
    ],
)
def test_what_has_no_end_is_not_read_for_ever(
    arguments: tuple[str, ...], tmp_path: Path, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device such as /dev/zero would fill the memory."""
    monkeypatch.setattr(inputs, "LARGEST", 2**20)
    content = bytes(2**20 + 1)
    (file := tmp_path / "zero").write_bytes(content)
    given = [one.format(file=file) for one in arguments]
    result = in_process(*given, stdin=content, environment={**settings, "OMNIVERY_SIGNING_KEY": "k"})
    what = str(file) if str(file) in given else "standard input"
    assert result.returncode == 2
    assert error_of(result)["message"] == (
        f"{what}: more than 1 MiB, the most that is read at once: give it in parts. Nothing was sent."
    )


def test_demo_of_what_cannot_be_read_fails_and_says_what_it_looks_like(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(b"<!doctype html>\n<title>Log in</title>\n")
    result = in_process("demo", str(file))
    assert result.returncode == 1
    assert all("it looks like a web page" in one["reason"] for one in printed(result)["rejections"])


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"name,age\nann,3\n", (), "--columns client_ip=ip"),
        (b"name,age\nann,3\n", ("--format", "csv"), "--columns client_ip=ip"),
        (b'INFO:     192.0.2.1:50 - "GET /c/1 HTTP/1.1" 200 OK\n' * 3, (), "--format '%h %t …'"),
        (b"10.0.0.1, " + REQUEST, (), "say --client-ip forwarded"),
        (REQUEST, ("--trusted-proxy", "10.0.0.0/8"), "of use with --client-ip forwarded alone"),
    ],
)
def test_what_helps_is_told_as_options(
    tmp_path: Path, settings: dict[str, str], content: bytes, options: tuple[str, ...], words: str
) -> None:
    (tmp_path / "a").write_bytes(content)
    totals = printed(submit(settings, tmp_path / "a", *options))
    told = [one["reason"] for one in totals["rejections"]] + [one["error"] for one in totals["errors"]]
    assert told
    for reason in told:
        assert words in reason
        assert "columns={" not in reason
        assert " format=" not in reason
        assert "client_ip='" not in reason


def test_demo_of_an_empty_file_is_well(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(b"")
    result = in_process("demo", str(tmp_path / "access.log"))
    assert (result.returncode, printed(result)["read"]) == (0, 0)


def test_on_a_terminal_per_cent_and_the_time_left_are_shown(
    tmp_path: Path, settings: dict[str, str], emulator: Emulator
) -> None:
    emulator.faults = "delay=200ms"
    (tmp_path / "a").write_bytes(ndjson(3000))
    arguments = ("bots", "submit", "--concurrency", "2", str(tmp_path / "a"), "--journal", str(tmp_path / "j"))
    status, shown = on_terminal(*arguments, environment={**settings, "TERM": "xterm"})
    assert status == 0, shown
    assert "%" in shown
    assert "left" in shown
    assert "3,000 of 3,000 events accepted" in shown
    _, shown = on_terminal(*arguments, environment={**settings, "TERM": "xterm"})
    assert "100%" in shown, "nothing new is done all the same"


def test_what_is_told_under_way_stands_above_the_bar(tmp_path: Path, settings: dict[str, str]) -> None:
    """Behind the bar, nobody reads it."""
    (tmp_path / "a").write_bytes(ndjson(1))
    nowhere = {**settings, "OMNIVERY_AUTOMATIONS_URL": f"http://127.0.0.1:{free_port()}", "TERM": "xterm"}
    status, shown = on_terminal("bots", "submit", str(tmp_path / "a"), environment=nowhere, interrupt="trying again")
    assert status == 130
    assert "\r\x1b[2KCannot connect to http://127.0.0.1:" in shown
