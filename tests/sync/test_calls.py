"""How often Python is called for one synchronous call: exact counts, as timings would tell of the machine."""

from __future__ import annotations

import os
from types import CodeType

import httpx
import pytest

from tests.support.calls import calls
from tests.support.sync import always, meeting, response

RESPONSE = response(
    b'{"auth": {"cid": 1, "did": 2, "tid": 3, "domain": "example.com", "role": "sending"}, "success": true}',
    "200 OK",
    "Content-Type: application/json",
)
OURS = 83
"""Functions of ours that one call runs through."""
SHARE = 0.76
"""Of the calls into Python that the same request takes over the bare library."""


def is_ours(code: CodeType) -> bool:
    """Whether code is a function of the package: not a comprehension, which may be inlined."""
    path = code.co_filename
    return f"{os.sep}omnivery{os.sep}" in path and not path.endswith("_json.py") and code.co_name[0] != "<"


def test_calls_of_ours_for_one_call() -> None:
    with meeting(always(RESPONSE)) as (_server, client):
        for _ in range(2):
            client.account.test()
        assert calls(client.account.test, of=is_ours) <= OURS


def test_one_call_takes_fewer_calls_than_the_bare_library() -> None:
    """Together with httpx's, and with the checks, the model and the retries that the library has not."""
    pytest.importorskip("orjson")
    with meeting(always(RESPONSE)) as (server, client), httpx.Client(trust_env=False) as bare:

        def get() -> None:
            bare.get(f"{server.url}/test", headers={"ov-token": "token"}).json()

        for _ in range(2):
            client.account.test()
            get()
        assert calls(client.account.test) <= SHARE * calls(get)
