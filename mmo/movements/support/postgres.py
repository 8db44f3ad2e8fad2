"""Facts in Postgres: one call a movement, shared by all that wait."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from mmo.bep.asking import fields_of
from mmo.bep.postgres import Snapshots
from mmo.bep.snapshot import Snapshot
from mmo.dated.postgres import Held
from mmo.ledger import packing
from mmo.ledger.batcher import Batcher, Limits, RepeatError
from mmo.ledger.ports import KeyReusedError
from mmo.ledger.recorded import Recorded
from mmo.movements.support import vouchers
from mmo.movements.support.accepted import accepted_command, evidence_of
from mmo.movements.support.business_events import business_events, kind_of
from mmo.movements.support.catalogue import movements
from mmo.movements.support.decide import fingerprint
from mmo.movements.support.facts import AccountFacts, Facts, WalletFacts
from mmo.movements.support.outcome import Request, Verb
from mmo.movements.support.ports import UnknownTenantError
from mmo.movements.support.pricing import FreeUse, free_uses
from mmo.movements.support.rules import needs_of
from mmo.movements.support.taking_back import original_of
from mmo.movements.support.terms import EMPTY, Terms, compiled
from mmo.tenancy.scope import scoped

Pool = AsyncConnectionPool[Any]

FACTS_LIMITS = Limits(lanes=2, batch=100, waiting=4096, deadline=10.0)

_MOVEMENTS_FACTS = """movements.facts(%b::int, %b::uuid[], %b::uuid[], %b::uuid[],
                                      %b::smallint[], %b::uuid[])::text"""
_FACTS = f"SELECT {_MOVEMENTS_FACTS}"
_NEEDS = ", bep.facts(%b::int, %b::jsonb)::text"
_ORIGINALS = ", movements.originals(%b::int, %b::uuid[])::text"
_CHART = "SELECT code, currency, account_id FROM movements.chart WHERE tenant_id = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What one call saw, with the rules and terms that it was made for."""

    rules: Snapshot
    terms: Terms
    read: Mapping[str, Any]
    values: Mapping[str, Mapping[str, Any]]
    originals: Mapping[str, Mapping[str, Any]]
    """Movement that is to be undone → what the books have of it."""
    free: Mapping[str, list[FreeUse]]
    """Movement → the counters of free uses that were asked for."""


class PostgresFacts:
    """Reads facts; requests of one tenant that wait at the same time share a call."""

    def __init__(self, pool: Pool, limits: Limits = FACTS_LIMITS) -> None:
        self._pool = pool
        self._limits = limits
        self._rules = Snapshots(pool, business_events())
        self._terms = Held(pool, compiled, EMPTY)
        self._queues: dict[int, Batcher[tuple[Request, Verb], Facts]] = {}
        self._charts: dict[int, dict[tuple[str, str], int]] = {}

    async def read(self, request: Request, verb: Verb) -> Facts:
        """Read the facts of one step. Raises KeyReusedError where the key has another request."""
        tenant = request.envelope.tenant_id
        if tenant not in self._queues:
            self._queues[tenant] = Batcher(self._serve, self._limits)
        return await self._queues[tenant].ask((request, verb))

    async def recipient(self, request: Request) -> str | None:
        """The wallet that was opened for a voucher's number, if it takes money by now."""
        tenant = request.envelope.tenant_id
        async with scoped(self._pool, tenant) as connection:
            return await vouchers.recipient(connection, tenant, UUID(_id(request)))

    async def close(self) -> None:
        """Answer what waits, and stop."""
        for queue in self._queues.values():
            await queue.close()

    async def _serve(
        self, asked: Sequence[tuple[Request, Verb]], _: bool
    ) -> Sequence[Facts | Exception]:
        tenant = asked[0][0].envelope.tenant_id
        try:
            chart = await self._chart(tenant)
            proved = [UUID(_id(one)) for one, verb in asked if rests_on_rows(one, verb)]
            seen = await self._read(tenant, [request for request, _ in asked], proved)
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise RepeatError(str(error), halve=False) from error
        known = {wallet["id"]: _wallet(wallet) for wallet in seen.read["wallets"]}
        return [_facts(request, verb, seen, known, chart) for request, verb in asked]

    async def _read(self, tenant: int, asked: Sequence[Request], proved: Sequence[UUID]) -> "_Seen":
        """One call, made for the rules and terms that this process holds; another where old."""
        rules, terms = self._rules.held(tenant), self._terms.held(tenant)
        while True:
            needs = [one for request in asked for one in _needs(rules, request)]
            free = {_id(request): free_uses(terms, request) for request in asked}
            read, values, originals = await self._call(tenant, asked, needs, free, proved)
            seen = _Seen(
                rules=rules, terms=terms, read=read, values=values, originals=originals, free=free
            )
            version = read["rules_version"]
            if min(rules.version, terms.version) >= version:
                return seen
            rules = await self._rules.at_least(tenant, version)
            terms = await self._terms.at_least(tenant, version)
            wanted = (_needs(rules, request) or free_uses(terms, request) for request in asked)
            if not any(wanted):
                return replace(seen, rules=rules, terms=terms)

    async def _call(
        self, tenant: int, asked: Sequence[Request], needs: list[dict[str, Any]],
        free: Mapping[str, list[FreeUse]], proved: Sequence[UUID],
    ) -> tuple[Mapping[str, Any], ...]:  # fmt: skip
        txns = [UUID(_id(request)) for request in asked]
        wallets = {UUID(wallet) for request in asked for wallet in _wallets_of(request)}
        counters = [one for uses in free.values() for one in uses]
        values: list[object] = [
            tenant,
            packing.uuids(txns),
            packing.uuids(list(wallets)),
            packing.uuids([UUID(one.wallet) for one in counters]),
            packing.int2s([one.bucket for one in counters]),
            packing.uuids(proved),
        ]
        originals = [UUID(one) for request in asked if (one := original_id(request))]
        query = _FACTS + (_NEEDS if needs else ", NULL") + (_ORIGINALS if originals else ", NULL")
        values += [tenant, Jsonb(needs)] if needs else []
        values += [tenant, packing.uuids(originals)] if originals else []
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query, values, prepare=True, binary=True)
            row = await cursor.fetchone()
        if row is None or row[0] is None:
            raise UnknownTenantError(f"tenant {tenant} is not in the ledger")
        return tuple(orjson.loads(told or "{}") for told in row)

    async def _chart(self, tenant: int) -> Mapping[tuple[str, str], int]:
        """The operator's chart of accounts: opened with the tenant, and never changed."""
        if tenant not in self._charts:
            async with scoped(self._pool, tenant) as connection:
                cursor = await connection.execute(_CHART, [tenant])
                rows = await cursor.fetchall()
            self._charts[tenant] = {(code, currency): number for code, currency, number in rows}
        return self._charts[tenant]


def _id(request: Request) -> str:
    return request.envelope.movement


def original_id(request: Request) -> str | None:
    """The movement that is to be undone, where the request is for that."""
    return request.command["original"] if movements()[request.movement].takes_back else None


def rests_on_rows(request: Request, verb: Verb) -> bool:
    """Whether more than the command must prove it: any step but the first, or what was held."""
    first = movements()[request.movement].steps[0]
    return verb in {Verb.SETTLE, Verb.RELEASE} or request.step != first.number


def _needs(rules: Snapshot, request: Request) -> list[dict[str, Any]]:
    """What the rules of a request's event want read; they are asked at its first step."""
    movement = movements()[request.movement]
    if not movement.decides(request.step):
        return []
    return needs_of(rules, kind_of(movement), request, movement.parties_of(request.command))


def _wallets_of(request: Request) -> Iterable[str]:
    named = movements()[request.movement].parties_of(request.command)
    return [*named.values(), *request.joined.values()]


def _wallet(read: Mapping[str, Any]) -> WalletFacts:
    accounts = {
        product: AccountFacts(id=account["id"], version=account["version"])
        for product, account in read["accounts"].items()
    }
    return WalletFacts(
        accounts=accounts, party=read["party"], earners=read["earners"] or {}, **fields_of(read)
    )


def _facts(
    request: Request,
    verb: Verb,
    seen: "_Seen",
    wallets: Mapping[str, WalletFacts],
    chart: Mapping[tuple[str, str], int],
) -> Facts | Exception:
    read = seen.read
    rows = [row for row in read["journal"] if row["txn"] == request.envelope.movement]
    accepted = accepted_command(read, request)
    now = datetime.fromisoformat(read["now"])
    evidence = evidence_of(read["proved"].get(_id(request)), rows, now)
    recorded: Mapping[str, Any] | None = None
    if accepted is not None:
        try:
            recorded = _recorded_row(request, verb, rows)
        except KeyReusedError as error:
            return error
    original = seen.originals.get(original_id(request) or "")
    taken = [row for row in rows if row["refusal"] is None and row["meta"].get("prices")]
    return Facts(
        now=now,
        today=date.fromisoformat(read["today"]),
        business_date=date.fromisoformat(read["business_date"]),
        rules_version=read["rules_version"],
        accepted=accepted,
        evidence=evidence,
        wallets=wallets,
        chart=chart,
        terms=taken[0]["meta"]["prices"] if taken else None,
        tariff=taken[0]["meta"].get("tariff") if taken else None,
        operator=seen.terms,
        used={
            one.charge: row["n"]
            for one in seen.free[_id(request)]
            for row in read["free"]
            if (row["wallet"], row["bucket"]) == (one.wallet, one.bucket)
        },
        rules=seen.rules,
        values=seen.values.get(_id(request), {}),
        original=original_of(original) if original else None,
        recorded=_recorded(recorded) if recorded else None,
    )


def _recorded_row(
    request: Request, verb: Verb, rows: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """What is on record for the step. Raises KeyReusedError where that is another request."""
    for done in (verb, Verb.RESERVE) if verb is Verb.EXECUTE else (verb,):
        number = done.number(request.step)  # what rules asked approval for was reserved instead
        row = next((one for one in rows if one["step"] == number), None)
        if row is None:
            continue
        if bytes.fromhex(row["fingerprint"]) != fingerprint(request, done):
            raise KeyReusedError(f"{_id(request)}/{number} is on record for another")
        return row
    return None


def _recorded(row: Mapping[str, Any]) -> Recorded:
    return Recorded(
        journal=row["seq"],
        xid=row["xid"],
        refusal=row["refusal"],
        detail=row["detail"] or {},
        meta=row["meta"],
        replayed=True,
    )
