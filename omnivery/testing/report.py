"""What a failed assertion about calls says: what was expected, and what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from omnivery.testing.expectation import agrees
from omnivery.testing.recorded_call import RecordedCall

SHOWN = 10
"""Number of calls that are listed."""
WIDTH = 100
"""Characters of a value that are shown."""
NONE_AT_ALL = (
    "No call was recorded at all. Did the code run inside the recorder's block, and in this process? Did it reach the "
    "SDK, or did something stand in its place?"
)


def describe(calls: Sequence[RecordedCall], operation: str, *, times: int | None, sent: Mapping[str, Any]) -> str:
    """Return the text of a failed assertion.

    Args:
        calls: all calls that were recorded.
        operation: name of the expected operation.
        times: how often it was expected; at least once for None.
        sent: what it was expected to send.
    """
    own = [call for call in calls if call.operation == operation]
    matching = sum(agrees(sent, call.sent) for call in own)
    lines = [_expected(operation, times, sent), _found(len(own), matching, sent)]
    for number, call in enumerate(own[:SHOWN], 1):
        lines += _lines(number, call, sent)
    if len(own) > SHOWN:
        lines.append(f"  … and {len(own) - SHOWN} more")
    others = Counter(call.operation for call in calls if call.operation != operation)
    if others:
        listed = ", ".join(f"{name} ({_times(count)})" for name, count in others.most_common())
        lines.append(f"Other calls: {listed}")
    return "\n".join(lines if calls else [*lines, NONE_AT_ALL])


def _expected(operation: str, times: int | None, sent: Mapping[str, Any]) -> str:
    given = f" with {', '.join(f'{name}={_short(value)}' for name, value in sent.items())}" if sent else ""
    if times == 0:
        return f"{operation} should not have been called{given}."
    return f"{operation} should have been called {'at least once' if times is None else _times(times)}{given}."


def _found(own: int, matching: int, sent: Mapping[str, Any]) -> str:
    if not own:
        return "It was never called."
    with_that = f", {_times(matching)} with that" if sent else ""
    return f"It was called {_times(own)}{with_that}:"


def _lines(number: int, call: RecordedCall, sent: Mapping[str, Any]) -> list[str]:
    where = call.url.partition("://")[2].partition("/")[2]
    lines = [f"  {number}. {call.method} /{where} → {_outcome(call)}"]
    # First what was asked for, in its order: there the difference is.
    names = [*sent, *(name for name in call.fields if name not in sent)]
    for name in names:
        if name not in call.sent:
            lines.append(f"     ≠ {name} was not sent")
            continue
        differs = name in sent and not agrees(sent[name], call.sent[name])
        lines.append(f"     {'≠' if differs else ' '} {name} = {_short(call.sent[name])}")
    return lines


def _outcome(call: RecordedCall) -> str:
    tries = f", {call.attempts} attempts" if call.attempts > 1 else ""
    if call.error is not None:
        status = f"{call.status} " if call.status else ""
        return f"{status}{type(call.error).__name__}{tries}"
    return f"{call.status}{tries}" if call.status else "in progress"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}… ({len(text)} characters)"
