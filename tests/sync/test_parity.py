"""The synchronous surface beside the asynchronous one: name by name, and argument by argument."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import omnivery
from omnivery.automations._sync import Automations
from omnivery.automations.client import AsyncAutomations
from omnivery.automations.run import AsyncBulkRun, BulkRun
from omnivery.automations.writer.sync import EventWriter
from omnivery.automations.writer.writer import AsyncEventWriter
from omnivery.bulk.pool import Pool
from omnivery.display.tabular import Tabular
from omnivery.mail.bulk import AsyncSendRun, SendRun
from omnivery.mailgun._sync import Mailgun
from omnivery.mailgun.client import AsyncMailgun
from omnivery.sync.base import BaseClient, Pages, Resource
from omnivery.transport.client import AsyncBaseClient
from omnivery.transport.paging import AsyncPages
from omnivery.transport.resource import AsyncResource

CLIENTS = [(AsyncAutomations, Automations), (AsyncMailgun, Mailgun)]
BY_HAND = [
    (AsyncPages, Pages),
    (AsyncBulkRun, BulkRun),
    (AsyncSendRun, SendRun),
    (AsyncEventWriter, EventWriter),
]


def public(kind: type) -> dict[str, Any]:
    """Public names, with `close` for what is `aclose`; dataclass-like fields are no part of the interface."""
    names = (name for name in dir(kind) if not name.startswith("_"))
    found = {name: inspect.getattr_static(kind, name) for name in names}
    methods = {name: thing for name, thing in found.items() if callable(thing) or hasattr(thing, "__get__")}
    plain = {name: thing for name, thing in methods.items() if not inspect.ismemberdescriptor(thing)}
    return {{"aclose": "close"}.get(name, name): thing for name, thing in plain.items()}


def function_of(thing: Any) -> Any:
    """The function behind a method, a property or a cached one."""
    found: Any = getattr(thing, "fget", None) or getattr(thing, "func", None) or getattr(thing, "__func__", None)
    return found or thing


def words(annotation: object) -> str:
    """An annotation as its twin should have it."""
    text = str(annotation).replace("'", '"')
    text = re.sub(r"Iterable\[(\w+)\] \| AsyncIterable\[\1\]", r"Iterable[\1]", text)
    text = text.replace("httpx.AsyncClient | httpx.Client", "httpx.Client")
    return re.sub(r"\bAsync(?=[A-Z])", "", text)


def default(value: object) -> object:
    return "required" if value is inspect.Parameter.empty else value


def signature(thing: Any) -> tuple[list[tuple[str, Any, object, str]], str]:
    found = inspect.signature(function_of(thing))
    parameters = [
        (one.name, one.kind, default(one.default), words(one.annotation)) for one in found.parameters.values()
    ]
    return parameters, words(found.return_annotation)


def resources() -> Iterator[tuple[type, type]]:
    for module in ("automations", "mailgun"):
        twins = import_module(f"omnivery.{module}._sync")
        for info in walk_packages([str(path) for path in import_module(f"omnivery.{module}").__path__]):
            if info.name == "_sync" or info.ispkg:
                continue
            source = import_module(f"omnivery.{module}.{info.name}")
            for name, kind in vars(source).items():
                if inspect.isclass(kind) and kind.__module__ == source.__name__ and issubclass(kind, AsyncResource):
                    yield kind, getattr(twins, name.removeprefix("Async"))


PAIRS = [*CLIENTS, *resources(), *BY_HAND]


def test_every_resource_is_in_the_comparison() -> None:
    """An empty list of pairs would agree with everything."""
    assert len(PAIRS) >= 2 + 8 + 10 + 3


@pytest.mark.parametrize(("source", "twin"), PAIRS, ids=lambda kind: kind.__name__)
def test_a_twin_has_the_same_names(source: type, twin: type) -> None:
    if issubclass(source, Pool):
        # What takes a run to its end, or gives it up, is for those who have a loop to do it in.
        assert set(public(source)) - set(public(twin)) <= {"discard", "finish", "follow", "totals"}
        assert {"report", "remaining"} <= set(public(twin))
    else:
        # An asynchronous list cannot be a table at once; a synchronous one is.
        assert set(public(twin)) - set(public(Tabular)) == set(public(source)) - set(public(Tabular))


@pytest.mark.parametrize(("source", "twin"), PAIRS, ids=lambda kind: kind.__name__)
def test_a_twin_has_the_same_arguments_and_results(source: type, twin: type) -> None:
    names = public(twin).keys() & public(source).keys()
    for name in names | ({"__init__"} if (source, twin) in CLIENTS else set()):
        theirs = inspect.getattr_static(source, "aclose" if name == "close" else name)
        assert signature(inspect.getattr_static(twin, name)) == signature(theirs), f"{twin.__name__}.{name}"


@pytest.mark.parametrize(("source", "twin"), PAIRS, ids=lambda kind: kind.__name__)
def test_a_twin_is_described_without_the_words_of_the_other_world(source: type, twin: type) -> None:
    for name, thing in [("", twin), *public(twin).items()]:
        text = inspect.getdoc(function_of(thing)) or ""
        assert text, f"{twin.__name__}.{name} has no docstring"
        wrong = re.search(r"\bawait|\basync\b|\bAsync[A-Z]\w+|\baclose|asyncio|trio|\btask\b", text)
        assert wrong is None, f"{twin.__name__}.{name}: {wrong}"


@pytest.mark.parametrize(("source", "twin"), PAIRS, ids=lambda kind: kind.__name__)
def test_a_twin_is_made_of_plain_methods(source: type, twin: type) -> None:
    """Editors, tracebacks and pickers of names see what is there; nothing is awaited."""
    for name, thing in public(twin).items():
        function = function_of(thing)
        assert not inspect.iscoroutinefunction(function), name
        assert not inspect.isasyncgenfunction(function), name
        assert function.__name__ == name


def test_every_asynchronous_class_has_a_twin() -> None:
    """Whatever a user can meet under a name with Async is there without it."""
    internal = {AsyncBaseClient: BaseClient, AsyncResource: Resource}
    known = {source for source, _ in PAIRS} | set(internal)
    # What needs extras, and runs when it is imported.
    others = ("integrations", "__main__", "cli", "emulator", "transport.adapters.aiohttp")
    for info in walk_packages(omnivery.__path__, "omnivery."):
        if info.name.startswith(tuple(f"omnivery.{name}" for name in others)):
            continue
        module = import_module(info.name)
        for name, kind in vars(module).items():
            if re.match(r"Async[A-Z]", name) and inspect.isclass(kind) and kind.__module__.startswith("omnivery."):
                assert kind in known or name == "AsyncRuntime", f"{info.name}.{name} has no twin"


def test_both_are_exported_side_by_side() -> None:
    for module in (omnivery, omnivery.automations, omnivery.mailgun):
        names = [name for name in module.__all__ if name.startswith("Async")]
        assert names
        for name in names:
            assert name.removeprefix("Async") in module.__all__, f"{module.__name__}.{name}"


@pytest.mark.parametrize(("source", "twin"), CLIENTS, ids=lambda kind: kind.__name__)
def test_a_client_is_opened_and_closed_as_its_twin(source: type, twin: type) -> None:
    assert hasattr(source, "__aenter__")
    assert hasattr(twin, "__enter__")
    assert not hasattr(twin, "__aenter__")
    assert inspect.getdoc(twin.close) == inspect.getdoc(source.aclose)  # type: ignore[attr-defined]  # of both


@pytest.mark.parametrize("name", ["call", "request"])
def test_what_both_clients_inherit_is_described_alike(name: str) -> None:
    """The bases are written by hand, unlike the twins."""
    assert inspect.getdoc(getattr(BaseClient, name)) == inspect.getdoc(getattr(AsyncBaseClient, name))
