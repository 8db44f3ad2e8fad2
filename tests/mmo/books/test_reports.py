"""Reports of a day, on real books: every figure reckoned by hand."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mmo.books import postgres
from mmo.books.of_the_day import TAKING_BACK
from mmo.books.reporting import reports
from mmo.kernel.identifiers import mint
from mmo.kernel.refusals import Refused
from mmo.movements.support.catalogue import movements
from mmo.movements.support.outcome import Posted
from mmo.tenancy.scope import scoped
from tests.mmo.books.closing import broken, closed
from tests.mmo.movements.test_terms_in_force import put
from tests.mmo.moving import asking, moves, operator
from tests.servers.postgres import Database
from tests.workflows.house import TENANT, House

FEE = {"name": "fee", "payer": "sender", "schedule": {"kind": "flat", "amount": "25.00"},
       "tax": "0.20"}  # fmt: skip
COMMISSION = {
    "schedule": {"kind": "flat", "amount": "10.00"},
    "split": [{"role": "agent", "share": "0.8"}, {"role": "super-agent", "share": "0.2"}],
    "withholding": "0.05",
}
Rows = list[dict[str, Any]]


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[House]:
    """Alice has 1,000.00; cash-ins and cash-outs earn the agent 8.00 and the super-agent 2.00."""
    async with operator(database, tmp_path / "keys") as started:
        above_the_agent(database, started)
        await moves(started, "pool-funding", "500", pool="commission", bank_reference="BANK 2")
        await put(started, "tariff", {"movement": "cash-in"}, charges=[], commission=COMMISSION)
        out = {"movement": "cash-out"}
        await put(started, "tariff", out, charges=[FEE], commission=COMMISSION)
        await put(started, "tariff", {"movement": "p2p-transfer"}, charges=[FEE])
        yield started


def above_the_agent(database: Database, opened: House) -> None:
    """Let the super-agent stand above the agent."""
    with psycopg.connect(database.admin) as books:
        parent = None
        for name, kind in (("super", "super_agent"), ("agent", "agent")):
            party = mint()
            books.execute(
                """INSERT INTO parties.party (tenant_id, id, kind, state, tier, kyc, parent, person,
                          alias, language, stores, documents, version, registered_at, changed_at)
                   VALUES (%s, %s, %s, 'active', 1, 'verified', %s, 'enc:v1:', md5(%s), 'en',
                           '[]', '[]', 1, now(), now())""",
                [TENANT.id, party, kind, parent, name],
            )
            books.execute(
                "UPDATE wallets.wallet SET party = %s WHERE id = %s",
                [party, opened.identifier(name)],
            )
            parent = party


async def done(opened: House, kind: str, value: str, **parties: str) -> str:
    """A movement that is posted; its id."""
    asked = await asking(opened, kind, value, **parties)
    outcome = await opened.activities.execute(asked)
    assert isinstance(outcome, Posted), outcome
    return asked.envelope.movement


async def told(opened: House, name: str) -> Rows:
    """A report of the day that is closed now."""
    day = await closed(opened)
    async with scoped(opened.pool, TENANT.id) as connection:
        content = await postgres.report(connection, TENANT.id, day.business_date, name)
    assert content is not None
    return content["rows"]


def test_each_report_has_amounts_among_its_columns_and_a_currency_beside_them() -> None:
    assert set(reports()) == {
        "agent-statement", "fee-return", "movement-counts", "suspense-ageing", "tax-return",
        "trust-certificate",
    }  # fmt: skip
    for report in reports().values():
        assert report.amounts < set(report.columns)
        assert "currency" in report.columns


def test_what_takes_back_is_what_the_catalogue_says() -> None:
    assert set(TAKING_BACK) == {one.name for one in movements().values() if one.takes_back}


async def test_an_agents_day_is_float_trades_and_commission(
    opened: House, database: Database
) -> None:
    await done(opened, "cash-in", "200", agent="agent", customer="bob")
    await done(opened, "cash-out", "100", customer="alice", agent="agent")
    await done(opened, "commission-payout", "7.60", agent="agent")

    agent, above = await told(opened, "agent-statement")

    assert agent == {
        "agent": opened.wallets["agent"].id, "kind": "agent", "currency": "KES",
        "opening": 0, "in": 5000_00 + 100_00 + 7_60, "out": 1000_00 + 200_00,
        "closing": 3907_60, "cash_ins": 2, "cash_outs": 1,
        "gross": 16_00, "withheld": 80, "net": 15_20,
    }  # fmt: skip
    assert (above["kind"], above["gross"], above["withheld"], above["net"]) == (
        "super_agent", 4_00, 20, 3_80,
    )  # fmt: skip
    assert (above["in"], above["out"], above["closing"]) == (10000_00, 5000_00, 5000_00)
    assert broken(database) == []


async def test_commission_that_is_clawed_back_is_not_earned(opened: House) -> None:
    whole = await done(opened, "cash-out", "100", customer="alice", agent="agent")
    part = await done(opened, "cash-out", "100", customer="alice", agent="agent")
    back = {"payer": "agent", "payee": "alice"}
    await done(opened, "reversal", "100", original=whole, **back)
    await done(opened, "reversal", "33", original=part, **back)

    agent, above = await told(opened, "agent-statement")

    # Of 0.40 and 0.10 that were withheld, 33 % come back: 0.16, of which 0.13 were the agent's.
    assert (agent["gross"], agent["withheld"], agent["net"]) == (5_36, 27, 5_09)
    assert (above["gross"], above["withheld"], above["net"]) == (1_34, 7, 1_27)


async def test_fees_that_were_given_back_are_no_fees(opened: House) -> None:
    await done(opened, "cash-out", "100", customer="alice", agent="agent")
    sent = await done(opened, "p2p-transfer", "100", sender="alice", recipient="bob")
    await done(opened, "p2p-transfer", "100", sender="alice", recipient="bob")
    await done(opened, "reversal", "50", original=sent, payer="bob", payee="alice")
    await done(opened, "fee-sweep", "30", bank_reference="BANK 3")

    assert await told(opened, "fee-return") == [
        {"movement": "cash-out", "currency": "KES", "charged": 25_00, "returned": 0, "net": 25_00},
        {"movement": "p2p-transfer", "currency": "KES", "charged": 50_00, "returned": 12_50,
         "net": 37_50},
    ]  # fmt: skip


async def test_taxes_open_are_charged_given_back_remitted_and_close(opened: House) -> None:
    await done(opened, "cash-out", "100", customer="alice", agent="agent")
    sent = await done(opened, "p2p-transfer", "100", sender="alice", recipient="bob")
    await done(opened, "reversal", "100", original=sent, payer="bob", payee="alice")
    await done(opened, "tax-remittance", "4", tax="excise", bank_reference="BANK 3")

    excise, withheld = await told(opened, "tax-return")

    assert excise == {
        "tax": "TAX.EXCISE", "currency": "KES", "opening": 0, "charged": 10_00,
        "returned": 5_00, "remitted": 4_00, "closing": 1_00,
    }  # fmt: skip
    assert (withheld["tax"], withheld["charged"], withheld["closing"]) == ("TAX.WHT", 50, 50)


async def test_money_that_waits_is_listed_by_its_age(opened: House, database: Database) -> None:
    asked = await asking(
        opened, "emoney-issuance", "70", recipient="super", bank_reference="BANK 4"
    )
    assert isinstance(await opened.activities.execute(asked), Posted)
    first = await closed(opened)
    with psycopg.connect(database.admin) as books:
        books.execute("SET session_replication_role = replica")
        books.execute("UPDATE books.account_day SET business_date = business_date - 8")
        waiting = "SELECT id FROM ledger.account WHERE code = 'ISSUANCE_PENDING' AND posted <> 0"
        assert len(books.execute(waiting).fetchall()) == 1

    async with scoped(opened.pool, TENANT.id) as connection:
        write = reports()["suspense-ageing"].write
        now = await write(connection, TENANT.id, first.business_date)
        before = await write(connection, TENANT.id, first.business_date - timedelta(days=9))

    assert now["rows"] == [
        {"code": "ISSUANCE_PENDING", "movement": asked.envelope.movement, "currency": "KES",
         "amount": 70_00, "age_days": 8, "bucket": "8-30"}
    ]  # fmt: skip
    assert before["rows"] == []


async def test_movements_are_counted_by_what_became_of_them(opened: House) -> None:
    for value in ("100", "50"):
        await done(opened, "p2p-transfer", value, sender="alice", recipient="bob")
    refused = await moves(opened, "p2p-transfer", "9000", sender="alice", recipient="bob")
    assert isinstance(refused, Refused)

    rows = await told(opened, "movement-counts")

    assert [one for one in rows if one["movement"] == "p2p-transfer"] == [
        {"movement": "p2p-transfer", "currency": "KES", "outcome": "posted", "movements": 2,
         "value": 150_00},
        {"movement": "p2p-transfer", "currency": "KES", "outcome": "insufficient_funds",
         "movements": 1, "value": 9000_00},
    ]  # fmt: skip
    (issued,) = [one for one in rows if one["movement"] == "emoney-issuance"]
    assert (issued["movements"], issued["value"]) == (1, 10000_00)  # in two steps
    assert not any(one["movement"] == "fee-revenue" for one in rows)
