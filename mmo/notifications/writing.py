"""Writing a text for people: an operator's template, with figures as its language writes them."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pystache

from mmo.kernel.money import Money

TEXT_MAX = 900
_GROUPS = {"en": ",", "sw": ",", "fr": " "}
_POINTS = {"en": ".", "sw": ".", "fr": ","}
_DATES = {"en": "%d %b %Y", "sw": "%d/%m/%Y", "fr": "%d/%m/%Y"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_ADDRESS = re.compile(
    r"(?i)\b[a-z][a-z0-9+.-]*://\S*|\bwww\.\S*|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?:[/?#:]\S*)?"
)
_PLAIN: Any = pystache.Renderer(escape=str, missing_tags="strict")


def text_of(
    templates: Mapping[str, str], language: str, values: Mapping[str, Any], operator: str, zone: str
) -> str:
    """The text in the operator's language, or in the first that there is.

    `values` are figures and codes: `amount_minor`, `currency`, `reference`, `at`, `event` ….
    """
    chosen = language if language in templates else min(templates)
    return written(templates[chosen], chosen, values, operator, zone)


def written(
    template: str, language: str, values: Mapping[str, Any], operator: str, zone: str
) -> str:
    """One template with its variables. Raises pystache's KeyNotFoundError for an unknown one."""
    at = datetime.fromisoformat(values["at"]).astimezone(ZoneInfo(zone))
    minor = values.get("amount_minor")
    shown = {
        "amount": amount(Money(minor, values["currency"]), language) if minor is not None else "",
        "currency": values.get("currency", ""),
        "reference": values.get("reference", ""),
        "counterparty": values.get("counterparty", ""),
        "recipient": values.get("recipient", ""),
        "event": values.get("event", ""),
        "operator": operator,
        "date": at.strftime(_DATES.get(language, _DATES["en"])),
        "time": at.strftime("%H:%M"),
    }
    safe = {name: harmless(str(value)) for name, value in shown.items()}
    return str(_PLAIN.render(template, safe))[:TEXT_MAX]


def harmless(value: str) -> str:
    """A value without control characters and addresses: a text never leads anybody anywhere."""
    return _ADDRESS.sub("", _CONTROL.sub("", value)).strip()[:80]


def amount(money: Money, language: str) -> str:
    """An amount as the language writes it; spaces are plain ones, which GSM 7-bit has."""
    whole, _, fraction = money.value.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    grouped = f"{int(digits):,}".replace(",", _GROUPS.get(language, ","))
    return f"{sign}{grouped}{_POINTS.get(language, '.')}{fraction}" if fraction else sign + grouped


def due_at(now: datetime, quiet: Mapping[str, str] | None, zone: str) -> datetime:
    """When a message may be sent: now, or when the quiet hours end, by the operator's clock."""
    if quiet is None:
        return now
    local = now.astimezone(ZoneInfo(zone))
    begin, end = time.fromisoformat(quiet["begin"]), time.fromisoformat(quiet["end"])
    clock = local.time()
    over_midnight = end <= begin
    is_quiet = (clock >= begin or clock < end) if over_midnight else begin <= clock < end
    if not is_quiet:
        return now
    day = local.date() + timedelta(days=1 if over_midnight and clock >= begin else 0)
    return datetime.combine(day, end, ZoneInfo(zone))


def key_of(
    template: str | None, wallet: str, definition: str, values: Mapping[str, Any], zone: str
) -> str | None:
    """Under which key a message is sent once a day, as a hash; None where it always is."""
    if template is None:
        return None
    told = written(template, "en", values, "", zone)
    return hashlib.sha256(f"{definition}|{wallet}|{told}".encode()).hexdigest()
