"""A decision made again from its record alone, under the same rules or others. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, cast

import orjson

from mmo.bep.asking import flag_of
from mmo.bep.catalogue import Catalogue
from mmo.bep.event import BusinessEvent, EventActor, Phase
from mmo.bep.facts import PartyFacts, RuleFacts
from mmo.bep.listener import BusinessEventListener, Consideration
from mmo.bep.snapshot import Snapshot
from mmo.kernel.money import Money

Word = Literal["allow", "ask", "refuse", "unknown"]
"""What the binding rules come to; `unknown`: a fact was not read then that would decide it."""
_TOLD = ("wallets", "actor", "amount", "facts", "rules", "decided_at", "business_date")
_NO_CLOCK = BusinessEventListener(clock_us=lambda: 0)
"""Rules are not timed here: how long one took then is no reason to decide otherwise now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One decision as the journal keeps it."""

    movement: str
    step: int
    """Of the journal: 1 executed or settled, 1001 reserved."""
    first: bool
    """Whether it is the movement's first decision; later ones are made after people agreed."""
    refusal: str | None
    meta: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A recorded decision that can be made again: nothing but its record is in it."""

    record: Record
    event: BusinessEvent
    facts: RuleFacts
    rules: Sequence[Mapping[str, Any]]
    """What each rule said then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the binding rules came to, and which of them made it so."""

    word: Word
    by: tuple[Mapping[str, Any], ...] = ()
    """Rows of the rules that refuse, that ask, or that lack a fact."""


def case_of(record: Record, catalogue: Catalogue) -> Case | None:
    """Read a record. None for one from before rules were recorded."""
    meta = record.meta
    kind = catalogue.kinds.get(meta.get("business_event", ""))
    if kind is None or any(name not in meta for name in _TOLD):
        return None
    amount, actor = meta["amount"], meta["actor"]
    now = datetime.fromisoformat(meta["decided_at"])
    event = BusinessEvent(
        kind=kind,
        phase=Phase.PRE,
        id=record.movement,
        at=now,
        actor=EventActor(
            subject=actor["subject"],
            client=actor["client"],
            roles=frozenset(actor.get("roles", ())),
            attributes=actor.get("attributes", {}),
        ),
        product=meta["product"],
        amount=Money(amount["minor"], amount["currency"]),
        parties={role: wallet["id"] for role, wallet in meta["wallets"].items()},
        data={"movement": meta["movement"]},
    )
    facts = RuleFacts(
        now=now,
        business_date=date.fromisoformat(meta["business_date"]),
        parties={role: _party(one) for role, one in meta["wallets"].items() if "kind" in one},
        values=meta["facts"],
    )
    return Case(record=record, event=event, facts=facts, rules=meta["rules"])


def considered(case: Case, rules: Snapshot) -> Consideration:
    """What rules say of the case now."""
    return _NO_CLOCK.before(case.event, case.facts, rules)


def answered(rows: Iterable[Mapping[str, Any]], read: Mapping[str, Any]) -> Answer:
    """What rows of a record come to. A rule whose facts are not among `read` has said nothing.

    A refusal stands whatever the others would have said; else nothing is known for certain.
    """
    binding = [row for row in rows if row["mode"] == "binding"]
    lacking = tuple(row for row in binding if any(key not in read for key in row.get("needs", ())))
    known = [row for row in binding if row not in lacking]
    if refusing := tuple(row for row in known if row["verdict"] == "refuse"):
        return Answer(word="refuse", by=refusing)
    if lacking:
        return Answer(word="unknown", by=lacking)
    asking = tuple(row for row in known if row["verdict"] == "require_approval")
    return Answer(word="ask", by=asking) if asking else Answer(word="allow")


def then(case: Case) -> Answer:
    """What the binding rules came to when it was decided."""
    return answered(case.rules, case.facts.values)


def now(case: Case, rules: Snapshot) -> Answer:
    """What other rules come to on the same facts."""
    return answered(considered(case, rules).rows(), case.facts.values)


def reproduced(case: Case, rules: Snapshot) -> bool:
    """Whether the rules that were recorded say the same again, byte for byte."""
    return _bytes(considered(case, rules).rows()) == _bytes(case.rules)


def _bytes(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows without the microseconds that rules took."""
    told = [{name: value for name, value in row.items() if name != "us"} for row in rows]
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def _party(seen: Mapping[str, Any]) -> PartyFacts:
    flags = cast("Sequence[Mapping[str, Any]]", seen.get("flags", ()))
    return PartyFacts(
        id=seen["id"],
        kind=seen["kind"],
        state=seen["state"],
        currency=seen.get("currency", ""),
        product=seen.get("product"),
        flags=tuple(flag_of(flag) for flag in flags),
        tier=seen.get("tier", 1),
    )
