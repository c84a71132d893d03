"""Authentication: tokens, and keys of each kind; and how they are made."""

from __future__ import annotations

import base64
import hashlib
import secrets

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from omnivery.emulator.routes import Route, json_response
from omnivery.emulator.state import Settings
from omnivery.transport.operation import KeyKind

TAKES = {
    KeyKind.PRIMARY: {KeyKind.PRIMARY},
    KeyKind.SENDING: {KeyKind.SENDING},
    KeyKind.EITHER: {KeyKind.PRIMARY, KeyKind.SENDING},
    KeyKind.ANY: {KeyKind.PRIMARY, KeyKind.SENDING},
}
"""The keys that an endpoint of each kind accepts."""


def needs_token(request: Request, _row: Route, settings: Settings) -> Response | None:
    """Refuse a request whose `ov-token` is missing or wrong."""
    if _same(request.headers.get("ov-token", ""), settings.token):
        return None
    return json_response({"message": "Unauthorized"}, status=401)


def needs_key(request: Request, route: Route, settings: Settings) -> Response | None:
    """Refuse a request without a key, with an unknown one, or with one of the wrong kind.

    A sending key is valid for its own domain only. The response is the plain text that Mailgun sends.
    """
    kind = kind_of_key(request, settings)
    domain = request.path_params.get("domain", settings.domain).lower()
    foreign = kind is KeyKind.SENDING and domain != settings.domain.lower()
    if kind in TAKES[route.key] and not foreign:
        return None
    return PlainTextResponse("Forbidden", status_code=401)


def kind_of_key(request: Request, settings: Settings) -> KeyKind | None:
    """Return the kind of key that a request has in its Basic auth (RFC 7617); None if it has no known key."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, key = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # not base64, or not text
        return None
    if scheme.lower() != "basic" or user != "api":
        return None
    if _same(key, settings.api_key):
        return KeyKind.PRIMARY
    return KeyKind.SENDING if _same(key, settings.sending_key) else None


def new_key(name: str, seed: int | None) -> str:
    """Return a random key, or the one that a seed has under that name."""
    if seed is None:
        return secrets.token_hex(16)
    return hashlib.blake2b(f"omnivery emulator {seed} {name}".encode(), digest_size=16).hexdigest()


def _same(given: str, known: str) -> bool:
    return secrets.compare_digest(given.encode(), known.encode())
