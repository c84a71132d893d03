"""Both APIs from one table: each documented endpoint is declared once, and everything else follows from that.

For each operation there is exactly one method, one golden file and one route of the emulator; and none of these is
left over. The tables below are typed off the two documents by hand: whatever is missing from the SDK shows here.
Their second column is the kind of key: P primary, S sending, PS both, T the Automations API's token.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache, cached_property, partial
from importlib import import_module
from types import ModuleType
from typing import Any

import httpx
import pytest
import respx

from omnivery import AsyncAutomations, AsyncMailgun, Automations, Mailgun
from omnivery.emulator.app import ROUTE_TABLES as ROUTES
from omnivery.emulator.routes import Route
from omnivery.mailgun import AsyncPages, Page, Pages
from omnivery.transport.operation import KeyKind, Operation, Safety
from tests.support import golden
from tests.support.fakes import FakeObserver
from tools import reference

MAILGUN = """
    M01 P   GET    /{domain}/complaints/{address}
    M02 P   DELETE /{domain}/complaints/{address}
    M03 P   GET    /{domain}/complaints
    M04 P   POST   /{domain}/complaints
    M05 PS  POST   /{domain}/messages.mime
    M06 PS  POST   /{domain}/messages
    M07 S   GET    /address/private/validate
    M08 any GET    /address/private/parse
    M09 any GET    /domains
    M10 P   POST   /domains
    M11 P   GET    /domains/{domain}/tracking
    M12 P   PATCH  /{domain}/disable
    M13 P   POST   /domains/{domain}/credentials
    M14 P   GET    /domains/{domain}/credentials
    M15 P   DELETE /domains/{domain}
    M16 any GET    /domains/{domain}
    M17 P   PUT    /domains/{domain}/verify
    M18 P   DELETE /domains/{domain}/credentials/{login}
    M19 P   PUT    /domains/{domain}/credentials/{login}
    M20 any GET    /{domain}/stats/total
    M21 P   GET    /{domain}/unsubscribes
    M22 P   POST   /{domain}/unsubscribes
    M23 P   DELETE /{domain}/unsubscribes/{address}
    M24 P   GET    /{domain}/unsubscribes/{address}
    M25 P   GET    /{domain}/bounces
    M26 P   POST   /{domain}/bounces
    M27 P   DELETE /{domain}/bounces
    M28 P   DELETE /{domain}/bounces/{address}
    M29 P   GET    /{domain}/bounces/{address}
    M30 P   GET    /{domain}/whitelists
    M31 P   POST   /{domain}/whitelists
    M32 P   GET    /{domain}/whitelists/{address}
    M33 P   DELETE /{domain}/whitelists/{address}
    M34 any GET    /domains/{domain}/webhooks
    M35 P   POST   /domains/{domain}/webhooks
    M36 P   GET    /domains/{domain}/webhooks/{webhookname}
    M37 P   PUT    /domains/{domain}/webhooks/{webhookname}
    M38 P   DELETE /domains/{domain}/webhooks/{webhookname}
"""
# A03, the honeypot, is for mail programs to request and never for a client; A04 is the webhook that one receives.
AUTOMATIONS = """
    A01a T   POST   /{domain}/bot
    A01b T   POST   /{domain}/bot
    A02  T   GET    /{domain}/bot/{request_id}
    A05  T   POST   /{domain}/messages
    A06  T   GET    /{domain}/validate
    A07  T   POST   /{domain}/suppress
    A08  T   GET    /address/parse
    A09  T   GET    /domains
    A10  T   GET    /domains/{domain}
    A11  T   GET    /test
    A12  T   DELETE /domains/{domain}/webhooks/{webhooktype}
    A13  T   POST   /domains/{domain}/webhooks
    A14  T   GET    /domains/{domain}/webhooks/{webhooktype}/sample
"""
DOCUMENTED = {"mailgun": MAILGUN, "automations": AUTOMATIONS}
KEYS = {
    "P": KeyKind.PRIMARY,
    "S": KeyKind.SENDING,
    "PS": KeyKind.EITHER,
    "any": KeyKind.ANY,
    "T": KeyKind.TOKEN,
}
CLIENTS: dict[str, type[AsyncMailgun | AsyncAutomations]] = {"mailgun": AsyncMailgun, "automations": AsyncAutomations}
WITHOUT_REQUESTS = {"automations.honeypots"}
OPERATIONS = reference.operations()


def endpoint(key: KeyKind, method: str, path: str) -> str:
    """An endpoint whose parameters' names do not matter."""
    return f"{method} {re.sub(r'{[a-z_]+}', '{}', path)} with a key of kind {key.name}"


def resources(surface: str) -> Iterator[str]:
    """The resources that a client has."""
    return (name for name, value in vars(CLIENTS[surface]).items() if isinstance(value, cached_property))


@cache
def module_of(resource: str) -> ModuleType:
    return import_module(f"omnivery.{resource}")


@cache
def class_of(resource: str) -> type[Any]:
    """The one class of a resource's module that the client hands out."""
    name = f"Async{resource.rpartition('.')[2].capitalize()}"
    found: type[Any] = getattr(module_of(resource), name)
    return found


def method_of(operation: str) -> Any:
    resource, _, method = operation.rpartition(".")
    return getattr(class_of(resource), method)


def row_names(resource: str) -> dict[str, str]:
    """The constants of a resource's module that are rows, each with its operation's name."""
    found = vars(module_of(resource)).items()
    return {name: row.name for name, row in found if isinstance(row, Operation) and row.name.startswith(f"{resource}.")}


def methods_by_row(resource: str) -> Iterator[tuple[str, str]]:
    """Which public method of a resource's class names which row, as its operation."""
    rows = row_names(resource)
    (body,) = ast.parse(inspect.getsource(class_of(resource))).body
    assert isinstance(body, ast.ClassDef)
    for method in body.body:
        if isinstance(method, ast.AsyncFunctionDef | ast.FunctionDef) and not method.name.startswith("_"):
            named = {node.id for node in ast.walk(method) if isinstance(node, ast.Name) and node.id in rows}
            yield from ((method.name, rows[name]) for name in named)


@pytest.mark.parametrize(("surface", "count"), [("mailgun", 38), ("automations", 13)])
def test_every_documented_endpoint_is_declared_exactly_once(surface: str, count: int) -> None:
    lines = [line.split()[1:] for line in DOCUMENTED[surface].strip().splitlines()]
    documented = [endpoint(KEYS[key], method, path) for key, method, path in lines]
    rows = [row for name, row in OPERATIONS.items() if name.startswith(f"{surface}.")]
    declared = [endpoint(row.key, row.method, row.path) for row in rows]
    assert len(documented) == count
    assert Counter(declared) == Counter(documented)


def test_every_operation_belongs_to_one_of_the_two_surfaces() -> None:
    assert {name.partition(".")[0] for name in OPERATIONS} == set(DOCUMENTED)


@pytest.mark.parametrize("surface", CLIENTS)
def test_every_resource_of_a_client_has_operations_and_every_operation_a_resource(surface: str) -> None:
    """Else an endpoint that nobody can call would count as done."""
    own = {name.rpartition(".")[0] for name in OPERATIONS if name.startswith(f"{surface}.")}
    assert own == {f"{surface}.{resource}" for resource in resources(surface)} - WITHOUT_REQUESTS


@pytest.mark.parametrize("name", OPERATIONS)
def test_exactly_one_method_leads_to_an_operation(name: str) -> None:
    """Methods for many (`create_many`, `stream`) may use the row of another, but no method has two ways to go."""
    resource, _, method = name.rpartition(".")
    pairs = set(methods_by_row(resource))
    assert (method, name) in pairs
    assert {row for user, row in pairs if user == method} == {name}
    others = {user for user, row in pairs if row == name and user != method}
    assert not any(f"{resource}.{other}" in OPERATIONS for other in others)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_method_says_what_it_takes_and_when_it_fails(name: str) -> None:
    method = method_of(name)
    text = inspect.getdoc(method) or ""
    _, _, arguments = text.partition("Args:\n")
    for parameter in list(inspect.signature(method).parameters)[1:]:
        assert f"\n    {parameter}: " in f"\n{arguments}", f"{parameter} is not documented"
    if OPERATIONS[name].safety is Safety.NON_IDEMPOTENT:
        assert "AmbiguousError: " in text, "nobody is told what a lost response means"


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_row_names_the_page_that_documents_it(name: str) -> None:
    """In the source, above the row or its block of rows, where the next reader looks."""
    row, surface = OPERATIONS[name], name.partition(".")[0]
    assert row.docs == f"https://docs.omnivery.com/api-ref/{surface}-api"
    source = inspect.getsource(module_of(name.rpartition(".")[0]))
    (constant,) = (constant for constant, other in row_names(name.rpartition(".")[0]).items() if other == name)
    above = rf"^# {re.escape(row.docs)} \(.+\)\.?.*\n([^\n].*\n)*?"
    assert re.search(rf"{above}{constant} = \w+\(\s*\"{name.partition('.')[2]}\",", source, re.MULTILINE)


def test_every_operation_has_a_golden_file_and_every_golden_file_an_operation() -> None:
    assert golden.names() == sorted(OPERATIONS)


@pytest.mark.anyio
@pytest.mark.parametrize("twin", ["async", "sync"])
@pytest.mark.parametrize("name", golden.names())
async def test_the_golden_call_makes_the_golden_request_and_reads_the_golden_response(name: str, twin: str) -> None:
    """On the wire, byte for byte where bytes matter: paths and queries, and each field of a form in its order."""
    example = golden.load(name)
    assert (example.resource, example.method) == tuple(name.split(".")[1:])
    watcher = FakeObserver()
    with respx.mock:
        route = respx.route().mock(return_value=example.http_response)
        result = await result_of(example, client_of(name, twin, watcher))
    [call] = route.calls
    assert await golden.seen(call.request, base=BASES[name.partition(".")[0]]) == example.request
    assert [attempt.operation for attempt in watcher.attempts] == [name]
    # Of a list that is a bare array on the wire, the golden file has the items.
    shown = result.items if isinstance(example.result, list) and isinstance(result, Page) else result
    assert golden.plain(shown) == example.result
    assert_right_key(call.request, OPERATIONS[name])


async def result_of(example: golden.Golden, client: Any) -> Any:
    """The result of the golden call: the first page of a list, and whatever else as it is returned."""
    arguments, options = example.arguments
    result = getattr(getattr(client, example.resource), example.method)(*arguments, **options)
    result = result.first() if isinstance(result, AsyncPages | Pages) else result
    return await result if inspect.isawaitable(result) else result


BASES = {"mailgun": "https://api.example.com/v3", "automations": "https://api.example.com"}
TWINS: dict[tuple[str, str], Any] = {
    ("mailgun", "async"): partial(AsyncMailgun, "primary", sending_key="sending"),
    ("mailgun", "sync"): partial(Mailgun, "primary", sending_key="sending"),
    ("automations", "async"): partial(AsyncAutomations, "token"),
    ("automations", "sync"): partial(Automations, "token"),
}


def client_of(name: str, twin: str, watcher: FakeObserver) -> Any:
    """A client over the adapter that it makes for itself."""
    surface = name.partition(".")[0]
    return TWINS[surface, twin](base_url=BASES[surface], domain=golden.DOMAIN, observers=[watcher])


def assert_right_key(request: httpx.Request, row: Operation[Any]) -> None:
    """A sending key may do less harm, so it is preferred where both will do."""
    if row.key is KeyKind.TOKEN:
        assert request.headers["ov-token"] == "token"
        return
    given = httpx.BasicAuth("api", "sending" if row.key in {KeyKind.SENDING, KeyKind.EITHER} else "primary")
    expected = next(given.auth_flow(httpx.Request("GET", "https://api.example.com")))
    assert request.headers["authorization"] == expected.headers["authorization"]


def routes() -> list[Route]:
    """The emulator's routes of both APIs; repetitions under a second path, which Mailgun's clients use, left out."""
    return [row for surface in ROUTES for row in surface.routes if not row.alias]


def test_the_emulator_has_one_route_for_each_operation_and_no_other() -> None:
    """What the emulator has beyond the documents would make tests pass that fail against the service."""
    assert all(row.operations for row in routes())
    assert Counter(name for row in routes() for name in row.operations) == Counter(OPERATIONS.keys())


@pytest.mark.parametrize("row", routes(), ids=lambda row: f"{row.method} {row.path}")
def test_a_route_is_that_of_its_operations(row: Route) -> None:
    for name in row.operations:
        operation = OPERATIONS[name]
        declared = endpoint(operation.key, operation.method, operation.path)
        assert endpoint(row.key, row.method, row.path) == declared


def test_the_reference_page_is_up_to_date() -> None:
    """`python tools/reference.py` writes it."""
    assert reference.main(["--check"]) == 0


def test_the_reference_page_lists_every_operation() -> None:
    text = reference.PAGE.read_text("utf-8")
    assert [name for name in OPERATIONS if f"| `{name}` |" not in text] == []


def test_a_stale_reference_page_is_noticed(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A check that cannot fail checks nothing."""
    monkeypatch.setattr(reference, "PAGE", tmp_path / "reference.md")
    assert reference.main(["--check"]) == 1
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    kept = [line for line in reference.PAGE.read_text("utf-8").splitlines(True) if "mailgun.bounces.get`" not in line]
    reference.PAGE.write_text("".join(kept), "utf-8")
    assert reference.main(["--check"]) == 1
    assert "python tools/reference.py" in capsys.readouterr().err
