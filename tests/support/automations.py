"""An Automations service that answers from a script; the service itself is that of the Mailgun tests."""

from __future__ import annotations

from typing import Any

import httpx

from omnivery import AsyncAutomations
from tests.support.mailgun import (
    DOMAIN,
    Service,
    reply,
    service,
)

__all__ = ["DOMAIN", "Service", "client_of", "reply", "service"]


def client_of(service: Service, **settings: Any) -> AsyncAutomations:
    """A client of it."""
    http_client = httpx.AsyncClient(transport=httpx.MockTransport(service))
    return AsyncAutomations("t0k3n", **{"http_client": http_client, "domain": DOMAIN, **settings})
