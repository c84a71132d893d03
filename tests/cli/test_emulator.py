"""`omnivery emulator`: in the foreground, and in the background of a shell."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from omnivery.cli import app
from omnivery.cli.activity_lines import ActivityLines
from omnivery.cli.emulator import ended_by_signals
from omnivery.emulator import Emulator
from tests.support.cli import event, free_port, in_process, on_terminal
from tests.support.cli import process as omnivery
from tests.support.waiting import killed_in_the_end, wait_until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")

SUBMIT = """
from omnivery import Automations
with Automations() as client:
    report = client.bots.submit({"ip": ip, "uas": "x", "event_id": ip} for ip in ("192.0.2.1", "198.51.100.7"))
print(report.accepted, "accepted")
"""

WAIT = """
import os, time, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy the environment names
seen, end = "", time.monotonic() + 30
while '"verdicts":2' not in seen and time.monotonic() < end:
    time.sleep(0.05)
    seen = opener.open(os.environ["OMNIVERY_AUTOMATIONS_URL"] + "/_/verdicts").read().decode()
print(seen)
"""


def shell(folder: Path, script: str, *, path: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a shell that finds the command `omnivery`."""
    command = folder / "bin" / "omnivery"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m omnivery "$@"\n')
    command.chmod(0o755)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OMNIVERY_")}
    return subprocess.run(
        ["/bin/sh", "-c", script],
        env={**clean, **environment, "PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_shell_has_an_emulator_in_its_background_until_it_stops_it(tmp_path: Path) -> None:
    """The command returns although the emulator goes on, and what follows needs no settings."""
    (tmp_path / "submit.py").write_text(SUBMIT)
    (tmp_path / "wait.py").write_text(WAIT)
    done = shell(
        tmp_path,
        f"""
        eval "$(omnivery emulator --export)" || exit 1
        "$PYTHON" {tmp_path}/submit.py || exit 1
        "$PYTHON" {tmp_path}/wait.py || exit 1
        echo "pid $OMNIVERY_EMULATOR_PID at $OMNIVERY_AUTOMATIONS_URL"
        eval "$(omnivery emulator --stop)" || exit 1
        echo "token: $OMNIVERY_TOKEN."
        """,
    )
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines[0].startswith("The emulator runs in the background: http://127.0.0.1:")
    assert lines[1] == "2 accepted"
    assert '"verdicts":2,"bots":1,"humans":1,"unknown":0' in lines[2]
    assert lines[4] == "token: ."
    process_id, url = int(lines[3].split()[1]), lines[3].split()[3]
    wait_for_end(process_id)
    with pytest.raises(httpx.TransportError):
        httpx.get(url, trust_env=False, verify=False)


def wait_for_end(process_id: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{process_id}/stat").exists() and ") Z " in Path(f"/proc/{process_id}/stat").read_text():
            return  # it has ended, and nobody has asked how
        time.sleep(0.05)
    raise AssertionError("it goes on")


def test_an_emulator_of_which_no_shell_learns_is_ended(tmp_path: Path) -> None:
    """Its number is in the output alone."""
    port = free_port()
    done = shell(tmp_path, f"omnivery emulator --export --port {port} > /dev/full")
    assert (done.returncode, json.loads(done.stderr)["error"]["type"]) == (1, "OutputError")

    def is_gone() -> bool:
        with socket.socket() as found:
            return found.connect_ex(("127.0.0.1", port)) != 0

    wait_until(is_gone)


def test_two_shells_have_an_emulator_each(tmp_path: Path) -> None:
    start = 'eval "$(omnivery emulator --export)"; echo $OMNIVERY_EMULATOR_PID $OMNIVERY_AUTOMATIONS_URL'
    one, other = (shell(tmp_path, start).stdout.splitlines()[-1].split() for _ in range(2))
    try:
        assert one[1] != other[1]
        for _, url in (one, other):
            assert httpx.get(f"{url}/_/verdicts", trust_env=False, verify=False).status_code == 200
    finally:
        for process_id, _ in (one, other):
            os.kill(int(process_id), signal.SIGTERM)


def test_settings_reach_the_emulator_and_secrets_stay_off_its_command_line(tmp_path: Path) -> None:
    done = shell(
        tmp_path,
        """
        eval "$(omnivery emulator --export --domain news.example.org --faults delay=1ms)"
        echo $OMNIVERY_DOMAIN $OMNIVERY_TOKEN
        cat /proc/$OMNIVERY_EMULATOR_PID/cmdline | tr '\\0' ' '; echo
        eval "$(omnivery emulator --stop)"
        echo "after: $OMNIVERY_TOKEN, $OMNIVERY_API_KEY."
        """,
        OMNIVERY_TOKEN="my own and secret",
    )
    lines = done.stdout.splitlines()
    assert lines[1] == "news.example.org my own and secret"
    assert "secret" not in lines[2]
    assert lines[3] == "after: my own and secret, ."


def test_a_failure_is_one_line_and_fails_the_shell(tmp_path: Path) -> None:
    """A failure inside $(…) is lost, unless what it prints fails in turn."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = shell(tmp_path, f'eval "$(omnivery emulator --export --port {port})" && echo "$OMNIVERY_TOKEN"')
    assert (done.returncode == 0, done.stdout) == (False, "")
    error = json.loads(done.stderr)["error"]
    assert error["message"].startswith(f"cannot listen on host '127.0.0.1', port {port}: ")
    assert "--port 0" in error["hint"]
    assert done.stderr.count("\n") == 1


def test_a_process_that_is_no_emulator_is_left_alone(tmp_path: Path) -> None:
    """Process ids are used again."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as other:
        done = omnivery("emulator", "--stop", environment={"OMNIVERY_EMULATOR_PID": str(other.pid)})
        assert other.poll() is None
    assert (done.returncode, done.stdout) == (2, b"false\n")
    assert b"no emulator runs in the background" in done.stderr


def test_programs_get_the_settings_and_a_json_line_for_each_request_and_webhook() -> None:
    command = [sys.executable, "-W", "error", "-m", "omnivery", "emulator", "--port", "0", "--seed", "7"]
    environment = {**os.environ, "OMNIVERY_TOKEN": "my own and secret"}
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process,
        killed_in_the_end(process),
    ):
        assert process.stdout is not None
        first = process.stdout.readline()
        shown = json.loads(first)
        url = shown["OMNIVERY_AUTOMATIONS_URL"]
        batch = {"events": [event("e1", "192.0.2.1")], "webhook_url": shown["OMNIVERY_WEBHOOK_URL"]}
        token = {"ov-token": "my own and secret"}
        httpx.post(f"{url}/mail.example.com/bot", json=batch, headers=token, trust_env=False, verify=False)
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)
    assert shown["page_url"] == f"{url}/"
    assert shown["OMNIVERY_API_KEY"] == Emulator(seed=7).api_key
    assert b"secret" not in first
    assert "OMNIVERY_TOKEN" not in shown
    assert [(each["activity"], each["status"]) for each in lines] == [("request", 200), ("webhook", 200)]
    assert (process.returncode, complaints) == (0, b"")


def test_it_ends_when_the_reader_of_its_lines_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `| head -1`: at the next line only, it would fail in the middle of somebody's test."""
    read, write = os.pipe()

    def read_one_line() -> None:
        with os.fdopen(read) as lines:
            assert "page_url" in lines.readline()

    reader = threading.Thread(target=read_one_line)
    with os.fdopen(write, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        reader.start()
        with pytest.raises(BrokenPipeError):
            app.omnivery.main(["emulator", "--port", "0"], standalone_mode=False)
    reader.join()


def test_a_person_sees_the_page_first_then_what_to_export_and_that_others_reach_the_port() -> None:
    options = ("--port", "0", "--host", "0.0.0.0", "--faults", "429=1%")
    status, shown = on_terminal("emulator", *options, interrupt="needs no key", environment={"COLUMNS": "80"})
    lines = shown.splitlines()
    assert lines[0].startswith("The emulator's page: http://127.0.0.1:")
    assert next(line for line in lines if line.startswith("export ")).startswith("export OMNIVERY_AUTOMATIONS_URL=http")
    assert len(max(lines, key=len)) <= 90
    assert status == 0


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--faults", "429=200%"), b"percentage from 0% to 100%"),
        (("--faults", "flood=1%"), b"known are 429=5%"),
        (("--faults", "bots:429=1%"), b"no route is named 'bots'"),
        (("--host", "192.0.2.1"), b"--host must be a name or IP address of this machine"),
        (("--dialect", "german"), b"'omnivery', 'mailgun'"),
    ],
)
def test_wrong_options_are_exit_status_2_and_say_what_is_right(option: tuple[str, str], words: bytes) -> None:
    result = in_process("emulator", "--port", "0", *option)
    assert (result.returncode, result.stdout) == (2, b"")
    assert words in result.stderr


@pytest.fixture
def hung_up() -> Iterator[None]:
    """SIGHUP has its default effect, although who runs the tests may ignore it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hung_up")
def test_the_second_ctrl_c_ends_it_at_once() -> None:
    before, lines = signal.getsignal(signal.SIGINT), ActivityLines()
    with ended_by_signals(lines):
        signal.raise_signal(signal.SIGHUP)  # the terminal is closed
        lines.print_until_end()
        assert signal.getsignal(signal.SIGINT) is signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is before


MISSING = """
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None
from omnivery.cli import main
main()
"""


@pytest.mark.parametrize(
    ("modules", "command", "words"),
    [
        ("starlette,uvicorn", ("emulator",), "starlette, uvicorn are missing: pip install 'omnivery[emulator]'"),
        ("crawleruseragents", ("demo",), "crawler-user-agents is missing: pip install 'omnivery[emulator]'"),
    ],
)
def test_extras_that_are_missing_are_named_in_one_line(modules: str, command: tuple[str, ...], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MISSING, modules, *command], capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert json.loads(done.stderr) == {"error": {"type": "ConfigError", "message": words, "hint": None}}
