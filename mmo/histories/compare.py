"""Comparing what a history tells with the journal and the read model."""

from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mmo.histories.fold import Folded
from mmo.movements.support.taking_back import TAKEN_BACK


async def differences(connection: AsyncConnection[Any], folded: Folded) -> list[str]:
    """Where journal and read model tell something else; empty where all three agree."""
    found = await _journal(connection, folded)
    found += await _view(connection, folded)
    return found


async def _journal(connection: AsyncConnection[Any], folded: Folded) -> list[str]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(
        """SELECT step, seq, refusal, meta FROM ledger.journal
            WHERE tenant_id = %s AND txn = %s ORDER BY seq""",
        [folded.tenant_id, UUID(folded.movement)],
    )
    rows = await cursor.fetchall()
    told, kept = [_canonical(one) for one in folded.records], [_canonical(r["meta"]) for r in rows]
    if told != kept:
        return [f"the journal has {len(kept)} records, the history {len(told)}, or others"]
    accepted = [row["seq"] for row in rows if row["refusal"] is None]
    newest = accepted[-1] if accepted else None
    return [] if newest == folded.journal else [f"journal {newest} against {folded.journal}"]


async def _view(connection: AsyncConnection[Any], folded: Folded) -> list[str]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(
        """SELECT type, state, taken_back_minor, amount_minor, currency, journal, refusal,
                  posted_at,
                  array(SELECT w.wallet FROM projections.movement_wallet w
                         WHERE w.tenant_id = v.tenant_id AND w.movement_id = v.id) AS wallets
             FROM projections.movement_view v WHERE tenant_id = %s AND id = %s""",
        [folded.tenant_id, UUID(folded.movement)],
    )
    row = await cursor.fetchone()
    if row is None:
        return [] if folded.state == "accepted" else ["the read model does not know it"]
    if row.pop("taken_back_minor"):
        row["state"] = "posted"  # What took it back is another movement, with its own history.
    row["wallets"] = tuple(sorted(str(wallet) for wallet in row["wallets"]))
    row["posted_at"] = row["posted_at"].isoformat() if row["posted_at"] else None
    if folded.state == "posted" and row["state"] in TAKEN_BACK:
        row["state"] = "posted"  # that it was taken back since is told by other histories
    return [
        f"{name}: read model {row[name]}, history {getattr(folded, name)}"
        for name in row
        if row[name] != getattr(folded, name)
    ]


def _canonical(record: dict[str, Any]) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
