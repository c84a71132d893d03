"""What is installed: the SDK, the packages that it stands on, its extras, and which lane runs."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from omnivery import codec
from omnivery._version import __version__
from omnivery.cli.adapter import bulk_adapter
from omnivery.cli.checkup.finding import Area, Finding, note, ok, warning

CORE = ("httpx", "attrs", "cattrs", "anyio")
_REQUIREMENT = re.compile(r"""([\w.-]+).*?extra\s*==\s*['"]([\w.-]+)['"]""")


def check_versions() -> list[Finding]:
    """Name the versions, the extras and the lane."""
    found = {name: _version(name) for name in CORE}
    parts = ", ".join(f"{name} {number or 'missing'}" for name, number in found.items())
    here = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    details = {"omnivery": __version__, "python": platform.python_version(), **found}
    return [ok(Area.VERSIONS, f"omnivery {__version__}, {here}; {parts}.", **details), *_lane(), *_extras()]


def _lane() -> Iterator[Finding]:
    json, bulk = "orjson" if codec.orjson else "json", bulk_adapter()
    lanes = {"json": json, "calls": "httpx", "bulk": bulk}
    message = f"JSON by {_named(json)}; single calls by httpx, commands for bulk work by {_named(bulk)}."
    if json == "orjson" and bulk == "aiohttp":
        yield ok(Area.VERSIONS, message, **lanes)
    else:
        yield note(
            Area.VERSIONS, message, "For several times the speed in bulk: pip install 'omnivery[fast]'.", **lanes
        )


def _named(package: str) -> str:
    number = _version(package)
    return f"{package} {number}" if number else "the standard library"


def _extras() -> Iterator[Finding]:
    extras = _required()
    if not extras:
        hint = "Install omnivery with pip, so that its extras are known."
        yield warning(Area.VERSIONS, "The metadata of the package is not there.", hint)
        return
    whole = sorted(name for name, packages in extras.items() if all(map(_version, packages)))
    absent = {name: [each for each in packages if not _version(each)] for name, packages in extras.items()}
    lacking = {name: packages for name, packages in sorted(absent.items()) if packages}
    message = f"Extras installed: {', '.join(whole) or 'none'}."
    if lacking:
        named = [f"{name} (lacks {', '.join(packages)})" for name, packages in lacking.items()]
        message += f" Not installed: {', '.join(named)}."
    yield ok(Area.VERSIONS, message, extras=whole, missing=lacking)


def _required() -> dict[str, list[str]]:
    """The packages of each extra that this Python needs."""
    try:
        lines = requires("omnivery") or []
    except PackageNotFoundError:
        return {}
    extras: dict[str, list[str]] = {}
    for line in lines:
        if (found := _REQUIREMENT.match(line)) and "python_version" not in line:
            extras.setdefault(found[2], []).append(found[1])
    return extras


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
