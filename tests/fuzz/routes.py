"""What there is to fuzz, found in the emulator itself: its routes, and the words of its code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen
from starlette.routing import BaseRoute, Mount, Route

import omnivery.emulator
from omnivery.emulator import Emulator
from omnivery.emulator.app import build_app

CONTROL = "/_/"
"""What the paths of the control API begin with."""
WORD = re.compile(r"[A-Za-z0-9][\w:*./-]{0,40}")


@frozen
class Endpoint:
    """A method and a path template of the running app."""

    method: str
    path: str

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters."""
        return re.findall(r"{(\w+)(?::\w+)?}", self.path)

    def filled(self, values: Sequence[bytes]) -> bytes:
        """Return the path with these values, which are quoted already."""
        parts = re.split(r"{[^}]*}", self.path)
        rest = (value + part.encode() for value, part in zip(values, parts[1:], strict=True))
        return b"".join((parts[0].encode(), *rest))


def endpoints(emulator: Emulator) -> list[Endpoint]:
    """Return every route of a running emulator: of both APIs, the control API, the page and the receiver."""
    assert emulator._running
    app = build_app(emulator._running.state)
    return sorted(set(_walk(app.routes, "")), key=lambda found: (found.path, found.method))


def _walk(routes: Sequence[BaseRoute], prefix: str) -> Iterator[Endpoint]:
    for route in routes:
        if isinstance(route, Mount):
            yield from _walk(route.routes, f"{prefix}{route.path}")
        else:
            assert isinstance(route, Route), f"no way is known to fuzz {route!r}"
            for method in route.methods or ["POST"]:
                yield Endpoint(method, f"{prefix}{route.path}")


READERS = frozenset({"all", "get", "getlist", "need", "says_yes", "files_of", "pop", "value", "values", "query_text"})
"""Functions and methods whose first arguments are names of fields and parameters."""


def parameter_names() -> list[str]:
    """Return the names of fields and parameters that the emulator's code reads."""
    names: set[str] = set()
    for node in _nodes():
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            texts = [word.value for word in node.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]
            names.update(texts[:1] if called in READERS else [])
    return sorted(names)


def _nodes() -> Iterator[ast.AST]:
    for file in Path(omnivery.emulator.__path__[0]).rglob("*.py"):
        yield from ast.walk(ast.parse(file.read_text("utf-8")))


def vocabulary() -> list[str]:
    """Return the words of the emulator's code: names of fields, values, states and parameters are among them."""
    words: set[str] = set()
    for node in _nodes():
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and WORD.fullmatch(node.value):
            words.add(node.value)
    # Webhooks are posted to URLs, and a test must not leave the machine.
    return sorted(word for word in words if not word.lower().startswith("http"))
