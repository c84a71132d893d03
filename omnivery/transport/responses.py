"""Errors from responses: which exception an error status becomes, and with which message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from omnivery import codec
from omnivery._logging import redact
from omnivery.errors import ApiError, DecodeError, TransportError, error_class, phrase
from omnivery.transport.operation import KeyKind, is_html
from omnivery.transport.retry import parse_retry_after, retry_after

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omnivery.transport.http import Response
    from omnivery.transport.operation import Operation

REDIRECT = frozenset((301, 302, 303, 307, 308))
"""Statuses that name another URL; 300 and 304 name none."""
KEY_REFUSED = (401, 403)
KEY_NEEDED = {
    KeyKind.PRIMARY: "the account's primary key (api_key), not a domain's sending key",
    KeyKind.SENDING: "a domain's sending key (sending_key), not the account's primary key",
    KeyKind.EITHER: "the account's primary key (api_key), or a sending key (sending_key) of this very domain",
}
"""The key that an operation needs, in words, for those that do not take every kind."""
SHORTEST_SECRET = 8
"""Shortest credential, in characters, that is masked in texts. A shorter one is not real, and is a part of words."""
MESSAGE_LIMIT = 200
"""Longest text, in characters, that is shown as the server's message. A longer one is a page."""


def api_error(response: Response, *, operation: Operation[Any], attempts: int) -> ApiError:
    """Return the error for a response whose status is not a success."""
    body = codec.loads_or_none(response.content, parse=codec.loads_received)
    return error_class(response.status)(
        redact(_message(response, body)),
        status=response.status,
        operation=operation.name,
        request_id=response.request_id,
        attempts=attempts,
        retry_after=_retry_after(response, body),
        body=response.text,
        hint=_key_hint(response, operation) or _redirect_hint(response),
    )


def conceal(error: BaseException | None, secrets: Iterable[str]) -> None:
    """Mask the credential of a call in its error and that error's causes: a server may echo it."""
    hidden = [form for one in secrets if len(one) >= SHORTEST_SECRET for form in (one, quote(one, safe=""))]
    while isinstance(error, ApiError | DecodeError | TransportError):
        error.args = tuple(_masked(each, hidden) for each in error.args)
        for name, value in vars(error).items():
            setattr(error, name, _masked(value, hidden))
        error = error.__cause__


def _masked(value: Any, hidden: Iterable[str]) -> Any:
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, "***")
    return value


def _message(response: Response, body: Any) -> str:
    """Return the server's message: the first of `message`, `errors`, `error`, short plain text, standard phrase."""
    if isinstance(body, dict):
        errors = body.get("errors")
        joined = "; ".join(str(item) for item in errors) if isinstance(errors, list) else errors
        for text in (body.get("message"), joined, body.get("error"), body.get("description")):
            if isinstance(text, str) and text.strip():
                return text.strip()[:MESSAGE_LIMIT]
    text = body if isinstance(body, str) else response.text.strip()
    is_message = text and len(text) <= MESSAGE_LIMIT and not is_html(response) and not isinstance(body, dict | list)
    return text if is_message else phrase(response.status)


def _retry_after(response: Response, body: Any) -> float | None:
    seconds = retry_after(response.headers)
    if seconds is None and isinstance(body, dict):
        # Mailgun's domain and webhook endpoints send the seconds in the body instead.
        named = body.get("retry-seconds")
        is_valid = isinstance(named, int | float) and not isinstance(named, bool) and named >= 0
        return parse_retry_after(str(named)) if is_valid else None
    return seconds


def _key_hint(response: Response, operation: Operation[Any]) -> str | None:
    needed = KEY_NEEDED.get(operation.key)
    if needed is None or response.status not in KEY_REFUSED:
        return None
    return f"{error_class(response.status).hint}. This operation takes {needed}"


def _redirect_hint(response: Response) -> str | None:
    if response.status not in REDIRECT:
        return None
    try:
        host = urlsplit(response.headers.get("location", "")).hostname
    except ValueError:
        host = None
    return (
        f"The server points to {host or 'another URL'}. Redirects are never followed, so that credentials stay "
        "with the host that you chose: check the base URL"
    )
