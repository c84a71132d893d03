"""Clients of commands: made from the environment and the options that commands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from attrs import field, frozen

from omnivery.cli.arguments import connection, connection_options, secret
from omnivery.cli.failure import SettingError, reports_in_json
from omnivery.cli.output import say
from omnivery.cli.server_notice import ServerNotice
from omnivery.cli.surface import KEY_NAMES, TITLES, WHERE_FROM, Keys, Surface, choose_surface

if TYPE_CHECKING:
    from omnivery.automations import Automations
    from omnivery.mailgun import Mailgun

Command = TypeVar("Command", bound=Callable[..., Any])


@frozen(kw_only=True)
class Clients:
    """The clients that a command may use, by its keys, and how to make them."""

    keys: Keys
    surface: Surface | None = None
    """The API that the user names."""
    domain: str | None = None
    region: str | None = None
    base_url: str | None = None
    proxy: str | None = None
    ca: Path | None = None
    _prompted: dict[str, str] = field(init=False, factory=dict[str, str], repr=False)
    _chosen: list[Surface] = field(init=False, factory=list["Surface"])
    """The API, once it was chosen."""

    def choose(self) -> Surface:
        """Return the API to talk to; say which, if there was a choice.

        Raises:
            ConfigError: no key is set, and there is nobody to ask.
        """
        if self._chosen:
            return self._chosen[0]
        choice = choose_surface(self.keys, self.surface, os.environ)
        if choice.missing is not None:
            self._prompt(choice.missing)
        if choice.note and not reports_in_json():
            say(choice.note)
        self._chosen.append(choice.surface)
        return choice.surface

    def likely(self) -> Surface:
        """Return the API that `choose` would return if all keys were there: nobody is asked for one."""
        try:
            return choose_surface(self.keys, self.surface, os.environ).surface
        except SettingError:
            return self.surface if self.surface is not None else next(iter(self.keys))

    def has_key(self) -> bool:
        """Whether a key for the work is set."""
        return any(os.environ.get(name, "").strip() for names in self.keys.values() for name in names)

    @contextmanager
    def mailgun(self) -> Iterator[Mailgun]:
        """Make a client of the Mailgun-compatible API for a block. `choose` comes before it.

        Raises:
            ConfigError: a setting is wrong.
        """
        from omnivery.mailgun import Mailgun
        from omnivery.mailgun.config import resolve_base_url

        with self._settings(resolve_base_url(self.region, self.base_url)) as settings:
            keys = {"sending_key": self._prompted.get("OMNIVERY_SENDING_KEY"), "region": self.region}
            with Mailgun(self._prompted.get("OMNIVERY_API_KEY"), **cast("dict[str, Any]", keys), **settings) as client:
                yield client

    @contextmanager
    def automations(self) -> Iterator[Automations]:
        """Make a client of the Automations API for a block. `choose` comes before it.

        Raises:
            ConfigError: a setting is wrong.
        """
        from omnivery.automations import Automations
        from omnivery.automations.config import resolve_base_url

        with (
            self._settings(resolve_base_url(self.base_url)) as settings,
            Automations(self._prompted.get("OMNIVERY_TOKEN"), **settings) as client,
        ):
            yield client

    @contextmanager
    def _settings(self, url: str) -> Iterator[dict[str, Any]]:
        settings = {"domain": self.domain, "base_url": self.base_url, **connection(self.proxy, self.ca)}
        if reports_in_json():
            yield settings
            return
        notice = ServerNotice(url=url, proxied=self.proxy is not None)
        with notice.watching():
            yield {**settings, "observers": [notice]}

    def _prompt(self, variable: str) -> None:
        [surface] = [title for one, title in TITLES.items() if variable in self.keys.get(one, ())]
        if sys.stdin is None or not sys.stdin.isatty():
            raise SettingError(
                f"no key: {surface} takes {KEY_NAMES[variable]} here: set {variable}. Nothing was sent.",
                hint=WHERE_FROM,
            )
        self._prompted[variable] = secret(variable, KEY_NAMES[variable])


def client_options(keys: Keys, *, domain: bool = True) -> Callable[[Command], Command]:
    """Give a command the options by which its client is made; it gets them as `clients`, a `Clients`.

    Args:
        keys: what the command can use.
        domain: whether it works on the sending domain.
    """
    options = _options(keys, domain=domain)

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_clients(**given: Any) -> Any:
            chosen = {name: given.pop(name) for name in _NAMES if name in given}
            return command(clients=Clients(keys=keys, **chosen), **given)

        decorated: Callable[..., Any] = with_clients
        for option in reversed(options):
            decorated = option(decorated)
        return cast("Command", connection_options(decorated))

    return decorate


_NAMES = ("surface", "domain", "region", "base_url", "proxy", "ca")


def _options(keys: Keys, *, domain: bool) -> list[Callable[[Callable[..., Any]], Callable[..., Any]]]:
    options: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = []
    if domain:
        options.append(click.option("--domain", help="Sending domain; OMNIVERY_DOMAIN if left out."))
    if len(keys) > 1:
        options.append(
            click.option(
                "--surface",
                type=click.Choice(sorted(keys)),
                envvar="OMNIVERY_SURFACE",
                help="The API to talk to; the one whose key is set, if left out.",
            )
        )
    if "mailgun" in keys:
        help_text = "Where requests enter the Mailgun-compatible API; OMNIVERY_REGION if left out."
        options.append(click.option("--region", type=click.Choice(["global", "eu", "us"]), help=help_text))
    options.append(click.option("--base-url", metavar="URL", help="Another server, such as the emulator."))
    return options
