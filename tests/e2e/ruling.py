"""Rules of a running operator, put straight into its tables, and taken out again."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg

from tests.e2e.town import Holder, Town


@contextmanager
def rule(
    books: psycopg.Connection,
    event: str,
    processor: str,
    metadata: Any,
    *,
    phase: str = "post",
    product: int | None = None,
    state: str = "active",
    tenant: int = 1,
) -> Iterator[str]:
    """A rule in force while the block runs; its definition's id."""
    definition = str(uuid4())
    with books.transaction():
        books.execute(
            """INSERT INTO bep.definition (tenant_id, id, event, phase, product, processor,
                                           created_by) VALUES (%s, %s, %s, %s, %s, %s, 'tests')""",
            [tenant, definition, event, phase, product, processor],
        )
        books.execute(
            """INSERT INTO bep.version (tenant_id, definition_id, number, state, wanted, metadata,
                                        made_by) VALUES (%s, %s, 1, %s, %s, %s, 'tests')""",
            [tenant, definition, state, state, json.dumps(metadata)],
        )
        books.execute("SELECT ledger.raise_rules(%s)", [tenant])
    try:
        yield definition
    finally:
        with books.transaction():
            books.execute(
                "UPDATE bep.definition SET retired_at = now() WHERE tenant_id = %s AND id = %s",
                [tenant, definition],
            )
            books.execute("SELECT ledger.raise_rules(%s)", [tenant])


def give_product(books: psycopg.Connection, wallet: str, product: int, tenant: int = 1) -> None:
    """Let a wallet be of a product, as if it had been opened so: a rule is then about it alone."""
    with books.transaction():
        books.execute("SET LOCAL session_replication_role = replica")  # events are append-only
        books.execute(
            """UPDATE messaging.event SET data = data || jsonb_build_object('product', %s::int)
                WHERE tenant_id = %s AND aggregate = 'wallet' AND aggregate_id = %s
                  AND version = 1""",
            [product, tenant, wallet],
        )
        books.execute(
            "UPDATE wallets.wallet SET product = %s WHERE tenant_id = %s AND id = %s",
            [product, tenant, wallet],
        )


BANDS = "/bep/data-driven-authorisation"


async def product(town: Town) -> int:
    number = 1000 + secrets.randbelow(10**8)
    body = {"id": number, "kind": "customer", "name": f"product {number}"}
    added = await town.staff.post("/v1/products", body)
    assert added.status_code == 201, added.text
    return number


async def sender(town: Town, books: psycopg.Connection, value: str = "500") -> tuple[Holder, int]:
    """A customer whose wallet is of a product of its own, so that rules are about it alone."""
    alice, number = await town.customer(value), await product(town)
    give_product(books, alice.wallet, number)
    return alice, number


async def created(town: Town, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await town.staff.post(path, body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def rules_of_one(books: psycopg.Connection) -> None:
    """Rules of the demo need no second person from now on; the other tenant's do."""
    books.execute(
        """INSERT INTO bep.settings (tenant_id, four_eyes) VALUES (1, false)
           ON CONFLICT (tenant_id) DO UPDATE SET four_eyes = false"""
    )
