"""Signatures of webhook calls: what is let in, what is not, and that nothing in a payload makes `verify` raise."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnivery import webhooks
from omnivery.errors import ConfigError, SignatureError
from omnivery.webhooks.signature import check, unsigned

KEY = "example-signing-key"
NOW = 1700000000
TOKEN = "0123456789abcdef0123456789abcdef"
GOLDEN = "18cb982ef97ce58bd0a6526b18e34f7ce869919b376a6515074c2f64dd0682dc"
SIGNED: dict[str, Any] = {"timestamp": NOW, "token": TOKEN, "signature": GOLDEN}

VECTORS = [
    (NOW, TOKEN, GOLDEN),
    (
        1647941258,
        "7b92b915375a216d5777015a6dbb7670",
        "61e2303e50c18f4ffeb7d48ecfcc5d961e38ede578bdfa416b420c34be7d7eff",
    ),
]

# A busy machine is no finding.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["signature", "timestamp", "token"]) | st.text(), inner)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("timestamp", "token", "signature"), VECTORS)
def test_the_golden_vectors_are_signed_and_verified(timestamp: int, token: str, signature: str) -> None:
    """The scheme is the service's, not ours: these values were worked out apart from this code."""
    parts = {"timestamp": timestamp, "token": token, "signature": signature}
    assert webhooks.sign(KEY, timestamp=timestamp, token=token) == parts
    assert webhooks.verify(parts, KEY, now=timestamp)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(SIGNED, id="signature object"),
        pytest.param({"signature": SIGNED, "events": []}, id="whole body"),
        pytest.param(json.dumps({"signature": SIGNED}), id="text"),
        pytest.param(json.dumps({"signature": SIGNED}).encode(), id="bytes"),
        pytest.param(memoryview(json.dumps({"signature": SIGNED}).encode()), id="memoryview"),
        pytest.param({**SIGNED, "timestamp": str(NOW)}, id="timestamp as text"),
        pytest.param({**SIGNED, "signature": GOLDEN.upper()}, id="upper-case hex"),
    ],
)
def test_every_form_of_a_good_payload_is_true(payload: Any) -> None:
    assert webhooks.verify(payload, KEY, now=NOW)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param({}, id="empty"),
        pytest.param(b"", id="no bytes"),
        pytest.param(b"\xff{", id="not UTF-8"),
        pytest.param("[" * 100_000, id="deep nesting"),
        pytest.param(b"[]", id="a list"),
        pytest.param(None, id="nothing"),
        pytest.param({"signature": None}, id="signature null"),
        pytest.param({"signature": [SIGNED]}, id="signature in a list"),
        pytest.param({"timestamp": NOW, "token": TOKEN}, id="no digest"),
        pytest.param({**SIGNED, "token": None}, id="token null"),
        pytest.param({**SIGNED, "token": ""}, id="token empty"),
        pytest.param({**SIGNED, "signature": 5}, id="digest a number"),
        pytest.param({**SIGNED, "signature": "\ud800"}, id="digest a lone surrogate"),
        pytest.param({**SIGNED, "timestamp": float(NOW)}, id="timestamp a float"),
        pytest.param({**SIGNED, "timestamp": True}, id="timestamp a truth value"),
        pytest.param({**SIGNED, "timestamp": f" {NOW}"}, id="timestamp with a blank"),
        pytest.param({**SIGNED, "timestamp": "1_700_000_000"}, id="timestamp with underscores"),
        pytest.param({**SIGNED, "timestamp": -NOW}, id="timestamp negative"),
        pytest.param({**SIGNED, "timestamp": 10**5000}, id="timestamp huge"),
        pytest.param({**SIGNED, "timestamp": "9" * 5000}, id="timestamp huge text"),
    ],
)
def test_what_is_no_signature_is_false_and_never_an_exception(payload: Any) -> None:
    """A receiver that raises on garbage can be made to fail, and to fill logs, by anybody."""
    assert webhooks.verify(payload, KEY, now=NOW) is False


def test_deep_nesting_is_false_without_orjson_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library's json runs out of stack on it, which is no ValueError by itself."""
    monkeypatch.setattr("omnivery.codec.orjson", None)
    assert webhooks.verify("[" * 100_000, KEY, now=NOW) is False


@pytest.mark.parametrize("timestamp", [True, "1_700_000_000", f" {NOW}", float(NOW), "\u0661700000000"])
def test_a_timestamp_in_an_odd_form_is_refused_even_when_signed_as_it_stands(timestamp: Any) -> None:
    """Only digits, exactly as received, are a timestamp: the tests above would pass on a wrong digest alone."""
    digest = hmac.new(KEY.encode(), f"{timestamp}{TOKEN}".encode(), "sha256").hexdigest()
    parts = {"timestamp": timestamp, "token": TOKEN, "signature": digest}
    assert not webhooks.verify(parts, KEY, now=NOW, tolerance=float("inf"))


def test_a_text_timestamp_is_taken_digit_by_digit() -> None:
    """A leading zero is part of what was signed; a detour through int would lose it."""
    parts = webhooks.sign(KEY, timestamp=f"0{NOW}")
    assert webhooks.verify(parts, KEY, now=NOW)
    assert not webhooks.verify({**parts, "timestamp": NOW}, KEY, now=NOW)


@pytest.mark.parametrize(("off", "fresh"), [(-300, True), (-301, False), (300, True), (301, False)])
def test_the_clock_may_be_off_either_way_up_to_the_tolerance(off: int, fresh: bool) -> None:
    """An old call may be a replay; one from the future would be replayable for as long as it stays there."""
    assert webhooks.verify(SIGNED, KEY, now=NOW + off) is fresh


def test_the_tolerance_is_in_seconds_and_may_have_no_end() -> None:
    assert webhooks.verify(SIGNED, KEY, tolerance=15, now=NOW + 15)
    assert not webhooks.verify(SIGNED, KEY, tolerance=15, now=NOW + 16)
    assert webhooks.verify(SIGNED, KEY, tolerance=float("inf"), now=NOW + 10**9)


@pytest.mark.parametrize("tolerance", [0, 0.5])
def test_a_tolerance_may_be_small_or_none_at_all(tolerance: float) -> None:
    assert webhooks.verify(SIGNED, KEY, tolerance=tolerance, now=NOW + tolerance)
    assert not webhooks.verify(SIGNED, KEY, tolerance=tolerance, now=NOW + tolerance + 0.1)


@pytest.mark.parametrize(("off", "words"), [(301, "old by 1 s"), (400.5, "by 101 s"), (-301, "301 s in the future")])
def test_how_far_a_timestamp_is_off_is_told(off: float, words: str) -> None:
    with pytest.raises(SignatureError, match=words):
        check(SIGNED, [KEY.encode()], tolerance=300, now=NOW + off)


@pytest.mark.parametrize(("timestamp", "taken"), [(10**15 - 1, True), (10**15, False), (11**14, True)])
def test_a_timestamp_has_at_most_fifteen_digits(timestamp: int, taken: bool) -> None:
    digest = hmac.new(KEY.encode(), f"{timestamp}{TOKEN}".encode(), "sha256").hexdigest()
    parts = {"timestamp": timestamp, "token": TOKEN, "signature": digest}
    assert webhooks.verify(parts, KEY, tolerance=10**16) is taken


@pytest.mark.parametrize(
    ("digits", "rest"), [("1770000000" + "5", "abc"), ("177000000", "0" + "5abc"), ("1770000000", "5abc")]
)
def test_without_a_tolerance_no_digit_moves_between_timestamp_and_token(digits: str, rest: str) -> None:
    """One signed call would make others, each with a token that no replay guard has seen."""
    seen = webhooks.sign(KEY, timestamp=1_770_000_000, token="5abc")
    parts = {"timestamp": digits, "token": rest, "signature": seen["signature"]}
    assert webhooks.verify(parts, KEY, tolerance=None) is (rest == "5abc")
    assert webhooks.verify(parts, KEY, tolerance=10**16), "the signature itself is right"


def test_half_a_surrogate_pair_in_a_token_is_signed_as_it_stands() -> None:
    parts = webhooks.sign(KEY, timestamp=NOW, token="\ud800")
    assert webhooks.verify(parts, KEY, now=NOW)
    assert not webhooks.verify({**parts, "token": "\ud801"}, KEY, now=NOW)


def test_an_unsigned_call_is_known_by_its_body() -> None:
    call = unsigned(b"{}")
    assert (call.timestamp, call.digest, call.signed_at) == ("", "", None)
    assert call == unsigned(b"{}")
    assert call.token != unsigned(b"[]").token


def test_the_clock_is_used_when_no_time_is_given() -> None:
    assert webhooks.verify(webhooks.sign(KEY), KEY)
    assert not webhooks.verify(SIGNED, KEY)  # from 2023


def test_any_of_several_keys_will_do() -> None:
    """While a key changes, calls under the old and the new one come in side by side."""
    assert webhooks.verify(SIGNED, "new", KEY, now=NOW)
    assert webhooks.verify(SIGNED, KEY.encode(), "new", now=NOW)
    assert not webhooks.verify(SIGNED, "new", "newer", now=NOW)


def test_every_key_is_tried_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping at the first match would tell by its time which key is in use."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(ours: bytes, theirs: bytes) -> bool:
        compared.append((ours, theirs))
        return ours == theirs

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert webhooks.verify(SIGNED, KEY, "new", "newer", now=NOW)
    assert len(compared) == 3


@pytest.mark.parametrize("keys", [(), ("",), (KEY, ""), (b"",), (None,)])
@pytest.mark.parametrize("payload", [SIGNED, b"not JSON"])
def test_a_missing_key_is_an_error_and_not_a_false(keys: tuple[Any, ...], payload: Any) -> None:
    """An unset environment variable must not look like a forger; an empty key is one that everybody knows."""
    with pytest.raises(ConfigError, match="key"):
        webhooks.verify(payload, *keys, now=NOW)


@pytest.mark.parametrize(
    "key",
    [
        "Zq7\n",
        " Zq7",
        "Zq7\r\n",
        "Zq7 Zq7",
        '"Zq7"',
        "'Zq7'",
        "`Zq7`",
        "\u201cZq7\u201d",
        '"Zq7"\n',
        "\ufeffZq7",
        "Zq7\u00a0",
        "Zq7\u200b",
        "Zq7\0",
        b"Zq7\n",
        b"\xefk\n",
    ],
)
def test_a_key_as_a_file_holds_it_is_an_error(key: Any) -> None:
    """Its line break would have every call refused for a wrong signature, and nobody would say why."""
    for use in (webhooks.verify, webhooks.parse):
        with pytest.raises(ConfigError, match="blanks, line breaks or quotes") as caught:
            use({"signature": SIGNED}, KEY, key)
        assert "Zq7" not in str(caught.value)
    with pytest.raises(ConfigError, match="blanks, line breaks or quotes"):
        webhooks.sign(key)


@pytest.mark.parametrize("key", ["ключ", "a'b", b"\xff\xfe", "key-0123456789abcdef"])
def test_any_other_key_is_taken(key: Any) -> None:
    assert webhooks.verify(webhooks.sign(key), key)


@pytest.mark.parametrize("tolerance", [-1, float("nan")])
def test_a_senseless_tolerance_is_an_error(tolerance: float) -> None:
    """Every comparison with NaN is false: written the other way round it would let everything in."""
    with pytest.raises(ConfigError, match="tolerance"):
        webhooks.verify(SIGNED, KEY, tolerance=tolerance, now=NOW)


def test_sign_makes_up_what_is_left_out() -> None:
    first, second = webhooks.sign(KEY), webhooks.sign(KEY)
    assert len(str(first["token"])) == 32
    assert int(str(first["token"]), 16) >= 0
    assert first["token"] != second["token"]
    assert isinstance(first["timestamp"], int)


@pytest.mark.parametrize("options", [{"timestamp": 1.5}, {"timestamp": -1}, {"timestamp": "now"}, {"token": ""}])
def test_sign_does_not_make_what_verify_refuses(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="timestamp"):
        webhooks.sign(KEY, **options)


def test_sign_wants_a_key() -> None:
    with pytest.raises(ConfigError, match="key"):
        webhooks.sign("")


KEYS = st.text(st.characters(categories=["L", "N"]), min_size=1)


@unhurried
@given(
    key=KEYS | KEYS.map(str.encode),
    timestamp=st.integers(0, 10**15 - 1),
    token=st.text(min_size=1),
    as_text=st.booleans(),
)
def test_what_is_signed_verifies(key: str | bytes, timestamp: int, token: str, as_text: bool) -> None:
    parts = webhooks.sign(key, timestamp=str(timestamp) if as_text else timestamp, token=token)
    assert webhooks.verify(json.dumps({"signature": parts}), key, now=timestamp)


@unhurried
@given(
    name=st.sampled_from(["timestamp", "token", "signature"]),
    position=st.integers(0, 63),
    character=st.characters(exclude_categories=["Cs"]),
)
def test_any_changed_character_is_noticed(name: str, position: int, character: str) -> None:
    parts = webhooks.sign(KEY, timestamp=str(NOW), token=TOKEN)
    text = str(parts[name])
    at = position % len(text)
    changed = text[:at] + character + text[at + 1 :]
    same = changed.lower() == text if name == "signature" else changed == text
    # No limit on age here: a changed timestamp must fail for its signature.
    assert webhooks.verify({**parts, name: changed}, KEY, now=NOW, tolerance=float("inf")) is same


@unhurried
@given(value=json_values)
def test_verify_never_raises_on_json(value: Any) -> None:
    assert webhooks.verify(value, KEY, now=NOW) is False
    assert webhooks.verify(json.dumps(value), KEY, now=NOW) is False
    assert webhooks.verify({"signature": value}, KEY, now=NOW) is False


@unhurried
@given(value=st.binary() | st.text())
def test_verify_never_raises_on_anything_else(value: bytes | str) -> None:
    assert webhooks.verify(value, KEY, now=NOW) is False


@pytest.mark.parametrize("tolerance", ["300", -1, float("nan"), [300]])
def test_a_tolerance_is_a_number_from_zero(tolerance: Any) -> None:
    """One from an environment variable is text."""
    with pytest.raises(ConfigError, match=r"tolerance must be a number of seconds from 0, .*not "):
        webhooks.verify(b"{}", KEY, tolerance=tolerance)
