"""A table as it is shown: a title, what it is about, headed columns, and rows of texts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmo.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `figure`: its cells are numbers, and stand at the right."""

    name: str
    figure: bool = False

    @property
    def heading(self) -> str:
        """As people read it."""
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What is rendered. A row has a text for each column."""

    operator: str
    title: str
    about: Sequence[tuple[str, str]] = ()
    """Lines below the title: what, and its text."""
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


def shown(row: Mapping[str, Any], amounts: Iterable[str]) -> dict[str, Any]:
    """A row with its amounts as decimals of the row's `currency`, instead of minor units."""
    told = dict(row)
    for name in amounts:
        if row[name] is not None:
            told[name] = Money(row[name], row["currency"]).value
    return told


def cells(row: Mapping[str, Any], columns: Sequence[Column]) -> list[str]:
    """The texts of a row; what is not known is left empty."""
    return [_text(row[column.name]) for column in columns]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
