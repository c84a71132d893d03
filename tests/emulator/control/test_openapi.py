"""The OpenAPI document says what the control API does: against its routes, and against real responses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from omnivery.emulator import Emulator
from omnivery.emulator import control as api
from omnivery.emulator.control.openapi import document

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def faults(value: Any, schema: dict[str, Any], where: str = "$") -> list[str]:
    """What a value has against a schema: the few keywords that the document uses."""
    if "$ref" in schema:
        return faults(value, document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]], where)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, TYPES[kind]) and (kind == "boolean") == isinstance(value, bool) for kind in kinds):
        return [f"{where}: {value!r} is not {kinds}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is not in {schema['enum']}"]
    if isinstance(value, list):
        return [fault for item in value for fault in faults(item, schema.get("items", {}), f"{where}[]")]
    if not isinstance(value, dict):
        return []
    known = schema.get("properties", {})
    found = [f"{where}: no {name}" for name in schema.get("required", ()) if name not in value]
    if schema.get("additionalProperties") is False:
        found += [f"{where}: {name} is not known" for name in value if name not in known]
    return found + [
        fault for name in known if name in value for fault in faults(value[name], known[name], f"{where}.{name}")
    ]


def test_the_checker_finds_what_is_wrong() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert faults({"a": 1}, schema) == []
    assert faults({"a": True}, schema) == faults({"a": True}, schema) != []
    assert faults({}, {**schema, "additionalProperties": False}) == ["$: no a"]
    assert faults({"a": 1, "b": 2}, {**schema, "additionalProperties": False}) == ["$: b is not known"]
    assert faults([1, "x"], {"type": "array", "items": {"type": "integer"}}) != []


def test_it_has_each_route_once() -> None:
    routes = {(route.method, route.path) for route in api.ROUTES}
    described = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    assert described == routes
    assert len(api.ROUTES) == len(routes)


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [value["$ref"]] if "$ref" in value else [r for item in value.values() for r in references(item)]
        return [r for item in value for r in references(item)] if isinstance(value, list) else []

    found = {reference.rpartition("/")[2] for reference in references(document())}
    assert found == document()["components"]["schemas"].keys()


@pytest.fixture(scope="module")
def full(running: Emulator) -> Emulator:
    """An emulator with a record of each kind."""
    running.reset()
    with httpx.Client(base_url=running.automations_url, verify=False, trust_env=False) as client:
        form = {"from": "a@mail.example.com", "to": "open@x.org", "html": "<p>x", "callback_url": running.webhook_url}
        file = {"attachment": ("a.txt", b"abc", "text/plain"), "inline": ("b.png", b"", "image/png")}
        path = "/v3/mail.example.com/messages"
        client.post(path, data={**form, "text": "x"}, files=file, auth=("api", running.api_key)).raise_for_status()
        mime = {"message": ("m", b"From: a@mail.example.com\r\n\r\nx")}
        client.post(
            f"{path}.mime", data={"to": "x@x.org"}, files=mime, auth=("api", running.api_key)
        ).raise_for_status()
        events = [{"ip": "192.0.2.1", "uas": "x", "event_id": "e"}, {"ip": "203.0.113.1", "uas": "x", "event_id": "f"}]
        body = {"events": events, "webhook_url": running.webhook_url}
        client.post("/mail.example.com/bot", json=body, headers={"ov-token": running.token}).raise_for_status()
        client.post("/_/fail", json={"where": "bot.result", "headers": {"x": "y"}}).raise_for_status()
        client.put("/_/faults", json={"faults": "messages:429=5%,seed=3"}).raise_for_status()
    running.wait_idle(30)
    return running


CALLS = [
    (method.upper(), path)
    for path, methods in sorted(document()["paths"].items())
    for method in sorted(methods, key=lambda name: name == "delete")
    if (method, path) != ("post", "/_/reset") and method != "delete"
]
BODIES: dict[str, Any] = {
    "/_/faults": {"faults": "messages:429=5%"},
    "/_/fail": {"where": "bot.result"},
}


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_real_responses_are_as_it_says(full: Emulator, method: str, path: str) -> None:
    operation = document()["paths"][path][method.lower()]
    filled = path.replace("{kind}", "opened" if "trigger" in path else "messages")
    record = full._parts.store.messages.find().records
    filled = filled.replace("{message}", str(record[0 if path.endswith("mime") else -1].id))
    filled = filled.replace("{place}", "0").replace("{id}", str(full._parts.store.deliveries.newest_id()))
    with httpx.Client(base_url=full.automations_url, verify=False, trust_env=False) as client:
        response = client.request(method, filled, json=BODIES.get(path, {}) if method in {"POST", "PUT"} else None)
    [(status, described)] = [(s, r) for s, r in operation["responses"].items() if s.startswith("2")]
    assert response.status_code == int(status), response.text
    [(media_type, content)] = described["content"].items()
    assert response.headers["content-type"] == media_type
    if media_type == "application/json":
        assert faults(response.json(), content["schema"]) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/_/messages/{message}"),
        ("DELETE", "/_/faults"),
        ("DELETE", "/_/messages"),
        ("POST", "/_/reset"),
        ("DELETE", "/_/"),
    ],
)
def test_responses_to_deletions_are_as_it_says(full: Emulator, method: str, path: str) -> None:
    newest = str(full._parts.store.messages.newest_id())
    with httpx.Client(base_url=full.automations_url, verify=False, trust_env=False) as client:
        response = client.request(method, path.replace("{message}", newest), json={} if method == "POST" else None)
    schema = document()["paths"][path][method.lower()]["responses"]["200"]["content"]["application/json"]["schema"]
    assert (response.status_code, faults(response.json(), schema)) == (200, [])


def test_refusals_are_as_it_says(full: Emulator) -> None:
    with httpx.Client(base_url=full.automations_url, verify=False, trust_env=False) as client:
        for path in ("/_/messages?x=1", "/_/deliveries/0", "/_/wait/x"):
            assert faults(client.get(path).json(), {"$ref": "/Done"}) == []
        assert client.get("/_/openapi.json").json() == document()
