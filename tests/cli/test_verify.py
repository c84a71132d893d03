"""`omnivery verify`: the reason, what to do next, and the exit status."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from omnivery.emulator.examples import example_call
from omnivery.webhooks import sign
from tests.support.cli import error_of, in_process, seen_in_process

KEY = "key-of-the-test"
ENVIRONMENT = {"OMNIVERY_SIGNING_KEY": KEY}


@pytest.fixture(autouse=True)
def narrow_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key costs the whole search."""
    monkeypatch.setattr("omnivery.webhooks.alteration.SEARCH", 100)
    monkeypatch.setattr("omnivery.webhooks.alteration.CLOCK_SKEW", 100)


def signed(kind: str = "clicked", key: str = KEY, **changes: Any) -> bytes:
    return json.dumps({**example_call(kind), "signature": {**sign(key), **changes}}).encode()


def verified(body: bytes, *options: str, key: str = KEY, **more: str) -> tuple[int, list[dict[str, Any]]]:
    result = in_process("verify", "-", *options, stdin=body, environment={"OMNIVERY_SIGNING_KEY": key, **more})
    return result.returncode, [json.loads(line) for line in result.stdout.splitlines()]


def test_a_good_call_is_exit_status_0() -> None:
    status, [found] = verified(signed())
    assert (status, found["verified"], found["cause"], found["key"]) == (0, True, "verified", 0)
    assert (found["kind"], found["event"]) == ("delivery", "clicked")


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (signed(key="another"), "wrong key"),
        (signed(timestamp=1_700_000_000), "altered"),
        (signed(timestamp=int(time.time()) - 60), "altered"),
        (signed(signature="00" * 20), "altered"),
        (signed(token=""), "field missing"),
        (b"no JSON", "not JSON"),
        (b"", "not JSON"),
        (json.dumps(example_call("opened")).encode(), "signature missing"),
        (b"timestamp=1&token=t&signature=s", "form post"),
    ],
)
def test_a_bad_call_is_exit_status_1_with_its_cause(body: bytes, cause: str) -> None:
    status, [found] = verified(body)
    assert (status, found["verified"], found["cause"]) == (1, False, cause)
    assert found["message"]
    assert found["hint"]


def test_old_calls_are_verified_if_any_age_is_accepted() -> None:
    body = json.dumps({**example_call("opened"), "signature": sign(KEY, timestamp=1_700_000_000)}).encode()
    status, [found] = verified(body)
    assert (status, found["cause"]) == (1, "too old")
    assert "years" in found["message"]
    assert verified(body, "--any-age")[0] == 0
    assert verified(body, "--tolerance", "10000d")[0] == 0


def test_a_saved_call_is_as_old_as_it_was_when_it_came() -> None:
    body = json.dumps({"events": [], "signature": sign(KEY, timestamp=1_700_000_000)})
    line = json.dumps({"received_at": "2023-11-14T22:13:25Z", "headers": {}, "body": body}).encode()
    status, [found] = verified(line)
    assert (status, found["age"], found["kind"]) == (0, 5.0, "verdicts")


def test_several_calls_are_a_line_each() -> None:
    status, found = verified(signed() + b"\n" + signed(key="another") + b"\n")
    assert status == 1
    assert [each["verified"] for each in found] == [True, False]


def test_a_long_file_of_another_keys_calls_is_soon_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnivery.cli.verify.SEARCHED", 1)
    changed = signed(timestamp=int(time.time()) - 60)
    _, found = verified(b"\n".join([signed(key="another"), changed]))
    assert [each["cause"] for each in found] == ["wrong key", "wrong key"], "it was not looked for"


def test_a_key_with_a_line_break_is_named() -> None:
    """As `export OMNIVERY_SIGNING_KEY="$(printf …)"` and secrets of containers bring it."""
    status, [found] = verified(signed(), key=f"{KEY}\n")
    assert (status, found["cause"]) == (1, "key with other characters")
    assert "but without the blanks or line breaks around it" in found["message"]


def test_an_api_key_in_place_of_the_signing_key_is_named() -> None:
    _, [found] = verified(signed(), key="api-key", OMNIVERY_API_KEY="api-key")
    assert found["hint"].startswith("The signing key is the same as OMNIVERY_API_KEY")


def test_the_old_key_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "old-key"
    path.write_text("old-key")
    status, [found] = verified(signed(key="old-key"), "--key-file", str(path))
    assert (status, found["key"]) == (0, 1)


def test_no_key_is_wrong_usage() -> None:
    result = in_process("verify", "-", stdin=signed(), environment={"OMNIVERY_SIGNING_KEY": ""})
    assert (result.returncode, error_of(result)["type"]) == (2, "ConfigError")
    assert "OMNIVERY_SIGNING_KEY" in error_of(result)["message"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = in_process("verify", str(tmp_path / "nothing"), environment=ENVIRONMENT)
    assert result.returncode == 1
    assert "No such file" in error_of(result)["message"]


def test_no_secret_is_printed() -> None:
    body = signed(key="another")
    result = in_process("verify", "-", stdin=body, environment=ENVIRONMENT)
    parts = json.loads(body)["signature"]
    shown = (result.stdout + result.stderr).decode()
    assert [secret for secret in (KEY, parts["token"], parts["signature"]) if secret in shown] == []


def test_words_for_people(tmp_path: Path) -> None:
    path = tmp_path / "call.json"
    path.write_bytes(signed("verdicts") + b"\n" + signed("hardbounced", key="another"))
    status, shown = seen_in_process("verify", str(path), environment=ENVIRONMENT)
    assert status == 1
    assert "Verified. 2 verdicts: 1 bot, 1 human: Signed with the key" in shown
    assert "Wrong key. failed (permanent) ann@example.com: The signature does not fit the key" in shown
    assert "Next: Compare the key with the signing key in the service's console" in shown
    assert "1 of 2 calls verified." in shown
