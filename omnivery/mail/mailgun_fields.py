"""Messages from Mailgun's own field names, for programs that migrate from Mailgun: `from`, `o:tag`, `h:X-Id`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from omnivery import codec
from omnivery.errors import ConfigError
from omnivery.mail.attachment import Attachment
from omnivery.mail.values import SWITCH_ARGUMENTS, naming

SINGLE = {
    "from": "from_",
    "reply_to": "reply_to",
    "h:Reply-To": "reply_to",
    "subject": "subject",
    "text": "text",
    "html": "html",
    "amp-html": "amp_html",
    "template": "template",
    "t:version": "template_version",
    "callback_url": "callback_url",
}
"""Fields that occur once, with unchanged values; Reply-To is a header for Mailgun, and a field for Omnivery."""
REPEATED = {"to": "to", "cc": "cc", "bcc": "bcc", "o:tag": "tags"}
"""Fields that may be repeated."""
FILES = {"attachment": "attachments", "inline": "inline"}
"""Fields that contain files."""
OBJECTS = {
    "t:variables": "variables",
    "template_variables": "variables",
    "substitutions": "substitutions",
    "recipient-variables": "recipient_variables",
}
"""Fields that contain a JSON object."""
PREFIXES = {"h:": "headers", "v:": "custom", "o:": "options"}
"""Prefixes of fields with open names."""
YES, NO = frozenset({"yes", "true"}), frozenset({"no", "false"})


def message_arguments(form: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the arguments of `Message` for a form in Mailgun's own field names.

    Raises:
        ConfigError: a field is unknown, or its value cannot be read; the text names the field.
    """
    found: dict[str, Any] = {}
    for name, given in _collected(form).items():
        with naming(repr(name)):
            _add(found, name, given)
    return found


def _collected(form: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    """Return all values of each field, in order. A mapping has several values as a list, pairs repeat the name."""
    collected: dict[str, list[Any]] = {}
    with naming("message"):
        for name, value in form.items() if isinstance(form, Mapping) else form:
            if not isinstance(name, str):
                raise ConfigError("message: the names of a form's fields must be text. Nothing was sent.")
            several = value if isinstance(value, list) or (name in REPEATED and isinstance(value, tuple)) else [value]
            collected.setdefault(name, []).extend(several)
    return collected


def _add(found: dict[str, Any], name: str, given: list[Any]) -> None:
    canonical = "h:Reply-To" if name.lower() == "h:reply-to" else name
    if canonical in REPEATED:
        found[REPEATED[canonical]] = given
    elif canonical in FILES:
        found[FILES[canonical]] = [_file(one) for one in given]
    elif canonical in SINGLE:
        _set(found, SINGLE[canonical], _one(name, given), name)
    elif canonical in OBJECTS:
        _set(found, OBJECTS[canonical], _object(name, _one(name, given)), name)
    elif canonical in SWITCH_ARGUMENTS or canonical in READERS:
        argument, read = READERS.get(canonical) or (SWITCH_ARGUMENTS[canonical], _switch)
        found[argument] = read(name, _one(name, given))
    elif name[:2] in PREFIXES and name[2:]:
        found.setdefault(PREFIXES[name[:2]], {})[name[2:]] = _one(name, given)
    else:
        raise ConfigError(f"{name!a}: Mailgun's messages have no such field. {_hint(name)}Nothing was sent.")


def _set(found: dict[str, Any], argument: str, value: Any, name: str) -> None:
    if argument in found:
        raise ConfigError(f"{name!a}: another field has the same meaning; pass one of them. Nothing was sent.")
    found[argument] = value


def _hint(name: str) -> str:
    if name == "domain":
        return "The sending domain is an argument of its own: send(…, domain=…). "
    known = {argument: field for field, argument in (*SINGLE.items(), *FILES.items(), *REPEATED.items())}
    return f"It is {known[name]!r} here, or an argument of Message(…). " if name in known else ""


def _one(name: str, given: list[Any]) -> Any:
    if len(given) != 1:
        raise ConfigError(f"{name!a}: expected one value, not {len(given)}. Nothing was sent.")
    return given[0]


def _file(given: Any) -> Attachment:
    """Read an `Attachment`, a path, or a file as in `requests`: `(name, content)` or `(name, content, type)`."""
    if isinstance(given, Attachment):
        return given
    if isinstance(given, os.PathLike):
        return Attachment.from_path(given)
    if isinstance(given, tuple) and len(given) in {2, 3}:
        name, content = given[0], given[1]
        more = {"content_type": given[2]} if given[2:] and given[2] else {}
        return Attachment(name=name, content=content.encode() if isinstance(content, str) else content, **more)
    raise ConfigError(
        "attachment, inline: expected an Attachment, a path, or a tuple (name, content), "
        f"not {type(given).__name__}. Nothing was sent."
    )


def _object(name: str, given: Any) -> Any:
    if not isinstance(given, str | bytes):
        return given
    try:
        return codec.loads(given)
    except ValueError:
        raise ConfigError(f"{name!a}: expected a JSON object. Nothing was sent.") from None


def _switch(name: str, given: Any) -> bool | str:
    if isinstance(given, bool):
        return given
    word = given.lower() if isinstance(given, str) else ""
    if word in YES | NO:
        return word in YES
    if word == "htmlonly" and name == "o:tracking-clicks":
        return word
    raise ConfigError(f"{name!a}: expected yes or no. Nothing was sent.")


def _moment(name: str, given: Any) -> Any:
    if isinstance(given, str) and given.strip().isdecimal():
        return int(given)
    found = codec.parse_datetime(given) if isinstance(given, str) else given
    if found is None:
        raise ConfigError(f"{name!a}: expected a date in the form of RFC 2822, or unix seconds. Nothing was sent.")
    return found


READERS: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
    "o:testmode": ("test_mode", _switch),
    "o:deliverytime": ("delivery_time", _moment),
}
"""Fields with a reader of their own."""
