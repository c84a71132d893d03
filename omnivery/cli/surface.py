"""Which of the two APIs a command talks to: the one whose key is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from attrs import frozen

from omnivery.cli.failure import SettingError

Surface: TypeAlias = Literal["mailgun", "automations"]
Keys: TypeAlias = Mapping[Surface, tuple[str, ...]]
"""For each API that can do a command's work, the environment variables of which one must be set."""

API_KEY, SENDING_KEY, TOKEN = "OMNIVERY_API_KEY", "OMNIVERY_SENDING_KEY", "OMNIVERY_TOKEN"
TITLES: Mapping[Surface, str] = {"mailgun": "the Mailgun-compatible API", "automations": "the Automations API"}
KEY_NAMES: Mapping[str, str] = {
    API_KEY: "the account's primary key",
    SENDING_KEY: "a domain's sending key",
    TOKEN: "a token",
}

EITHER: Keys = {"mailgun": (SENDING_KEY, API_KEY), "automations": (TOKEN,)}
"""The work of any key."""
PRIMARY: Keys = {"mailgun": (API_KEY,)}
"""The work of the account's primary key alone."""
PRIMARY_OR_TOKEN: Keys = {**PRIMARY, "automations": (TOKEN,)}
SENDING_OR_TOKEN: Keys = {"mailgun": (SENDING_KEY,), "automations": (TOKEN,)}
MAILGUN: Keys = {"mailgun": (API_KEY, SENDING_KEY)}
AUTOMATIONS: Keys = {"automations": (TOKEN,)}

WHERE_FROM = (
    "Keys and tokens are made in the service's web interface: for the account under its API keys, for one domain under "
    'its credentials. Without an account: eval "$(omnivery emulator --export)"'
)


@frozen(kw_only=True)
class Choice:
    """The API that was chosen."""

    surface: Surface
    note: str | None = None
    """What to say of the choice, if there was one."""
    missing: str | None = None
    """The environment variable of its key, if none is set."""


def choose_surface(keys: Keys, asked: Surface | None, environment: Mapping[str, str]) -> Choice:
    """Choose the API for a command.

    Args:
        keys: what the command can use.
        asked: the API that the user names.
        environment: the environment variables.

    Raises:
        SettingError: the command cannot use the API that was asked for, or no key for any of them is set.
    """
    there: list[Surface] = [
        each for each, names in keys.items() if any(environment.get(one, "").strip() for one in names)
    ]
    # 1. The user says which.
    if asked is not None:
        if asked not in keys:
            [other] = keys
            raise SettingError(
                f"--surface: {TITLES[asked]} cannot do this. Nothing was sent.",
                hint=f"{TITLES[other].capitalize()} can.",
            )
        # Whatever key there is, then: the server says whether it is of the right kind.
        known = asked in there or any(environment.get(one, "").strip() for one in (*EITHER[asked], *keys[asked]))
        return Choice(surface=asked, missing=None if known else keys[asked][0])
    # 2. Only one can do it.
    if len(keys) == 1:
        [only] = keys
        return Choice(surface=only, missing=None if there else keys[only][0])
    # 3. Neither has its key.
    if not there:
        names = " or ".join(f"{name} ({KEY_NAMES[name]})" for names in keys.values() for name in names)
        raise SettingError(f"no key: set {names}. Nothing was sent.", hint=WHERE_FROM)
    # 4. The first that has its key; to know the other one matters only where both have.
    chosen, *others = there
    note = f"Using {TITLES[chosen]}; --surface {others[0]} uses {TITLES[others[0]]}." if others else None
    return Choice(surface=chosen, note=note)
