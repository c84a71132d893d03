"""Commands to copy, with this emulator's URL. They name environment variables, and hold no secret."""

from __future__ import annotations

import re

from starlette.requests import Request

from omnivery.emulator.state import State

HOST = re.compile(r"([\w.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
"""What a Host header has that a browser sends."""
KEYS = (
    "The keys are in the environment once you run what the terminal that started the emulator printed; "
    'eval "$(omnivery emulator --export)" starts one in the background and exports everything. '
    "This page never shows keys."
)


def base_url(request: Request) -> str:
    """Return the URL of the emulator as the browser knows it: in a container, the port is another one there."""
    # The guard let only own names pass. What else the header may hold must not get into a command to copy.
    if HOST.fullmatch(name := request.headers.get("host", "")):
        return f"http://{name}"
    host, port = request.scope["server"]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def snippets(request: Request, state: State) -> dict[str, str]:
    """Return the commands by what they are for."""
    base, domain = base_url(request), state.settings.domain
    return {
        "notice": KEYS,
        "export": 'eval "$(omnivery emulator --export)"',
        "urls": f"export OMNIVERY_MAILGUN_URL={base}/v3\nexport OMNIVERY_AUTOMATIONS_URL={base}",
        "send": (
            f'curl {base}/v3/{domain}/messages \\\n  --user "api:$OMNIVERY_SENDING_KEY" \\\n'
            f"  -F from='News <news@{domain}>' -F to=click@example.com \\\n"
            # To -F, a value that begins with < is a file's name.
            "  -F subject='Hello' --form-string html='<h1>Hello</h1>' -F o:tag=welcome"
        ),
        "events": (
            f'curl {base}/{domain}/bot \\\n  --header "ov-token: $OMNIVERY_TOKEN" --json \'{{\n'
            f'    "webhook_url": "{base}/_/webhook",\n    "events": [\n'
            '      {"ip": "192.0.2.1", "uas": "Mozilla/5.0", "event_id": "a bot"},\n'
            '      {"ip": "198.51.100.1", "uas": "Mozilla/5.0", "event_id": "a human"}\n    ]\n  }\''
        ),
        "webhook": (
            f'curl {base}/v3/domains/{domain}/webhooks \\\n  --user "api:$OMNIVERY_API_KEY" \\\n'
            f"  -F id=delivered -F url={base}/_/webhook"
        ),
        "bounce": (
            f'curl {base}/v3/{domain}/bounces \\\n  --user "api:$OMNIVERY_API_KEY" \\\n'
            "  -F address=ann@example.com -F code=550"
        ),
    }
