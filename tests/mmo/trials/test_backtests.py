"""Back-tests: recorded movements decided again, held against a matrix worked out by hand."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from mmo.movements.support.outcome import Held, Posted
from tests.mmo.moving import moves, rows, sends
from tests.mmo.trials.day import TRANSFER, backtest, bank, tried
from tests.servers.postgres import Database
from tests.workflows.house import House
from tests.workflows.ruled import over, put_rule, retire
from workers.roles import REPLAYER_USER

Bank = tuple[House, AsyncConnectionPool[Any]]


@pytest.fixture
async def opened(database: Database, tmp_path: Path) -> AsyncGenerator[Bank]:
    async with bank(database, tmp_path / "keys") as both:
        yield both


def at_most(minor: int) -> dict[str, Any]:
    return {"expression": f"event.amount.minor <= {minor}", "message": "too much"}


async def test_the_matrix_is_the_one_worked_out_by_hand(opened: Bank) -> None:
    """In force: more than 300.00 is refused, from 200.00 a manager is asked.

    | transfer | old    | at most 15.00 |
    | 10.00    | allow  | allow         |
    | 20.00    | allow  | refuse        |
    | 100.00   | allow  | refuse        |
    | 250.00   | ask    | refuse        |
    | 600.00   | refuse | refuse        |
    """
    house, records = opened
    await put_rule(house.pool, "expression", TRANSFER, at_most(300_00))
    await put_rule(house.pool, "data-driven-authorisation", TRANSFER, over(200_00, "manager"))
    outcomes = [await sends(house, value) for value in ("10", "20", "100", "250", "600")]
    assert [type(one).__name__ for one in outcomes] == [
        "Posted", "Posted", "Posted", "Held", "Refused",
    ]  # fmt: skip

    found = await backtest(house, records, [tried("expression", at_most(15_00))])

    assert found.state == "done"
    assert found.result is not None
    assert found.result["matrix"] == [
        {"old": "allow", "new": "allow", "movements": 1, "sums": {"KES": 10_00},
         "refused_otherwise": 0},
        {"old": "allow", "new": "refuse", "movements": 2, "sums": {"KES": 120_00},
         "refused_otherwise": 0},
        {"old": "ask", "new": "refuse", "movements": 1, "sums": {"KES": 250_00},
         "refused_otherwise": 0},
        {"old": "refuse", "new": "refuse", "movements": 1, "sums": {"KES": 600_00},
         "refused_otherwise": 0},
    ]  # fmt: skip
    (reason,) = found.result["reasons"]
    assert (reason["code"], reason["movements"]) == ("expression_refused", 4)
    assert [one["amount"]["value"] for one in found.result["examples"]] == [
        "20.00", "100.00", "250.00",
    ]  # fmt: skip
    assert found.result["self_check"] == {"checked": 5, "reproduced": 5, "differences": []}
    assert found.effort is not None
    assert found.effort["decisions_per_cpu_s"] > 0


async def test_every_verdict_of_every_processor_comes_out_again(opened: Bank) -> None:
    house, records = opened
    conditions = {
        "binding": "parties.payer.currency == 'KES' && facts.business_date != '' &&"
        " event.actor.subject == 'clerk' && event.data.movement == 'p2p-transfer'",
        "crashes": "event.data.nothing == 1",
    }
    await put_rule(house.pool, "expression", TRANSFER, {"expression": conditions["binding"]})
    await put_rule(
        house.pool, "expression", TRANSFER, {"expression": conditions["crashes"]}, product=3,
        state="shadow",
    )  # fmt: skip
    limit = {"by": "wallet", "windowSeconds": 3600, "maxNumber": 2}
    await put_rule(house.pool, "velocity", TRANSFER, {"limits": [limit]})
    await put_rule(house.pool, "account-flagging", TRANSFER, {"blockedForFlags": ["SUSPECT"]})
    await put_rule(house.pool, "data-driven-authorisation", TRANSFER, over(50_00, "manager"))
    tables = {"tables": [{"table": "kyc_check", "minRows": 1}]}
    await put_rule(house.pool, "data-tables", TRANSFER, tables, state="shadow")
    async with house.pool.connection() as connection:
        await connection.execute(
            """UPDATE wallets.wallet SET product = 3, flags = jsonb_build_array(jsonb_build_object(
                   'list', 'wallet-flags', 'code', 'SUSPECT', 'since', now(), 'until', NULL))
                WHERE owner = 'bob'"""
        )
    for sender, to, value in (
        ("alice", "bob", "10"), ("bob", "alice", "1"), ("alice", "bob", "60"),
        ("alice", "bob", "5"),
    ):  # fmt: skip
        await sends(house, value, sender, to)

    found = await backtest(house, records, [])

    said = await rows(
        house.pool,
        """SELECT DISTINCT r ->> 'processor', r ->> 'verdict', r ->> 'code'
             FROM ledger.journal, jsonb_array_elements(meta -> 'rules') r""",
    )
    assert ("account-flagging", "refuse", "invalid_action_for_flagged_account") in said
    assert ("data-driven-authorisation", "require_approval", None) in said
    assert ("data-tables", "refuse", "tables_incomplete") in said
    assert ("expression", "refuse", "rule_failed") in said
    assert {processor for processor, _, _ in said} == {
        "account-flagging", "data-driven-authorisation", "data-tables", "expression", "velocity",
    }  # fmt: skip
    assert found.result is not None
    assert found.result["self_check"] == {"checked": 4, "reproduced": 4, "differences": []}


async def test_a_verdict_that_was_tampered_with_is_named(opened: Bank) -> None:
    house, records = opened
    rule = await put_rule(house.pool, "expression", TRANSFER, at_most(300_00))
    await sends(house, "10")
    async with house.pool.connection() as connection:
        await connection.execute(
            "UPDATE bep.version SET metadata = %s WHERE definition_id = %s",
            [orjson.dumps(at_most(5_00)).decode(), rule],
        )

    found = await backtest(house, records, [])

    assert found.result is not None
    check = found.result["self_check"]
    assert (check["checked"], check["reproduced"]) == (1, 0)
    assert len(check["differences"]) == 1


async def test_a_rule_that_has_ended_since_still_tells_what_it_said(opened: Bank) -> None:
    house, records = opened
    rule = await put_rule(house.pool, "expression", TRANSFER, at_most(5_00))
    await sends(house, "10")
    await retire(house.pool, rule)
    assert isinstance(await sends(house, "10"), Posted)

    found = await backtest(house, records, [])

    assert found.result is not None
    assert [(one["old"], one["new"]) for one in found.result["matrix"]] == [
        ("allow", "allow"), ("refuse", "allow"),
    ]  # fmt: skip
    assert found.result["self_check"]["reproduced"] == 2


async def test_what_was_not_read_then_is_unknown_and_never_guessed(opened: Bank) -> None:
    house, records = opened
    await sends(house, "10")
    limit = {"by": "wallet", "windowSeconds": 3600, "maxNumber": 0}

    found = await backtest(house, records, [tried("velocity", {"limits": [limit]})])

    assert found.result is not None
    (cell,) = found.result["matrix"]
    assert (cell["old"], cell["new"]) == ("allow", "unknown")
    assert list(found.result["unknown_facts"].values()) == [1]
    (fact,) = found.result["unknown_facts"]
    assert fact.startswith("velocity/")


async def test_records_from_before_rules_are_counted_and_left_alone(
    opened: Bank, database: Database
) -> None:
    house, records = opened
    await sends(house, "10")
    with psycopg.connect(database.admin) as admin:
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute("UPDATE ledger.journal SET meta = meta - 'business_event'")

    found = await backtest(house, records, [tried("expression", at_most(5_00))])

    assert found.result is not None
    assert (found.result["before_rules"], found.result["movements"]) == (1, 0)


async def test_the_same_trial_gives_the_same_bytes_however_it_is_cut(opened: Bank) -> None:
    house, records = opened
    await put_rule(house.pool, "data-driven-authorisation", TRANSFER, over(20_00, "manager"))
    assert isinstance(await sends(house, "30"), Held)
    for value in range(1, 8):
        await sends(house, str(value))
    rules = [tried("expression", at_most(3_00))]

    results = [
        (await backtest(house, records, rules, parts=parts)).result for parts in (1, 1, 7, 16)
    ]

    assert len({orjson.dumps(one, option=orjson.OPT_SORT_KEYS) for one in results}) == 1


async def test_only_the_types_that_are_asked_for_are_tried(opened: Bank) -> None:
    house, records = opened
    await sends(house, "10")
    await moves(house, "cash-in", "20", agent="agent", customer="bob")

    found = await backtest(house, records, [], types=("cash-in",))
    every = await backtest(house, records, [], types=())

    assert found.result is not None
    assert found.result["matrix"][0]["sums"] == {"KES": 1020_00}
    assert every.result is not None
    assert every.result["movements"] == 5


def test_the_login_that_reads_records_can_read_nothing_else(database: Database) -> None:
    with psycopg.connect(database.admin) as admin:
        tables = admin.execute(
            """SELECT format('%I.%I', n.nspname, c.relname)
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname !~ '^(pg_|information_schema)'"""
        ).fetchall()
        calls = admin.execute(
            """SELECT p.oid::regprocedure::text FROM pg_proc p
                 JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE n.nspname !~ '^(pg_|information_schema)' AND p.prosecdef
                  AND p.prorettype <> 'trigger'::regtype
                  AND has_function_privilege('mmo_replayer', p.oid, 'EXECUTE')"""
        ).fetchall()
    assert ("ledger.journal",) in tables
    assert calls == [("trials.records(uuid,integer,uuid,text[],integer)",)]
    with psycopg.connect(database.dsn(REPLAYER_USER), autocommit=True) as connection:
        for (table,) in tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT FROM {table}")
