"""E-mail addresses: parsing, and made-up rules for their validation.

The results are fixed, so that tests may rely on them: `hardbounce@…` is rejected, `softbounce@…` is unknown, domains
under `.invalid` (RFC 2606) do not exist, and a few well-known names are role, free or disposable addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

from attrs import field, frozen

_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_QUOTED = r'"(?:\\.|[^"\\\r\n])*+"'
ADDRESS = re.compile(rf'(?:[^\s@"(),:;<>\[\\\]]++|{_QUOTED})@(?:{_LABEL}(?:\.{_LABEL})*+|\[(?P<literal>[\w:.]++)\])')
"""E-mail addresses (RFC 5321, section 4.1.2): with quoted local parts, domains of one label, and address literals,
whose IP address is checked apart."""
MAILBOX = re.compile(
    r"""
    (?: (?P<name> (?: (?<!\S)"(?:\\.|[^"\\])*+" | [^<"] | (?<=\S)" )*+ ) <(?P<angle>.*)>
      | (?P<bare>[^(]*+) (?:\((?P<comment>[^()]*+)\))?
    ) \s*
    """,
    re.VERBOSE | re.DOTALL,
)
"""`Ann <ann@example.com>`, `ann@example.com`, and the old `ann@example.com (Ann)`."""
ENTRY = re.compile(r'(?:(?<![^\s,;<])"(?:\\.|[^"\\])*+(?:"|\Z)|<[^<>]*+>|[^,])++', re.DOTALL)
"""An entry of a list: commas within quotes and angle brackets separate nothing. A quote within a word opens nothing,
and one that is not closed takes the rest, so that matching takes linear time."""
LONGEST_ADDRESS, LONGEST_LIST = 512, 8000
"""Maximum number of characters of an address, and of a list to parse (Mailgun's own limits)."""
SECOND_LEVEL = frozenset(
    f"{label}.{country}"
    for country, labels in {
        "ar": ("com",),
        "au": ("com", "edu", "gov", "net", "org"),
        "br": ("com", "gov", "net", "org"),
        "cn": ("com", "net", "org"),
        "co": ("com",),
        "hk": ("com",),
        "il": ("co", "org"),
        "in": ("ac", "co", "net", "org"),
        "jp": ("ac", "co", "go", "ne", "or"),
        "kr": ("ac", "co", "or"),
        "mx": ("com",),
        "nz": ("ac", "co", "govt", "net", "org"),
        "sg": ("com",),
        "tr": ("com",),
        "tw": ("com",),
        "uk": ("ac", "co", "gov", "ltd", "me", "net", "nhs", "org", "plc", "sch"),
        "za": ("ac", "co", "org"),
    }.items()
    for label in labels
)
"""A short list of well-known suffixes of two labels. The full list (publicsuffix.org) has thousands."""
ROLES = frozenset({"abuse", "admin", "billing", "contact", "help", "info", "noreply", "postmaster", "sales", "support"})
FREE = frozenset({"aol.com", "gmail.com", "gmx.net", "hotmail.com", "outlook.com", "yahoo.com"})
DISPOSABLE = frozenset({"guerrillamail.com", "mailinator.com", "yopmail.com"})
TYPOS = {"gamil.com": "gmail.com", "gmial.com": "gmail.com", "hotmial.com": "hotmail.com", "yaho.com": "yahoo.com"}


@frozen(kw_only=True)
class Judgement:
    """The result of a validation."""

    address: str = field(repr=False)
    """The address, without surrounding whitespace."""
    result: str
    """deliverable, undeliverable, risky or unknown."""
    reason: str
    """The reason, in the vocabulary of Kickbox, whose results both surfaces pass on."""
    role: bool = False
    """Whether the address belongs to a role, such as `sales`, and not to a person."""
    free: bool = False
    """Whether the domain gives addresses to everybody."""
    disposable: bool = False
    """Whether the domain gives disposable addresses."""
    did_you_mean: str | None = field(default=None, repr=False)
    """A likelier spelling."""

    @property
    def user(self) -> str:
        """The local part."""
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """The domain; empty if there is none."""
        return self.address.rpartition("@")[2] if "@" in self.address else ""


@frozen(kw_only=True)
class Mailbox:
    """An address with its display name."""

    name: str = field(repr=False)
    """The display name; may be empty."""
    address: str = field(repr=False)
    """The address."""


def judge(address: str) -> Judgement:
    """Validate an address by the fixed rules."""
    address = address.strip()
    user, _, domain = address.rpartition("@")
    name, host = fixed_part(address), domain.lower()
    result, reason = _verdict(name, host) if is_mail_address(address) else ("undeliverable", "invalid_email")
    return Judgement(
        address=address,
        result=result,
        reason=reason,
        role=name in ROLES,
        free=host in FREE,
        disposable=host in DISPOSABLE,
        did_you_mean=f"{user}@{TYPOS[host]}" if host in TYPOS else None,
    )


def is_mail_address(text: str) -> bool:
    """Whether a text is an e-mail address, without display name and angle brackets."""
    found = ADDRESS.fullmatch(text)
    if not found:
        return False
    literal = found["literal"]
    if literal is None:
        return True
    family, packed = (AF_INET6, literal[5:]) if literal[:5].lower() == "ipv6:" else (AF_INET, literal)
    try:
        inet_pton(family, packed)
    except (OSError, ValueError):
        return False
    return True


def fixed_part(address: str) -> str:
    """Return the part that identifies a fixed test address: `open` for `Open+7@example.com`."""
    return address.rpartition("@")[0].partition("+")[0].lower()


def read_list(text: str) -> tuple[list[Mailbox], list[str]]:
    """Parse a comma-separated list into its addresses and the entries that are not addresses."""
    good: list[Mailbox] = []
    bad: list[str] = []
    for entry in _entries(text):
        if mailbox := _read_mailbox(entry):
            good.append(mailbox)
        else:
            bad.append(entry)
    return good, bad


def bare_addresses(lists: Iterable[str]) -> tuple[str, ...] | None:
    """Return the addresses of comma-separated lists, without display names; None if an entry is not an address."""
    found: list[str] = []
    for text in lists:
        good, bad = read_list(text)
        if bad:
            return None
        found += [mailbox.address for mailbox in good]
    return tuple(found)


def parsed(text: str, *, show: Callable[[Mailbox], dict[str, str]]) -> dict[str, Any]:
    """Return the response for a comma-separated list, which is the same on both surfaces."""
    good, bad = read_list(text)
    return {"parsed": [show(mailbox) for mailbox in good], "unparseable": bad}


def plain(mailbox: Mailbox) -> dict[str, str]:
    """Return an address and its parts."""
    localpart, _, domain = mailbox.address.rpartition("@")
    return {"email": mailbox.address, "domain": domain, "localpart": localpart}


def organisational_domain(domain: str) -> str:
    """Return the organizational domain (RFC 7489, section 3.2), by the short list of suffixes in this module."""
    labels = domain.lower().split(".")
    return ".".join(labels[-3:] if ".".join(labels[-2:]) in SECOND_LEVEL else labels[-2:])


def _verdict(name: str, host: str) -> tuple[str, str]:
    if host.endswith(".invalid") or host in TYPOS:
        return "undeliverable", "invalid_domain"
    if name == "hardbounce":
        return "undeliverable", "rejected_email"
    if name == "softbounce":
        return "unknown", "timeout"
    if name in ROLES or host in DISPOSABLE:
        return "risky", "low_quality"
    return "deliverable", "accepted_email"


def _entries(text: str) -> list[str]:
    return [part.strip() for part in ENTRY.findall(text) if part.strip()]


def _read_mailbox(entry: str) -> Mailbox | None:
    if is_mail_address(entry):
        return Mailbox(name="", address=entry)
    found = MAILBOX.fullmatch(entry)
    if not found:
        return None
    address = (found["bare"] if found["angle"] is None else found["angle"]).strip()
    if not is_mail_address(address):
        return None
    name = (found["name"] or found["comment"] or "").strip()
    quoted = len(name) > 1 and name[0] == name[-1] == '"'
    return Mailbox(name=re.sub(r"\\(.)", r"\1", name[1:-1]) if quoted else name, address=address)
