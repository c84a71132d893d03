"""Credentials: a domain's SMTP users."""

# https://docs.omnivery.com/api-ref/mailgun-api  (Domains, credentials)
from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from omnivery.emulator.domain import Domain, SmtpCredential
from omnivery.emulator.forms import Form, read_form, window
from omnivery.emulator.refusal import Refusal
from omnivery.emulator.routes import json_response, mailgun
from omnivery.emulator.state import State
from omnivery.emulator.suppressions import rfc2822

PASSWORD_LENGTHS = range(5, 33)
"""Characters that a password may have."""


async def list_credentials(request: Request, state: State) -> Response:
    """The domain's users, without their passwords."""
    limit, skip = window(request)
    found = list(state.account.find(request.path_params["domain"]).credentials.values())
    more = {"size_bytes": None} if state.settings.like_mailgun else {"note": None}
    items = [
        {"login": user.login, "mailbox": user.login, **more, "created_at": rfc2822(user.created_at)}
        for user in found[skip : skip + limit]
    ]
    return json_response({"items": items, "total_count": len(found)})


async def create(request: Request, state: State) -> Response:
    """Create a user; the times in the response have another format than in the list."""
    domain, form = state.account.find(request.path_params["domain"]), await read_form(request, state)
    login, password = _full(form.need("login"), domain), _password(form)
    if login in domain.credentials:
        raise Refusal("Credentials already exist")
    made = domain.credentials[login] = SmtpCredential(login, password)
    moment = f"{made.created_at:%Y-%m-%d %H:%M:%S}"
    if state.settings.like_mailgun:
        return json_response({"message": "Created 1 credentials pair(s)"})
    content = {"username": login, "message": "Created 1 credentials pair", "note": None}
    return json_response({**content, "created_at": moment, "updated_at": moment})


async def update_password(request: Request, state: State) -> Response:
    """Give a user another password."""
    form = await read_form(request, state)
    _find(request, state).password = _password(form)
    return json_response({"message": "Password changed"})


async def delete(request: Request, state: State) -> Response:
    """Forget a user."""
    login = _find(request, state).login
    del state.account.find(request.path_params["domain"]).credentials[login]
    if state.settings.like_mailgun:
        return json_response({"message": "Credentials have been deleted", "spec": login})
    return json_response({"message": "Credentials (1) deleted"})


def _find(request: Request, state: State) -> SmtpCredential:
    domain = state.account.find(request.path_params["domain"])
    found = domain.credentials.get(_full(request.path_params["login"], domain))
    if found is None:
        raise Refusal("Credentials not found", status=404)
    return found


def _full(login: str, domain: Domain) -> str:
    """A login may be told as a user name or as an address."""
    return (login if "@" in login else f"{login}@{domain.name}").lower()


def _password(form: Form) -> str:
    password = form.need("password")
    if len(password) not in PASSWORD_LENGTHS:
        raise Refusal("password must have from 5 to 32 characters")
    return password


ROUTES = (
    mailgun("credentials.list", "GET", "/domains/{domain}/credentials", list_credentials),
    mailgun("credentials.create", "POST", "/domains/{domain}/credentials", create),
    mailgun("credentials.update_password", "PUT", "/domains/{domain}/credentials/{login}", update_password),
    mailgun("credentials.delete", "DELETE", "/domains/{domain}/credentials/{login}", delete),
)
