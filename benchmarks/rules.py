"""What rules cost: the decision alone by the number of rules, and decisions made again."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any
from uuid import UUID

from mmo.bep.event import BusinessEvent, EventActor, Phase
from mmo.bep.facts import PartyFacts, RuleFacts
from mmo.bep.listener import BusinessEventListener
from mmo.bep.registry import processors
from mmo.bep.snapshot import Snapshot, Stored, compiled
from mmo.kernel.identifiers import mint
from mmo.kernel.money import Money
from mmo.movements.support.business_events import business_events
from mmo.trials.redeciding import Record
from mmo.trials.rulebook import Rulebook, tallied

NUMBERS = (0, 1, 10, 50, 500)
EVENT = "wallet.transfer"
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
BANDS = [
    {"fromMinor": low * 1_000_00, "toMinor": (low + 1) * 1_000_00, "roles": ["teller"]}
    for low in range(20)
]
SETTINGS: dict[str, Any] = {
    "expression": {"expression": "event.amount.minor <= 500000 || parties.payer.kind == 'agent'"},
    "account-flagging": {"blockedForFlags": ["SUSPECT", "DECEASED"]},
    "velocity": {"limits": [{"by": "wallet", "windowSeconds": 86400, "maxNumber": 1_000_000}]},
    "data-driven-authorisation": {"currency": "KES", "bands": BANDS, "otherwise": "ask"},
    "data-tables": {"tables": [{"table": "kyc_check", "minRows": 1}], "side": "payer"},
}
"""One rule of each validator; more are these in turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Microseconds of processor time."""

    rules: int
    decision_us: float
    again_us: float
    """Of reading a record and deciding it twice: under its own rules, and under others."""


def rules(number: int) -> Iterator[Stored]:
    """So many rules that are all asked: no product takes the place of another."""
    for index, name in enumerate(islice(cycle(SETTINGS), number)):
        yield Stored(
            definition=str(UUID(int=index)), version=1, event=EVENT, phase=Phase.PRE, product=None,
            processor=name, mode="binding", metadata=SETTINGS[name],
        )  # fmt: skip


def snapshot(number: int) -> Snapshot:
    """The rules, compiled as each process holds them."""
    return compiled(1, rules(number), processors(), business_events().kinds)


def measure(seconds: float) -> list[Cost]:
    """For each number of rules, as long as that."""
    return [_cost(number, seconds) for number in NUMBERS]


def _cost(number: int, seconds: float) -> Cost:
    held, listener = snapshot(number), BusinessEventListener()
    event, facts = _event(), _facts(held)
    said = listener.before(event, facts, held)
    assert len(said.said) == number
    record = _record(event, facts, said.rows())
    book = Rulebook(catalogue=business_events(), processors=processors())
    book.learn(rules(number))

    def again() -> None:
        tally = tallied([record], held, book)
        assert tally.reproduced == 1

    return Cost(
        rules=number,
        decision_us=_us(lambda: listener.before(event, facts, held), seconds),
        again_us=_us(again, seconds),
    )


def _us(work: Callable[[], object], seconds: float) -> float:
    work()
    done, began = 0, time.thread_time()
    while (spent := time.thread_time() - began) < seconds or done == 0:
        work()
        done += 1
    return round(spent / done * 1e6, 1)


def _event() -> BusinessEvent:
    return BusinessEvent(
        kind=business_events().kinds[EVENT], phase=Phase.PRE, id=str(mint()), at=NOW,
        actor=EventActor(subject="teller-1", client="bench", roles=frozenset({"teller"})),
        amount=Money(25_00, "KES"), parties={"payer": "w-1", "payee": "w-2"},
        data={"movement": "p2p-transfer"},
    )  # fmt: skip


def _facts(held: Snapshot) -> RuleFacts:
    known: dict[str, Any] = {"roles": ["teller"], "velocity": {"n": 3, "sum": 75_00}, "table": 1}
    parties = {
        role: PartyFacts(id=name, kind="customer", state="active", currency="KES")
        for role, name in (("payer", "w-1"), ("payee", "w-2"))
    }
    values = {need.key: known[need.kind] for need in held.needs(EVENT, Phase.PRE)}
    return RuleFacts(now=NOW, business_date=NOW.date(), parties=parties, values=values)


def _record(event: BusinessEvent, facts: RuleFacts, rows: list[dict[str, Any]]) -> Record:
    assert event.amount is not None
    wallets = {
        role: {"id": one.id, "kind": one.kind, "state": one.state, "currency": one.currency}
        for role, one in facts.parties.items()
    }
    meta: dict[str, Any] = {
        "movement": "p2p-transfer", "business_event": EVENT, "product": None,
        "amount": {"minor": event.amount.minor, "currency": "KES"},
        "actor": {"subject": "teller-1", "client": "bench", "roles": ["teller"]},
        "wallets": wallets, "business_date": facts.business_date.isoformat(),
        "decided_at": NOW.isoformat(), "facts": dict(facts.values), "rules": rows,
    }  # fmt: skip
    return Record(movement=event.id, step=1, first=True, refusal=None, meta=meta)


def table(costs: list[Cost]) -> str:
    """The table, in Markdown. A record is decided twice when it is tried."""
    lines = [
        "| rules asked | µs a decision | µs a record, decided twice | decisions a CPU second |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {one.rules} | {one.decision_us:,} | {one.again_us:,} | {2e6 / one.again_us:,.0f} |"
        for one in costs
    ]
    return "\n".join(lines)
