"""Operations: one row for each endpoint. All that the SDK knows of an endpoint follows from its row and its method."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from types import ModuleType
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from omnivery import codec
from omnivery.errors import DecodeError
from omnivery.transport.http import Response

T = TypeVar("T")


class Safety(Enum):
    """What it means to do an operation twice: decides about retries, where the HTTP method cannot."""

    SAFE = "safe"
    """It only reads."""
    IDEMPOTENT = "repeatable"
    """Twice comes to the same as once."""
    NON_IDEMPOTENT = "once"
    """Twice is a second e-mail, a second account, an error: never repeated unless it surely did not happen."""


SAFE, IDEMPOTENT, NON_IDEMPOTENT = Safety


class KeyKind(Enum):
    """Which kind of key an operation takes."""

    ANY = "any"
    """The page names no restriction."""
    PRIMARY = "primary"
    """The account's own key, alone."""
    SENDING = "sending"
    """A domain's sending key, alone."""
    EITHER = "primary or sending"
    """Both; the account's own guide asks to prefer the sending key."""
    TOKEN = "token"  # noqa: S105  # the name of a kind of credential, not one
    """The Automations API's token."""


@frozen(kw_only=True)
class ResponseParser(Generic[T]):
    """How to read an answer that is not simply one JSON model."""

    name: str
    """What it is, for the reference."""
    read: Callable[[Response], T] = field(repr=False)
    """Turns the answer into its value; raises DecodeError or ValueError where it cannot."""


@frozen
class Operation(Generic[T]):
    """One endpoint."""

    name: str
    """Name of surface, resource and method, such as `automations.bots.result`: also its name in logs and traces."""
    method: str
    """HTTP method."""
    path: str
    """Path template below the base URL; each `{name}` is one percent-encoded segment."""
    returns: type[T] | ResponseParser[T] = field(kw_only=True)
    """Model of the answer, or how to read it."""
    key: KeyKind = field(kw_only=True)
    """Kind of key that it takes."""
    safety: Safety = field(kw_only=True)
    """What it means to do it twice."""
    docs: str = field(kw_only=True)
    """Address of the page that documents it."""

    def read(self, answer: Response) -> T:
        """Turn a successful answer into its value.

        Raises:
            DecodeError: the answer is not what the operation promises.
        """
        try:
            if isinstance(self.returns, ResponseParser):
                return self.returns.read(answer)
            return codec.structure(json_body(answer), self.returns)
        except DecodeError as error:
            raise DecodeError(str(error.args[0]), operation=self.name, path=error.path, body=answer.text) from None
        except ValueError as error:
            raise DecodeError(str(error), operation=self.name, body=answer.text) from None


@frozen
class OperationFactory:
    """Makes the rows of one surface that take one kind of key, so that each endpoint is one line."""

    surface: str
    """Name of the surface, which the names of its operations begin with."""
    key: KeyKind
    """Kind of key that these operations take."""
    docs: str
    """URL of the page that documents them."""

    def __call__(
        self, name: str, method: str, path: str, *, returns: type[T] | ResponseParser[T], safety: Safety
    ) -> Operation[T]:
        """Declare one endpoint. The arguments are those of `Operation`; the name goes without its surface."""
        return Operation(
            f"{self.surface}.{name}", method, path, returns=returns, key=self.key, safety=safety, docs=self.docs
        )


def json_body(answer: Response) -> Any:
    """Parse an answer's body as JSON; one that holds JSON inside a JSON text is parsed once more.

    Raises:
        DecodeError: it is empty, or no JSON.
    """
    if not answer.content.strip():
        raise DecodeError(f"the answer ({answer.status}) is empty where JSON is due")
    try:
        value = codec.loads(answer.content)
        return codec.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = "HTML" if is_html(answer) else "no JSON"
        raise DecodeError(f"the answer ({answer.status}) is {found} where JSON is due", body=answer.text) from None


def inside(key: str, model: type[T]) -> ResponseParser[T]:
    """An answer whose model is wrapped in an object of one key, such as `{"webhook": {…}}`."""

    def read(answer: Response) -> T:
        body = json_body(answer)
        if not isinstance(body, dict) or key not in body:
            raise DecodeError(f"the answer ({answer.status}) has no {key!r}")
        return codec.structure(body[key], model, at=f"$.{key}")

    return ResponseParser(name=model.__name__, read=read)


def maybe_empty(model: type[T]) -> ResponseParser[T]:
    """An answer whose body is not documented: JSON, nothing at all, or plain text where the model has a `message`.

    JSON that holds nothing but an error is none of these, whatever its status says.
    """

    def read(answer: Response) -> T:
        if is_html(answer):
            raise DecodeError(f"the answer ({answer.status}) is HTML: a proxy or a wrong base URL sent it")
        if not answer.content.strip():
            return codec.structure({}, model)
        try:
            body = json_body(answer)
        except DecodeError:
            if not hasattr(model, "message"):
                raise
            body = {"message": answer.text.strip()}
        if isinstance(body, dict) and body and body.keys() <= {"error", "errors"}:
            raise DecodeError(f"the answer ({answer.status}) is a refusal in the form of a success")
        return codec.structure(body, model)

    return ResponseParser(name=model.__name__, read=read)


def is_html(answer: Response) -> bool:
    """Whether an answer is a web page: the mark of a proxy, a captive portal, a wrong address."""
    return "html" in answer.headers.get("content-type", "").lower() or answer.content.lstrip()[:1] == b"<"


def collect(modules: Iterable[ModuleType]) -> dict[str, Operation[Any]]:
    """The registry: every operation that the given modules declare, by name.

    Raises:
        ValueError: two of them have the same name.
    """
    found: dict[str, Operation[Any]] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Operation) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"two operations are named {value.name}")
    return found
