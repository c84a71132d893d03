"""The parts of a delivery event: each as it is handed out, and as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from omnivery.display.record import Record
from omnivery.webhooks.fields import Fields


@frozen(kw_only=True)
class Envelope(Record):
    """The SMTP envelope of the message (RFC 5321)."""

    sender: str | None = None
    """The return path for bounces: an e-mail address made for this message."""
    sending_ip: str | None = None
    """The service's IP address that it was sent from."""
    targets: str | None = None
    """Recipients, separated by commas."""
    transport: str | None = None
    """The protocol, such as `smtp`."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields that the SDK does not know, or that were of another type."""


def read_envelope(data: Fields) -> Envelope:
    """Read the object `envelope`."""
    return Envelope(
        sender=data.text("sender"),
        sending_ip=data.text("sending-ip"),
        targets=data.text("targets"),
        transport=data.text("transport"),
        extra=data.rest,
    )


@frozen(kw_only=True)
class DeliveryStatus(Record):
    """The receiving server's reply."""

    code: int | None = None
    """SMTP reply code, such as 250 or 550."""
    message: str | tuple[str, ...] | None = None
    """The server's reply as received: one text, or several. `text` joins them."""
    description: str | None = None
    """The reply with its codes, or the service's own words."""
    bounce_class: str | None = None
    """The service's class of a bounce, such as `bad-mailbox`; the list is not published."""
    mx_host: str | None = None
    """The receiving server."""
    mx_ip: str | None = None
    """The receiving server's IP address."""
    tls: bool | None = None
    """Whether the connection was encrypted."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields that the SDK does not know, such as Mailgun's `attempt-no`, or that were of another type."""

    @property
    def text(self) -> str | None:
        """The server's reply as one text: several are joined by blanks."""
        return " ".join(self.message) if isinstance(self.message, tuple) else self.message


def read_status(data: Fields) -> DeliveryStatus:
    """Read the object `delivery-status`, whose `message` is a text in calls and a list in samples."""
    return DeliveryStatus(
        code=data.whole("code"),
        message=data.text("message") or data.texts("message") or None,
        description=data.text("description"),
        bounce_class=data.text("bounce-class"),
        mx_host=data.text("mx-host"),
        mx_ip=data.text("mx-ip"),
        tls=data.flag("tls"),
        extra=data.rest,
    )


@frozen(kw_only=True)
class ClientInfo(Record):
    """The program that opened the message or followed the link, as derived from its User-Agent header."""

    client_name: str | None = None
    """Such as `Thunderbird`."""
    client_type: str | None = None
    """Such as `Email client`."""
    client_os: str | None = None
    """Such as `Windows 10`."""
    device_type: str | None = None
    """Such as `Personal computer`."""
    user_agent: str | None = None
    """The User-Agent header itself."""
    suspected_bot: bool | None = None
    """Whether a bot did it: the service's own flag, or else whether Mailgun's `bot` names one."""
    bot: str | None = None
    """Mailgun's name for the bot, such as `apple` or `gmail`; empty text for none."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields that the SDK does not know, or that were of another type."""


def read_client(data: Fields) -> ClientInfo:
    """Read the object `client-info`: the service has the flag `suspected-bot`, Mailgun the text `bot`."""
    bot, flag = data.text("bot"), data.flag("suspected-bot")
    return ClientInfo(
        client_name=data.text("client-name"),
        client_type=data.text("client-type"),
        client_os=data.text("client-os"),
        device_type=data.text("device-type"),
        user_agent=data.text("user-agent"),
        suspected_bot=bot != "" if flag is None and bot is not None else flag,
        bot=bot,
        extra=data.rest,
    )


@frozen(kw_only=True)
class Geolocation(Record):
    """Where the open or click came from, as derived from its IP address."""

    country: str | None = None
    """Two-letter code of the country: the service's `country_code`, or else Mailgun's `country`."""
    country_name: str | None = None
    """The country's name."""
    continent_code: str | None = None
    """Two-letter code of the continent."""
    continent_name: str | None = None
    """The continent's name."""
    region: str | None = None
    """Part of the country; Mailgun only."""
    city: str | None = None
    """The city's name."""
    extra: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)
    """Fields that the SDK does not know, or that were of another type."""


def read_place(data: Fields) -> Geolocation:
    """Read the object `geolocation`: the service spells the country `country_code`, Mailgun `country`."""
    return Geolocation(
        country=data.text("country_code") or data.text("country"),
        country_name=data.text("country_name"),
        continent_code=data.text("continent_code"),
        continent_name=data.text("continent_name"),
        region=data.text("region"),
        city=data.text("city"),
        extra=data.rest,
    )
