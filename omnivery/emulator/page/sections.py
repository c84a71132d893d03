"""The sections of the page, and the counts beside their names."""

from __future__ import annotations

from attrs import frozen

BASE = "/_/page"
"""Path below which everything but the first section stands: other paths belong to the APIs."""


@frozen(kw_only=True)
class Section:
    """A section, as the navigation shows it."""

    name: str
    title: str
    path: str
    key: str
    """The key that follows `g`."""


def _section(name: str, title: str, key: str) -> Section:
    return Section(name=name, title=title, path=f"{BASE}/{name}", key=key)


OVERVIEW = Section(name="overview", title="Overview", path="/", key="o")
MESSAGES = _section("messages", "Messages", "m")
EVENTS = _section("events", "Bot events", "b")
DELIVERIES = _section("deliveries", "Webhooks", "w")
SUPPRESSIONS = _section("suppressions", "Suppressions", "s")
DOMAINS = _section("domains", "Domains", "d")
FAULTS = _section("faults", "Faults", "f")
REQUESTS = _section("requests", "Requests", "r")
SECTIONS = (OVERVIEW, MESSAGES, EVENTS, DELIVERIES, SUPPRESSIONS, DOMAINS, FAULTS, REQUESTS)
