"""The read models, folded in another way: from the entries of the ledger and the events.

They hold what movements did. What a day is recognised as, in the operator's own accounts, raises
no event: it is read in trial balances.
"""

from collections import Counter, defaultdict
from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from tests.mmo.moving import rows
from workers.days import DERIVED_STEP

Pool = AsyncConnectionPool[Any]


async def differences(pool: Pool) -> list[str]:
    """What the read models say that ledger and events do not; empty where they agree."""
    return [
        *_compared("balance", await _balances_of_entries(pool), await _balances_shown(pool)),
        *_compared("statement", await _entries(pool), await _statements_shown(pool)),
        *_compared("numbers", await _numbers(pool), {}),
        *_compared("movement", await _movements_of_events(pool), await _movements_shown(pool)),
    ]


def _compared(what: str, wanted: dict[Any, Any], shown: dict[Any, Any]) -> list[str]:
    return [
        f"{what} {key}: shown {shown.get(key)}, should be {wanted.get(key)}"
        for key in wanted.keys() | shown.keys()
        if wanted.get(key) != shown.get(key)
    ]


async def _balances_of_entries(pool: Pool) -> dict[Any, Any]:
    """(tenant, account) → posted, held, number of entries."""
    entries = await rows(
        pool,
        """SELECT tenant_id, account_id, sum(amount)::bigint, count(*) FROM ledger.entry
            WHERE step <> %s GROUP BY 1, 2""",
        DERIVED_STEP,
    )
    held = await rows(
        pool,
        """SELECT tenant_id, account_id, sum(amount)::bigint FROM ledger.hold WHERE state = 0
            GROUP BY 1, 2""",
    )
    set_aside = {(tenant, account): amount for tenant, account, amount in held}
    return {
        (tenant, account): (posted, set_aside.get((tenant, account), 0), number)
        for tenant, account, posted, number in entries
    }


async def _balances_shown(pool: Pool) -> dict[Any, Any]:
    shown = await rows(
        pool,
        """SELECT tenant_id, account_id, posted, held, entries FROM projections.balance_view
            WHERE (posted, held, entries) <> (0, 0, 0)""",
    )
    return {(tenant, account): tuple(rest) for tenant, account, *rest in shown}


async def _entries(pool: Pool) -> dict[Any, Any]:
    """Lines of all accounts by their number, with the balance right after (strict ones)."""
    found = await rows(
        pool,
        """SELECT tenant_id, account_id, seq, txn, step, amount, balance, journal_seq
             FROM ledger.entry WHERE step <> %s""",
        DERIVED_STEP,
    )
    return {tuple(row[:3]): tuple(row[3:]) for row in found}


async def _statements_shown(pool: Pool) -> dict[Any, Any]:
    found = await rows(
        pool,
        """SELECT tenant_id, account_id, number, movement_id, step, amount, balance, journal
             FROM projections.statement_view""",
    )
    return {tuple(row[:3]): tuple(row[3:]) for row in found}


async def _numbers(pool: Pool) -> dict[Any, Any]:
    """Strict accounts whose lines do not count 1, 2, 3 with a running balance."""
    found = await rows(
        pool,
        """SELECT tenant_id, account_id, number, amount, balance FROM projections.statement_view
            WHERE account_id > 0 ORDER BY tenant_id, account_id, number""",
    )
    wrong: dict[Any, Any] = {}
    last: defaultdict[Any, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for tenant, account, number, amount, balance in found:
        before, had = last[tenant, account]
        if (number, balance) != (before + 1, had + amount):
            wrong[tenant, account, number] = (before + 1, had + amount)
        last[tenant, account] = (number, balance)
    return wrong


async def _movements_of_events(pool: Pool) -> dict[Any, Any]:
    """Movement → state, amount, actor, newest journal number, refusal; from its events in order.

    What was taken back says so: wholly, or in part.
    """
    found = await rows(
        pool,
        """SELECT tenant_id, aggregate_id, actor, data FROM messaging.event
            WHERE aggregate = 'movement' ORDER BY xid, seq""",
    )
    told: dict[Any, Any] = {}
    back, of = Counter[Any](), dict[Any, int]()
    for tenant, movement, actor, data in found:
        before = told.get((tenant, movement))
        journal = before[3] if before and data["outcome"] == "refused" else data["journal"]
        if before is None and data["outcome"] == "refused":
            journal = None
        told[tenant, movement] = (
            data["state"], data["amount_minor"], actor, journal, data["refusal"],
            sorted(data["parties"].values()),
        )  # fmt: skip
        if "takes_back" in data and data["outcome"] == "posted":
            original = (tenant, UUID(data["takes_back"]["original"]))
            back[original] += data["takes_back"]["amount_minor"]
            of[original] = data["takes_back"]["of_minor"]
    for original, minor in back.items():
        state = "reversed" if minor == of[original] else "partially_refunded"
        told[original] = (state, *told[original][1:])
    return told


async def _movements_shown(pool: Pool) -> dict[Any, Any]:
    found = await rows(
        pool,
        """SELECT tenant_id, id, state, amount_minor, actor, journal, refusal,
                  array(SELECT w.wallet FROM projections.movement_wallet w
                         WHERE w.tenant_id = v.tenant_id AND w.movement_id = v.id)
             FROM projections.movement_view v""",
    )
    return {
        (row[0], row[1]): (*row[2:7], sorted(str(wallet) for wallet in row[7])) for row in found
    }
