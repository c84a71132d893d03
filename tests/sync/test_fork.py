"""Through a fork: the child neither hangs nor speaks over its parent's connections, and the parent goes on."""

from __future__ import annotations

import os
import socket
import time

import pytest

from tests.support.bots import WEBHOOK
from tests.support.sync import (
    Request,
    Server,
    response,
    run,
    serving,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")

WORK = {
    "single": "client.account.test()",
    "bulk": "assert client.bots.submit(events(700)).accepted == 700",
    "stream": """
with client.bots.stream(events(700)) as run:
    assert sum(len(one.accepted) for one in run) == 700
""",
}
HEAD = """
def work():
    exec(WORK)

def in_child(body):
    "Run something in a forked child, which has a time limit of its own."
    child = os.fork()
    if child == 0:
        import faulthandler
        faulthandler.dump_traceback_later(40, exit=True)
        try:
            body()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0, status

def mark(word):
    "Name the requests that follow, so that the server can tell who sent them."
    from omnivery import CallOptions
    global client
    client = client.with_options(domain=word + ".example.com")

def told(word):
    from omnivery.automations.account import TEST
    client.call(TEST, query=[("by", word)])
"""


def patient(connection: socket.socket, request: Request) -> None:
    """Slow with the parent's background work, so that the fork falls into the middle of it."""
    if "slow" in request.target:
        time.sleep(0.05)
    connection.sendall(response())


def connections_of(server: Server, word: str) -> set[int]:
    return {request.connection for request in server.requests if word in request.target}


def check(code: str, work: str = "") -> Server:
    with serving(patient) as server:
        ended = run(f"EACH, WORK = {[*WORK.values()]!r}, {work!r}\n" + HEAD + code, server.url)
        assert ended.stderr == ""
        assert ended.returncode == 0
    return server


@pytest.mark.parametrize("work", WORK)
def test_a_fork_before_the_first_use(work: str) -> None:
    check("in_child(work); work(); client.close()", WORK[work])


@pytest.mark.parametrize("before", ["single", "bulk"])
def test_a_fork_after_the_first_use(before: str) -> None:
    """The background loop of the parent is no more in the child, and its connections are the parent's."""
    code = f"""
from omnivery import Limits
client = Automations(
    "token", base_url=url, domain="mail.example.com", webhook_url={WEBHOOK!r}, limits=Limits(keepalive=1000)
)
mark("parent"); told("parent")
exec({WORK[before]!r})
def child():
    mark("child"); told("child"); work()
for WORK in EACH:
    in_child(child)
    in_child(child)
    mark("parent"); told("parent"); work(); exec({WORK[before]!r})
client.close()
"""
    server = check(code)
    assert connections_of(server, "child")
    assert connections_of(server, "child").isdisjoint(connections_of(server, "parent"))
    # The parent's single calls went on over the connection that they had.
    assert len({one.connection for one in server.requests if "by=parent" in one.target}) == 1


@pytest.mark.parametrize("parents", ["single", "bulk"])
def test_a_fork_while_a_thread_of_the_parent_is_at_work(parents: str) -> None:
    """Locks that the thread holds will never be released in the child, and responses to it will never be read there."""
    busy = "client.account.test()"
    if parents == "bulk":
        busy = "client.bots.submit(events(2000), domain='slow.example.com')"
    code = f"""
stop = threading.Event()
busy = threading.Event()
def at_work(client):
    while not stop.is_set():
        busy.set()
        {busy}
threads = [threading.Thread(target=at_work, args=(client,), daemon=True) for _ in range(3)]
for one in threads: one.start()
busy.wait()
def child():
    mark("child"); told("child"); work(); client.close()
for WORK in EACH * 3:
    time.sleep(0.02)
    in_child(child)
stop.set()
for one in threads: one.join()
for WORK in EACH:
    mark("parent"); told("parent"); work()
"""
    server = check(code)
    assert connections_of(server, "child").isdisjoint(connections_of(server, "parent") | connections_of(server, "slow"))


@pytest.mark.parametrize("work", WORK)
def test_a_fork_while_the_first_work_begins_in_a_thread(work: str) -> None:
    """Half of the SDK is then being imported. A child never gets the locks of modules that its parent imports."""
    code = """
def first_work(delay):
    "In a process in which the SDK has done nothing yet."
    import faulthandler
    faulthandler.cancel_dump_traceback_later()  # its thread would not survive the second fork
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(delay)
    in_child(work)
    thread.join()
for delay in DELAYS:
    in_child(lambda: first_work(delay))
"""
    # Nine moments in all three; that every import holds the lock which a fork waits for is what the next test says.
    delays = [0.006 * (3 * number + [*WORK].index(work)) for number in range(3)]
    check(f"DELAYS = {delays}\n" + code, WORK[work])


@pytest.mark.parametrize("work", WORK)
def test_a_fork_waits_for_everything_that_is_imported_late(work: str) -> None:
    code = """
from omnivery._fork import _FORK_LOCK
class Watch:
    def find_spec(self, name, path=None, target=None):
        if not repr(_FORK_LOCK.lock).startswith("<locked"): print(name)
sys.meta_path.insert(0, Watch())
work()
print("done")
"""
    with serving(patient) as server:
        ended = run(f"WORK = {WORK[work]!r}\n" + HEAD + code, server.url)
    assert ended.stdout.splitlines() == ["done"], ended.stderr


def test_multiprocessing_with_the_fork_context() -> None:
    code = """
import multiprocessing
context = multiprocessing.get_context("fork")
client.account.test()
for WORK in EACH:
    work()
    with context.Pool(2) as pool:
        pool.starmap(work, [()] * 4)
    process = context.Process(target=work)
    process.start(); process.join(40)
    assert process.exitcode == 0, process.exitcode
    work()
"""
    check(code)


def test_slots_that_the_parent_s_threads_hold_are_free_in_the_child() -> None:
    code = """
from omnivery import Limits
client = Automations("t", base_url=url, domain="slow.example.com", limits=Limits(concurrency=1))
from omnivery.automations.account import TEST
client.account.test()
thread = threading.Thread(target=lambda: client.call(TEST, query=[("slow", "1")]))
thread.start()
while not client._single._pipeline.adapter._taken: time.sleep(0.001)
in_child(client.account.test)
thread.join()
client.account.test()
"""
    check(code)


@pytest.mark.parametrize("where", ["body", "source"])
def test_a_run_that_a_fork_finds_open_is_the_parent_s(where: str) -> None:
    """In the child it ends with an error that says so, instead of waiting for a loop that is not there."""
    code = f"""
where = {where!r}
from omnivery.errors import ConfigError
def child():
    try:
        if where == "source":
            return
        list(run)
    except ConfigError as error:
        assert "belongs to the process" in str(error)
    else:
        raise AssertionError
def source():
    yield from events(600)
    if where == "source":
        in_child(lambda: client.bots.submit(events(3)))
    yield from events(600)
with client.bots.stream(source()) as run:
    next(run)
    if where == "body": in_child(child)
    for _ in run: pass
assert run.report.accepted == 1200, run.report
"""
    check(code)
