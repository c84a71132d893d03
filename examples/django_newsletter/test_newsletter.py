"""The views against the emulator, by Django's own tests."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

import django
from django.core.cache import cache as unwanted
from django.test import SimpleTestCase
from newsletter import mailgun, receiver

from omnivery.emulator import Emulator
from omnivery.testing import Recorder, delivery_payload

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()  # as `manage.py test` does, for those who run the tests by pytest


class NewsletterTest(SimpleTestCase):
    """One emulator serves all tests of the class, and is reset before each."""

    emulator: Emulator

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.emulator = cls.enterClassContext(Emulator())
        cls.enterClassContext(mock.patch.dict(os.environ, cls.emulator.environment))
        # Whatever was made before has other keys.
        mailgun.cache_clear()
        receiver.cache_clear()
        cls.addClassCleanup(lambda: mailgun().close())

    def setUp(self) -> None:
        self.emulator.reset()
        unwanted.clear()

    def subscribe(self, email: str = "ann@example.com") -> int:
        return self.client.post("/subscribe", {"email": email}).status_code

    def call_webhook(self, payload: dict[str, Any]) -> int:
        return self.client.post("/webhooks", payload, content_type="application/json").status_code

    def test_the_form_asks_for_an_address(self) -> None:
        self.assertContains(self.client.get("/subscribe"), "csrfmiddlewaretoken")

    def test_a_confirmation_is_sent(self) -> None:
        self.assertEqual(self.subscribe(), 200)
        self.assertEqual([message.to for message in self.emulator.messages], [("ann@example.com",)])

    def test_nothing_is_sent_to_who_wants_none(self) -> None:
        for kind in ("hardbounced", "unsubscribed", "complained"):
            with self.subTest(kind), Recorder() as recorder:
                unwanted.clear()
                self.assertEqual(self.call_webhook(delivery_payload(kind)), 200)
                self.assertEqual(self.subscribe("Ann@example.com"), 409)
                recorder.assert_not_called("mailgun.messages.send")

    def test_a_soft_bounce_is_no_reason(self) -> None:
        self.assertEqual(self.call_webhook(delivery_payload("softbounced")), 200)
        self.assertEqual(self.subscribe(), 200)

    def test_a_forged_or_repeated_webhook_is_refused(self) -> None:
        self.assertEqual(self.call_webhook(delivery_payload("complained", signing_key="not-ours")), 406)
        payload = delivery_payload("delivered")
        self.assertEqual([self.call_webhook(payload), self.call_webhook(payload)], [200, 406])

    def test_a_lost_response_is_not_sent_again(self) -> None:
        self.emulator.fail_next("messages", after="accepted")
        self.assertEqual(self.subscribe(), 502)
        self.assertEqual(len(self.emulator.messages), 1)

    def test_a_refusal_is_the_callers_mistake(self) -> None:
        self.assertEqual(self.subscribe("nobody"), 422)
