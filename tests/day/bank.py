"""The bank that holds the clients' money, and keeps an account of it that is nobody else's."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.day.money import CURRENCY, value


@dataclass(slots=True)
class Bank:
    """What came in and went out, under references of the bank's own."""

    lines: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Reference and minor units; what goes out is negative."""
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def books(self, minor: int) -> str:
        """Write an entry down; answer with its reference."""
        self.lines.append((f"BANK {next(self._numbers):06}", minor))
        return self.lines[-1][0]

    @property
    def holds(self) -> int:
        """Minor units."""
        return sum(minor for _, minor in self.lines)

    def statements(self, day: str, elsewhere: int) -> list[dict[str, Any]]:
        """The statement files of a day; so many minor units were lent to a second bank."""
        lent = [*self.lines, ("LENT", -elsewhere)]
        return [
            _statement("Trust Bank", day, lent),
            _statement("Second Bank", day, [("LENT", elsewhere)]),
        ]


def _statement(bank: str, day: str, lines: list[tuple[str, int]]) -> dict[str, Any]:
    return {
        "bank": bank, "currency": CURRENCY, "as_of": day, "opening": "0.00",
        "closing": value(sum(minor for _, minor in lines)),
        "lines": [
            {"reference": reference, "amount": value(minor), "date": day}
            for reference, minor in lines
        ],
    }  # fmt: skip
