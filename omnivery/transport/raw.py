"""Endpoints that have no method yet: `client.request()` turns a method and a path into an operation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast
from urllib.parse import quote, unquote

from omnivery import codec
from omnivery._logging import redact
from omnivery.errors import ConfigError, DecodeError
from omnivery.transport import body as encoding
from omnivery.transport.config import checked
from omnivery.transport.operation import KeyKind, Operation, ResponseParser, Safety, is_html

if TYPE_CHECKING:
    from omnivery.transport.body import Body
    from omnivery.transport.http import Response

RawSafety: TypeAlias = Literal["safe", "idempotent", "non_idempotent"]
"""What a repetition means: it only reads; it has the same effect as once; it happens twice."""
FormFields: TypeAlias = Mapping[str, str] | Iterable[tuple[str, str]]

_METHOD = re.compile(r"[A-Z]+")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_READING = frozenset({"GET", "HEAD"})


def relative_path(path: str) -> str:
    """Return a path that begins with a slash and stays below the base URL: the key goes nowhere else.

    Raises:
        ConfigError: the path leads elsewhere, contains a query, or has a placeholder other than `{domain}`.
    """
    checked(path, str, argument="path", expected="text")
    if "://" in path or path.startswith("//") or "\\" in path:
        raise ConfigError("path: must be relative to the base URL: the key goes to no other host. Nothing was sent.")
    if "?" in path or "#" in path:
        raise ConfigError("path: must have no query or fragment: pass query=…. Nothing was sent.")
    if any(unquote(segment) in {".", ".."} for segment in path.split("/")):
        raise ConfigError("path: must have no dot segments: they lead out of the base URL. Nothing was sent.")
    if set(_PLACEHOLDER.findall(path)) - {"domain"}:
        raise ConfigError("path: the only placeholder is {domain}. Nothing was sent.")
    try:
        # Percent-encoded parts stay as they are; what has no place in a URL is encoded.
        safe = quote(path.strip("\r\n\t "), safe="/%:@!$&'()*+,;=~{}")
    except UnicodeEncodeError:
        raise ConfigError("path: contains half of a surrogate pair, which is not text. Nothing was sent.") from None
    return f"/{safe.lstrip('/')}"


def raw_operation(surface: str, method: str, path: str, safety: RawSafety | None) -> Operation[Any]:
    """Return an operation for a method and a path from `relative_path`.

    Raises:
        ConfigError: the method or the safety is unknown.
    """
    verb = checked(method, str, argument="method", expected="text").upper()
    if not _METHOD.fullmatch(verb):
        raise ConfigError("method: expected the name of an HTTP method, such as GET. Nothing was sent.")
    if safety is None:
        chosen = Safety.SAFE if verb in _READING else Safety.NON_IDEMPOTENT
    elif isinstance(safety, str) and safety.upper() in Safety.__members__:
        chosen = Safety[safety.upper()]
    else:
        raise ConfigError("safety: expected 'safe', 'idempotent' or 'non_idempotent'. Nothing was sent.")
    returns = ResponseParser(name="Any", read=_read)
    # Logs and observers see the path: what looks like an e-mail address in it is masked.
    shown = redact(path)
    return Operation(f"{surface}.request", verb, shown, returns=returns, key=KeyKind.ANY, safety=chosen, docs="")


def raw_body(json: Any, form: FormFields | None) -> Body | None:
    """Return the body of a request, if it has one.

    Raises:
        ConfigError: both are given, or the value has no JSON form.
    """
    if form is not None:
        if json is not None:
            raise ConfigError("json and form: a request has one body. Nothing was sent.")
        # Narrowed by hand: an iterable of pairs could be a mapping from pairs, too.
        return encoding.form(cast("Mapping[str, str]", form).items() if isinstance(form, Mapping) else form)
    if json is None:
        return None
    try:
        return encoding.json(codec.dumps(json))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"json: a value has no JSON form ({error}). Nothing was sent.") from None


def _read(response: Response) -> Any:
    """Return JSON as its value, other text as text, an empty body as None. HTML comes from a proxy or a wrong URL."""
    if not response.content.strip():
        return None
    try:
        return codec.loads_received(response.content)
    except ValueError:
        if is_html(response):
            raise DecodeError(f"the response ({response.status}) is HTML: a proxy or a wrong URL sent it") from None
        return response.text
