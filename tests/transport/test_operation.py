"""What counts as an acceptance: a status of success alone does not."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import Any

import pytest
from attrs import evolve, frozen

from omnivery.errors import DecodeError
from omnivery.transport.http import Headers, Response
from omnivery.transport.operation import IDEMPOTENT, NON_IDEMPOTENT, SAFE, KeyKind, Operation, maybe_empty


@frozen(kw_only=True)
class Confirmation:
    message: str | None = None
    address: str | None = None
    error: str | None = None


CHANGE: Operation[Confirmation] = Operation(
    "test.things.create",
    "POST",
    "/things",
    returns=maybe_empty(Confirmation),
    key=KeyKind.TOKEN,
    safety=NON_IDEMPOTENT,
    docs="https://example.org",
)
READ = evolve(CHANGE, method="GET", safety=SAFE)


def reply(content: bytes, status: int = 200, content_type: str = "application/json") -> Response:
    return Response(status=status, headers=Headers({"content-type": content_type}), content=content)


@pytest.mark.parametrize("operation", [READ, CHANGE])
@pytest.mark.parametrize("status", [205, 206, 207, 208, 226])
def test_a_partial_success_is_no_acceptance(operation: Operation[Any], status: int) -> None:
    """A journal deletes what was accepted: a part of a response must not count as one."""
    with pytest.raises(DecodeError, match=f"the status {status} does not say that the whole operation took effect"):
        operation.read(reply(b'{"message": "ok"}', status))


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204, 299])
def test_other_statuses_of_success_are(status: int) -> None:
    assert CHANGE.read(reply(b'{"message": "ok"}', status)).message == "ok"


@pytest.mark.parametrize("operation", [CHANGE, evolve(CHANGE, safety=IDEMPOTENT)])
@pytest.mark.parametrize(
    "content",
    [
        b'{"error": "no"}',
        b'{"errors": ["no"]}',
        b'{"errors": {"event_id": "bad"}}',
        b'{"error": "no", "message": "Not accepted"}',
        b' {"error": {"code": 5}}',
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_an_error_in_the_body_is_no_acceptance(operation: Operation[Any], content: bytes, content_type: str) -> None:
    with pytest.raises(DecodeError, match="reports an error under a success status") as caught:
        operation.read(reply(content, content_type=content_type))
    assert (caught.value.operation, caught.value.body) == (operation.name, content.decode())


@pytest.mark.parametrize(
    "content",
    [
        b'{"message": "ok", "error": null}',
        b'{"message": "ok", "errors": []}',
        b'{"message": "ok", "error": ""}',
        b'{"message": "an \\"error\\" in a text"}',
        b'{"message": "ok", "address": "ann@example.com", "error": "No such mailbox"}',
    ],
)
def test_a_field_of_that_name_alone_is_no_error(content: bytes) -> None:
    """A bounce has one, and may be sent back when it is created."""
    CHANGE.read(reply(content))


def test_a_record_that_is_read_may_have_an_error() -> None:
    assert READ.read(reply(b'{"message": "ok", "error": "No such mailbox"}')).error == "No such mailbox"
    with pytest.raises(DecodeError, match="reports an error"):
        READ.read(reply(b'{"error": "no"}'))


@pytest.mark.parametrize("content", [b'{"message": "Queued. Tha', b"Queued", b"[" * 100_000])
def test_a_body_that_is_labelled_as_json_and_is_not_is_no_acceptance(content: bytes) -> None:
    """Without a length, a body that was cut short comes to an orderly end."""
    with pytest.raises(DecodeError, match="not JSON where JSON was expected"):
        CHANGE.read(reply(content))


def test_a_byte_order_mark_hides_neither_an_acceptance_nor_an_error() -> None:
    assert READ.read(reply(BOM_UTF8 + b'{"message": "ok"}')).message == "ok"
    with pytest.raises(DecodeError, match="reports an error"):
        CHANGE.read(reply(BOM_UTF8 + b'{"error": "no"}'))


@pytest.mark.parametrize(("content", "content_type"), [(b"Queued", "text/plain"), (b"", "application/json")])
def test_text_and_nothing_are_acceptances(content: bytes, content_type: str) -> None:
    assert CHANGE.read(reply(content, content_type=content_type)).message == (content.decode() or None)
