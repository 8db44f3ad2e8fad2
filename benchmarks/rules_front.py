"""What rules cost a movement from outside: with none and with fifty in turns, and naive reads."""

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import psycopg

from benchmarks.movements import Run, measure, transfers
from benchmarks.people import People
from benchmarks.rules import EVENT, SETTINGS, rules
from benchmarks.stack import Stack
from workers.demo.people import DEMO

RULES = 50
NONE = "movement, no rules"
MANY = f"movement, {RULES} rules, {len(SETTINGS)} asked"
WORST = f"movement, {RULES} rules, all asked"
ORDER = (NONE, MANY, WORST)
READS = 300
_NAIVE = """SELECT v.metadata FROM bep.definition d
              JOIN bep.version v ON v.tenant_id = d.tenant_id AND v.definition_id = d.id
             WHERE d.tenant_id = %s AND d.event = %s AND d.phase = 'pre' AND d.processor = %s
               AND d.retired_at IS NULL AND v.state = 'active'"""
_FACTS = """SELECT movements.facts(%s, '{}', ARRAY[%s]::uuid[])::text,
                   bep.facts(%s, %s)::text"""
_SCANS = """SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::int
              FROM pg_stat_user_tables WHERE schemaname = 'bep' AND relname = 'version'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Milliseconds that one event's reads take, from one connection."""

    facts_ms: float
    """Facts of the movement and the roles of who asks, in one statement."""
    velocity_ms: float
    """The same, and the movements of a day of a wallet that has moved all the time."""
    naive_ms: float
    """The same, and one read of rules for each processor that has some."""
    statements: int
    """Of the naive way."""
    rule_reads: int
    """Scans of the table of rules while movements ran with rules in force."""
    movements: int


async def rounds(
    stack: Stack, people: People, callers: list[int], seconds: float, number: int
) -> tuple[list[list[Run]], Reads]:
    """Measure in turns, each first in every other round."""
    found: list[list[Run]] = []
    scans, moved = 0, 0
    with psycopg.connect(stack.plan.postgres().dsn("mmo"), autocommit=True) as books:
        _all_asked(books)
        for turn in range(number):
            one: list[Run] = []
            for many in callers:
                for what in ORDER[:: 1 if turn % 2 else -1]:
                    with _in_force(books, 0 if what == NONE else RULES, worst=what == WORST):
                        await measure(stack, what, many, 1.0, transfers(people))  # rules are read
                        before = _scans(books)
                        run = await measure(stack, what, many, seconds, transfers(people))
                        if what != NONE:
                            scans += _scans(books) - before
                            moved += run.count
                        one.append(run)
            found.append(sorted(one, key=lambda run: (run.callers, ORDER.index(run.what))))
        with _in_force(books, RULES, worst=False):
            facts, velocity, naive, statements = _reads(books, people)
    read = Reads(
        facts_ms=facts,
        velocity_ms=velocity,
        naive_ms=naive,
        statements=statements,
        rule_reads=scans,
        movements=moved,
    )
    return found, read


def sentences(done: list[list[Run]], reads: Reads, callers: list[int]) -> str:
    """The ratios, and what reading costs."""
    told: list[str] = []
    for many in callers:
        for what in (MANY, WORST):
            each = [round(_rate(runs, what, many) / _rate(runs, NONE, many), 2) for runs in done]
            told.append(f"{what}, {many} callers: {median(each):.2f} of none (rounds {each})")
    told.append(
        f"one read of facts {reads.facts_ms} ms, {reads.velocity_ms} ms with velocity; "
        f"with a read of rules for each processor, {reads.statements} statements, "
        f"{reads.naive_ms} ms"
    )
    told.append(f"{reads.rule_reads} scans of the rules in {reads.movements} movements")
    return "\n".join(told)


def _rate(runs: list[Run], what: str, callers: int) -> float:
    return next(run.rate for run in runs if (run.what, run.callers) == (what, callers))


def _all_asked(books: psycopg.Connection[Any]) -> None:
    """Let one event have more rules of a processor than the product permits: the worst case."""
    books.execute("DROP INDEX IF EXISTS bep.definition_triplet")


@contextmanager
def _in_force(books: psycopg.Connection[Any], number: int, *, worst: bool) -> Generator[None]:
    """So many rules while the block runs, none of which refuses.

    One of each processor is asked, and the others are of other products; or, at worst, all are.
    """
    with books.transaction():
        for index, one in enumerate(rules(number)):
            product = None if worst else index // len(SETTINGS) or None
            if one.processor in {"data-tables", "data-driven-authorisation"}:
                mode = "shadow"  # customers have no such rows and roles: it must not bind
            else:
                mode = "active"
            definition = f"0b{one.definition[2:]}"
            books.execute(
                """INSERT INTO bep.definition
                   (tenant_id, id, event, phase, product, processor, created_by)
                   VALUES (%s, %s, %s, 'pre', %s, %s, 'bench')
                   ON CONFLICT (tenant_id, id)
                   DO UPDATE SET retired_at = NULL, product = excluded.product""",
                [DEMO.id, definition, EVENT, product, one.processor],
            )
            books.execute(
                """INSERT INTO bep.version
                   (tenant_id, definition_id, number, state, wanted, metadata, made_by)
                   VALUES (%s, %s, 1, %s, %s, %s, 'bench') ON CONFLICT DO NOTHING""",
                [DEMO.id, definition, mode, mode, json.dumps(one.metadata)],
            )
        books.execute("SELECT ledger.raise_rules(%s)", [DEMO.id])
    try:
        yield
    finally:
        with books.transaction():
            books.execute(
                """UPDATE bep.definition SET retired_at = now()
                    WHERE tenant_id = %s AND created_by = 'bench'""",
                [DEMO.id],
            )
            books.execute("SELECT ledger.raise_rules(%s)", [DEMO.id])


def _scans(books: psycopg.Connection[Any]) -> int:
    time.sleep(1.2)  # statistics are told once a second
    row = books.execute(_SCANS).fetchone()
    return row[0] if row else 0


def _reads(books: psycopg.Connection[Any], people: People) -> tuple[float, float, float, int]:
    wallet = people.customers[0].wallet
    about: dict[str, Any] = {
        "txn": "x",
        "key": "k",
        "wallet": wallet,
        "attributes": {},
        "subject": "x",
    }
    roles = json.dumps([about | {"kind": "roles"}])
    velocity = json.dumps([about | {"kind": "velocity", "by": "wallet", "window_s": 86400}])
    names = sorted({one.processor for one in rules(RULES)})

    def facts(needs: str = roles) -> None:
        books.execute(_FACTS, [DEMO.id, wallet, DEMO.id, needs], prepare=True).fetchone()

    def naive() -> None:
        facts()
        for name in names:
            books.execute(_NAIVE, [DEMO.id, EVENT, name], prepare=True).fetchall()

    return _ms(facts), _ms(lambda: facts(velocity)), _ms(naive), 1 + len(names)


def _ms(work: Any) -> float:
    for _ in range(20):
        work()
    began = time.perf_counter()
    for _ in range(READS):
        work()
    return round((time.perf_counter() - began) / READS * 1e3, 2)
