"""How an error ends a command: what happened, what to do next, and the exit status."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click
from attrs import frozen

from omnivery import errors
from omnivery.cli.command import Interruption
from omnivery.cli.extras import explain_missing
from omnivery.cli.output import asked_for_json, json_text, printable, say
from omnivery.cli.signals import SIGNAL_STATUS, Terminated
from omnivery.cli.streams import OutputError

FAILED, WRONG_USAGE = 1, 2
"""Exit statuses: something did not get through; the command line or the settings are wrong."""


@frozen(kw_only=True)
class Failure:
    """An error, as a command reports it."""

    type: str
    """The class of the error, by which a program tells errors apart."""
    message: str
    hint: str | None = None
    """What to do next."""
    status: int = FAILED
    """The exit status."""

    def report(self) -> NoReturn:
        """Print the failure on standard error, and end the process."""
        if reports_in_json():
            fields = {"type": self.type, "message": self.message, "hint": self.hint}
            say(json_text({"error": fields}))
        else:
            say(f"Error: {_on_one_line(self.message)}")
            if self.hint:
                say(f"  {_on_one_line(self.hint)}")
        sys.exit(self.status)


class SettingError(errors.ConfigError):
    """A setting of the command line is missing or wrong.

    Attributes:
        hint: what to do next.
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def reports_in_json() -> bool:
    """Whether a program reads the errors: it asked for JSON, or reads both outputs."""
    if asked_for_json():
        return True
    # Of `omnivery … | jq` on a terminal, a person reads the errors.
    return not any(stream is not None and stream.isatty() for stream in (sys.stdout, sys.stderr))


def failure_of(error: BaseException) -> Failure | None:
    """Return how a command reports an error; None for an error that is a fault of ours."""
    for kind, describe in _KINDS.items():
        if isinstance(error, kind):
            return describe(error)
    return None


def _usage(error: Any) -> Failure:
    context = error.ctx
    if isinstance(error, _NO_COMMAND):
        # Its message is the whole help of the group, which a person is to see as it is.
        if not reports_in_json():
            say(context.get_help())
            sys.exit(WRONG_USAGE)
        error = click.UsageError("Missing command.", context)
    hint = f"Try '{context.command_path} --help'." if context else None
    return Failure(type="UsageError", message=error.format_message(), hint=hint, status=WRONG_USAGE)


_NO_COMMAND: tuple[type[Exception], ...] = tuple(
    filter(None, [getattr(click.exceptions, "NoArgsIsHelpError", None)])  # not every click that will do has it
)


def _of_click(error: Any) -> Failure:
    return Failure(type=type(error).__name__, message=error.format_message(), status=error.exit_code)


def _interrupted(error: Any) -> Failure:
    number = signal.SIGTERM if isinstance(getattr(error, "cause", error), Terminated) else signal.SIGINT
    return Failure(type="Interrupted", message=str(error) or "Interrupted.", status=SIGNAL_STATUS + number)


def _setting(error: Any) -> Failure:
    return Failure(type="ConfigError", message=str(error), hint=getattr(error, "hint", None), status=WRONG_USAGE)


def _ours(error: Any) -> Failure:
    return Failure(type=type(error).__name__, message=str(error), hint=hint_for(error))


def _missing_module(error: Any) -> Failure | None:
    words = explain_missing(error)
    return None if words is None else Failure(type="ConfigError", message=words, status=WRONG_USAGE)


def _unwritten(error: Any) -> Failure:
    return Failure(
        type="OutputError",
        message=f"the output could not be written: {error.strerror or error}",
        hint="What the command was to do may be done: look before you run it again.",
    )


def _of_system(error: Any) -> Failure:
    named = f": {error.filename}" if error.filename else ""
    return Failure(type=type(error).__name__, message=f"{error.strerror or error}{named}")


_KINDS: dict[type[BaseException], Callable[[Any], Failure | None]] = {
    click.UsageError: _usage,
    click.ClickException: _of_click,
    click.Abort: _interrupted,
    KeyboardInterrupt: _interrupted,
    Interruption: _interrupted,
    errors.ConfigError: _setting,
    errors.OmniveryError: _ours,
    ModuleNotFoundError: _missing_module,
    OutputError: _unwritten,
    OSError: _of_system,
}
"""In this order: subclasses come before their bases."""


def hint_for(error: errors.OmniveryError) -> str | None:
    """Return what to do about an error of a call."""
    if isinstance(error, errors.NotSentError) and error.unreachable:
        return f"Is the server running, and {_url_variable(error.operation)} right? `omnivery doctor` looks."
    if isinstance(error, errors.NotFoundError) and "domain" not in error.message.lower():
        return None
    if isinstance(error, errors.RateLimitError) and error.retry_after:
        return f"Run the command again in {error.retry_after:,.0f} s."
    for kind, hint in _HINTS.items():
        if isinstance(error, kind):
            return hint.format(keys=_key_variables(getattr(error, "operation", None)))
    return None


_HINTS: dict[type[errors.OmniveryError], str] = {
    errors.AuthenticationError: "Check {keys}: `omnivery doctor` tries each key and says what it may do.",
    errors.ForbiddenError: "`omnivery doctor` says what the key may do, and from where.",
    errors.NotFoundError: "`omnivery domains list` shows the domains that the key sees.",
    errors.RateLimitError: "Wait a little, then run the command again.",
    errors.AmbiguousError: "Look whether it took effect before you run the command again.",
    errors.NotSentError: "Nothing was sent: run the command again.",
    errors.ServerError: "Look whether it took effect, then run the command again.",
    errors.DecodeError: "Check the URL of the server and the proxy: `omnivery doctor` looks at both.",
}


def _is_mailgun(operation: str | None) -> bool:
    return (operation or "").startswith("mailgun.")


def _key_variables(operation: str | None) -> str:
    return "OMNIVERY_API_KEY and OMNIVERY_SENDING_KEY" if _is_mailgun(operation) else "OMNIVERY_TOKEN"


def _url_variable(operation: str | None) -> str:
    return "OMNIVERY_MAILGUN_URL" if _is_mailgun(operation) else "OMNIVERY_AUTOMATIONS_URL"


def _on_one_line(text: str) -> str:
    # A server's words, or a name from outside, may hold what steers a terminal.
    return printable(" ".join(map(str.strip, text.splitlines())))
