"""The control API does what its OpenAPI document says, for whatever schemathesis makes of that document."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from omnivery.emulator import Emulator
from omnivery.emulator.control.openapi import document

# Loaded by name: the package is there in this session alone, so type checkers cannot know it.
schemathesis: Any = pytest.importorskip("schemathesis")
checks: Any = pytest.importorskip("schemathesis.specs.openapi.checks")
general: Any = pytest.importorskip("schemathesis.checks")
schema = schemathesis.openapi.from_dict(document())
CHECKS = [
    general.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
"""Complaints of hypothesis that are not about the emulator."""
HEADERS = {"x-omnivery-test": "1"}


@schema.parametrize()  # type: ignore[untyped-decorator]  # see above
@settings(max_examples=40, deadline=None, database=None, suppress_health_check=SLOW)
def test_every_operation(case: Any, running: Emulator) -> None:
    """No response is an error of the emulator's own, and each has a documented form."""
    if case.path.startswith("/_/wait"):
        case.query = {**(case.query or {}), "timeout": "0"}
    case.call_and_validate(base_url=running.automations_url, headers=HEADERS, timeout=60, checks=CHECKS)
    if case.path.startswith(("/_/fail", "/_/faults")):
        running.reset()
        running.faults = None
