"""Rules asked about an event that nobody has caused: what each would say, and on which facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from mmo.bep.asking import asked_for, party_of
from mmo.bep.event import BusinessEvent, EventActor, EventKind, Phase
from mmo.bep.facts import PartyFacts, RuleFacts
from mmo.bep.listener import BusinessEventListener
from mmo.bep.postgres import Snapshots
from mmo.bep.processors.data_tables import DataTables, missing_tables
from mmo.bep.snapshot import Snapshot
from mmo.kernel.money import Money
from mmo.trials.redeciding import answered

Connection = AsyncConnection[Any]
NOBODY = "hypothetical"
"""The id of an event, and of a wallet, that there is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An event to be thought of."""

    tenant: int
    kind: EventKind
    actor: EventActor
    amount: Money | None = None
    product: int | None = None
    wallets: Mapping[str, str] = field(default_factory=dict[str, str])
    """Role → id of a wallet there is: its facts are read."""
    made_up: Mapping[str, PartyFacts] = field(default_factory=dict[str, PartyFacts])
    """Role → a wallet that is only thought of; it has no history and no documents."""
    at: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """The event with its facts, and the rules in force."""

    event: BusinessEvent
    facts: RuleFacts
    rules: Snapshot


async def thought_of(connection: Connection, snapshots: Snapshots, asked: Question) -> Thought:
    """Read what rules need, as for a real event. Raises LookupError for an unknown wallet."""
    wallets = [UUID(wallet) for wallet in asked.wallets.values()]
    cursor = await connection.execute("SELECT changes.facts(%s, %s)", [asked.tenant, wallets])
    row: Any = await cursor.fetchone()
    told: Mapping[str, Any] = row[0]
    rules = await snapshots.at_least(asked.tenant, told["rules_version"], connection)
    known = {wallet["id"]: party_of(wallet) for wallet in told["wallets"]}
    if lacking := set(asked.wallets.values()) - known.keys():
        raise LookupError(f"there is no wallet {min(lacking)}")
    parties = dict(asked.made_up)
    parties |= {role: known[wallet] for role, wallet in asked.wallets.items()}
    now = asked.at or datetime.fromisoformat(told["now"])
    facts = RuleFacts(
        now=now,
        business_date=date.fromisoformat(told["business_date"]) if asked.at is None else now.date(),
        parties=parties,
        values=await _values(connection, rules, asked),
    )
    product = asked.product
    if product is None and asked.kind.product:
        product = next((parties[role].product for role in asked.kind.parties if role in parties),
                       None)  # fmt: skip
    event = BusinessEvent(
        kind=asked.kind,
        phase=Phase.PRE,
        id=NOBODY,
        at=now,
        actor=asked.actor,
        product=product,
        amount=asked.amount,
        parties={role: party.id for role, party in parties.items()},
        data=asked.data,
    )
    return Thought(event=event, facts=facts, rules=rules)


async def _values(connection: Connection, rules: Snapshot, asked: Question) -> dict[str, Any]:
    actor = asked.actor
    needs = [
        asked_for(need, asked.kind.name, NOBODY, asked.wallets, actor.subject, actor.attributes)
        for need in rules.needs(asked.kind.name, Phase.PRE)
    ]
    if not needs:
        return {}
    cursor = await connection.execute("SELECT bep.facts(%s, %s)", [asked.tenant, Jsonb(needs)])
    row: Any = await cursor.fetchone()
    return row[0].get(NOBODY, {})


def explained(thought: Thought) -> dict[str, Any]:
    """What each rule says, on which facts, and what it comes to."""
    event, facts = thought.event, thought.facts
    said = BusinessEventListener().before(event, facts, thought.rules)
    rows = said.rows()
    for row in rows:
        row["facts"] = {key: facts.values.get(key) for key in row.pop("needs", ())}
    return {
        "event": event.kind.name,
        "binds": not event.kind.declared,
        "at": event.at.isoformat(),
        "product": event.product,
        "parties": {role: _shown(party) for role, party in facts.parties.items()},
        "rules": rows,
        "comes_to": answered(said.rows(), facts.values).word,
        "violations": said.told_violations(),
        "asks": [ask.row() for ask in said.asks],
    }


def missing(thought: Thought, party: str) -> list[dict[str, Any]]:
    """What rows of data tables are still missing about a party, by the binding rules."""
    event, found = thought.event, list[dict[str, Any]]()
    rules = thought.rules.rules(event.kind.name, Phase.PRE, event.product, thought.facts.now)
    for rule in rules:
        if rule.stored.mode != "binding" or not isinstance(rule.processor, DataTables):
            continue
        for one in missing_tables(event.kind, thought.facts, rule.metadata):
            if one["party"] == party:
                found.append({**one, "definition": rule.stored.definition})
    return found


def _shown(party: PartyFacts) -> dict[str, Any]:
    return {
        "id": party.id,
        "kind": party.kind,
        "state": party.state,
        "product": party.product,
        "flags": sorted({flag.code for flag in party.flags}),
    }
