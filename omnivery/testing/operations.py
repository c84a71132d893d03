"""Operations by their names, as logs, telemetry and the reference page show them."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any

from omnivery.errors import ConfigError
from omnivery.testing.example import example_responses
from omnivery.transport.operation import Operation

RAW = ("mailgun.request", "automations.request")
"""Names of calls by `client.request`, which have no operation."""


def find_operation(operation: Operation[Any] | str) -> Operation[Any]:
    """Return an operation by its name.

    Raises:
        ConfigError: no operation has that name; the message has the most similar ones.
    """
    if isinstance(operation, Operation):
        return operation
    if operation not in example_responses():
        raise _unknown(operation)
    module = import_module(f"omnivery.{operation.rpartition('.')[0]}")
    return next(row for row in rows_of(module) if row.name == operation)


def rows_of(module: object) -> list[Operation[Any]]:
    """Return the operations that a module declares."""
    return [row for row in vars(module).values() if isinstance(row, Operation)]


def siblings_of(operation: Operation[Any]) -> list[Operation[Any]]:
    """Return the other operations of the same endpoint, which differ in the form of their body."""
    rows = rows_of(import_module(f"omnivery.{operation.name.rpartition('.')[0]}"))
    endpoint = (operation.method, operation.path)
    return [row for row in rows if (row.method, row.path) == endpoint and row.name != operation.name]


def operation_name(operation: Operation[Any] | str) -> str:
    """Return the name of an operation, or of calls by `client.request`.

    Raises:
        ConfigError: nothing has that name; the message has the most similar ones.
    """
    return operation if isinstance(operation, str) and operation in RAW else find_operation(operation).name


def _unknown(name: str) -> ConfigError:
    similar = get_close_matches(name, example_responses(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(similar)}?" if similar else "docs/reference.md lists them"
    return ConfigError(f"no operation is named {name!r}: {hint}")
