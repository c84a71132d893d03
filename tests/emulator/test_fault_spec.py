"""Fault specifications: read strictly, written back as they were, and explained."""

from __future__ import annotations

import pickle

import pytest

from omnivery.emulator.fault_spec import KINDS, FaultKind, FaultSpec
from omnivery.errors import ConfigError

ALL = "429=5%,500=1%,cut=0.5%,delay=50ms±20ms,dup=1%,late=2s,limit=10/s"


@pytest.mark.parametrize(
    "text",
    [
        ALL,
        "",
        "messages:500=2%",
        "bot.result:delay=1.5s,bot:limit=600/m",
        "cut-before=1%,cut-after=0.25%",
        "599=100%",
        "429=5%,retry-after=0s,seed=-7",
        "dup=0%",
        "late=24h",
    ],
)
def test_text_can_be_read_and_written_back(text: str) -> None:
    spec = FaultSpec.parse(text)
    assert str(spec) == text
    assert FaultSpec.parse(str(spec)) == spec
    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (" 429 = 5 % , delay = 50 ms +- 20 ms ", "429=5%,delay=50ms±20ms"),
        ("delay=50ms+/-20ms", "delay=50ms±20ms"),
        (" messages : 500 = 2% ", "messages:500=2%"),
        ("*:500=2%", "500=2%"),
    ],
)
def test_spaces_and_the_ascii_form_of_a_jitter_are_fine(text: str, canonical: str) -> None:
    assert str(FaultSpec.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("429", "'429' is not of the form name=value"),
        ("=5%", "is not of the form name=value"),
        ("429=", "is not of the form name=value"),
        (":429=5%", "is not of the form name=value"),
        ("429=5%,,500=1%", "'' is not of the form name=value"),
        ("flood=5%", "no fault is named 'flood': known are 429=5%, cut=0.5%"),
        ("200=5%", "no fault is named '200'.*any status from 400 to 599"),
        ("600=5%", "no fault is named '600'"),
        ("429=5", "'429=5'.*percentage from 0% to 100%, such as 5%"),
        ("429=101%", "percentage"),
        ("429=-1%", "percentage"),
        ("429=nan%", "percentage"),
        ("429=\u0663%", "percentage"),
        ("delay=50", "with its unit"),
        ("delay=-1s", "with its unit"),
        ("delay=1d", "with its unit"),
        ("delay=20ms±50ms", "jitter 50ms exceeds the duration 20ms"),
        ("delay=25h", "at most 24h"),
        ("delay=" + 400 * "9" + "s", "with its unit"),
        ("limit=10", "per s, m or h"),
        ("limit=0/s", "per s, m or h"),
        ("limit=1.5/s", "per s, m or h"),
        ("bot:dup=1%", "cannot be limited to the route 'bot'"),
        ("429=1%,429=2%", "'429' is given twice"),
        ("bot:429=1%,bot:429=2%", "'429' is given twice for the route bot"),
        ("429=60%,500=60%", "add up to 120%"),
        ("429=60%,messages:500=60%", "of the route messages add up to 120%"),
        ("seed=x", "seed 'x' is not a whole number"),
        ("seed=1,seed=2", "seed is given twice"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_is_known(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        FaultSpec.parse(text)


def test_shares_of_webhooks_and_of_requests_do_not_add_up() -> None:
    assert FaultSpec.parse("429=80%,dup=80%")


def test_plain_data_says_what_each_part_means_and_can_be_read_again() -> None:
    data = FaultSpec.parse("429=5%,messages:cut-after=1%,late=2s±1s,seed=7").as_data()
    assert (data["faults"], data["seed"]) == ("429=5%,messages:cut-after=1%,late=2s±1s,seed=7", 7)
    assert [part["meaning"] for part in data["parts"]] == [
        "5% of requests get 429 Too Many Requests and are not carried out",
        "1% of connections are cut after acceptance, on the route messages",
        "every webhook comes 2s±1s later",
    ]
    assert data["parts"][1] == {
        "name": "cut-after",
        "route": "messages",
        "value": "1%",
        "meaning": "1% of connections are cut after acceptance, on the route messages",
        "text": "messages:cut-after=1%",
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_example_of_each_kind_is_valid(kind: FaultKind) -> None:
    assert str(FaultSpec.parse(f"{kind.name}={kind.example}")) == f"{kind.name}={kind.example}"


def test_one_that_is_there_already_is_taken_as_it_is() -> None:
    spec = FaultSpec.parse(ALL)
    assert FaultSpec.of(spec) is spec
    assert FaultSpec.of(ALL) == spec
    assert not FaultSpec.of(None)
