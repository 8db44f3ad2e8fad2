"""Posting rules: who is debited and credited with what, as a table that balances in each book."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmo.movements.support.accounts import Account, Party
from mmo.movements.support.symbols import NOTHING, Sum


class UnbalancedRuleError(ValueError):
    """The lines do not cancel out for every value of their symbols."""


class NegativeLineError(ValueError):
    """With these values a line would turn round: a debit would credit, or a credit debit."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. `change` is what is credited; a debit is negative."""

    account: Account
    side: str
    amount: Sum

    @property
    def change(self) -> Sum:
        return self.amount if self.side == "credit" else NOTHING - self.amount


def debit(account: Account, amount: Sum) -> Line:
    return Line(account, "debit", amount)


def credit(account: Account, amount: Sum) -> Line:
    return Line(account, "credit", amount)


@dataclass(frozen=True, slots=True, init=False)
class PostingRule:
    """Lines of debit and credit that cancel out in each book, whatever their symbols are worth."""

    lines: tuple[Line, ...]

    def __init__(self, *lines: Line) -> None:
        for book in ("E", "C"):
            of_book = (line.change for line in lines if line.account.book == book)
            total = sum(of_book, start=NOTHING)
            if total.terms:
                raise UnbalancedRuleError(f"left over: {total}")
        object.__setattr__(self, "lines", lines)

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(
            line.account.role for line in self.lines if isinstance(line.account, Party)
        )

    @property
    def symbols(self) -> frozenset[str]:
        """Every symbol that a line mentions."""
        return frozenset(symbol for line in self.lines for symbol in line.amount.terms)

    def fill(self, values: Mapping[str, int]) -> tuple[tuple[Account, int], ...]:
        """Give each line its change (minor units, credit-positive); lines of nothing are left out.

        Raises NegativeLineError.
        """
        filled = [(line, line.amount.value(values)) for line in self.lines]
        for line, minor in filled:
            if minor < 0:
                raise NegativeLineError(f"{line.side} {line.account} {line.amount} is {minor}")
        return tuple((line.account, line.change.value(values)) for line, minor in filled if minor)
