"""The writer without await: many threads put, one loop in the background sends, and no end loses anything."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from omnivery.automations import EventWriter
from omnivery.errors import AuthenticationError, BulkError, ConfigError
from tests.support.bots import event, ids, sent
from tests.support.sync import (
    LONG,
    Request,
    Server,
    always,
    in_threads,
    meeting,
    never,
    program,
    response,
    run,
    serving,
)
from tests.support.waiting import killed_in_the_end

LOGGING = "import logging; logging.basicConfig(format='%(levelname)s %(message)s')\n"
TAKES = always(response())


def arrived(server: Server) -> list[str]:
    """The ids of all events that the server got."""
    return [name for request in _submissions(server.requests) for name in ids(sent(request.body))]


def _submissions(requests: Iterable[Request]) -> list[Request]:
    return [request for request in requests if request.target.endswith("/bot")]


def put_some(writer: EventWriter, numbers: Iterator[int], many: int) -> None:
    for _ in range(many):
        writer.put(event(next(numbers)))


def test_many_threads_put_at_once_and_every_event_arrives_once() -> None:
    with meeting(TAKES) as (server, client):
        numbers = count()
        with client.bots.writer(linger=60) as writer:
            in_threads(8, lambda: put_some(writer, numbers, 250))
            report = writer.flush()
        assert (report.read, report.accepted) == (2000, 2000)
        assert sorted(arrived(server)) == sorted(f"e{number}" for number in range(2000))
        assert len(_submissions(server.requests)) <= 8


def test_leaving_the_block_sends_what_is_left() -> None:
    with meeting(TAKES) as (server, client):
        with client.bots.writer(linger=60) as writer:
            writer.put(event(1))
            assert writer.statistics.buffered == 1
        assert arrived(server) == ["e1"]
        assert writer.report.accepted == 1
        with pytest.raises(ConfigError, match="closed"):
            writer.put(event(2))
        with pytest.raises(ConfigError, match="closed"):
            writer.flush()
        assert writer.close() == writer.report


def test_an_error_in_the_block_sends_what_is_left_and_comes_out() -> None:
    with meeting(TAKES) as (server, client):
        with pytest.raises(ZeroDivisionError):
            put_and_fail(client.bots.writer(linger=60))
        assert arrived(server) == ["e1"]


def put_and_fail(writer: EventWriter) -> None:
    with writer:
        writer.put(event(1))
        raise ZeroDivisionError


def test_what_lingers_goes_out_by_itself() -> None:
    with meeting(TAKES) as (server, client), client.bots.writer(linger=0.01) as writer:
        writer.put(event(1))
        assert server.arrived.acquire(timeout=LONG)
        assert arrived(server) == ["e1"]


def test_a_full_buffer_makes_threads_wait_until_there_is_room() -> None:
    with meeting(TAKES) as (server, client):
        numbers = count()
        with client.bots.writer(max_buffered=10, max_events=10, linger=0.01) as writer:
            in_threads(4, lambda: put_some(writer, numbers, 100))
        assert writer.report.accepted == 400
        assert len(set(arrived(server))) == 400


def test_a_full_buffer_can_be_an_error() -> None:
    with meeting(never) as (_, client):
        writer = client.bots.writer(
            max_buffered=2, max_events=1, concurrency=1, overflow="raise", cancel_timeout=0.0, close_timeout=0.0
        )
        with writer:
            taken = 0
            with suppress(BulkError):
                while taken < 100:
                    writer.put(event(taken))
                    taken += 1
            with pytest.raises(BulkError, match="full"):
                writer.put(event(100))
        # One is on its way, two wait; the one that was refused is nobody's.
        assert writer.report.read == writer.report.undelivered == taken < 100


def test_a_run_that_was_stopped_takes_no_more() -> None:
    with (
        meeting(always(response(b'{"message": "no"}', "401 Unauthorized"))) as (_, client),
        client.bots.writer(linger=60) as writer,
    ):
        writer.put(event(1))
        assert isinstance(writer.flush().stopped_by, AuthenticationError)
        with pytest.raises(BulkError) as caught:
            writer.put(event(2))
        assert isinstance(caught.value.__cause__, AuthenticationError)


def test_it_is_entered_once_and_used_when_it_is_entered() -> None:
    with meeting(TAKES) as (_, client):
        writer = client.bots.writer()
        with pytest.raises(ConfigError, match="enter"):
            writer.put(event(1))
        with writer, pytest.raises(ConfigError, match="once"):
            writer.__enter__()


def test_a_journal_that_cannot_be_used_is_known_at_once(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("something else")
    with meeting(TAKES) as (server, client):
        with pytest.raises(ConfigError, match="journal"), client.bots.writer(journal=tmp_path / "journal"):
            raise AssertionError
        assert server.requests == []


def test_with_a_journal_what_was_flushed_is_in_it(tmp_path: Path) -> None:
    with meeting(TAKES) as (_, client), client.bots.writer(journal=tmp_path / "journal") as writer:
        writer.put(event(1))
        assert writer.flush().accepted == 1


@pytest.mark.parametrize("ends", ["", "raise SystemExit(0)", "threading.Thread(target=lambda: None).start()"])
def test_a_writer_left_open_is_closed_at_the_end_of_the_interpreter(ends: str) -> None:
    """A service that is told to stop rarely unwinds its with blocks."""
    code = f"""
writer = client.bots.writer(linger=60).__enter__()
for one in events(700): writer.put(one)
{ends}
"""
    with serving(TAKES) as server:
        ended = run(LOGGING + code, server.url)
        assert len(arrived(server)) == 700
    assert (ended.stderr, ended.returncode) == ("", 0)


def test_the_end_of_the_interpreter_does_not_wait_for_ever() -> None:
    code = """
writer = client.bots.writer(linger=60, close_timeout=0.2, cancel_timeout=0.2).__enter__()
for one in events(3): writer.put(one)
"""
    with serving(never) as server:
        ended = run(LOGGING + code, server.url, timeout=30)
    assert ended.returncode == 0
    assert "events undelivered: 3" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_ctrl_c_ends_it_within_its_time_and_the_account_is_whole() -> None:
    code = """
writer = client.bots.writer(linger=0, cancel_timeout=0.1)
try:
    with writer:
        for one in events(3): writer.put(one)
        time.sleep(100)
except KeyboardInterrupt:
    report = writer.report
    print(json.dumps([report.read, report.accepted, report.rejected, report.undelivered]))
"""
    with (
        serving(never) as server,
        subprocess.Popen(program(code, server.url), stdout=subprocess.PIPE) as process,
        killed_in_the_end(process),
    ):
        assert server.arrived.acquire(timeout=LONG)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=LONG)
    assert json.loads(said) == [3, 0, 0, 3]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_has_no_part_in_it() -> None:
    """It would send the parent's events a second time, or wait for a thread that it does not have."""
    code = """
writer = client.bots.writer(linger=60).__enter__()
writer.put(events(1)[0])
child = os.fork()
if not child:
    try:
        writer.put(events(2)[1])
    except Exception as error:
        print(type(error).__name__, flush=True)
    with client.bots.writer() as own:
        own.put({"ip": "203.0.113.7", "uas": "x", "event_id": "child"})
    sys.exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
    with serving(TAKES) as server:
        ended = run(LOGGING + code, server.url)
        assert sorted(arrived(server)) == ["child", "e0"]
    assert (ended.stdout, ended.stderr, ended.returncode) == ("ConfigError\n0\n", "", 0)
