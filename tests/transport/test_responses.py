"""Reading refusals: in whose words, with which wait, and never in a proxy's markup."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from omnivery import codec, errors
from omnivery.errors import ApiError
from omnivery.transport.http import Headers, Response
from omnivery.transport.operation import KeyKind, Operation, Safety
from omnivery.transport.responses import MESSAGE_LIMIT, api_error
from tests.support.fakes import response

OPERATION: Operation[dict[str, Any]] = Operation(
    "test.things.get", "GET", "/things", returns=dict, key=KeyKind.TOKEN, safety=Safety.SAFE, docs="https://example.org"
)
PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def refusal(status: int, content: bytes | dict[str, Any] | list[Any] = b"", **headers: str) -> ApiError:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return api_error(response(status, body, **headers), operation=OPERATION, attempts=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"message": "from parameter is missing"}, "from parameter is missing"),
        ({"message": "first", "errors": ["second"], "error": "third"}, "first"),
        ({"errors": ["URL failed", "too many"], "error": "third"}, "URL failed; too many"),
        ({"errors": "one text"}, "one text"),
        ({"error": "third"}, "third"),
        ({"message": "", "errors": [], "error": " third "}, "third"),
        ({"message": None, "error": {"code": 5}}, "Bad Request"),
        ({"message": 5}, "Bad Request"),
        ({"retry-seconds": 60}, "Bad Request"),
        ([1, 2], "Bad Request"),
        (b"Forbidden", "Forbidden"),
        (b"  Forbidden\n", "Forbidden"),
        (b'"Forbidden"', "Forbidden"),
        (b"", "Bad Request"),
        (b" \n", "Bad Request"),
        (PAGE, "Bad Request"),
        (b"\r\n  <!DOCTYPE html>oops", "Bad Request"),
        (b"x" * (MESSAGE_LIMIT + 1), "Bad Request"),
        ({"message": "x" * 5000}, "x" * MESSAGE_LIMIT),
    ],
)
def test_the_message_is_the_servers_own_where_it_gave_one(content: Any, message: str) -> None:
    assert refusal(400, content).message == message


def test_a_web_page_is_never_a_message_whatever_it_begins_with() -> None:
    assert refusal(502, b"oops", content_type="text/html; charset=utf-8").message == "Bad Gateway"


def test_the_page_is_still_there_to_look_at() -> None:
    assert refusal(502, PAGE).body == PAGE.decode()


@pytest.mark.parametrize(
    "content",
    [
        {"message": "to parameter ann.o'neil+tag@mail.example.com is not a valid address"},
        {"errors": ["ann.o'neil+tag@mail.example.com bounced"]},
        b"no such recipient: ann.o'neil+tag@mail.example.com",
        {"message": "invalid api_key: key-3ax6xnjp29jd6fds4gc373sgvjxteol0"},
        {"message": "bad header ov-token: key-3ax6xnjp29jd6fds4gc373sgvjxteol0"},
    ],
)
def test_addresses_and_keys_are_masked_in_messages(content: bytes | dict[str, Any]) -> None:
    """Messages end in logs and issue trackers."""
    error = refusal(400, content)
    for text in (error.message, str(error), repr(error)):
        assert "ann" not in text
        assert "example.com" not in text
        assert "key-3ax6" not in text
        assert "***" in text


def test_an_error_tells_all_that_is_known() -> None:
    error = refusal(429, {"message": "slow down"}, retry_after="7", x_request_id="r-1")
    assert isinstance(error, errors.RateLimitError)
    assert (error.status, error.message, error.operation, error.request_id) == (429, "slow down", OPERATION.name, "r-1")
    assert (error.attempts, error.retry_after, error.body) == (2, 7.0, '{"message": "slow down"}')


@pytest.mark.parametrize(
    ("content", "headers", "seconds"),
    [
        ({"retry-seconds": 60}, {}, 60.0),
        ({"retry-seconds": 0.5}, {}, 0.5),
        ({"retry-seconds": 60}, {"retry_after": "7"}, 7.0),
        ({"retry-seconds": 60}, {"retry_after": "soon"}, 60.0),
        ({"retry-seconds": -1}, {}, None),
        ({"retry-seconds": "60"}, {}, None),
        ({"retry-seconds": True}, {}, None),
        ({"retry-seconds": None}, {}, None),
        ([60], {}, None),
        (b"", {}, None),
    ],
)
def test_the_wish_to_wait_may_stand_in_the_body(content: Any, headers: dict[str, str], seconds: float | None) -> None:
    """Mailgun's domain and webhook endpoints name it there, and not in the header."""
    assert refusal(429, content, **headers).retry_after == seconds


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://login.example.net/sign-in?token=secret&to=ann@example.com", "login.example.net"),
        ("https://user:secret@other.example.net/", "other.example.net"),
        ("/elsewhere?secret", "another URL"),
        ("https://[secret/", "another URL"),
        ("", "another URL"),
    ],
)
def test_a_redirect_is_explained_by_its_host_alone(location: str, host: str) -> None:
    """A Location may carry tokens in its path or query."""
    error = refusal(302, location=location)
    assert f"The server points to {host}. Redirects are never followed" in str(error)
    assert "secret" not in str(error)
    assert "ann" not in str(error)


@pytest.mark.parametrize("status", [300, 304, 399])
def test_what_names_no_other_url_is_explained_as_any_refusal(status: int) -> None:
    assert "The server points to" not in str(refusal(status))


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("key", "words"), [(KeyKind.PRIMARY, "api_key"), (KeyKind.SENDING, "sending_key")])
def test_a_refused_key_is_told_which_kind_is_needed(status: int, key: KeyKind, words: str) -> None:
    """Mailgun's whole response to a key of the wrong kind is `Forbidden`."""
    operation: Operation[dict[str, Any]] = Operation(
        "t.t.t", "GET", "/", returns=dict, key=key, safety=Safety.SAFE, docs=""
    )
    error = api_error(response(status, b"Forbidden"), operation=operation, attempts=1)
    assert words in str(error)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["message", "errors", "error", "retry-seconds"]), inner)
    ),
    max_leaves=6,
)
bodies = st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode())


@pytest.mark.parametrize("fast", [True, False])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    status=st.integers(300, 999),
    content=bodies,
    headers=st.dictionaries(st.sampled_from(["retry-after", "location", "content-type"]), st.text(max_size=20)),
)
@example(status=429, content=b'{"retry-seconds": 1' + b"0" * 400 + b"}", headers={})
@example(status=500, content=b"[" * 50_000, headers={})
def test_every_odd_response_becomes_an_api_error(
    monkeypatch: pytest.MonkeyPatch, status: int, content: bytes, headers: dict[str, str], fast: bool
) -> None:
    """Whatever the other side says, the caller catches `ApiError`."""
    if not fast:
        monkeypatch.setattr(codec, "orjson", None)
    raw = Response(status=status, headers=Headers(headers), content=content)
    error = api_error(raw, operation=OPERATION, attempts=1)
    assert isinstance(error, errors.error_class(status))
    assert error.message
    assert error.retry_after is None or error.retry_after >= 0
