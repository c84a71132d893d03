"""The error tree: whole after pickling, clear in words, bounded in size."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Iterator

import pytest

from omnivery import errors
from omnivery.automations.report import SubmitReport
from omnivery.bulk.report import BatchFailure
from omnivery.errors import BODY_LIMIT, ApiError, OmniveryError, TransportError, error_class

OPERATION = "automations.bots.submit_batch"

OTHERS: dict[type[OmniveryError], OmniveryError] = {
    errors.OmniveryError: errors.OmniveryError("something"),
    errors.ConfigError: errors.ConfigError("no token: pass token=…"),
    errors.DecodeError: errors.DecodeError(
        "expected text, got null", operation=OPERATION, path="$.items[3].name", body="{}", attempts=2
    ),
    errors.SourceError: errors.SourceError("the source changed while it was read"),
    errors.JournalError: errors.JournalError("journal: the disk is full"),
    errors.SourceError: errors.SourceError("clicks.gz: cut off"),
    errors.VerdictPendingError: errors.VerdictPendingError("no verdict yet", request_id="r-1", waited=60.5),
    errors.BulkError: errors.BulkError("of 3 events 2 were accepted", report=SubmitReport(read=3, accepted=2)),
    errors.WebhookError: errors.WebhookError("not to be trusted"),
    errors.SignatureError: errors.SignatureError("too old"),
    errors.ReplayError: errors.ReplayError("seen before"),
    errors.PayloadError: errors.PayloadError("not JSON"),
}


def example(cls: type[OmniveryError]) -> OmniveryError:
    """An error of a class with every field set to something other than its default."""
    if issubclass(cls, TransportError):
        return cls("it broke", operation=OPERATION, attempts=3, may_have_happened=not cls.may_have_happened)
    if issubclass(cls, ApiError):
        return cls(
            "no such domain",
            status=418,
            operation=OPERATION,
            request_id="r-1",
            attempts=3,
            retry_after=2.5,
            body="teapot",
            hint="Use a kettle",
        )
    return OTHERS[cls]


def subclasses(cls: type[OmniveryError]) -> Iterator[type[OmniveryError]]:
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


@pytest.mark.parametrize("name", errors.__all__)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_every_error_survives_pickling_whole(name: str, protocol: int) -> None:
    """Celery and multiprocessing carry errors as pickles: one that fails there hides what went wrong."""
    error = example(getattr(errors, name))
    back = pickle.loads(pickle.dumps(error, protocol))
    assert type(back) is type(error)
    assert (back.args, vars(back), str(back)) == (error.args, vars(error), str(error))


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_can_be_copied(name: str) -> None:
    error = example(getattr(errors, name))
    back = copy.deepcopy(error)
    assert (type(back), back.args, vars(back), str(back)) == (type(error), error.args, vars(error), str(error))


def test_a_bulk_error_carries_its_report_with_the_errors_inside() -> None:
    """The report is where the undelivered events are: losing it in a worker's pickle loses them."""
    lost = errors.AmbiguousError("the response was lost", operation=OPERATION, attempts=4)
    report = SubmitReport(
        read=1,
        undelivered=1,
        failures=(BatchFailure(batch=0, events=1, error=lost),),
        stopped_by=lost,
        undelivered_items=({"event_id": "e-1"},),
    )
    with pytest.raises(errors.BulkError) as caught:
        report.raise_for_failures()
    back: errors.BulkError = pickle.loads(pickle.dumps(caught.value))
    assert back.report.undelivered_events() == [{"event_id": "e-1"}]
    assert str(back.report.failures[0].error) == str(back.report.stopped_by) == str(lost)


def test_all_names_every_public_class_in_order() -> None:
    """A class that is missing there is missing in `from omnivery.errors import *` and in the reference."""
    own = [
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__ and not name.startswith("_")
    ]
    assert sorted(own) == errors.__all__


def test_no_error_class_lives_elsewhere() -> None:
    """A private module may tell its own errors apart; users catch them by their public base."""
    ours = {
        cls.__name__
        for cls in subclasses(OmniveryError)
        if cls.__module__.split(".")[0] == "omnivery" and not re.search(r"\._|^omnivery\.cli\.", cls.__module__)
    }
    assert ours | {"OmniveryError"} == set(errors.__all__)


@pytest.mark.parametrize("name", errors.__all__)
def test_the_tree_in_the_docstring_is_the_tree(name: str) -> None:
    assert name in (errors.__doc__ or "")
    assert getattr(errors, name).__doc__


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (402, errors.PaymentRequiredError),
        (403, errors.ForbiddenError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (413, errors.PayloadTooLargeError),
        (429, errors.RateLimitError),
        (500, errors.ServerError),
        (503, errors.ServerError),
        (599, errors.ServerError),
        (302, errors.ApiError),
        (408, errors.ApiError),
        (418, errors.ApiError),
        (499, errors.ApiError),
    ],
)
def test_each_status_has_its_class(status: int, cls: type[ApiError]) -> None:
    assert error_class(status) is cls


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            errors.NotSentError("no connection could be made", operation=OPERATION, attempts=3),
            f"{OPERATION}: no connection could be made. Tried 3 times. It did not take effect: repeating it is safe.",
        ),
        (
            errors.AmbiguousError("the response was lost"),
            "the response was lost. It may have taken effect: check before you repeat it.",
        ),
        (
            errors.DeadlineError("the deadline passed", may_have_happened=True),
            "the deadline passed. It may have taken effect: check before you repeat it.",
        ),
        (
            errors.DeadlineError("the deadline passed"),
            "the deadline passed. It did not take effect: repeating it is safe.",
        ),
        (
            errors.BadRequestError("from parameter is missing", status=400, operation=OPERATION, request_id="r-1"),
            (
                f"{OPERATION}: 400 Bad Request (from parameter is missing). Request id r-1. "
                "The request was refused and did not take effect: fix its parameters."
            ),
        ),
        (
            errors.RateLimitError("Too Many Requests", status=429, attempts=4),
            "429 Too Many Requests. Tried 4 times. The request did not take effect: wait, then repeat it.",
        ),
        (
            errors.ApiError("odd", status=799),
            "799 Unknown status (odd). The request was refused and did not take effect.",
        ),
        (
            errors.ServerError("Internal Server Error", status=500),
            "500 Internal Server Error. The fault is the server's, and the operation may have taken effect.",
        ),
        (
            errors.DecodeError("expected text, got null", operation=OPERATION, path="$.name"),
            (
                f"{OPERATION}: expected text, got null at $.name. "
                "The request may have taken effect; the response may be a proxy's."
            ),
        ),
    ],
)
def test_the_words_say_what_happened_and_whether_it_took_effect_and_what_next(error: OmniveryError, words: str) -> None:
    assert str(error) == words


def test_a_503_does_not_claim_that_it_may_have_taken_effect() -> None:
    """The class's own docstring and the retry table say so: 503 refuses for the moment, and is safe to repeat."""
    assert "may have taken effect" not in str(errors.ServerError("Service Unavailable", status=503))


@pytest.mark.parametrize(
    "error",
    [errors.ApiError("odd", status=500, body="ä" * 5000), errors.DecodeError("odd", body="ä" * 5000)],
)
def test_a_body_is_kept_to_a_kilobyte_and_out_of_every_text(error: ApiError | errors.DecodeError) -> None:
    """A response can echo a whole e-mail, which belongs in no log."""
    assert error.body == "ä" * BODY_LIMIT
    assert len(error.body) == 1024
    assert "ä" not in str(error) + repr(error)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, "OK"),
        (413, "Content Too Large"),
        (414, "URI Too Long"),
        (416, "Range Not Satisfiable"),
        (422, "Unprocessable Content"),
        (799, "Unknown status"),
    ],
)
def test_the_phrase_of_a_status_is_that_of_rfc_9110_on_every_python(status: int, text: str) -> None:
    """Until 3.13 Python has older ones for some."""
    assert errors.phrase(status) == text
