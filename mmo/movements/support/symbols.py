"""The symbols that posting rules are written in, and sums of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sum:
    """A sum of symbols with whole coefficients, such as A + F + X or C1 - W1."""

    terms: Mapping[str, int]

    def __add__(self, other: "Sum") -> "Sum":
        return self._plus(other, 1)

    def __sub__(self, other: "Sum") -> "Sum":
        return self._plus(other, -1)

    def __str__(self) -> str:
        words = "".join(f" {'+' if n > 0 else '-'} {symbol}" for symbol, n in self.terms.items())
        return words.removeprefix(" + ").strip()

    def value(self, values: Mapping[str, int]) -> int:
        """Evaluate in minor units; a symbol without a value counts nothing."""
        return sum(n * values.get(symbol, 0) for symbol, n in self.terms.items())

    def _plus(self, other: "Sum", sign: int) -> "Sum":
        terms = Counter(self.terms)
        for symbol, n in other.terms.items():
            terms[symbol] += sign * n
        return Sum({symbol: n for symbol, n in terms.items() if n})


NOTHING = Sum({})


def _symbol(name: str) -> Sum:
    return Sum({name: 1})


A = _symbol("A")
F, X = _symbol("F"), _symbol("X")
M, XM = _symbol("M"), _symbol("XM")
S, XS = _symbol("S"), _symbol("XS")
T = _symbol("T")
C1, C2, C3 = _symbol("C1"), _symbol("C2"), _symbol("C3")
W1, W2, W3 = _symbol("W1"), _symbol("W2"), _symbol("W3")

FEES = {"F": "payer", "M": "payee", "S": "operator"}
TAXES = {"X": "payer", "XM": "payee", "XS": "operator", "T": "payer"}
"""Symbol of a fee or a tax → who bears it."""

MEANINGS = {
    "A": "amount",
    "F": "fee of the one who pays, net of tax",
    "X": "excise on that fee",
    "M": "fee of the one who is paid (a merchant's discount), net of tax",
    "XM": "excise on that fee",
    "S": "fee that the operator's marketing pool bears, net of tax",
    "XS": "excise on that fee",
    "T": "levy on the value",
    "C1": "commission of the agent",
    "C2": "commission of the super-agent",
    "C3": "commission of the master agent above",
    "W1": "tax withheld from the agent's commission",
    "W2": "tax withheld from the super-agent's commission",
    "W3": "tax withheld from the master agent's commission",
}
