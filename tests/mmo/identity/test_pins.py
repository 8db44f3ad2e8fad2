"""Guessing a PIN is hopeless: attempts are counted first, wherever they come from."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import psycopg
import pytest

from mmo.identity.pin_rules import is_pin, is_weak
from mmo.identity.pin_sources import SPRAY_WALLETS
from mmo.identity.pins import PinInvalidError, PinRefusedError, PinVault, Tenancy
from mmo.kernel.identifiers import mint
from mmo.keys.development import DevelopmentKeys
from mmo.keys.ports import Purpose
from tests.mmo.identity.registry import DEMO, MSISDN, WALLET, Registry

PIN, OTHER = "4071", "8350"


REAL, NOTHING = "the wallet's own", "nothing"


class Looking:
    """Keys that note what a MAC was asked for: of the wallet's own salt, or of none."""

    def __init__(self, keys: DevelopmentKeys) -> None:
        self._keys = keys
        self.at: list[str] = []

    async def mac(
        self, tenant: str, purpose: Purpose, messages: list[bytes], number: int | None = None
    ) -> list[bytes]:
        self.at += [NOTHING if bytes(16) in one else REAL for one in messages]
        return await self._keys.mac(tenant, purpose, messages, number)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._keys, name)


async def refused(vault: PinVault, pin: str, wallet: UUID = WALLET, **more: Any) -> bool:
    try:
        await vault.verify(DEMO, wallet, pin, **more)
    except PinRefusedError:
        return True
    return False


async def with_pin(registry: Registry, wallet: UUID = WALLET) -> PinVault:
    assert await registry.vault.set_first(DEMO, wallet, PIN, MSISDN)
    return registry.vault


def row(registry: Registry, column: str) -> object:
    with psycopg.connect(registry.database.admin) as connection:
        found = connection.execute(f"SELECT {column} FROM identity.pin").fetchone()
    assert found is not None
    return found[0]


@pytest.mark.case("D1")
async def test_of_forty_parallel_guesses_five_are_looked_at(registry: Registry) -> None:
    await with_pin(registry)
    looking = Looking(registry.keys)
    vault = PinVault(registry.pool, looking)

    assert all(await asyncio.gather(*(refused(vault, "9182") for _ in range(40))))
    assert looking.at.count(REAL) == 5, "the other 35 got the same work on nothing"
    assert len(looking.at) == 40


@pytest.mark.case("D2")
async def test_the_right_pin_is_refused_while_locked_and_counts_nothing(registry: Registry) -> None:
    vault = await with_pin(registry)
    assert all([await refused(vault, "1111") for _ in range(5)])
    before = row(registry, "(failed, stage, locked_until)::text")

    assert await refused(vault, PIN)
    assert row(registry, "(failed, stage, locked_until)::text") == before


async def test_each_stage_locks_longer_and_the_last_needs_a_reset(registry: Registry) -> None:
    vault = await with_pin(registry)
    locked = []
    for _ in range(3):
        assert all([await refused(vault, "1111") for _ in range(5)])
        locked.append(row(registry, "round(extract(epoch FROM locked_until - now()) / 60)::text"))
        with psycopg.connect(registry.database.admin, autocommit=True) as connection:
            connection.execute(
                "UPDATE identity.pin SET locked_until = now() WHERE isfinite(locked_until)"
            )

    assert locked == ["15", "1440", "Infinity"]
    assert await refused(vault, PIN), "only a reset helps now"


async def test_a_right_pin_forgives_what_was_mistyped(registry: Registry) -> None:
    vault = await with_pin(registry)
    for _ in range(4):
        assert await refused(vault, "1111")

    await vault.verify(DEMO, WALLET, PIN)
    assert row(registry, "failed") == 0


@pytest.mark.case("D3")
async def test_one_pin_over_many_wallets_from_one_device_is_stopped(registry: Registry) -> None:
    wallets = [mint() for _ in range(SPRAY_WALLETS["device"] + 2)]
    for wallet in wallets:
        assert await registry.vault.set_first(DEMO, wallet, PIN, MSISDN)
    spraying = {"sources": ["device/app/77"]}
    for wallet in wallets[:-1]:
        assert await refused(registry.vault, "1111", wallet, **spraying)

    assert await refused(registry.vault, PIN, wallets[-1], **spraying), "right, and blocked"
    assert not await refused(registry.vault, PIN, wallets[-1]), "others are not hindered"


async def test_an_honest_device_of_a_shop_is_not_stopped(registry: Registry) -> None:
    for _ in range(SPRAY_WALLETS["device"] + 5):
        wallet = mint()
        assert await registry.vault.set_first(DEMO, wallet, PIN, MSISDN)
        assert not await refused(registry.vault, PIN, wallet, sources=["device/app/78"])


@pytest.mark.case("D5")
@pytest.mark.parametrize("pin", ["407", "407140714", "40a1", "٤٠٧١", " 4071", "4071\n", "", "4 71"])
async def test_what_is_no_pin_is_none(registry: Registry, pin: str) -> None:
    assert not is_pin(pin)
    with pytest.raises(PinInvalidError, match="pin_invalid"):
        await registry.vault.set_first(DEMO, WALLET, pin, MSISDN)


@pytest.mark.case("D6")
@pytest.mark.parametrize(
    "pin", ["0000", "1234", "9876", "1985", "2012", "1212", "5555", "0001", "2580", "123456"]
)
async def test_a_pin_that_people_guess_first_is_refused(registry: Registry, pin: str) -> None:
    assert is_weak(pin, MSISDN)
    with pytest.raises(PinInvalidError, match="pin_weak"):
        await registry.vault.set_first(DEMO, WALLET, pin, MSISDN)


@pytest.mark.case("D7")
async def test_none_of_the_last_pins_comes_back(registry: Registry) -> None:
    vault = await with_pin(registry)
    await vault.change(DEMO, WALLET, PIN, OTHER, MSISDN)
    await vault.change(DEMO, WALLET, OTHER, "6193", MSISDN)

    for before in (PIN, OTHER, "6193"):
        with pytest.raises(PinInvalidError, match="pin_used_before"):
            await vault.change(DEMO, WALLET, "6193", before, MSISDN)


async def test_a_change_needs_the_pin_before(registry: Registry) -> None:
    vault = await with_pin(registry)

    with pytest.raises(PinRefusedError):
        await vault.change(DEMO, WALLET, "1111", OTHER, MSISDN)
    assert not await vault.set_first(DEMO, WALLET, OTHER, MSISDN)
    await vault.verify(DEMO, WALLET, PIN)


@pytest.mark.case("D9")
async def test_a_row_copied_to_another_wallet_proves_nothing(registry: Registry) -> None:
    vault = await with_pin(registry)
    thief = mint()
    with psycopg.connect(registry.database.admin) as connection:
        connection.execute(
            """INSERT INTO identity.pin (tenant_id, wallet_id, mac, salt, key_n)
               SELECT tenant_id, %s, mac, salt, key_n FROM identity.pin""",
            [thief],
        )

    assert await refused(vault, PIN, thief)
    assert not await refused(vault, PIN)


async def test_pins_of_two_tenants_are_under_two_keys(registry: Registry) -> None:
    other = Tenancy(id=2, slug="other")
    (one,), (two,) = [
        await registry.keys.mac(tenant.slug, Purpose.PIN, [b"4071"]) for tenant in (DEMO, other)
    ]

    assert one != two


async def test_a_proof_is_good_once_for_its_own_request(registry: Registry) -> None:
    vault = await with_pin(registry)
    about: dict[str, Any] = {"subject": "alice", "request": b"r" * 32}
    proof = await vault.prove(DEMO, WALLET, PIN, **about)

    async def uses(key: str, wallet: UUID = WALLET, **other: Any) -> bool:
        named = {**about, **other, "key": key}
        return await vault.use_proof(DEMO.id, wallet, proof, **named)

    assert not await uses("k1", request=b"x" * 32)
    assert not await uses("k1", subject="bob")
    assert not await uses("k1", mint())
    assert Counter(await asyncio.gather(*(uses(f"k{n}") for n in range(20)))) == {
        True: 1,
        False: 19,
    }
    (used,) = [n for n in range(20) if await uses(f"k{n}")]
    assert await uses(f"k{used}"), "a repeat of that very request"


async def test_a_proof_ends_after_a_minute(registry: Registry) -> None:
    vault = await with_pin(registry)
    proof = await vault.prove(DEMO, WALLET, PIN, subject="alice", request=b"r" * 32)
    with psycopg.connect(registry.database.admin) as connection:
        connection.execute("UPDATE identity.pin_proof SET expires_at = now()")

    about: dict[str, Any] = {"subject": "alice", "request": b"r" * 32, "key": "k"}
    assert not await vault.use_proof(DEMO.id, WALLET, proof, **about)


async def test_a_reset_takes_two_people_and_works_once(registry: Registry) -> None:
    vault = await with_pin(registry)
    reset = await vault.ask_reset(DEMO.id, WALLET, "clerk")

    assert await vault.approve_reset(DEMO.id, reset, "clerk") is None
    code = await vault.approve_reset(DEMO.id, reset, "checker")
    assert code is not None
    assert await vault.approve_reset(DEMO.id, reset, "another") is None
    await vault.reset(DEMO, WALLET, code, OTHER, MSISDN)
    await vault.verify(DEMO, WALLET, OTHER)
    with pytest.raises(PinRefusedError):
        await vault.reset(DEMO, WALLET, code, "6193", MSISDN)
