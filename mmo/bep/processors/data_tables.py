"""Data tables: the event waits until the operator's own tables are filled in.

The rule's source is the original design's workflow processor, Fineract's entity datatable checks.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from mmo.bep.event import BusinessEvent, EventKind, Side
from mmo.bep.facts import Need, RuleFacts
from mmo.bep.processor import MetadataError, Offers, Validator
from mmo.bep.spelling import Settings
from mmo.bep.verdict import Allow, Refuse, Verdict
from mmo.kernel.spelling import nearest

REFUSAL = "tables_incomplete"
TABLES_MAX = 20
PREDICATES_MAX = 10
VALUES_MAX = 50
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "exists"]
Plain = str | int | bool | None
ORDERED = ("<", "<=", ">", ">=")


class RequiredTable(Settings):
    """A table, and how many of its rows are wanted that satisfy every condition."""

    table: str = Field(title="Table", min_length=1, max_length=64)
    min_rows: int = Field(default=1, title="Rows at least", ge=1, le=1000)
    where: tuple[tuple[str, Operator, Plain | tuple[Plain, ...]], ...] = Field(
        default=(),
        title="Conditions",
        description='Each [field, operator, value], such as ["verified", "=", true]; a field inside'
        ' a field as "address.city"; the value of "in" is a list, that of "exists" true or false.',
        max_length=PREDICATES_MAX,
    )


class RequiredTables(Settings):
    """The tables that must be filled in, and for whom."""

    tables: tuple[RequiredTable, ...] = Field(title="Tables", min_length=1, max_length=TABLES_MAX)
    side: Side = Field(
        default="any",
        title="Side",
        description="Whose tables: the payer's, the payee's, or everybody's in the event.",
    )


class DataTables(Validator[RequiredTables]):
    """Refuse while rows are missing, and tell all that is missing at once."""

    name = "data-tables"
    title = "Required data tables"
    help = "Lets the event happen only once the operator's own tables are filled in."
    aliases = ("workflow",)
    metadata = RequiredTables

    def fits(self, kind: EventKind) -> bool:
        return super().fits(kind) and bool(kind.parties)

    def options(self, offers: Offers) -> Mapping[str, Any]:
        return {"table": list(offers.tables), "side": ["payer", "payee", "any"]}

    def read(self, written: Any, kind: EventKind, offers: Offers) -> RequiredTables:
        metadata = self.stored(written)
        wrong = [*_wrong(metadata, offers)]
        if not _roles(kind, metadata.side):
            wrong.append(("/side", f"nobody in {kind.name} stands on that side"))
        if wrong:
            raise MetadataError(*wrong)
        return metadata

    def needs(self, metadata: RequiredTables, kind: EventKind) -> Sequence[Need]:
        return tuple(
            dict.fromkeys(
                _need(role, required)
                for role in _roles(kind, metadata.side)
                for required in metadata.tables
            )
        )

    def decide(self, event: BusinessEvent, facts: RuleFacts, metadata: RequiredTables) -> Verdict:
        missing = [*missing_tables(event.kind, facts, metadata)]
        if not missing:
            return Allow()
        names = ", ".join(dict.fromkeys(f"{one['table']} of the {one['party']}" for one in missing))
        return Refuse(REFUSAL, f"fill in {names} first", {"missing": missing})


def missing_tables(
    kind: EventKind, facts: RuleFacts, metadata: RequiredTables
) -> Iterator[dict[str, Any]]:
    """What is missing for the event: for whom, in which table, how many rows of how many."""
    for role in _roles(kind, metadata.side):
        for required in metadata.tables:
            rows: int = facts.value(_need(role, required)) or 0
            if rows < required.min_rows:
                party = facts.parties.get(role)
                who = {"party": role, "wallet": party.id} if party else {"party": role}
                yield {**who, **required.model_dump(mode="json"), "rows": rows}


def _roles(kind: EventKind, side: Side) -> list[str]:
    return sorted(
        role for role, stands in kind.parties.items() if "any" in (side, stands) or side == stands
    )


def _need(role: str, required: RequiredTable) -> Need:
    return Need("table", role, name=required.table, where=[list(one) for one in required.where])


def _wrong(metadata: RequiredTables, offers: Offers) -> Iterator[tuple[str, str]]:
    for index, required in enumerate(metadata.tables):
        place = f"/tables/{index}"
        if required.table not in offers.tables:
            near = nearest(required.table, offers.tables)
            yield f"{place}/table", f"there is no table {required.table}; {near}"
        for number, (field, operator, value) in enumerate(required.where):
            if what := _misfit(field, operator, value):
                yield f"{place}/where/{number}", what
            fields, name = offers.fields.get(required.table), field.partition(".")[0]
            if fields is not None and name not in fields:
                near = nearest(name, fields)
                yield f"{place}/where/{number}", f"rows have no field {name[:40]}; {near}"


def _misfit(field: str, operator: str, value: Any) -> str | None:
    if not field or len(field) > 200 or not all(field.split(".")):  # noqa: PLR2004 - of a path
        return "name a field, or one inside another as address.city"
    if operator == "in":
        listed = isinstance(value, tuple) and 0 < len(value) <= VALUES_MAX  # pyright: ignore[reportUnknownArgumentType]
        return None if listed else f"the value of in is a list of up to {VALUES_MAX}"
    if operator == "exists":
        return None if isinstance(value, bool) else "the value of exists is true or false"
    if isinstance(value, tuple):
        return f"{operator} compares with one value; use in"
    if operator in ORDERED and (isinstance(value, bool) or value is None):
        return f"{operator} compares numbers or texts"
    return None
