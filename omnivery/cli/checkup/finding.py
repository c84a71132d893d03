"""What a check found out, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from attrs import field, frozen


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing: something is not set, or could not be found out."""
    WARNING = "warning"
    """It works, and will fail one day or does less than it could."""
    PROBLEM = "problem"
    """It does not work."""


class Area(StrEnum):
    """What a finding is about, in the order of the report."""

    VERSIONS = "versions"
    SETTINGS = "settings"
    AUTOMATIONS = "automations"
    MAILGUN = "mailgun"
    LATENCY = "latency"
    CLOCK = "clock"
    DOMAIN = "domain"
    WEBHOOK = "webhook"


@frozen(kw_only=True)
class Finding:
    """One result. It holds no secret."""

    area: Area
    level: Level
    message: str
    """What was found, in a sentence."""
    next: str | None = None
    """What to do; None if there is nothing to do."""
    details: Mapping[str, Any] = field(factory=dict[str, Any])
    """The same as values, for programs."""


def ok(area: Area, message: str, **details: Any) -> Finding:
    """All is well."""
    return Finding(area=area, level=Level.OK, message=message, details=details)


def note(area: Area, message: str, next: str, **details: Any) -> Finding:  # noqa: A002  # the field's name
    """Worth knowing."""
    return Finding(area=area, level=Level.NOTE, message=message, next=next, details=details)


def warning(area: Area, message: str, next: str, **details: Any) -> Finding:  # noqa: A002  # the field's name
    """Works, with a flaw."""
    return Finding(area=area, level=Level.WARNING, message=message, next=next, details=details)


def problem(area: Area, message: str, next: str, **details: Any) -> Finding:  # noqa: A002  # the field's name
    """Does not work."""
    return Finding(area=area, level=Level.PROBLEM, message=message, next=next, details=details)
