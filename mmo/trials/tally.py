"""Tallies of decisions made again: of one part of the movements, and of all parts together.

A tally depends on what was counted alone: neither on the order nor on how it was cut in parts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mmo.trials.redeciding import Answer, Case
from mmo.trials.repricing import Repriced, read_rows, rows_of

EXAMPLES_MAX = 20
REASONS_MAX = 20
REASON_LENGTH_MAX = 300
Row: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Count:
    """How many movements, and what they come to by currency, in minor units."""

    movements: int = 0
    sums: dict[str, int] = field(default_factory=dict[str, int])
    refused_otherwise: int = 0
    """Of these, refused then for what is no rule: too little money, a frozen wallet."""

    def add(self, other: "Count") -> None:
        """Count these, too."""
        self.movements += other.movements
        self.refused_otherwise += other.refused_otherwise
        for currency, minor in other.sums.items():
            self.sums[currency] = self.sums.get(currency, 0) + minor

    def row(self) -> Row:
        return {
            "movements": self.movements,
            "sums": dict(sorted(self.sums.items())),
            "refused_otherwise": self.refused_otherwise,
        }


Key: TypeAlias = tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """What was counted."""

    movements: int = 0
    before_rules: int = 0
    """Records from before rules were recorded: nothing is said of them."""
    decisions: int = 0
    """Decisions made again, those of the self-check included."""
    checked: int = 0
    reproduced: int = 0
    """Of the checked decisions, those whose every verdict came out again, byte for byte."""
    matrix: dict[Key, Count] = field(default_factory=dict[Key, Count])
    """(old, new) → count."""
    reasons: dict[Key, Count] = field(default_factory=dict[Key, Count])
    """(new, processor, definition, code) → count."""
    lacking: dict[str, int] = field(default_factory=dict[str, int])
    """Fact that was not read then → movements."""
    examples: list[Row] = field(default_factory=list[Row])
    """The first movements whose verdict would be another."""
    differences: list[Row] = field(default_factory=list[Row])
    """The first decisions that did not come out again."""
    prices: dict[tuple[str, str], Repriced] = field(default_factory=dict[tuple[str, str], Repriced])
    """Movement type and currency → what tariffs that are tried come to."""

    def compare(self, case: Case, old: Answer, new: Answer) -> None:
        """Count a movement with what was said then, and what would be said now."""
        amount = case.event.amount
        assert amount is not None, "every movement has an amount"
        refused = case.record.refusal is not None and old.word != "refuse"
        one = Count(1, {amount.currency: amount.minor}, int(refused))
        self.movements += 1
        self.decisions += 1
        _counted(self.matrix, (old.word, new.word), one)
        for reason in dict.fromkeys(_reason(new.word, row) for row in new.by):
            _counted(self.reasons, reason, one)
        if new.word == "unknown":
            needed = {key for row in new.by for key in row["needs"]} - case.facts.values.keys()
            for key in needed:
                self.lacking[key] = self.lacking.get(key, 0) + 1
        if old.word != new.word:
            self.examples.append(_example(case, old, new))
            self.examples = _first(self.examples)

    def check(self, case: Case, *, same: bool) -> None:
        """Count a decision of the self-check."""
        self.checked += 1
        self.decisions += 1
        self.reproduced += same
        if not same:
            told = {"movement": case.record.movement, "step": case.record.step}
            self.differences = _first([*self.differences, told])

    def add(self, other: "Tally") -> None:
        """Count what another tally has counted."""
        self.movements += other.movements
        self.before_rules += other.before_rules
        self.decisions += other.decisions
        self.checked += other.checked
        self.reproduced += other.reproduced
        for mine, theirs in ((self.matrix, other.matrix), (self.reasons, other.reasons)):
            for key, count in theirs.items():
                _counted(mine, key, count)
        for key, number in other.lacking.items():
            self.lacking[key] = self.lacking.get(key, 0) + number
        for about, line in other.prices.items():
            self.prices.setdefault(about, Repriced()).add(line)
        self.examples = _first([*self.examples, *other.examples])
        self.differences = _first([*self.differences, *other.differences])

    def row(self) -> Row:
        """As JSON: in one order, whatever the order of counting. All reasons are in it."""
        return {
            "movements": self.movements,
            "before_rules": self.before_rules,
            "decisions": self.decisions,
            "self_check": {
                "checked": self.checked,
                "reproduced": self.reproduced,
                "differences": self.differences,
            },
            "matrix": [
                {"old": old, "new": new, **count.row()}
                for (old, new), count in sorted(self.matrix.items())
            ],
            "reasons": [
                {"new": new, "processor": processor, "definition": definition, "code": code,
                 **count.row()}
                for (new, processor, definition, code), count in sorted(
                    self.reasons.items(), key=lambda one: (-one[1].movements, one[0])
                )
            ],
            "unknown_facts": dict(sorted(self.lacking.items())),
            "examples": self.examples,
            "prices": rows_of(self.prices),
        }  # fmt: skip

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Tally":
        """Read what `row` wrote."""
        check = row["self_check"]
        return cls(
            movements=row["movements"],
            before_rules=row["before_rules"],
            decisions=row["decisions"],
            checked=check["checked"],
            reproduced=check["reproduced"],
            differences=list(check["differences"]),
            matrix={(one["old"], one["new"]): _count(one) for one in row["matrix"]},
            reasons={
                (one["new"], one["processor"], one["definition"], one["code"]): _count(one)
                for one in row["reasons"]
            },
            lacking=dict(row["unknown_facts"]),
            examples=list(row["examples"]),
            prices=read_rows(row.get("prices", ())),
        )


def merged(rows: Iterable[Mapping[str, Any]]) -> Row:
    """All parts together, with the most frequent reasons alone."""
    whole = Tally()
    for row in rows:
        whole.add(Tally.of(row))
    told = whole.row()
    return told | {"reasons": told["reasons"][:REASONS_MAX]}


def _counted(counts: dict[Key, Count], key: Key, one: Count) -> None:
    counts.setdefault(key, Count()).add(one)


def _count(row: Mapping[str, Any]) -> Count:
    return Count(row["movements"], dict(row["sums"]), row["refused_otherwise"])


def _reason(word: str, row: Mapping[str, Any]) -> Key:
    return (word, row["processor"], row["definition"], row.get("code", ""))


def _example(case: Case, old: Answer, new: Answer) -> Row:
    amount = case.event.amount
    assert amount is not None, "every movement has an amount"
    reasons = "; ".join(row.get("reason", "") for row in (new.by or old.by))
    return {
        "movement": case.record.movement,
        "step": case.record.step,
        "type": case.record.meta["movement"],
        "amount": {"value": amount.value, "currency": amount.currency},
        "old": old.word,
        "new": new.word,
        "reason": "" if new.word == "unknown" else reasons[:REASON_LENGTH_MAX],
    }


def _first(examples: list[Row]) -> list[Row]:
    return sorted(examples, key=lambda one: (one["movement"], one["step"]))[:EXAMPLES_MAX]
