"""Why a signature is refused: each reason is told apart from the others, and nothing secret is said."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given, settings

from omnivery import webhooks
from omnivery.errors import ConfigError
from omnivery.webhooks import Explanation, SignatureCause
from omnivery.webhooks.explanation import duration
from tests.webhooks.test_signature import json_values

KEY = "key-of-the-test-0123456789"
NOW = 1_700_000_000
TOKEN = "0123456789abcdef0123456789abcdef"
MESSAGE = f"{NOW}{TOKEN}".encode()


@pytest.fixture(autouse=True)
def narrow_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key costs the whole search, once for each call of it."""
    monkeypatch.setattr("omnivery.webhooks.alteration.SEARCH", 7_300)


def signed(**changes: Any) -> dict[str, Any]:
    return {"event-data": {"event": "opened"}, "signature": {**sign(), **changes}}


def sign(key: str = KEY, *, timestamp: int = NOW) -> dict[str, Any]:
    return dict(webhooks.sign(key, timestamp=timestamp, token=TOKEN))


def explain(payload: Any, *keys: str | bytes, now: float = NOW, tolerance: float | None = 300) -> Explanation:
    return webhooks.explain(payload, *(keys or (KEY,)), now=now, tolerance=tolerance)


def test_a_good_call_is_verified_and_its_key_named() -> None:
    found = explain(json.dumps(signed()), "another-key", KEY, now=NOW + 75)
    assert (found.verified, found.cause, found.key, found.age) == (True, SignatureCause.VERIFIED, 1, 75)
    assert found.message == "Signed with the key, 1 minute 15 seconds ago."
    assert found.signed_at is not None
    assert found.signed_at.isoformat() == "2023-11-14T22:13:20+00:00"


def test_a_wrong_key() -> None:
    found = explain(signed(), "another-key")
    assert (found.verified, found.cause, found.key) == (False, SignatureCause.WRONG_KEY, None)
    assert found.message.startswith("The signature does not fit the key: it was made with another")
    assert "neither an API key nor a token" in found.hint
    assert "any of the 2 keys" in explain(signed(), "another-key", "and-another").message


@pytest.mark.parametrize(
    ("now", "cause", "words"),
    [
        (NOW + 8_040, SignatureCause.OLD, "but 2 hours 14 minutes ago, and 5 minutes are tolerated"),
        (NOW - 4_000, SignatureCause.AHEAD, "but 1 hour 6 minutes in the future"),
    ],
)
def test_a_signature_of_another_time_says_how_far_it_is(now: float, cause: SignatureCause, words: str) -> None:
    found = explain(signed(), now=now)
    assert (found.cause, found.key, found.age) == (cause, 0, now - NOW)
    assert words in found.message


def test_any_age_can_be_tolerated() -> None:
    assert explain(signed(), now=NOW + 10**8, tolerance=None).verified


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (NOW + 7_200, "the timestamp 1700000000, 2 hours earlier than the one it has"),
        (NOW - 60, "the timestamp 1700000000, 1 minute later than the one it has"),
        (NOW * 1000, "the timestamp 1700000000"),
    ],
)
def test_a_timestamp_that_was_changed_is_found(stated: int, words: str) -> None:
    """As people do who send a saved call again, to make it look fresh."""
    found = explain(signed(timestamp=stated), now=stated)
    assert (found.cause, found.key) == (SignatureCause.ALTERED, 0)
    assert words in found.message


@pytest.mark.parametrize(
    "fields",
    [{"event-data": {"event": "opened", "timestamp": NOW - 3.5}}, {"events": [{"ts": NOW - 60, "is_bot": True}]}],
)
def test_a_timestamp_that_was_changed_years_later_is_found_by_the_events_own(fields: dict[str, Any]) -> None:
    later = NOW + 10**8
    found = explain({**fields, "signature": {**sign(), "timestamp": later}}, now=later)
    assert found.cause is SignatureCause.ALTERED
    assert "3 years 62 days earlier" in found.message


@pytest.mark.parametrize("token", [TOKEN.upper(), f"{TOKEN} "])
def test_a_token_that_was_changed_is_found(token: str) -> None:
    assert explain(signed(token=token)).cause is SignatureCause.ALTERED


def test_digits_that_were_moved_to_the_token_are_found() -> None:
    """The signature stays right, and the token is one that nobody has seen before."""
    moved = {"timestamp": str(NOW)[:9], "token": f"0{TOKEN}", "signature": sign()["signature"]}
    assert explain({"signature": moved}, tolerance=None).cause is SignatureCause.ALTERED


def test_milliseconds_that_were_signed_are_named() -> None:
    found = explain({"signature": sign(timestamp=NOW * 1000)})
    assert found.cause is SignatureCause.FIELD_WRONG
    assert "in milliseconds" in found.message


@pytest.mark.parametrize("key", [f"{KEY}\n", f" {KEY}", f'"{KEY}"', f"{KEY}\r\n".encode()])
def test_a_key_with_a_line_break_or_quotes_is_named(key: str | bytes) -> None:
    """As `cat file` and .env lines hold it. `verify` refuses such a key at once."""
    found = explain(signed(), key)
    assert (found.cause, found.key) == (SignatureCause.KEY_FORM, 0)
    assert "but without the" in found.message


@pytest.mark.parametrize(("end", "name"), [("\n", "a line break"), ("\r\n", "a Windows line break"), (" ", "a blank")])
def test_a_senders_key_with_a_line_break_is_named(end: str, name: str) -> None:
    digest = hmac.new(f"{KEY}{end}".encode(), MESSAGE, hashlib.sha256).hexdigest()
    found = explain(signed(signature=digest))
    assert found.cause is SignatureCause.KEY_FORM
    assert f"signed with the key and {name} after it" in found.message


@pytest.mark.parametrize(
    ("given", "signed_with", "words"),
    [
        ("00ff" * 8, bytes.fromhex("00ff" * 8), "hexadecimal digits stand for"),
        (base64.b64encode(b"other bytes").decode(), b"other bytes", "stands for in Base64"),
        (KEY, b"", "with an empty key"),
    ],
)
def test_a_key_that_was_read_in_another_way_is_named(given: str, signed_with: bytes, words: str) -> None:
    found = explain(signed(signature=hmac.new(signed_with, MESSAGE, hashlib.sha256).hexdigest()), given)
    assert found.cause is SignatureCause.KEY_FORM
    assert words in found.message


def test_a_key_with_a_line_break_on_both_sides_is_refused() -> None:
    digest = hmac.new(f"{KEY}\n".encode(), MESSAGE, hashlib.sha256).hexdigest()
    found = explain(signed(signature=digest), f"{KEY}\n")
    assert (found.verified, found.cause) == (False, SignatureCause.KEY_FORM)


@pytest.mark.parametrize("name", ["md5", "sha1", "sha224", "sha384", "sha512"])
def test_another_algorithm_is_named(name: str) -> None:
    found = explain(signed(signature=hmac.new(KEY.encode(), MESSAGE, name).hexdigest()))
    assert (found.cause, found.key) == (SignatureCause.ALGORITHM, 0)
    assert f"with {name.upper()} in place of SHA256" in found.message


def test_a_plain_hash_is_named() -> None:
    found = explain(signed(signature=hashlib.sha256(KEY.encode() + MESSAGE).hexdigest()))
    assert found.cause is SignatureCause.ALGORITHM
    assert "as a plain hash, key first" in found.message


@pytest.mark.parametrize(
    ("encode", "words"),
    [
        (lambda digest: base64.b64encode(digest).decode(), "in Base64"),
        (lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("="), "in Base64"),
        (lambda digest: f"sha256={digest.hex()}", "with 'sha256=' before it"),
        (lambda digest: f"{digest.hex()}\n", "with blanks or line breaks in it"),
    ],
)
def test_another_encoding_is_named(encode: Any, words: str) -> None:
    found = explain(signed(signature=encode(hmac.digest(KEY.encode(), MESSAGE, "sha256"))))
    assert found.cause is SignatureCause.ENCODING
    assert words in found.message


def test_other_contents_are_named() -> None:
    swapped = hmac.new(KEY.encode(), f"{TOKEN}{NOW}".encode(), hashlib.sha256).hexdigest()
    found = explain(signed(signature=swapped))
    assert (found.cause, found.message) == (
        SignatureCause.CONTENT,
        "The call was signed over token and timestamp, in the other order.",
    )


@pytest.mark.parametrize(
    ("payload", "cause", "words"),
    [
        (b"", SignatureCause.NOT_JSON, "is empty"),
        (b"<html>", SignatureCause.NOT_JSON, "not JSON; it has 6 bytes"),
        (b"null", SignatureCause.NOT_JSON, "is null"),
        (json.dumps([signed(), signed()]), SignatureCause.LIST, "a list of 2"),
        (b"timestamp=1&token=t&signature=s&event=opened", SignatureCause.FORM, "a form"),
        ({"event-data": {}}, SignatureCause.MISSING, "not signed: it has `event-data`"),
        ({}, SignatureCause.MISSING, "it is empty"),
        ({"signature": None, "events": []}, SignatureCause.FIELD_WRONG, "`signature` is null"),
        ({"signature": {"timestamp": NOW}}, SignatureCause.FIELD_MISSING, "lacks `token` and `signature`"),
        ({**sign(), "token": ""}, SignatureCause.FIELD_MISSING, "lacks `token`"),
        ({**sign(), "timestamp": NOW + 0.5}, SignatureCause.FIELD_WRONG, "a number with a fraction"),
        ({**sign(), "timestamp": "2023-11-14"}, SignatureCause.FIELD_WRONG, "`timestamp` is not a whole number"),
        ({**sign(), "timestamp": True}, SignatureCause.FIELD_WRONG, "`timestamp` is not a whole number"),
        ({**sign(), "token": 5}, SignatureCause.FIELD_WRONG, "`token` is a number"),
        ({"signature": {**sign(), "signature": []}}, SignatureCause.FIELD_WRONG, "`signature` is a list"),
        ({**sign(), "signature": "abc123"}, SignatureCause.ALTERED, "has 6 characters"),
        ({**sign(), "signature": "no digest"}, SignatureCause.ENCODING, "has 9 characters"),
    ],
)
def test_what_is_missing_or_of_another_type_is_named(payload: Any, cause: SignatureCause, words: str) -> None:
    found = explain(payload)
    assert (found.verified, found.cause) == (False, cause)
    assert words in found.message
    assert found.hint


def test_a_key_is_needed() -> None:
    for keys in ((), ("",), (KEY, b"")):
        with pytest.raises(ConfigError, match="no signing key to compare with"):
            webhooks.explain(signed(), *keys)


def test_nothing_secret_is_said() -> None:
    """What it prints goes into terminals and bug reports. A digest would let others send calls in our name."""
    right = sign()["signature"]
    for payload in (signed(), signed(timestamp=NOW + 60), signed(token="x"), signed(signature="00" * 32)):
        text = repr(explain(payload))
        assert [part for part in (KEY, TOKEN, right) if part in text] == []


@settings(max_examples=60, deadline=None)
@given(json_values)
def test_no_payload_makes_it_raise(payload: Any) -> None:
    text = json.dumps(payload)
    assert explain(text).verified == webhooks.verify(text, KEY, now=NOW)


def test_a_quick_look_tries_the_keys_alone() -> None:
    changed = signed(timestamp=NOW + 60)
    assert webhooks.explain(changed, KEY, now=NOW, thorough=False).cause is SignatureCause.WRONG_KEY
    assert webhooks.explain(signed(), KEY, now=NOW, thorough=False).verified
    assert webhooks.explain(signed(signature="x"), KEY, now=NOW, thorough=False).cause is SignatureCause.ENCODING


def test_durations_are_in_words() -> None:
    days = 86_400
    assert [duration(seconds) for seconds in (0, 1, 61, 3_600, 2 * days + 3_601, 400 * days)] == [
        "0 seconds",
        "1 second",
        "1 minute 1 second",
        "1 hour",
        "2 days 1 hour",
        "1 year 35 days",
    ]
