"""Where the views are."""

from __future__ import annotations

from django.urls import path
from newsletter import subscribe, webhooks

urlpatterns = [path("subscribe", subscribe), path("webhooks", webhooks)]
