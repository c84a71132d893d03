"""What is said of a domain and its records."""

from __future__ import annotations

import pytest

from omnivery.automations import DomainDetail as AutomationsDetail
from omnivery.cli.dns import DomainView, problem_of
from omnivery.mail.dns import DnsRecord
from omnivery.mailgun import DomainDetail


def view(state: str | None, *valid: bool | None) -> DomainView:
    records = tuple(DnsRecord(name="x", record_type="TXT", valid=one) for one in valid)
    return DomainView(name="x.example", state=state, created_at=None, sending=records, receiving=())


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        (view("pending", False), "vetted"),
        (view("unverified", False), "omnivery domains verify x.example --wait"),
        (view("rejected"), "support"),
        (view("disabled"), "web interface"),
        (view("active", True, None), "Nothing is wrong"),
        (view("active", True, False), "Correct the records"),
        (view("frozen", True), "not known"),
        (view(None), "not known"),
    ],
)
def test_what_to_do_next_follows_from_the_state(domain: DomainView, words: str) -> None:
    assert words in domain.advice


def test_what_is_wrong_with_a_record() -> None:
    assert problem_of(DnsRecord(valid=True)) is None
    assert problem_of(DnsRecord()) is None, "the service does not say"
    assert problem_of(DnsRecord(valid=False, record_type="MX")) == "the service did not find this MX in the DNS"
    assert problem_of(DnsRecord(valid=True, state="inactive")) == "this DKIM key is not used"


def test_a_response_without_the_documented_fields_is_no_crash() -> None:
    assert DomainView.of_mailgun(DomainDetail(), "x").name == "x"
    assert DomainView.of_automations(AutomationsDetail(), "x").sending == ()
