"""What identity costs: tokens signed and verified, PINs proved, and a tenant's transaction."""

import argparse
import asyncio
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from mmo.identity.pins import PinVault, Tenancy
from mmo.keys.ports import KeyStore, Purpose, Trust
from mmo.keys.verifier import Verifier
from mmo.tenancy.scope import scoped
from tests.servers.postgres import Database, postgres_of
from workers import hsm
from workers.demo.people import DEMO
from workers.tenants import open_books
from workers.wiring import hsm_store, open_pool

SECONDS = 3.0
PIN, WALLET = "4071", uuid.UUID(int=7)
AT_ONCE = 16


async def rate(work: Callable[[], Awaitable[object]], seconds: float, at_once: int = 1) -> float:
    """How often a second, so many at a time."""
    until, done = time.perf_counter() + seconds, 0

    async def worker() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await work()
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return done / (time.perf_counter() - began)


def verified(verifier: Verifier, token: str, seconds: float) -> float:
    """Verifications a second of one token that was seen before."""
    until, done, began = time.perf_counter() + seconds, 0, time.perf_counter()
    while time.perf_counter() < until:
        verifier.verify(token)
        done += 1
    return done / (time.perf_counter() - began)


async def measure(database: Database, home: Path, seconds: float) -> list[tuple[str, float]]:
    """Every measurement, one after the other, on one token and one database."""
    settings = database.settings("mmo_background", home=home)
    assert await hsm.prepare(settings)
    async with AsyncExitStack() as opened:
        pool = await opened.enter_async_context(open_pool(settings))
        async with pool.connection() as connection:
            await open_books(connection, DEMO)
        store = await opened.enter_async_context(hsm_store(settings, pool))
        await store.make(DEMO.id, DEMO.slug)
        return [*await _tokens(store, store.trust, seconds), *await _rest(pool, store, seconds)]


async def _tokens(keys: KeyStore, trust: Trust, seconds: float) -> list[tuple[str, float]]:
    async def sign() -> str:
        now = int(time.time())
        claims = {"sub": "bench", "client_id": "bench", "aud": "mmo-api", "iat": now,
                  "exp": now + 300, "jti": uuid.uuid4().hex, "roles": ["clerk"],
                  "scope": "movements:read wallets:read", "epoch": [0, 0]}  # fmt: skip
        return await keys.sign(DEMO.slug, Purpose.JWT, claims)

    token, kept = await sign(), Verifier(trust, Purpose.JWT, "mmo-api")
    kept.verify(token)
    tokens = [await sign() for _ in range(2000)]
    fresh = Verifier(trust, Purpose.JWT, "mmo-api")
    began, done = time.perf_counter(), 0
    for one in tokens:
        fresh.verify(one)
        done += 1
    cold = done / (time.perf_counter() - began)
    return [
        ("tokens signed in the HSM", await rate(sign, seconds, AT_ONCE)),
        ("verifications, each token new", cold),
        ("verifications, token seen before", verified(kept, token, seconds)),
    ]


async def _rest(pool: Any, keys: KeyStore, seconds: float) -> list[tuple[str, float]]:
    vault, tenancy = PinVault(pool, keys), Tenancy(id=DEMO.id, slug=DEMO.slug)
    await vault.set_first(tenancy, WALLET, PIN, "+254700000001")
    statement = "SELECT 1 FROM wallets.wallet WHERE tenant_id = %s AND id = %s"

    async def prove() -> None:
        await vault.verify(tenancy, WALLET, PIN)

    async def plain() -> None:
        async with pool.connection() as connection:
            await connection.execute(statement, [DEMO.id, WALLET])

    async def of_a_tenant() -> None:
        async with scoped(pool, DEMO.id) as connection:
            await connection.execute(statement, [DEMO.id, WALLET])

    return [
        ("PINs proved, attempt counted first", await rate(prove, seconds, 4)),
        ("reads, no tenant set", await rate(plain, seconds)),
        ("reads in a tenant's transaction", await rate(of_a_tenant, seconds)),
    ]


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mmo-bench-") as folder:
        Path(folder).chmod(0o755)  # Postgres runs as somebody else
        with postgres_of(Path(folder)) as server:
            found = asyncio.run(measure(server.create(), Path(folder) / "home", asked.seconds))
    print("| | per second |\n|---|---|")
    for what, many in found:
        print(f"| {what} | {many:,.0f} |")
    told = dict(found)
    ratio = told["reads in a tenant's transaction"] / told["reads, no tenant set"]
    print(f"\na read in a tenant's transaction runs at {ratio:.2f} of one without")


if __name__ == "__main__":
    main()
