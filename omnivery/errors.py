"""Every error that the SDK raises.

    OmniveryError
    ├── ConfigError                     no key, no domain, bad option: raised before anything is sent
    ├── TransportError                  no usable response
    │   ├── NotSentError                DNS, refused, connect or pool timeout: nothing reached the server
    │   ├── AmbiguousError              sent, but the response was lost: the operation may have happened
    │   └── DeadlineError               the call's own deadline passed
    ├── ApiError                        the server refused the request
    │   ├── BadRequestError       400   ├── AuthenticationError   401
    │   ├── PaymentRequiredError  402   ├── ForbiddenError        403
    │   ├── NotFoundError         404   ├── ConflictError         409
    │   ├── PayloadTooLargeError  413   ├── RateLimitError        429
    │   └── ServerError           5xx
    ├── DecodeError                     the response is not what the operation promises
    ├── VerdictPendingError             `bots.wait()` ran out of time
    ├── BulkError                       a bulk run did not deliver everything
    ├── JournalError                    a journal cannot be written or read any more: disk full, I/O error, damage
    ├── SourceError                     a file of events cannot be read to its end: damaged, cut off, unknown format
    └── WebhookError
        ├── SignatureError              missing, wrong, too old, or from the future
        ├── ReplayError                 this call has been handled before
        └── PayloadError                signed, but not a payload that we know

Errors hold plain data and survive pickling, so they cross process boundaries (Celery, multiprocessing) whole.
None of them holds a live response, a secret, or more than the first kilobyte of a response's body.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

__all__ = [
    "AmbiguousError",
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "BulkError",
    "ConfigError",
    "ConflictError",
    "DeadlineError",
    "DecodeError",
    "ForbiddenError",
    "JournalError",
    "NotFoundError",
    "NotSentError",
    "OmniveryError",
    "PayloadError",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "RateLimitError",
    "ReplayError",
    "ServerError",
    "SignatureError",
    "SourceError",
    "TransportError",
    "VerdictPendingError",
    "WebhookError",
]

BODY_LIMIT = 1024
"""How many characters of a response's body an error keeps."""


def _rebuild(cls: type[OmniveryError], args: tuple[Any, ...], state: dict[str, Any]) -> OmniveryError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class OmniveryError(Exception):
    """Base of every error that the SDK raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own way calls __init__ with args alone, which keyword-only fields do not survive.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _tried(attempts: int, gave_up: str | None) -> str:
    tried = f" Tried {attempts} times." if attempts > 1 else ""
    if gave_up is None:
        return tried
    return f"{tried} Gave up: {gave_up}." if tried else f" Not retried: {gave_up}."


class ConfigError(OmniveryError):
    """The call or the client is set up wrongly. Nothing was sent; the message names the argument to fix."""


class TransportError(OmniveryError):
    """There is no usable response.

    Attributes:
        operation: the operation's name, such as `automations.bots.submit_batch`.
        attempts: how many times the request was tried.
        may_have_happened: whether the server may have carried out the request.
        permanent: whether the same request would fail in the same way: a bad certificate, an invalid URL or header.
        gave_up: why the call was not retried, such as `the retry budget is spent`; None if retrying was no option.
    """

    may_have_happened: bool = False
    permanent: bool = False
    gave_up: str | None = None

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        attempts: int = 1,
        may_have_happened: bool | None = None,
        permanent: bool = False,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.attempts = attempts
        self.permanent = permanent
        if may_have_happened is not None:
            self.may_have_happened = may_have_happened

    def __str__(self) -> str:
        where = f"{self.operation}: " if self.operation else ""
        if self.may_have_happened:
            effect = "It may have taken effect: check before you repeat it."
        elif self.permanent:
            effect = "It did not take effect, and would fail again."
        else:
            effect = "It did not take effect: repeating it is safe."
        return f"{where}{self.args[0]}.{_tried(self.attempts, self.gave_up)} {effect}"


class NotSentError(TransportError):
    """Nothing reached the server: name lookup, connection, TLS handshake or the wait for a connection failed.

    Attributes:
        unreachable: whether the host is not known or refused the connection, so that a wrong URL is likely.
    """

    unreachable: bool = False

    def __init__(self, message: str, *, unreachable: bool = False, **details: Any) -> None:
        super().__init__(message, **details)
        self.unreachable = unreachable


class AmbiguousError(TransportError):
    """The request was sent and its response was lost, so the operation may have happened."""

    may_have_happened = True


class DeadlineError(TransportError):
    """The call's own `deadline` passed. `may_have_happened` says whether a request had been sent."""


class ApiError(OmniveryError):
    """The server refused the request.

    Attributes:
        status: the HTTP status code.
        message: the server's message, or the standard phrase of the status if there is none.
        operation: the operation's name, such as `automations.bots.submit_batch`.
        request_id: the server's identifier of this request, if it sent one.
        attempts: how many times the request was tried.
        retry_after: seconds that the server asked to wait, if it did.
        body: the first kilobyte of the response, as text.
        gave_up: why the call was not retried, such as `the retry budget is spent`; None if retrying was no option.
    """

    hint: str = "The request was refused and did not take effect"
    gave_up: str | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int,
        operation: str | None = None,
        request_id: str | None = None,
        attempts: int = 1,
        retry_after: float | None = None,
        body: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.operation = operation
        self.request_id = request_id
        self.attempts = attempts
        self.retry_after = retry_after
        self.body: str = body[:BODY_LIMIT]
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        where = f"{self.operation}: " if self.operation else ""
        words = "" if self.message == phrase(self.status) else f" ({self.message})"
        tried = _tried(self.attempts, self.gave_up)
        request_id = f" Request id {self.request_id}." if self.request_id else ""
        return f"{where}{self.status} {phrase(self.status)}{words}.{tried}{request_id} {self.hint}."


class BadRequestError(ApiError):
    """400: the server found the request malformed or a parameter missing."""

    hint = "The request was refused and did not take effect: fix its parameters"


class AuthenticationError(ApiError):
    """401: the key or token is missing, wrong, or of another kind than this operation needs."""

    hint = "The request was refused and did not take effect: check the key or token, and that it is of the right kind"


class PaymentRequiredError(ApiError):
    """402: a valid request that was refused, for instance because the feature is not enabled for the domain.

    On this API the code says nothing about billing: read the message.
    """

    hint = "The request is valid but was refused, and did not take effect: its message says why"


class ForbiddenError(ApiError):
    """403: the key is known but not allowed to do this, or not from this IP address."""

    hint = "The request was refused and did not take effect: check what the key may do, and from which networks"


class NotFoundError(ApiError):
    """404: no such thing. For a bot result: not processed yet, or expired; the server cannot tell which."""

    hint = "Nothing took effect: check the domain, the base URL and the identifier"


class ConflictError(ApiError):
    """409: the thing exists already, or is in a state that does not allow this."""


class PayloadTooLargeError(ApiError):
    """413: the request is larger than the server accepts."""

    hint = "The request did not take effect: send less at once"


class RateLimitError(ApiError):
    """429: too many requests. `retry_after` is the wait in seconds that the server asked for, if it did."""

    hint = "The request did not take effect: wait, then repeat it"


class ServerError(ApiError):
    """5xx: the server failed. Unless it was 503, the operation may have happened."""

    hint = "The fault is the server's, and the operation may have taken effect"

    def __init__(self, message: str, *, status: int, hint: str | None = None, **details: Any) -> None:
        refused = status == HTTPStatus.SERVICE_UNAVAILABLE
        super().__init__(message, status=status, hint=hint or (RateLimitError.hint if refused else None), **details)


class DecodeError(OmniveryError):
    """The response is not what the operation promises: HTML from a proxy, a field of another type.

    Attributes:
        operation: the operation's name.
        path: where in the response the fault is, such as `$.items[3].created_at`; `$` for the whole of it.
        body: the first kilobyte of the response, as text.
        attempts: how many times the request was tried.
    """

    def __init__(
        self, message: str, *, operation: str | None = None, path: str = "$", body: str = "", attempts: int = 1
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.attempts = attempts
        self.path = path
        self.body: str = body[:BODY_LIMIT]

    def __str__(self) -> str:
        where = f"{self.operation}: " if self.operation else ""
        at = f" at {self.path}" if self.path != "$" else ""
        return f"{where}{self.args[0]}{at}. The request may have taken effect; the response may be a proxy's."


class VerdictPendingError(OmniveryError):
    """`bots.wait()` ran out of time: the verdict is not there yet, or has expired.

    Attributes:
        request_id: the identifier of the check, for another try with `bots.result()`.
        waited: seconds spent waiting.
    """

    def __init__(self, message: str, *, request_id: str, waited: float) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.waited = waited


class BulkError(OmniveryError):
    """A bulk run did not deliver everything.

    Attributes:
        report: the run's report, of the type that the run returns: a `SubmitReport`, a `SuppressionReport` …
    """

    # Any: an exception class cannot be generic, and with a union every handler would have to narrow the type.
    def __init__(self, message: str, *, report: Any) -> None:
        super().__init__(message)
        self.report = report


class JournalError(OmniveryError):
    """A journal cannot be written or read any further: the disk is full or fails, or the journal's limit is reached.

    Nothing in it is lost. Fix the cause, and submit again with the same journal.
    """


class SourceError(OmniveryError, OSError):
    """A file of events cannot be read to its end: it is damaged, cut off, or in an unknown format.

    Every whole line before that place was read. It is an `OSError` too, like the errors of opening a file.
    """


class WebhookError(OmniveryError):
    """A webhook call that must not be trusted or cannot be read.

    Attributes:
        reason: why, as a `webhooks.RefusalReason`, such as `signature too old`.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class SignatureError(WebhookError):
    """The signature is missing or wrong, or its timestamp is too old or in the future."""


class ReplayError(WebhookError):
    """A call with this token has been handled before."""


class PayloadError(WebhookError):
    """The call's body is not JSON, or not a payload that the SDK knows."""


BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    429: RateLimitError,
}


def error_class(status: int) -> type[ApiError]:
    """Return the class for an HTTP status: its own, `ServerError` for other 5xx, `ApiError` for the rest."""
    return BY_STATUS.get(status) or (ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ApiError)


_PHRASES = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""Phrases of RFC 9110 that Python has from 3.13 on."""


def phrase(status: int) -> str:
    """Return the standard reason phrase of a status code (RFC 9110)."""
    try:
        return _PHRASES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
