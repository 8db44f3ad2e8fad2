"""Rules tried out over the API: in shadow, on recorded movements, and on events made up."""

import asyncio
import csv
import io
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.e2e.opening import ask
from tests.e2e.operator import Operator
from tests.e2e.ruling import give_product, rule
from tests.e2e.town import Holder, Town

PATIENCE_S = 60.0
ROOT = Path(__file__).parents[2]
EVENT = {"entity": "wallet", "event": "transfer"}


def at_most(minor: int) -> dict[str, Any]:
    return {"expression": f"event.amount.minor <= {minor}", "message": "too much"}


@pytest.fixture
async def alice(demo: Town, books: psycopg.Connection) -> tuple[Holder, int]:
    """A customer whose wallet is of a product of its own, so that rules are about it alone."""
    holder, number = await demo.customer("500"), 1000 + secrets.randbelow(10**8)
    body = {"id": number, "kind": "customer", "name": f"product {number}"}
    assert (await demo.staff.post("/v1/products", body)).status_code == 201
    give_product(books, holder.wallet, number)
    return holder, number


@pytest.fixture
def shadow(books: psycopg.Connection, alice: tuple[Holder, int]) -> Iterator[str]:
    """More than 20.00 would be refused to Alice."""
    with rule(books, "wallet.transfer", "expression", at_most(2000), phase="pre",
              product=alice[1], state="shadow") as definition:  # fmt: skip
        yield definition


def span(since: datetime) -> dict[str, str]:
    return {"from": since.isoformat(), "to": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}


async def finished(town: Town, begun: httpx.Response) -> dict[str, Any]:
    assert begun.status_code == 202, begun.text
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        found = await town.staff.get(begun.headers["Location"])
        if found.json()["state"] != "running":
            return found.json()
        await asyncio.sleep(0.2)
    raise AssertionError("the back-test does not end")


async def test_a_rule_in_shadow_never_binds_and_its_report_tells_what_it_would_have_done(
    demo: Town, alice: tuple[Holder, int], shadow: str
) -> None:
    holder, bob = alice[0], await demo.customer()
    sent = [await holder.sends(value, bob) for value in ("10.00", "20.00", "30.00", "40.00")]

    report = await demo.staff.get(f"/v1/bep/definitions/{shadow}/shadow-report")

    assert [one.status_code for one in sent] == [201] * 4
    told = report.json()
    assert told["movements"] == 4
    assert told["verdicts"] == {
        "allow": {"movements": 2, "sums": {"KES": 3000}},
        "refuse": {"movements": 2, "sums": {"KES": 7000}},
    }
    assert told["codes"] == {"expression_refused": {"movements": 2, "sums": {"KES": 7000}}}
    assert [one["movement"] for one in told["examples"]] == [
        one.json()["id"] for one in sent[2:]
    ]  # fmt: skip
    assert {one["binding"] for one in told["matrix"]} == {"allow"}


async def test_a_span_of_a_report_is_bounded(demo: Town, shadow: str) -> None:
    path = f"/v1/bep/definitions/{shadow}/shadow-report"
    long = await demo.staff.get(f"{path}?from=2026-01-01T00:00:00Z&to=2026-12-01T00:00:00Z")
    backwards = await demo.staff.get(f"{path}?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z")

    assert (long.status_code, backwards.status_code) == (422, 422)


async def test_another_tenant_sees_neither_report_nor_back_test(
    demo: Town, other: Town, shadow: str
) -> None:
    body = {"rules": [], **span(datetime.now(UTC) - timedelta(minutes=1))}
    begun = await demo.staff.post("/v1/bep/backtests", body)
    await finished(demo, begun)

    report = await other.staff.get(f"/v1/bep/definitions/{shadow}/shadow-report")
    found = await other.staff.get(begun.headers["Location"])

    assert (report.status_code, report.json()["code"]) == (404, "rule_not_found")
    assert (found.status_code, found.json()["code"]) == (404, "backtest_not_found")


async def test_rules_are_tried_on_recorded_movements_and_the_result_is_downloaded(
    demo: Town, alice: tuple[Holder, int]
) -> None:
    (holder, number), bob, began = alice, await demo.customer(), datetime.now(UTC)
    for value in ("10.00", "20.00", "30.00"):
        assert (await holder.sends(value, bob)).status_code == 201
    tried = {**EVENT, "processor": "expression", "productId": number, "data": at_most(1500)}

    begun = await demo.staff.post(
        "/v1/bep/backtests",
        {"changes": {"add": [tried]}, "types": ["p2p-transfer"], **span(began)},
    )
    done = await finished(demo, begun)
    download = await demo.staff.get(f"{begun.headers['Location']}/result.csv")

    assert done["state"] == "done"
    (refused,) = [one for one in done["result"]["matrix"] if one["new"] == "refuse"]
    assert (refused["old"], refused["movements"], refused["sums"]) == ("allow", 2, {"KES": 5000})
    check = done["result"]["self_check"]
    assert check["checked"] == check["reproduced"] >= 3
    assert done["progress"]["parts_done"] == done["progress"]["parts"]
    assert done["effort"]["decisions_per_cpu_s"] > 0
    lines = list(csv.DictReader(io.StringIO(download.text)))
    (line,) = [one for one in lines if (one["table"], one["new"]) == ("matrix", "refuse")]
    assert (line["movements"], line["currency"], line["sum_minor"]) == ("2", "KES", "5000")
    assert [one["reason"] for one in lines if one["table"] == "example"] == ["too much"] * 2


async def test_a_rule_in_force_may_be_replaced_or_left_out_of_a_trial(
    demo: Town, alice: tuple[Holder, int], books: psycopg.Connection
) -> None:
    (holder, number), bob, began = alice, await demo.customer(), datetime.now(UTC)
    with rule(books, "wallet.transfer", "expression", at_most(1500), phase="pre",
              product=number) as definition:  # fmt: skip
        assert (await holder.sends("20.00", bob)).status_code == 422
        without, with_more = [
            await finished(
                demo,
                await demo.staff.post("/v1/bep/backtests", {"changes": changes, **span(began)}),
            )
            for changes in (
                {"remove": [definition]},
                {"replace": [{"id": definition, "data": at_most(1999)}]},
            )
        ]

    for result, new in ((without, "allow"), (with_more, "refuse")):
        (cell,) = [one for one in result["result"]["matrix"] if one["old"] == "refuse"]
        assert (cell["new"], cell["sums"]) == (new, {"KES": 2000})


WRONG: dict[str, dict[str, Any]] = {
    "neither rules nor changes": {},
    "both": {"rules": [], "changes": {}},
    "an unknown processor": {"rules": [{**EVENT, "processor": "expresion", "data": {}}]},
    "an unknown movement": {"rules": [], "types": ["p2p"]},
    "a rule after the event": {
        "rules": [
            {"entity": "wallet", "event": "freeze", "processor": "webhook", "data": {}},
        ]
    },
    "settings that are wrong": {
        "rules": [{**EVENT, "processor": "expression", "data": {"expression": "1 +"}}]
    },
    "a rule that is not in force": {
        "changes": {"remove": ["00000000-0000-7000-8000-000000000000"]}
    },
    "longer than 92 days": {"rules": [], "from": "2026-01-01T00:00:00Z"},
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_trial_that_is_wrongly_asked_for_is_told_so(demo: Town, case: str) -> None:
    answer = await demo.staff.post(
        "/v1/bep/backtests", {**span(datetime.now(UTC) - timedelta(hours=1)), **WRONG[case]}
    )

    assert answer.status_code in {404, 422}, answer.text


async def test_an_event_made_up_is_explained_rule_by_rule_with_its_facts(
    demo: Town, alice: tuple[Holder, int], shadow: str, books: psycopg.Connection
) -> None:
    holder, number = alice
    limits = {"limits": [{"by": "wallet", "windowSeconds": 3600, "maxNumber": 0}]}
    with rule(books, "wallet.transfer", "velocity", limits, phase="pre", product=number):
        answer = await demo.staff.post(
            "/v1/bep/explain",
            {
                **EVENT,
                "amount": {"value": "30.00", "currency": "KES"},
                "parties": {"payer": holder.wallet, "payee": {"kind": "customer"}},
            },
        )

    assert answer.status_code == 200, answer.text
    told = answer.json()
    said = {(one["processor"], one["mode"]): one for one in told["rules"]}
    assert said["expression", "shadow"]["definition"] == shadow
    assert said["expression", "shadow"]["verdict"] == "refuse"
    (fact,) = said["velocity", "binding"]["facts"].values()
    assert set(fact) == {"n", "sum"}
    assert (told["comes_to"], told["product"], told["binds"]) == ("refuse", number, True)
    assert [one["code"] for one in told["violations"]] == ["velocity_exceeded"]


async def test_an_event_of_products_to_come_is_explained_too(
    demo: Town, books: psycopg.Connection
) -> None:
    blocked = {"blockedForFlags": ["XYZ"]}
    thought = {
        "entity": "loan", "event": "waive interest",
        "parties": {"borrower": {"flags": ["loan-account-flags/XYZ"]}},
        "amount": {"value": "10.00", "currency": "KES"},
    }  # fmt: skip
    kinds = (await demo.staff.get("/v1/bep/events")).json()["items"]
    (kind,) = [one for one in kinds if (one["entity"], one["event"]) == ("loan", "waive-interest")]
    (role,) = list(kind["parties"])[:1]
    thought["parties"] = {role: {"flags": ["loan-account-flags/XYZ"]}}
    with rule(books, "loan.waive-interest", "account-flagging", blocked, phase="pre"):
        answer = await demo.staff.post("/v1/bep/explain", thought)

    told = answer.json()
    assert (told["binds"], told["comes_to"]) == (False, "refuse")
    assert told["violations"][0]["code"] == "invalid_action_for_flagged_account"


async def test_a_condition_is_tried_before_it_is_kept(demo: Town) -> None:
    about = {
        **EVENT, "amount": {"value": "30.00", "currency": "KES"},
        "parties": {"payer": {"kind": "agent"}}, "actor": {"roles": ["teller"]},
    }  # fmt: skip

    async def tried(expression: str) -> httpx.Response:
        body = {**about, "expression": expression}
        return await demo.staff.post("/v1/bep/expression/dry-run", body)

    true = await tried("parties.payer.kind == 'agent' && 'teller' in event.actor.roles")
    false = await tried("event.amount.minor < 1000")
    crashes = await tried("event.amount.minor / 0 == 1")
    unknown = await tried("event.data.nothing == 1")
    nonsense = await tried("event.amount +")

    assert (true.json()["holds"], false.json()["holds"]) == (True, False)
    assert crashes.json()["holds"] is None
    assert crashes.json()["error"]
    assert (unknown.status_code, unknown.json()["code"]) == (422, "settings_invalid")
    assert (nonsense.status_code, nonsense.json()["code"]) == (422, "settings_invalid")
    assert true.json()["known"]["event"]["amount"]["minor"] == 3000


async def test_what_is_missing_before_an_event_is_listed(
    demo: Town, alice: tuple[Holder, int], books: psycopg.Connection
) -> None:
    holder, number = alice
    table = f"kyc_{secrets.token_hex(4)}"
    required = {"tables": [{"table": table, "minRows": 2}], "side": "payer"}
    with rule(books, "wallet.transfer", "data-tables", required, phase="pre", product=number):
        path = "/v1/bep/missing?event=wallet.transfer"
        payer = await demo.staff.get(f"{path}&wallet={holder.wallet}&party=payer")
        payee = await demo.staff.get(f"{path}&wallet={holder.wallet}&party=payee")
        nobody = await demo.staff.get(f"{path}&wallet={holder.wallet}&party=agent")

    (one,) = payer.json()["missing"]
    assert (one["table"], one["rows"], one["minRows"], one["wallet"]) == (
        table, 0, 2, holder.wallet,
    )  # fmt: skip
    assert payee.json()["missing"] == []
    assert nobody.status_code == 422


async def test_customers_try_nothing(demo: Town, alice: tuple[Holder, int]) -> None:
    answers = [
        await ask(alice[0].person, path, method, body)
        for method, path, body in (
            ("POST", "/v1/bep/explain", EVENT),
            ("POST", "/v1/bep/backtests", {"rules": [], **span(datetime.now(UTC))}),
        )
    ]

    assert [one.status_code for one in answers] == [403, 403]


async def test_the_command_line_tries_rules_and_prints_the_matrix(
    stack: Operator, demo: Town, alice: tuple[Holder, int], tmp_path: Path
) -> None:
    (holder, number), bob, began = alice, await demo.customer(), datetime.now(UTC)
    assert (await holder.sends("10.00", bob)).status_code == 201
    file, table = tmp_path / "rules.json", tmp_path / "result.csv"
    tried = {**EVENT, "processor": "expression", "productId": number, "data": at_most(500)}
    file.write_text(json.dumps({"add": [tried]}))
    port = str(httpx.URL(stack.url).port)

    told = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "workers.cli.main", "bep", "backtest", "--rules", str(file),
         "--from", began.isoformat(), "--type", "p2p-transfer", "--csv", str(table)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "MMO_LISTEN_PORT": port, "MMO_TOKEN": demo.staff.token},
    )  # fmt: skip

    assert told.returncode == 0, told.stderr
    assert "by expression new-1 expression_refused" in told.stdout
    assert "a second" in told.stdout
    assert table.read_text().startswith("table,old,new")
