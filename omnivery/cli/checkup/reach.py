"""Servers that do not respond as their API does: why, and what to do."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from omnivery.cli.checkup.finding import Area, Finding, problem
from omnivery.cli.checkup.probe import Probe
from omnivery.cli.checkup.setup import is_loopback
from omnivery.errors import ConfigError, NotSentError, phrase
from omnivery.transport.adapters.proxies import environment_proxy
from omnivery.transport.operation import is_html

EMULATOR = 'Start the emulator, as with eval "$(omnivery emulator --export)", or unset {variable} to use the service.'


def explain_silence(area: Area, probe: Probe, url: str, variable: str) -> Finding:
    """Say why there was no response.

    Args:
        area: the API.
        probe: what was tried.
        url: the base URL.
        variable: the environment variable of the base URL.
    """
    error = probe.error
    reason = error.args[0] if error else "no response"
    message = f"{url} does not respond: {reason}."
    host = urlsplit(url).hostname
    # 0. A setting of this machine, such as SSL_CERT_FILE.
    if isinstance(error, ConfigError):
        what = str(reason).removesuffix(" Nothing was sent.")
        return problem(
            area, f"{url} cannot be called: {what}", "Correct the setting, or remove it, and run this again."
        )
    # 1. The emulator, or a server of one's own, is not there.
    if isinstance(error, NotSentError) and error.unreachable and is_loopback(url):
        return problem(area, message, EMULATOR.format(variable=variable))
    # 2. A proxy is needed: the SDK uses the environment's only where it is told to.
    if not is_loopback(url) and (name := _proxy_variable(url)):
        hint = (
            f'{name} is set, and no client uses it by itself: pass --proxy "${name}" here, and trust_env=True in code.'
        )
        return problem(area, message, hint)
    # 3. A host that is not known, or that refuses.
    if isinstance(error, NotSentError) and error.unreachable:
        hint = f"Check {variable} if it is set, and whether this machine finds {host}: `nslookup {host}`."
        return problem(area, message, f"{hint} Behind a proxy, pass --proxy URL.")
    # 4. TLS.
    if error is not None and error.permanent:
        hint = "Check the clock and the host. If a proxy here signs certificates itself, pass its authority: --ca FILE."
        return problem(area, message, hint)
    # 5. Connected, or on the way.
    hint = f"A firewall may drop packets to {host}: try from another network, or with --proxy URL."
    return problem(area, message, f"{hint} If it lasts, the service may be down.")


def explain_response(area: Area, probe: Probe, url: str, variable: str) -> Finding:
    """Say what is wrong with a response that neither confirms nor refuses a key."""
    response, shown = probe.response, url
    assert response is not None  # noqa: S101  # the other function's work
    status = f"{response.status} {phrase(response.status)}"
    if response.status == 429:  # noqa: PLR2004
        return problem(area, f"{shown} responds with {status}.", "Wait a minute, then run this again.")
    if response.status >= 500:  # noqa: PLR2004
        return problem(area, f"{shown} responds with {status}: the server fails.", "Try again later; then ask support.")
    what = "a web page" if is_html(response) else "something else than this API's responses"
    message = f"{shown} responds with {status}, and {what}."
    return problem(area, message, f"Check {variable}: it leads to another server, to a proxy, or to another path.")


def _proxy_variable(url: str) -> str | None:
    """The environment variable that names a proxy for a URL."""
    if environment_proxy(url) is None:
        return None
    scheme = urlsplit(url).scheme.upper()
    names = (f"{scheme}_PROXY", f"{scheme.lower()}_proxy", "ALL_PROXY", "all_proxy")
    return next((name for name in names if os.environ.get(name)), None)
