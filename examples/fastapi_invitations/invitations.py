"""A service that invites people by e-mail, and knows from webhooks which invitations arrived."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

from omnivery import AsyncMailgun, Message
from omnivery.errors import AmbiguousError, BadRequestError, ConfigError, OmniveryError
from omnivery.webhooks import DeliveryEvent, Receiver, bare_message_id


class Guest(BaseModel):
    """Who is invited."""

    email: str


class Invitation(BaseModel):
    """An invitation, and the last that is known of it: `queued`, `delivered`, `failed`, `opened` …"""

    id: str
    status: str


def create_app() -> FastAPI:
    """Create the app. Keys, domain and signing key come from the environment."""
    statuses: dict[str, str] = {}  # a table of your database

    async def on_delivery(event: DeliveryEvent) -> None:
        message_id = bare_message_id(event.message_id or "")
        if message_id in statuses and event.event:
            statuses[message_id] = event.event

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncMailgun() as client:
            app.state.mailgun = client
            yield

    app = FastAPI(lifespan=lifespan)
    # The URL to register ends in a slash. Without it Starlette redirects, and webhook calls follow no redirect.
    app.mount("/webhooks", Receiver(on_delivery, os.environ["OMNIVERY_SIGNING_KEY"], accepts=DeliveryEvent))

    @app.post("/invitations", status_code=201)
    async def invite(guest: Guest, request: Request) -> Invitation:
        invitation_id = await send_invitation(request.app.state.mailgun, guest)
        statuses[invitation_id] = "queued"
        return Invitation(id=invitation_id, status="queued")

    @app.get("/invitations/{invitation_id}")
    async def show(invitation_id: str) -> Invitation:
        if invitation_id not in statuses:
            raise HTTPException(404, "There is no such invitation")
        return Invitation(id=invitation_id, status=statuses[invitation_id])

    return app


async def send_invitation(client: AsyncMailgun, guest: Guest) -> str:
    """Send an invitation, and return its id."""
    message = Message(
        from_=("The party", "party@mail.example.com"),
        to=guest.email,
        subject="You are invited",
        text="Come as you are: https://example.com/party",
        tags="invitation",
    )
    try:
        queued = await client.messages.send(message)
    except (BadRequestError, ConfigError) as error:
        raise HTTPException(422, "The address is not accepted") from error
    except AmbiguousError as error:
        raise HTTPException(502, "The invitation may have been sent: look before you try again") from error
    except OmniveryError as error:
        raise HTTPException(503, "The invitation was not sent: try again later") from error
    return bare_message_id(queued.id or "")
