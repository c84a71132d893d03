"""Reading answers: which error a refusal becomes, and in whose words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from omnivery import codec
from omnivery._logging import redact
from omnivery.errors import ApiError, error_class, phrase
from omnivery.transport.operation import KeyKind, is_html
from omnivery.transport.retry import parse_retry_after

if TYPE_CHECKING:
    from omnivery.transport.http import Response
    from omnivery.transport.operation import Operation

SUCCESS = range(200, 300)
REDIRECT = range(300, 400)
REFUSED_KEY = (401, 403)
KEY_NEEDED = {
    KeyKind.PRIMARY: "the account's primary key (api_key), not a domain's sending key",
    KeyKind.SENDING: "a domain's sending key (sending_key), not the account's primary key",
    KeyKind.EITHER: "the account's primary key (api_key), or a sending key (sending_key) of this very domain",
}
"""In words, which key an operation takes that does not take every kind."""
MESSAGE_LIMIT = 200
"""Characters of plain text that may stand as a server's message: more is a page, not a message."""


def request_id(answer: Response) -> str | None:
    """The server's identifier of a request, where it sends one; the header's name is not documented."""
    return answer.headers.get("x-request-id")


def api_error(answer: Response, *, operation: Operation[Any], attempts: int) -> ApiError:
    """The error for an answer that is no success."""
    body = _json_or_none(answer)
    return error_class(answer.status)(
        redact(_message(answer, body)),
        status=answer.status,
        operation=operation.name,
        request_id=request_id(answer),
        attempts=attempts,
        retry_after=_retry_after(answer, body),
        body=answer.text,
        hint=_key_hint(answer, operation) or _redirect_hint(answer),
    )


def _json_or_none(answer: Response) -> Any:
    try:
        return codec.loads(answer.content)
    except ValueError:
        return None


def _message(answer: Response, body: Any) -> str:
    """The server's words: first of `message`, `errors`, `error`, short plain text; else the standard phrase."""
    if isinstance(body, dict):
        errors = body.get("errors")
        joined = "; ".join(str(item) for item in errors) if isinstance(errors, list) else errors
        for words in (body.get("message"), joined, body.get("error"), body.get("description")):
            if isinstance(words, str) and words.strip():
                return words.strip()[:MESSAGE_LIMIT]
    text = body if isinstance(body, str) else answer.text.strip()
    is_message = text and len(text) <= MESSAGE_LIMIT and not is_html(answer) and not isinstance(body, dict | list)
    return text if is_message else phrase(answer.status)


def _retry_after(answer: Response, body: Any) -> float | None:
    wish = parse_retry_after(answer.headers.get("retry-after"))
    if wish is None and isinstance(body, dict):
        # Mailgun's domain and webhook endpoints name the seconds in the body instead.
        seconds = body.get("retry-seconds")
        named = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0
        return parse_retry_after(str(seconds)) if named else None
    return wish


def _key_hint(answer: Response, operation: Operation[Any]) -> str | None:
    needed = KEY_NEEDED.get(operation.key)
    if needed is None or answer.status not in REFUSED_KEY:
        return None
    return f"{error_class(answer.status).hint}. This operation takes {needed}"


def _redirect_hint(answer: Response) -> str | None:
    if answer.status not in REDIRECT:
        return None
    try:
        host = urlsplit(answer.headers.get("location", "")).hostname
    except ValueError:
        host = None
    return (
        f"The server points to {host or 'another address'}. Redirects are never followed, so that credentials stay "
        "with the host that you chose: check the base URL"
    )
