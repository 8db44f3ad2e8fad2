"""How long it takes to read a statement of ten thousand lines by the API, page by page."""

import statistics
import time
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from benchmarks.people import People
from benchmarks.stack import Stack
from workers.demo.people import DEMO

LINES = 10_000
PAGE = 200
_LINES = """
    INSERT INTO projections.statement_view
           (tenant_id, account_id, number, movement_id, step, type, role, journal, amount, balance,
            currency, parties, at, position)
    SELECT %(tenant)s, (w.accounts ->> 'wallet')::bigint, %(base)s + n, uuidv7(), 1, 'p2p-transfer',
           'payee', n, 100, 100 * n, 'KES', jsonb_build_object('payee', w.id, 'payer', w.id),
           now() + n * interval '1 second', 0
      FROM wallets.wallet w, generate_series(1, %(lines)s) n
     WHERE w.tenant_id = %(tenant)s AND w.id = %(wallet)s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Of one reading."""

    lines: int
    seconds: float
    first_ms: float
    """The first page, and the last: later ones shall not be slower."""
    last_ms: float
    median_ms: float


async def measure(stack: Stack, people: People, number: int) -> list[Statement]:
    """Put the lines into the read model, and read them that often."""
    who = people.customers[-1]
    with psycopg.connect(stack.plan.settings("postgres").dsn(), autocommit=True) as books:
        about = {"tenant": DEMO.id, "base": 10**9, "lines": LINES, "wallet": who.wallet}
        books.execute("SELECT set_config('app.tenant', %s, false)", [str(DEMO.id)])
        books.execute(_LINES, about)
        books.execute("ANALYZE projections.statement_view")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{stack.port}", timeout=30) as http:
        headers = people.headers(who.subject)
        return [await _read(http, who.wallet, headers) for _ in range(number)]


async def _read(http: httpx.AsyncClient, wallet: str, headers: dict[str, Any]) -> Statement:
    lines, cursor, pages = 0, "", list[float]()
    while cursor is not None:
        began = time.perf_counter()
        params = {"limit": PAGE} | ({"cursor": cursor} if cursor else {})
        answer = await http.get(f"/v1/wallets/{wallet}/statement", params=params, headers=headers)
        pages.append((time.perf_counter() - began) * 1e3)
        assert answer.status_code == 200, answer.text
        lines += len(answer.json()["items"])
        cursor = answer.json()["next"]
    assert lines >= LINES, lines
    return Statement(
        lines=lines, seconds=round(sum(pages) / 1e3, 2), first_ms=round(pages[0], 1),
        last_ms=round(pages[-1], 1), median_ms=round(statistics.median(pages), 1),
    )  # fmt: skip


def table(runs: list[Statement]) -> str:
    """The table, in Markdown."""
    lines = [
        f"| lines, {PAGE} a page | s in all | ms a page | ms the first | ms the last |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {one.lines:,} | {one.seconds} | {one.median_ms} | {one.first_ms} | {one.last_ms} |"
        for one in runs
    ]
    return "\n".join(lines)
