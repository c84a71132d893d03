"""`omnivery listen`: the ready line, a line for each call, saving, replaying, and its ends."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from omnivery.emulator.examples import example_call
from omnivery.webhooks import Listener, Receiver, WebhookEvent, sign, verify
from tests.support.cli import error_of, free_port, in_process, on_terminal

KEY = "key-of-the-test"
ENVIRONMENT = {"OMNIVERY_SIGNING_KEY": KEY}


def body(kind: str = "clicked", key: str = KEY) -> bytes:
    return json.dumps({**example_call(kind), "signature": sign(key)}).encode()


def posted(port: int, contents: list[bytes]) -> list[int]:
    """Post calls to a listener, once it is there."""
    transport = httpx.HTTPTransport(retries=8)  # 0.5 s, 1 s, 2 s … apart
    with httpx.Client(transport=transport) as client:
        return [client.post(f"http://127.0.0.1:{port}/", content=content).status_code for content in contents]


def listened(
    contents: list[bytes], *options: str, environment: dict[str, str] = ENVIRONMENT
) -> tuple[subprocess.CompletedProcess[bytes], list[int], list[dict[str, Any]]]:
    port = free_port()
    with ThreadPoolExecutor() as pool:
        statuses = pool.submit(posted, port, contents)
        arguments = ("listen", "--port", str(port), "--count", str(len(contents)), *options)
        result = in_process(*arguments, environment=environment)
    return result, statuses.result(), [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def events() -> list[WebhookEvent]:
    return []


@pytest.fixture
def receiver(events: list[WebhookEvent]) -> Callable[[], Listener]:
    return lambda: Listener(Receiver(events.append, KEY))


def test_calls_are_verified_shown_saved_and_forwarded(
    tmp_path: Path, events: list[WebhookEvent], receiver: Callable[[], Listener]
) -> None:
    saved = tmp_path / "calls.ndjson"
    with receiver() as program:
        target = program.url
        options = ("--forward-to", target, "--save", str(saved))
        result, statuses, [ready, *shown] = listened([body(), body("verdicts"), body(key="another")], *options)
    assert (result.returncode, statuses) == (0, [200, 200, 406])
    assert ready["url"].startswith("http://127.0.0.1:")
    assert (ready["forward_to"], ready["verifies"]) == (target, True)
    assert [call["kind"] for call in shown] == ["delivery", "verdicts", "delivery"]
    assert [call["refused"] for call in shown] == [None, None, "signature wrong"]
    assert [call["forwarded"] and call["forwarded"]["status"] for call in shown] == [200, 200, None]
    assert len(events) == 2
    lines = [json.loads(line) for line in saved.read_bytes().splitlines()]
    assert [line["status"] for line in lines] == [200, 200, 406]
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert KEY not in (result.stdout + result.stderr).decode()


def test_saved_calls_are_replayed_with_new_signatures(
    tmp_path: Path, events: list[WebhookEvent], receiver: Callable[[], Listener]
) -> None:
    """Old ones would be refused as too old, and the same token as a replay."""
    saved = tmp_path / "calls.ndjson"
    old = json.dumps({**example_call("opened"), "signature": sign(KEY, timestamp=1_700_000_000)})
    saved.write_text(json.dumps({"headers": {"x-own": "1"}, "body": old}) + "\n" + json.dumps(example_call("bot")))
    with receiver() as program:
        arguments = ("listen", "--replay", str(saved), "--forward-to", program.url)
        results = [in_process(*arguments, environment=ENVIRONMENT) for _ in range(2)]
    assert [result.returncode for result in results] == [0, 0]
    assert len(events) == 4
    assert [json.loads(line)["status"] for line in results[0].stdout.splitlines()] == [200, 200]


def test_without_a_key_calls_are_replayed_as_they_are(
    tmp_path: Path, events: list[WebhookEvent], receiver: Callable[[], Listener]
) -> None:
    saved = tmp_path / "call.json"
    saved.write_bytes(body())
    unset = {"OMNIVERY_SIGNING_KEY": ""}
    with receiver() as program:
        arguments = ("listen", "--replay", str(saved), "--forward-to", program.url)
        first, second = (in_process(*arguments, environment=unset) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 1), "the second is a replay"
    assert b"Signatures go out as they are" in first.stderr
    assert json.loads(second.stdout)["status"] == 406
    assert verify(saved.read_bytes(), KEY)


def test_a_program_that_is_not_there_is_exit_status_1(tmp_path: Path) -> None:
    saved = tmp_path / "call.json"
    saved.write_bytes(body())
    target = f"http://127.0.0.1:{free_port()}"
    result = in_process("listen", "--replay", str(saved), "--forward-to", target, environment=ENVIRONMENT)
    assert result.returncode == 1
    assert "connection refused" in json.loads(result.stdout)["error"]


def test_without_a_key_it_says_loudly_that_nothing_is_verified() -> None:
    result, _, [ready, call] = listened([body(key="another")], environment={"OMNIVERY_SIGNING_KEY": ""})
    assert b"NOTHING IS VERIFIED: OMNIVERY_SIGNING_KEY is not set" in result.stderr
    assert (ready["verifies"], call["status"], call["verified"]) == (False, 200, False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_ends_it() -> None:
    """Rather than losing calls that the user believes are saved."""
    port = free_port()
    with ThreadPoolExecutor() as pool:
        statuses = pool.submit(posted, port, [body()])
        result = in_process("listen", "--port", str(port), "--save", "/dev/full", environment=ENVIRONMENT)
    assert (result.returncode, statuses.result()) == (1, [200])
    assert error_of(result)["message"] == "No space left on device"


def test_what_cannot_be_shown_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the reader of its output has gone: the server would only log it, and go on unseen."""

    def fail(_: object) -> None:
        raise OSError(5, "the reader has gone")

    monkeypatch.setattr("omnivery.cli.call_line.print_json", fail)
    port = free_port()
    with ThreadPoolExecutor() as pool:
        statuses = pool.submit(posted, port, [body()])
        result = in_process("listen", "--port", str(port), environment=ENVIRONMENT)
    assert (result.returncode, statuses.result()) == (1, [200])
    assert error_of(result)["message"] == "the reader has gone"


def test_wrong_usage_is_exit_status_2(tmp_path: Path) -> None:
    saved = tmp_path / "call.json"
    saved.write_bytes(body())
    for arguments, words in (
        (("--replay", str(saved)), "--replay needs --forward-to"),
        (("--forward-to", "localhost:8000"), "--forward-to: expected a URL"),
        (("--port", "8000", "--forward-to", "http://localhost:8000/x"), "leads back to this receiver"),
        (("--port", "99999"), "99999"),
    ):
        result = in_process("listen", *arguments, environment=ENVIRONMENT)
        assert result.returncode == 2
        assert words in error_of(result)["message"]


def test_a_port_that_is_taken_is_named() -> None:
    with Listener(Receiver(print, KEY)) as other:
        port = other.url.rpartition(":")[2]
        result = in_process("listen", "--port", port, environment=ENVIRONMENT)
    assert result.returncode == 2
    assert f"port {port}" in error_of(result)["message"]


def test_on_a_terminal_it_says_what_to_set_and_ends_with_ctrl_c() -> None:
    port = free_port()
    with ThreadPoolExecutor() as pool:
        statuses = pool.submit(posted, port, [body("hardbounced"), body("verdicts", "another")])
        status, shown = on_terminal("listen", "--port", str(port), environment=ENVIRONMENT, interrupt="Next: ")
    assert (status, statuses.result()) == (0, [200, 406])
    for words in (
        f"export OMNIVERY_WEBHOOK_URL=http://127.0.0.1:{port}/",
        " 200  failed (permanent) ann@example.com",
        " 406  refused, signature wrong: The signature does not fit the key",
        "2 calls: 1 refused.",
    ):
        assert words in shown
