"""The end of the interpreter with work open: it does not hang, does not shout, and does not forget to say so."""

from __future__ import annotations

import pytest

from tests.support.sync import (
    always,
    never,
    response,
    run,
    serving,
)

LOGGING = "import logging; logging.basicConfig(format='%(levelname)s %(message)s')\n"
HEAD = (
    LOGGING
    + """
reading = threading.Event()
def observed(source):
    "The main thread waits for the first item to be read: on a busy machine a run takes a while to start."
    for item in source:
        reading.set()
        yield item
"""
)
OPEN = {
    "a stream that nobody iterates": "run = client.bots.stream(endless()).__enter__()",
    "a stream whose consumer stopped": "run = client.bots.stream(endless()).__enter__(); next(run)",
    "a run in a daemon thread": """
threading.Thread(target=lambda: client.bots.submit(observed(endless())), daemon=True).start()
reading.wait()
""",
    "a stream in a daemon thread": """
def consume():
    with client.bots.stream(observed(endless())) as run:
        for outcome in run: pass
        print("the loop must not end as if all were done")
threading.Thread(target=consume, daemon=True).start()
reading.wait()
""",
    "a source that blocks": """
def source():
    yield from events(1)
    time.sleep(100)
threading.Thread(target=lambda: client.bots.submit(observed(source())), daemon=True).start()
reading.wait()
""",
}


@pytest.mark.parametrize(
    ("open_work", "responses"),
    # Without a response there is no outcome to take.
    [(work, responses) for work in OPEN for responses in (True, False) if responses or "consumer" not in work],
)
def test_the_interpreter_ends_with_a_run_open(open_work: str, responses: bool) -> None:
    """A finished program must exit, with a report of what it left, and without a traceback."""
    with serving(always(response()) if responses else never) as server:
        ended = run(HEAD + OPEN[open_work], server.url, timeout=30)
    assert ended.returncode == 0
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("WARNING the process ended while bulk work was under way; ")
    assert " events " in line


def test_an_ordinary_end_says_nothing() -> None:
    with serving(always(response())) as server:
        ended = run(LOGGING + "client.bots.submit(events(700)); client.account.test()", server.url)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", "", 0)


def test_work_in_an_exit_handler_is_done() -> None:
    """Handlers of a program run before ours, if it registered them after its first call; and single calls always."""
    code = """
import atexit
client.bots.submit(events(1))
atexit.register(lambda: print(client.bots.submit(events(3)).accepted, client.account.test().cid))
"""
    with serving(always(response(b'{"auth": {"cid": 7}}'))) as server:
        ended = run(LOGGING + code, server.url)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("3 7\n", "", 0)


def test_a_thread_that_waits_for_a_single_call_does_not_keep_the_process() -> None:
    code = """
threading.Thread(target=client.account.test, daemon=True).start()
time.sleep(0.3)
"""
    with serving(never) as server:
        ended = run(LOGGING + code, server.url, timeout=30)
    assert (ended.stderr, ended.returncode) == ("", 0)
