"""The SDK's words in those of the command line: options in place of arguments."""

from __future__ import annotations

import os
import re
import shlex

import click
from click.core import ParameterSource


def in_options(words: str) -> str:
    """Return an error's or a note's words with options in place of arguments, as the command that runs has them."""
    # They are text in the journal, too: the notation of Python is what tells an argument from the words around it.
    words = _ADVICE.sub(_advised, words)
    words = _URL.sub(r"\1… is not read: pipe what is there to the command, and name - as the file", words)
    words = _SETTING.sub(_settable, words)
    words = _TARGET.sub(_of_target, words)
    return _ARGUMENTS.sub(_given, words, count=1)


_ADVICE = re.compile(r"""\b(format|client_ip|columns)=(?:'([^']*)'|\{"(\w+)": "(\w+)"\})""")
_URL = re.compile(r"a URL is opened by fsspec: readers\.read\(fsspec\.open\((\w[\w+.-]*://)…\)\)")
_SETTING = re.compile(r"\bpass (\w+)=… or set ")
_TARGET = re.compile(r"\b(it was begun for (?:another )?)(\w+)")
_ARGUMENTS = re.compile(r"\A(\w+)(?: and (\w+))?: ")
_FILE = frozenset({"source", "path"})
"""Arguments that are the file, whose name is told beside the words."""


def _advised(match: re.Match[str]) -> str:
    name, text, column, field = match.groups()
    return f"--{name.replace('_', '-')} {shlex.quote(text) if column is None else f'{column}={field}'}"


def _settable(match: re.Match[str]) -> str:
    option = _option(match[1])
    return "set " if option is None else f"give {_longest(option)} or set "


def _of_target(match: re.Match[str]) -> str:
    option = _option(match[2])
    return match[1] + (match[2].replace("_", " ") if option is None else _longest(option))


def _given(match: re.Match[str]) -> str:
    """The arguments that a text begins with, as they were given: by an option or an environment variable."""
    if match[1] in _FILE:
        return ""
    return f"{' and '.join(_as_given(name) for name in match.groups() if name)}: "


def _as_given(name: str) -> str:
    if (option := _option(name)) is None:
        return name
    source = click.get_current_context().get_parameter_source(option.name or "")
    if source is ParameterSource.COMMANDLINE:
        return _longest(option)
    if source is ParameterSource.ENVIRONMENT and isinstance(option.envvar, str):
        return option.envvar
    # The SDK's own, where the command leaves it to the client to look.
    variable = f"OMNIVERY_{(option.name or '').upper()}"
    return variable if os.environ.get(variable) else name


def _option(argument: str) -> click.Option | None:
    """The option of the command that runs for an argument of the SDK; for several values it is in the singular."""
    context = click.get_current_context(silent=True)
    for parameter in context.command.params if context else ():
        if isinstance(parameter, click.Option) and parameter.name in {argument, f"{argument}s", argument[:-1]}:
            return parameter
    return None


def _longest(option: click.Option) -> str:
    return max(option.opts, key=len)
