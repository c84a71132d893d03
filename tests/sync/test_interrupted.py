"""Ctrl-C, as a real signal to a program of its own: it leaves at once, and says what was done by then."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from omnivery.sync import bridge as caller
from tests.support.bots import events
from tests.support.sync import (
    LONG,
    ROOT,
    Request,
    Server,
    always,
    in_threads,
    meeting,
    never,
    program,
    response,
    serving,
)
from tests.support.waiting import killed_in_the_end

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows has no SIGINT to send")


def interrupted(
    code: str, handle: Callable[[socket.socket, Request], None], ready: Callable[[Server, Any], object]
) -> subprocess.CompletedProcess[str]:
    """Run a program, send it SIGINT when it is ready, and wait for its end."""
    with serving(handle) as server:
        command = program(code, server.url)
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True) as process,
            killed_in_the_end(process),
        ):
            ready(server, process)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LONG)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def a_request(server: Server, _: Any) -> None:
    assert server.arrived.acquire(timeout=LONG)
    # The signal is to find the program waiting, and not on its way there; either is tested, the former is meant.
    time.sleep(0.1)


def a_line(_: Server, process: Any) -> None:
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)


def assert_interrupted(ended: subprocess.CompletedProcess[str]) -> None:
    """The usual end: status and traceback are those of any program."""
    assert ended.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in ended.stderr
    assert "Exception ignored" not in ended.stderr
    assert "Warning" not in ended.stderr


def test_in_a_single_call() -> None:
    ended = interrupted("client.account.test()", never, a_request)
    assert_interrupted(ended)
    assert ended.stderr.rstrip().endswith("KeyboardInterrupt")


def test_in_a_single_call_that_waits_for_a_slot() -> None:
    code = """
from omnivery import Limits
client = Automations("t", base_url=url, limits=Limits(concurrency=1))
threading.Thread(target=client.account.test, daemon=True).start()
while not client._single._pipeline.adapter._taken: time.sleep(0.01)
print("ready", flush=True)
client.account.test()
"""
    assert_interrupted(interrupted(code, never, a_line))


def test_in_a_retry_sleep() -> None:
    refusal = response(b"{}", "429 Too Many Requests", "Retry-After: 100")
    assert_interrupted(interrupted("client.account.test()", always(refusal), a_request))


def test_after_it_the_client_still_works() -> None:
    """An interactive session goes on with the client that it has, over a connection that is not half-read."""
    code = """
try: client.account.test()
except KeyboardInterrupt: pass
print(client.account.test().cid)
try: client.bots.submit(endless())
except KeyboardInterrupt: pass
print(client.bots.submit(events(3)).accepted)
"""
    count = iter(range(100))

    def handle(connection: socket.socket, request: Request) -> None:
        if next(count) == 0:
            never(connection, request)
        connection.sendall(response(b'{"auth": {"cid": 7}}'))

    def twice(server: Server, process: Any) -> None:
        a_request(server, process)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "7\n"
        for _ in range(3):
            assert server.arrived.acquire(timeout=LONG)

    ended = interrupted(code, handle, twice)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("3\n", "", 0)


def test_in_a_bulk_run_says_what_was_accepted() -> None:
    count = iter(range(1000))

    def handle(connection: socket.socket, request: Request) -> None:
        if next(count) >= 3:
            never(connection, request)
        connection.sendall(response())

    def four(server: Server, process: Any) -> None:
        for _ in range(6):
            a_request(server, process)

    ended = interrupted("client.bots.submit(endless(), concurrency=3)", handle, four)
    assert_interrupted(ended)
    assert "of 3,000 events read 1,500 were accepted, 0 rejected, 1,500 undelivered" in ended.stderr


def test_while_the_background_loop_reads_a_list() -> None:
    """The calling thread only waits then, and must wake for it."""
    count = iter(range(1000))
    main = threading.main_thread().ident or 0

    def handle(connection: socket.socket, request: Request) -> None:
        number = next(count)
        if number == 5:
            signal.pthread_kill(main, signal.SIGINT)
        if number >= 3:
            never(connection, request)
        connection.sendall(response())

    with meeting(handle) as (_, client), pytest.raises(KeyboardInterrupt) as interruption:
        client.bots.submit(events(5000), concurrency=3)
    assert "of 3,000 events read 1,500 were accepted, 0 rejected, 1,500 undelivered" in interruption.value.__notes__[0]


def test_between_two_steps_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C may come at any place, also where the thread has begun to do something and cannot say that it is done."""

    def begun_and_interrupted(call: Any) -> None:
        assert call._claim.acquire(blocking=False)
        raise KeyboardInterrupt

    def work() -> None:
        with meeting(always(response())) as (_, client), pytest.raises(KeyboardInterrupt):
            client.bots.submit(iter(events(3)))

    monkeypatch.setattr(caller._ThreadCall, "do", begun_and_interrupted)
    in_threads(1, work)


def test_in_the_source_of_a_bulk_run() -> None:
    """A generator that blocks does so in the main thread, where Ctrl-C arrives: it must not be lost there."""
    code = """
def source():
    yield from events(500)
    try:
        print("ready", flush=True)
        time.sleep(100)
    finally:
        print("left", flush=True)
client.bots.submit(source())
"""
    ended = interrupted(code, always(response()), a_line)
    assert_interrupted(ended)
    assert ended.stdout == "left\n"
    assert "the run was interrupted: of 500 events" in ended.stderr


@pytest.mark.parametrize(
    "where", ["for outcome in run: pass", "next(run); print('ready', flush=True); time.sleep(100)"]
)
def test_in_a_stream_leaves_a_whole_account(where: str) -> None:
    """Both while it waits for an outcome and in the body of the loop."""
    code = f"""
run = client.bots.stream(endless(), concurrency=3)
try:
    with run:
        {where}
finally:
    report = run.report
    print(json.dumps([report.read, report.accepted, report.rejected, report.undelivered,
                      len(report.undelivered_events())]))
"""
    count = iter(range(1000))

    def handle(connection: socket.socket, request: Request) -> None:
        if next(count) >= 4:
            never(connection, request)
        connection.sendall(response())

    def ready(server: Server, process: Any) -> None:
        if "ready" in where:
            a_line(server, process)
        else:
            for _ in range(7):
                a_request(server, process)

    ended = interrupted(code, handle, ready)
    read, accepted, rejected, undelivered, given_back = map(int, ended.stdout.strip("[]\n").split(", "))
    assert accepted + rejected + undelivered == read
    assert given_back == undelivered
    assert accepted > 0
    assert_interrupted(ended)
