"""Operations: one row for each endpoint. Documentation, telemetry and retries follow from the row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from enum import Enum
from http import HTTPStatus
from types import ModuleType
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from omnivery import codec
from omnivery.errors import DecodeError
from omnivery.transport.http import Response

T = TypeVar("T")


class Safety(Enum):
    """What happens when an operation is carried out twice. Retries depend on it, not on the HTTP method."""

    SAFE = "safe"
    """It only reads."""
    IDEMPOTENT = "idempotent"
    """Twice has the same effect as once."""
    NON_IDEMPOTENT = "non-idempotent"
    """Twice is a second e-mail, a second account or an error: retried only if the first certainly had no effect."""


SAFE, IDEMPOTENT, NON_IDEMPOTENT = Safety


class KeyKind(Enum):
    """Which kind of key an operation takes."""

    ANY = "any"
    """The API's page names no restriction."""
    PRIMARY = "primary"
    """Only the account's primary key."""
    SENDING = "sending"
    """Only a domain's sending key."""
    EITHER = "primary or sending"
    """Either; the API's guide prefers the sending key."""
    TOKEN = "token"  # noqa: S105  # the name of a kind of credential, not one
    """The Automations API's token."""


PARTIAL = frozenset(
    {
        HTTPStatus.RESET_CONTENT,
        HTTPStatus.PARTIAL_CONTENT,
        HTTPStatus.MULTI_STATUS,
        HTTPStatus.ALREADY_REPORTED,
        HTTPStatus.IM_USED,
    }
)
"""Success statuses that do not confirm the whole operation, or whose body is only a part of the result."""


@frozen(kw_only=True)
class ResponseParser(Generic[T]):
    """Reads a response that is not simply one JSON model."""

    name: str
    """Name of the value, for the reference page."""
    read: Callable[[Response], T] = field(repr=False)
    """Decodes the response; raises DecodeError or ValueError if it cannot."""


@frozen
class Operation(Generic[T]):
    """One endpoint."""

    name: str
    """Surface, resource and method, such as `automations.bots.result`; also the name in logs and traces."""
    method: str
    """HTTP method."""
    path: str
    """Path template below the base URL; each `{name}` is one percent-encoded segment."""
    returns: type[T] | ResponseParser[T] = field(kw_only=True)
    """Model of the response, or its parser."""
    key: KeyKind = field(kw_only=True)
    """Kind of key that it takes."""
    safety: Safety = field(kw_only=True)
    """What happens when it is carried out twice."""
    docs: str = field(kw_only=True)
    """URL of the page that documents it."""

    def read(self, response: Response) -> T:
        """Decode a successful response.

        Raises:
            DecodeError: the response is not what the operation promises.
        """
        try:
            _check_success(response, self.safety)
            if isinstance(self.returns, ResponseParser):
                return self.returns.read(response)
            return codec.structure(json_body(response), self.returns)
        except DecodeError as error:
            raise DecodeError(str(error.args[0]), operation=self.name, path=error.path, body=response.text) from None
        except ValueError as error:
            raise DecodeError(str(error), operation=self.name, body=response.text) from None


@frozen
class OperationFactory:
    """Creates the operations of one surface that take one kind of key, so that each endpoint is one line."""

    surface: str
    """Name of the surface; the first part of each operation's name."""
    key: KeyKind
    """Kind of key that these operations take."""
    docs: str
    """URL of the page that documents them."""

    def __call__(
        self, name: str, method: str, path: str, *, returns: type[T] | ResponseParser[T], safety: Safety
    ) -> Operation[T]:
        """Declare one endpoint. The arguments are those of `Operation`; the name is given without the surface."""
        return Operation(
            f"{self.surface}.{name}", method, path, returns=returns, key=self.key, safety=safety, docs=self.docs
        )


def _check_success(response: Response, safety: Safety) -> None:
    """Refuse a response that has a success status but does not confirm the operation.

    Raises:
        DecodeError: the status is one of `PARTIAL`, the body reports an `error` or `errors`, or it is labelled as JSON
            and is not.
    """
    if response.status in PARTIAL:
        raise DecodeError(f"the status {response.status} does not say that the whole operation took effect")
    is_json = "json" in response.headers.get("content-type", "").lower()
    if not response.content.strip() or not (is_json or b'"error' in response.content):
        return
    try:
        body = codec.loads_received(response.content)
    except ValueError:
        if is_json and not is_html(response):
            raise DecodeError(f"the response ({response.status}) is not JSON where JSON was expected") from None
        return
    if _reports_error(body, safety):
        raise DecodeError(f"the response ({response.status}) reports an error under a success status")


def _reports_error(body: Any, safety: Safety) -> bool:
    if not isinstance(body, dict) or not (body.get("error") or body.get("errors")):
        return False
    # A bounce has a field `error`, too: in a record that was read, or that was created and is sent back.
    is_record = safety is Safety.SAFE or "address" in body
    return not is_record or body.keys() <= {"error", "errors"}


def json_body(response: Response) -> Any:
    """Parse a response's body as JSON. A JSON string that itself contains JSON is parsed once more.

    Raises:
        DecodeError: the body is empty, or not JSON.
    """
    if not response.content.strip():
        raise DecodeError(f"the response ({response.status}) is empty where JSON was expected")
    try:
        value = codec.loads_received(response.content)
        return codec.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = "HTML" if is_html(response) else "not JSON"
        raise DecodeError(
            f"the response ({response.status}) is {found} where JSON was expected", body=response.text
        ) from None


def inside(key: str, model: type[T]) -> ResponseParser[T]:
    """Return a parser of a model that is wrapped in an object with one key, such as `{"webhook": {…}}`.

    Fields beside that key, which nobody documents, go to the model's `extra`.
    """

    def read(response: Response) -> T:
        body = json_body(response)
        if not isinstance(body, dict) or key not in body:
            raise DecodeError(f"the response ({response.status}) has no {key!r}")
        return with_extra(codec.structure(body[key], model, at=f"$.{key}"), body, known=(key,))

    return ResponseParser(name=model.__name__, read=read)


def with_extra(value: T, body: dict[str, Any], *, known: Collection[str]) -> T:
    """Add to a model, which was just decoded, what stands beside it in a response and is not known."""
    model: Any = value
    for name, item in body.items():
        if name not in known:
            model.extra.setdefault(name, item)
    return value


def maybe_empty(model: type[T]) -> ResponseParser[T]:
    """Return a parser of an undocumented body: JSON, nothing, or plain text if the model has a `message`."""

    def read(response: Response) -> T:
        if is_html(response):
            raise DecodeError(f"the response ({response.status}) is HTML: a proxy sent it, or the base URL is wrong")
        if not response.content.strip():
            return codec.structure({}, model)
        try:
            body = json_body(response)
        except DecodeError:
            if not hasattr(model, "message"):
                raise
            body = {"message": response.text.strip()}
        return codec.structure(body, model)

    return ResponseParser(name=model.__name__, read=read)


def is_html(response: Response) -> bool:
    """Whether a response is a web page: the sign of a proxy, a captive portal or a wrong base URL."""
    return "html" in response.headers.get("content-type", "").lower() or response.content.lstrip()[:1] == b"<"


def collect(modules: Iterable[ModuleType]) -> dict[str, Operation[Any]]:
    """Return every operation that the given modules declare, by name.

    Raises:
        ValueError: two operations have the same name.
    """
    found: dict[str, Operation[Any]] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Operation) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"two operations are named {value.name}")
    return found
