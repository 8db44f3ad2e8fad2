"""A processor of another wheel: installed beside mmo, and at work without a change to mmo."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from api.app import create_routes
from mmo.bep.registry import processors
from tests.e2e.opening import ask
from tests.e2e.operator import Operator
from tests.e2e.town import Town
from tests.servers.plugin import installed, points_file

PATH = "/bep/loyalty-points"
PATIENCE_S = 60.0
RULE = {"entity": "wallet", "event": "transfer", "data": {"minorPerPoint": 1000, "most": 5}}


@pytest.fixture(autouse=True)
def alone(books: psycopg.Connection) -> None:
    """Rules need no second person here."""
    books.execute(
        """INSERT INTO bep.settings (tenant_id, four_eyes) VALUES (1, false)
           ON CONFLICT (tenant_id) DO UPDATE SET four_eyes = false"""
    )


async def booked(stack: Operator, wallet: str) -> list[dict[str, Any]]:
    """The points of a wallet, as the plug-in's effect has written them."""
    file = points_file(stack.logs[1].parent)
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        lines = file.read_text().splitlines() if file.exists() else []
        found = [one for one in map(json.loads, lines) if one["wallet"] == wallet]
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("no points are booked")


async def test_its_template_is_served_its_rule_works_and_its_effect_is_carried_out(
    stack: Operator, demo: Town
) -> None:
    assert "loyalty-points" not in processors(), "this process has no plug-in"
    template = await demo.staff.get(f"{PATH}/template")
    wrong = await demo.staff.post(PATH, {**RULE, "data": {"minorPerPoint": 1, "earner": "bank"}})
    made = await demo.staff.post(PATH, RULE)
    alice, bob = await demo.customer("500"), await demo.customer()
    try:
        assert (await alice.sends("30.00", bob)).status_code == 201
        (points,) = await booked(stack, alice.wallet)
    finally:
        await ask(demo.staff, f"{PATH}/{made.json()['id']}", "DELETE")

    assert template.json()["options"]["earner"][:1] == ["agent"]
    assert "minorPerPoint" in template.json()["metadata"]["properties"]
    assert (wrong.status_code, wrong.json()["code"]) == (422, "settings_invalid")
    assert made.json()["state"] == "active"
    assert (points["points"], points["tenant"]) == (3, "demo")


async def test_it_brings_no_route_and_no_table(
    stack: Operator, books: psycopg.Connection, demo: Town
) -> None:
    async with httpx.AsyncClient(base_url=stack.url) as plain:
        served = (await plain.get("/openapi.json")).json()
    tables = books.execute(
        "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relname ~ 'loyal'"
    ).fetchone()
    names = [one["name"] for one in (await demo.staff.get("/v1/bep/processors")).json()["items"]]

    assert "loyalty-points" in names
    assert served == create_routes().openapi()
    assert tables == (0,)


def test_an_effect_that_is_run_twice_books_once(tmp_path: Path) -> None:
    script = """
import asyncio, os, sys
from mmo.bep.processor import Requested
from mmo.bep.registry import effects, processors
assert "loyalty-points" in processors()
told = Requested(tenant="demo", tenant_id=1, id="r-1", kind="loyalty-points",
                 data={"wallet": "w-1", "points": 3}, caused_by={})
for _ in range(2):
    asyncio.run(effects()["loyalty-points"].carry_out(told))
"""
    root = Path(__file__).parents[2]
    points = points_file(tmp_path)
    subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        env={
            "PYTHONPATH": f"{installed(tmp_path)}:{root}",
            "LOYALTY_POINTS_FILE": str(points),
        },
    )

    (line,) = points.read_text().splitlines()
    assert json.loads(line) == {"id": "r-1", "tenant": "demo", "wallet": "w-1", "points": 3}
