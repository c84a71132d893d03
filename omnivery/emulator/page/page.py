"""The emulator's web page, at `/`: what it is, the URLs of its APIs, and counts."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from omnivery.emulator import control
from omnivery.emulator.routes import Route
from omnivery.emulator.state import State

HEADERS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'", "cache-control": "no-store"}
"""The page loads and runs nothing, and is never cached."""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Omnivery emulator</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 44em; margin: 2em auto; padding: 0 1em; color-scheme: light dark }}
td {{ padding-right: 2em }}
</style>
</head>
<body>
<h1>Omnivery emulator</h1>
<p>This stands in for Omnivery's two APIs in tests, demonstrations and development.
<strong>Its verdicts are plausible, not the product's</strong>, and no mail leaves it.</p>
<h2>APIs</h2>
<table>
<tr><td>Automations API</td><td><code>{base}</code></td></tr>
<tr><td>Mailgun-compatible API</td><td><code>{base}/v3</code></td></tr>
</table>
<p>Both require the keys that the emulator was started with.</p>
<h2>So far</h2>
<table>
{counts}
</table>
<h2>Control API</h2>
<p>It requires no key.</p>
<ul>
{routes}
</ul>
</body>
</html>
"""


async def show(request: Request, state: State) -> Response:
    """Return the page. It contains no secret, and nothing from a request."""
    routes = "\n".join(f"<li><code>{route.method} {route.path}</code></li>" for route in control.ROUTES)
    return HTMLResponse(PAGE.format(base=_base(request), counts=_counts(state), routes=routes), headers=HEADERS)


def _base(request: Request) -> str:
    # From the socket: the Host header contains whatever a client sends.
    host, port = request.scope["server"]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _counts(state: State) -> str:
    seen = state.store.statistics
    counts = {
        "API requests": seen.requests,
        "Batches": seen.bot_batches,
        "Single checks": seen.bot_checks,
        "Events": seen.bot_events,
        "Messages": seen.messages,
        "Webhooks delivered": seen.webhooks_delivered,
        "Webhooks rejected": seen.webhooks_rejected,
        "Webhooks given up": seen.webhooks_given_up,
        **{f"Own receiver: {name}": count for name, count in state.received.counts.items()},
    }
    return "\n".join(f"<tr><td>{name}</td><td>{count}</td></tr>" for name, count in counts.items())


ROUTES = (Route("page", "GET", "/", show),)
