"""Whatever is sent to whatever route, the emulator responds, in time, and never with 500."""

from __future__ import annotations

import json
import os
from functools import cache
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.prober import Prober
from tests.fuzz.requests import Keys, Maker, plain, urlencoded
from tests.fuzz.routes import Endpoint, parameter_names, vocabulary
from tests.fuzz.values import EXISTING, ODD, URLS
from tests.fuzz.wire import RawRequest

EXAMPLES = int(os.environ.get("OMNIVERY_FUZZ_EXAMPLES", "60"))
"""Requests to each route."""
SEED = os.environ.get("OMNIVERY_FUZZ_SEED", "14")

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
"""Complaints of hypothesis that are not about the emulator."""
words = cache(vocabulary)
parameters = cache(parameter_names)


def test_every_input_has_a_response(prober: Prober, endpoint: Endpoint) -> None:
    """With another seed, `nox -s fuzz -- 7` sends other requests."""
    maker = Maker(Keys.of(prober.emulator), words(), parameters(), Random(f"{SEED} {endpoint}"))
    for _ in range(EXAMPLES):
        prober.probe(maker.request(endpoint))


texts = st.one_of(st.sampled_from(words()), st.sampled_from(ODD), st.sampled_from(URLS), st.text(max_size=30))
names = st.one_of(st.sampled_from(parameters()), st.sampled_from(words()), st.text(max_size=8))
json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(texts, st.integers(), st.floats(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=6)),
    max_leaves=12,
)
json_bodies = st.one_of(json_values, st.dictionaries(names, json_values, max_size=8)).map(
    lambda value: (b"application/json", plain(json.dumps(value)))
)
form_bodies = st.lists(st.tuples(names, texts), max_size=8).map(
    lambda fields: (b"application/x-www-form-urlencoded", urlencoded(fields))
)


def test_a_body_that_hypothesis_makes_has_a_response(prober: Prober, writing_endpoint: Endpoint) -> None:
    """It finds the borders of types, and makes a body that fails as small as may be."""
    target = writing_endpoint.filled([EXISTING.get(name, b"a%40b.c") for name in writing_endpoint.parameters])
    headers = (*Keys.of(prober.emulator).headers("primary"), (b"host", b"127.0.0.1"))

    @settings(max_examples=EXAMPLES // 2, deadline=None, database=None, suppress_health_check=SLOW)
    @given(st.one_of(json_bodies, form_bodies))
    def probe(content: tuple[bytes, bytes]) -> None:
        media_type, body = content
        sent = (*headers, (b"content-type", media_type))
        prober.probe(RawRequest(method=writing_endpoint.method, target=target, headers=sent, body=body))

    probe()
