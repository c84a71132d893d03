"""The views: one that sends mail, one that learns who wants no more of it."""

from __future__ import annotations

import os
from functools import cache

from django.core.cache import cache as unwanted  # a table of your database
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.utils.html import format_html
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from omnivery import Mailgun, Message
from omnivery.errors import AmbiguousError, BadRequestError, ConfigError, OmniveryError
from omnivery.webhooks import DeliveryEvent, Receiver

FORM = """
<form method="post">
  <input type="hidden" name="csrfmiddlewaretoken" value="{}">
  <input type="email" name="email" required> <button>Subscribe</button>
</form>
"""


@cache
def mailgun() -> Mailgun:
    """The client of this process, for all its threads. Keys and domain come from the environment."""
    return Mailgun()


@cache
def receiver() -> Receiver:
    """Verifies webhook calls. It remembers those that it has seen, so there is one."""
    return Receiver(on_delivery, os.environ["OMNIVERY_SIGNING_KEY"], accepts=DeliveryEvent)


@require_http_methods(["GET", "POST"])
def subscribe(request: HttpRequest) -> HttpResponse:
    """Show the form, or send a confirmation to `email`."""
    if request.method == "GET":
        return HttpResponse(format_html(FORM, get_token(request)))
    email = request.POST.get("email", "").lower()
    if unwanted.get(email):
        return JsonResponse({"error": "This address wants no mail from us"}, status=409)
    confirmation = Message(
        from_=("Example News", "news@mail.example.com"),
        to=email,
        subject="Please confirm",
        text="You asked for our newsletter: https://example.com/confirm",
    )
    try:
        mailgun().messages.send(confirmation)
    except (BadRequestError, ConfigError):
        return JsonResponse({"error": "The address is not accepted"}, status=422)
    except AmbiguousError:
        return JsonResponse({"error": "The confirmation may be on its way: wait a minute"}, status=502)
    except OmniveryError:
        return JsonResponse({"error": "The confirmation was not sent: try again later"}, status=503)
    return JsonResponse({"status": "sent"})


@csrf_exempt
@require_POST
def webhooks(request: HttpRequest) -> HttpResponse:
    """Take a call of the service. The status says whether it shall call again."""
    return HttpResponse(status=receiver().handle(request.body, request.headers))


def on_delivery(event: DeliveryEvent) -> None:
    """Remember who wants no more mail."""
    hard_bounce = event.event == "failed" and event.severity == "permanent"
    if event.recipient and (hard_bounce or event.event in {"unsubscribed", "complained"}):
        unwanted.set(event.recipient.lower(), value=True, timeout=None)
