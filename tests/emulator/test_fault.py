"""The fault of one request, before it meets one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from omnivery.emulator.fault import Fault


@pytest.mark.parametrize(
    "options",
    [
        *({"status": status} for status in (500.0, True, 600, "500")),
        *({"delay": delay} for delay in (-1, True, math.inf, math.nan)),
        *({"headers": {name: "3"}} for name in ("Content-Length", "transfer-encoding")),
        *({"status": status, "body": "x"} for status in (204, 205, 304)),
        {"retry_after": True},
        {"body": 7},
    ],
)
def test_a_fault_that_the_server_cannot_send_is_refused(options: dict[str, Any]) -> None:
    """The server would drop the connection, or never use up the fault: the test would meet another fault."""
    with pytest.raises((TypeError, ValueError)) as refused:
        Fault(**options)
    assert len(str(refused.value)) < 100
