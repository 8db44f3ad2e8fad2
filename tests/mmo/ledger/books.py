"""A tenant's books for tests: accounts are opened, postings made, and posted by one connection."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg

from mmo.ledger import packing
from mmo.ledger.encoding import BATCH, OUTCOMES, decode, encode
from mmo.ledger.posting import Instance, Kind, Leg, Posting, UsageRow
from mmo.ledger.recorded import Recorded, Stale

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = date(2026, 11, 24)
_POST = f"SELECT {OUTCOMES} FROM ledger.post({BATCH}, %b)"
_numbers = itertools.count(1)


def new_txn() -> UUID:
    """A UUIDv7 of this month, each one greater than the last."""
    return UUID(int=(int(NOW.timestamp() * 1000) << 80) | 7 << 76 | 2 << 62 | next(_numbers))


def posting(*legs: Leg, kind: Kind = Kind.POST, **more: Any) -> Posting:
    """A posting of tenant 1 with what does not matter filled in."""
    filled = {
        "tenant_id": 1,
        "txn": new_txn(),
        "step": 1,
        "code": "p2p-transfer",
        "fingerprint": b"request",
        "effective_at": NOW,
        "business_date": TODAY,
    }
    return Posting(legs=legs, kind=kind, **{**filled, **more})


def pay(payer: int | Instance, payee: int | Instance, amount: int, **more: Any) -> Posting:
    """Move an amount from one account to another."""
    return posting(
        Leg(account=payer, amount=-amount, role="payer"),
        Leg(account=payee, amount=amount, role="payee"),
        **more,
    )


def hold(payer: int, payee: int, amount: int, **more: Any) -> Posting:
    """Reserve an amount for a later payment."""
    return posting(
        Leg(account=payer, amount=-amount, role="payer", reserve=True),
        Leg(account=payee, amount=amount, role="payee"),
        kind=Kind.HOLD,
        **more,
    )


def counted(account: int, amount: int, **caps: Any) -> UsageRow:
    """A row of the daily counter."""
    return UsageRow(account=account, bucket=1, period=TODAY, amount=amount, **caps)


def batch(
    connection: psycopg.Connection[Any], postings: Sequence[Posting]
) -> list[Recorded | Stale | Exception]:
    """Post several at once, the second time with the check where the first meets a known key."""
    packing.register(connection)
    values = encode(postings)
    try:
        row = connection.execute(_POST, [*values, False], binary=True).fetchone()
    except psycopg.DatabaseError as error:
        if error.sqlstate != "LB009":
            raise
        row = connection.execute(_POST, [*values, True], binary=True).fetchone()
    assert row
    return decode(postings, row)


@dataclass
class Books:
    """The books of one tenant. The trust bank's mirror is deferred: money comes from there."""

    connection: psycopg.Connection[Any]
    tenant: int = 1
    trust: int = field(init=False)

    def __post_init__(self) -> None:
        self.connection.execute("SELECT ledger.open_tenant(%s)", [self.tenant])
        self.trust = self.open("TRUST_BANK", deferred=True)

    def open(
        self,
        code: str = "CUSTOMER",
        *,
        currency: str = "KES",
        book: str = "E",
        deferred: bool = False,
        floor: int = 0,
        ceiling: int | None = None,
        funds: int = 0,
    ) -> int:
        """Open an account, with money from the trust bank."""
        account: int = self.one(
            "SELECT ledger.open_account(%s, %s, %s, %s, %s, %s, %s)",
            self.tenant, code, currency, book, deferred, floor, ceiling,
        )  # fmt: skip
        if funds:
            self.must(pay(self.trust, account, funds, tenant_id=self.tenant))
        return account

    def post(self, asked: Posting) -> Recorded | Stale:
        (answer,) = batch(self.connection, [asked])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def must(self, asked: Posting) -> Recorded:
        """Post what has to be accepted."""
        answer = self.post(asked)
        assert isinstance(answer, Recorded)
        assert answer.accepted, answer
        return answer

    def refusal(self, asked: Posting) -> str | None:
        """Post, and say why it was refused."""
        answer = self.post(asked)
        assert isinstance(answer, Recorded)
        return answer.refusal

    def state(self, account: int, number: int) -> None:
        self.connection.execute(
            "SELECT ledger.set_account_state(%s, %s, %s::smallint)", [self.tenant, account, number]
        )

    def posted(self, account: int) -> int:
        return self.one(
            "SELECT posted FROM ledger.balance WHERE tenant_id = %s AND account_id = %s",
            self.tenant, account,
        )  # fmt: skip

    def held(self, account: int) -> int:
        return self.one(
            "SELECT held FROM ledger.balance WHERE tenant_id = %s AND account_id = %s",
            self.tenant, account,
        )  # fmt: skip

    def used(self, account: int) -> tuple[int, int]:
        """What the daily counter says: amount, times."""
        row = self.connection.execute(
            "SELECT amount, n FROM ledger.usage WHERE tenant_id = %s AND account_id = %s",
            [self.tenant, account],
        ).fetchone()
        return (row[0], row[1]) if row else (0, 0)

    def one(self, statement: str, *values: Any) -> Any:
        row = self.connection.execute(statement.encode(), values).fetchone()
        assert row
        return row[0]
