"""Texts: figures as the language writes them, nothing that leads anywhere, and quiet hours."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mmo.kernel.money import Money
from mmo.notifications.writing import amount, due_at, harmless, key_of, text_of

ZONE = "Africa/Nairobi"
VALUES: dict[str, Any] = {
    "event": "Send money", "amount_minor": 123456789, "currency": "KES", "reference": "9F00AB12CD",
    "at": "2026-11-24T19:05:00+00:00", "counterparty": "super agent",
}  # fmt: skip
AMOUNTS = [
    ("en", 123456789, "KES", "1,234,567.89"),
    ("fr", 123456789, "KES", "1 234 567,89"),
    ("sw", 100000, "KES", "1,000.00"),
    ("en", 1500, "UGX", "1,500"),
    ("en", 5, "KES", "0.05"),
    ("fr", 1000, "XOF", "1 000"),
    ("en", 1234567, "BHD", "1,234.567"),
]


@pytest.mark.parametrize(("language", "minor", "currency", "written"), AMOUNTS)
def test_an_amount_is_written_as_the_language_does(
    language: str, minor: int, currency: str, written: str
) -> None:
    assert amount(Money(minor, currency), language) == written


def test_a_text_is_written_in_the_language_of_the_operator_and_by_its_clock() -> None:
    templates = {
        "en": "{{operator}}: {{event}}, {{currency}} {{amount}}, {{date}} {{time}}, {{reference}}",
        "fr": "{{amount}} {{currency}} de {{counterparty}} le {{date}}",
    }

    english = text_of(templates, "en", VALUES, "Demo Money", ZONE)
    french = text_of(templates, "fr", VALUES, "Demo Money", ZONE)
    other = text_of(templates, "sw", VALUES, "Demo Money", ZONE)

    assert english == ("Demo Money: Send money, KES 1,234,567.89, 24 Nov 2026 22:05, 9F00AB12CD")
    assert french == "1 234 567,89 KES de super agent le 24/11/2026"
    assert other == english


HARMFUL = [
    ("call http://evil.example/x now", "call  now"),
    ("www.evil.example", ""),
    ("evil.example/login", ""),
    ("Pay\nMe\x1b[31m", "PayMe[31m"),
    ("a\u202eb\u200bc", "abc"),
    ("javascript://x", ""),
    ("{{amount}}", "{{amount}}"),
    ("1,234.50", "1,234.50"),
]


@pytest.mark.case("J12")
@pytest.mark.parametrize(("value", "left"), HARMFUL)
def test_a_value_leads_nobody_anywhere(value: str, left: str) -> None:
    assert harmless(value) == left


@pytest.mark.case("J12")
def test_a_value_is_no_template() -> None:
    told = text_of({"en": "by {{operator}}"}, "en", VALUES, "{{amount}} www.evil.example", ZONE)

    assert told == "by {{amount}}"


QUIET = [
    ("2026-11-24T17:59:00+00:00", None),
    ("2026-11-24T18:00:00+00:00", "2026-11-25T04:00:00+00:00"),
    ("2026-11-24T23:30:00+00:00", "2026-11-25T04:00:00+00:00"),
    ("2026-11-25T03:59:59+00:00", "2026-11-25T04:00:00+00:00"),
    ("2026-11-25T04:00:00+00:00", None),
]


@pytest.mark.parametrize(("now", "until"), QUIET)
def test_quiet_hours_are_the_operators_and_go_over_midnight(now: str, until: str | None) -> None:
    at = datetime.fromisoformat(now)

    assert due_at(at, {"begin": "21:00", "end": "07:00"}, ZONE) == datetime.fromisoformat(
        until or now
    )


def test_quiet_hours_within_a_day_and_none() -> None:
    noon = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

    later = due_at(noon, {"begin": "12:00", "end": "14:00"}, ZONE)

    assert later == datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
    assert due_at(noon, None, ZONE) == noon


def test_a_key_is_the_wallets_and_the_rules_own() -> None:
    template = "{{reference}}"
    key = key_of(template, "w1", "d1", VALUES, ZONE)

    assert key == key_of(template, "w1", "d1", VALUES | {"amount_minor": 1}, ZONE)
    assert key != key_of(template, "w2", "d1", VALUES, ZONE)
    assert key != key_of(template, "w1", "d2", VALUES, ZONE)
    assert key != key_of(template, "w1", "d1", VALUES | {"reference": "x"}, ZONE)
    assert key_of(None, "w1", "d1", VALUES, ZONE) is None
