"""Options of the clients that the fixtures create."""

from __future__ import annotations

from omnivery.transport.config import Limits, RetryPolicy

QUICK = RetryPolicy(base=0.001, throttle_base=0.001)
"""As many attempts as in production, and hardly any wait between them. A `Retry-After` is waited for all the same."""
NO_IDLE_CONNECTIONS = Limits(keepalive=0)
"""A fixture does not know which event loop its client is used on, nor can it close connections there afterwards."""
