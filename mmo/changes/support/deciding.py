"""A change as its rules see it: the business event, the facts, and the decision record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from mmo.bep.asking import asked_for, party_of
from mmo.bep.event import BusinessEvent, EventActor, Phase
from mmo.bep.facts import RuleFacts
from mmo.bep.listener import Consideration
from mmo.bep.postgres import Snapshots
from mmo.bep.snapshot import Snapshot
from mmo.bep.verdict import Approval, Ask
from mmo.changes.support.asked import Asked
from mmo.changes.support.registry import ChangeKind

WALLET = "wallet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the rules of a change are asked about, and on which facts."""

    event: BusinessEvent
    facts: RuleFacts
    rules: Snapshot
    rules_version: int
    wallets: tuple[Mapping[str, Any], ...]


async def case_of(
    connection: AsyncConnection[Any], snapshots: Snapshots, kind: ChangeKind, asked: Asked
) -> Case:
    """Read all facts in the transaction of the change; the wallet that takes part stays so."""
    tenant, parties = asked.tenant_id, parties_of(kind, asked)
    wallets = [UUID(wallet) for wallet in parties.values()]
    await connection.execute(
        "SELECT FROM wallets.wallet WHERE tenant_id = %s AND id = ANY (%s) FOR UPDATE",
        [tenant, wallets],
    )
    cursor = await connection.execute("SELECT changes.facts(%s, %s)", [tenant, wallets])
    row: Any = await cursor.fetchone()
    told: Mapping[str, Any] = row[0]
    rules = await snapshots.at_least(tenant, told["rules_version"], connection)
    known = {wallet["id"]: party_of(wallet) for wallet in told["wallets"]}
    facts = RuleFacts(
        now=datetime.fromisoformat(told["now"]),
        business_date=date.fromisoformat(told["business_date"]),
        parties={role: known[one] for role, one in parties.items() if one in known},
        values=await _values(connection, rules, asked, parties),
    )
    return Case(
        event=_event(kind, asked, parties, facts),
        facts=facts,
        rules=rules,
        rules_version=told["rules_version"],
        wallets=tuple(told["wallets"]),
    )


def parties_of(kind: ChangeKind, asked: Asked) -> dict[str, str]:
    """The wallet that takes part: the one that is changed."""
    entity, _, identifier = asked.object.partition("/")
    return {WALLET: identifier} if WALLET in kind.raises.parties and entity == WALLET else {}


async def _values(
    connection: AsyncConnection[Any], rules: Snapshot, asked: Asked, parties: Mapping[str, str]
) -> Mapping[str, Any]:
    change, actor = str(asked.id), asked.actor
    needs = [
        asked_for(need, asked.event, change, parties, actor.subject, actor.attributes)
        for need in rules.needs(asked.event, Phase.PRE)
    ]
    if not needs:
        return {}
    cursor = await connection.execute("SELECT bep.facts(%s, %s)", [asked.tenant_id, Jsonb(needs)])
    row: Any = await cursor.fetchone()
    return row[0].get(change, {})


def _event(
    kind: ChangeKind, asked: Asked, parties: Mapping[str, str], facts: RuleFacts
) -> BusinessEvent:
    wallet, actor = facts.parties.get(WALLET), asked.actor
    product = wallet.product if wallet else asked.body.get("product")
    return BusinessEvent(
        kind=kind.raises,
        phase=Phase.PRE,
        id=str(asked.id),
        at=facts.now,
        actor=EventActor(
            subject=actor.subject, client=actor.client, roles=frozenset(actor.roles),
            attributes=actor.attributes,
        ),
        product=product if kind.raises.product else None,
        parties=parties,
        data={"object": asked.object, **kind.shown(asked.body)},
    )  # fmt: skip


def record_of(
    asked: Asked, case: Case, said: Consideration, asks: Sequence[Ask],
    approvals: Sequence[Approval],
) -> dict[str, Any]:  # fmt: skip
    """The decision record. Ids and codes only."""
    actor = asked.actor
    record: dict[str, Any] = {
        "business_event": asked.event,
        "change": str(asked.id),
        "decided_at": case.facts.now.isoformat(),
        "business_date": case.facts.business_date.isoformat(),
        "rules_version": case.rules_version,
        "product": case.event.product,
        "actor": {
            "subject": actor.subject,
            "client": actor.client,
            "roles": list(actor.roles),
            "attributes": dict(actor.attributes),
        },
        "wallets": dict(zip(case.event.parties, map(dict, case.wallets), strict=False)),
        "rules": said.rows(),
        "facts": dict(case.facts.values),
    }
    if said.violations:
        record["violations"] = said.told_violations()
    if asks:
        record["asks"] = [ask.row() for ask in asks]
        record["approvals"] = [
            {"subject": one.subject, "roles": list(one.roles)} for one in approvals
        ]
    return record
