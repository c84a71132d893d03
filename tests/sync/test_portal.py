"""The background loop: what happens when it cannot start."""

from __future__ import annotations

import sys

import pytest

from tests.support.sync import always, response, run, serving

HEAD = """
import resource
from omnivery.errors import NotSentError
client.account.test()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
held = []
def exhaust():
    try:
        while True: held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError: pass
def release():
    while held: os.close(held.pop())
import omnivery.automations.bots, omnivery.readers.frames, anyio._backends._asyncio, httpcore
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of descriptors")
def test_a_loop_that_cannot_start_is_an_error_and_not_a_hang() -> None:
    """And it is tried again: a process that has descriptors again goes on."""
    code = """
found = []
def attempt():
    try: client.bots.submit(events(3))
    except NotSentError as error: found.append(error)
exhaust()
threads = [threading.Thread(target=attempt) for _ in range(3)]
for one in threads: one.start()
for one in threads: one.join()
attempt()
release()
for error in found: print(error, type(error.__cause__).__name__, error.__cause__.errno, sep="|")
print(client.bots.submit(events(3)).accepted)
"""
    with serving(always(response())) as server:
        ended = run(HEAD + code, server.url)
    *failures, last = ended.stdout.splitlines()
    assert last == "3", ended.stderr
    assert len(failures) == 4
    for failure in failures:
        text, cause, number = failure.split("|")
        assert text.startswith("the background event loop of the client cannot start (")
        assert text.endswith("It did not take effect: repeating it is safe.")
        assert (cause, number) == ("OSError", "24")


def test_a_thread_that_outlives_its_failure_is_not_waited_for_again() -> None:
    """The failure is known before the thread has ended: a call in between starts another one."""
    code = """
import omnivery.sync.portal as module
from omnivery.errors import NotSentError
real = module._run
def lingering(started):
    started.set_exception(OSError(24, "Too many open files"))
    time.sleep(1)
module._run = lingering
try: client.bots.submit(events(3))
except NotSentError as error: print(error.__cause__.errno)
module._run = real
print(client.bots.submit(events(3)).accepted)
"""
    with serving(always(response())) as server:
        ended = run(code, server.url)
    assert ended.stdout.splitlines() == ["24", "3"], ended.stderr


def test_a_thread_that_cannot_start_is_an_error_too() -> None:
    code = """
from omnivery.errors import NotSentError
from unittest import mock
with mock.patch("omnivery.sync.portal.Thread.start", side_effect=RuntimeError("can't start new thread")):
    try: client.bots.submit(events(3))
    except NotSentError as error: print(error)
print(client.bots.submit(events(3)).accepted)
"""
    with serving(always(response())) as server:
        ended = run(code, server.url)
    reason = "the background event loop of the client cannot start (can't start new thread)"
    assert ended.stdout.splitlines() == [f"{reason}. It did not take effect: repeating it is safe.", "3"]


def test_ctrl_c_while_the_loop_starts_leaves_it_to_the_next_call() -> None:
    code = """
import anyio, _thread
real = anyio.run
def slow(*arguments):
    _thread.interrupt_main()
    time.sleep(0.5)
    return real(*arguments)
signal.signal(signal.SIGINT, signal.default_int_handler)
anyio.run = slow
try: client.bots.submit(events(3))
except KeyboardInterrupt: print("interrupted")
anyio.run = real
print(client.bots.submit(events(3)).accepted, sum(one.name == "omnivery-bulk" for one in threading.enumerate()))
"""
    with serving(always(response())) as server:
        ended = run(code, server.url)
    assert ended.stdout.splitlines() == ["interrupted", "3 1"], ended.stderr
