"""The mini-statement: the last movements of a wallet and its balance, in a short message. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from mmo.kernel.money import Money
from mmo.notifications.writing import amount, harmless

LINES = 5
EVERY = timedelta(minutes=1)
"""One wallet is sent one in so long a time."""
DEFINITION = UUID("5d0f5b0e-8a49-4c7c-9f0b-6a1d6f7f3a55")
"""Stands where other messages name the rule that asked for them."""
_WORDS = {
    "en": ("last movements", "Balance"),
    "sw": ("miamala ya mwisho", "Salio"),
    "fr": ("dernières opérations", "Solde"),
}


def mini_statement(
    lines: Sequence[tuple[datetime, Money]], balance: Money, language: str, operator: str, zone: str
) -> str:
    """The text. `lines`: when, and what the wallet gained or lost; the newest first.

    Nobody else is named: who reads over a shoulder learns amounts, not people.
    """
    movements, word = _WORDS.get(language, _WORDS["en"])
    told = [f"{harmless(operator)}: {movements}"] if lines else [harmless(operator)]
    for at, money in lines[:LINES]:
        local = at.astimezone(ZoneInfo(zone))
        plus = "+" if money.minor > 0 else ""
        told.append(f"{local:%d/%m %H:%M} {plus}{amount(money, language)}")
    told.append(f"{word} {balance.currency} {amount(balance, language)}")
    return "\n".join(told)


def key_of(wallet: UUID) -> str:
    """What is sent once in `EVERY`."""
    return f"mini-statement/{wallet}"
