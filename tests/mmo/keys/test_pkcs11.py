"""Keys in a token: each signs, authenticates or wraps for one purpose of one tenant."""

import asyncio
import hmac
import time
import uuid

import pytest
from psycopg_pool import AsyncConnectionPool

from mmo.keys.administration import KeyStateError
from mmo.keys.pkcs11 import Pkcs11KeyStore
from mmo.keys.ports import PLATFORM, KeysAwayError, NoKeyError, Purpose
from mmo.keys.verifier import InvalidTokenError, Verifier
from mmo.settings import Settings
from tests.mmo.keys.conftest import TENANTS
from workers.wiring import open_trust


def about(**other):
    now = int(time.time())
    return {
        "sub": "alice", "client_id": "app", "aud": "mmo-api", "iat": now, "exp": now + 300,
        "jti": uuid.uuid4().hex, **other,
    }  # fmt: skip


async def test_a_token_that_the_hsm_signed_is_genuine(store: Pkcs11KeyStore) -> None:
    told = about()
    token = await store.sign("demo", Purpose.JWT, told)

    proved = Verifier(store.trust, Purpose.JWT, "mmo-api").verify(token)
    assert proved == {**told, "iss": "http://127.0.0.1:8090/t/demo", "tenant": "demo"}
    with pytest.raises(InvalidTokenError):
        Verifier(store.trust, Purpose.DECISION, "mmo-api").verify(token)


async def test_every_signing_purpose_signs_and_shows_its_next_key(store: Pkcs11KeyStore) -> None:
    await store.sign(PLATFORM, Purpose.TEMPORAL, about())
    await store.sign(PLATFORM, Purpose.AUDIT, about())
    shown = [(key.tenant, key.purpose) for key in store.trust.trusted().values()]

    assert sorted(set(shown)) == sorted(
        [(PLATFORM, Purpose.TEMPORAL), (PLATFORM, Purpose.AUDIT)]
        + [(tenant, purpose) for tenant in TENANTS for purpose in (Purpose.JWT, Purpose.DECISION)]
    )
    assert shown.count(("demo", Purpose.JWT)) >= 2
    assert all(set(k.jwk) == {"kty", "crv", "x", "y", "alg", "use", "kid"}
               for k in store.trust.trusted().values())  # fmt: skip


async def test_a_mac_belongs_to_tenant_purpose_and_message(store: Pkcs11KeyStore) -> None:
    first, again = await store.mac("demo", Purpose.PIN, [b"4821", b"4821"])
    (wrong,) = await store.mac("demo", Purpose.PIN, [b"4822"])
    (others,) = await store.mac("other", Purpose.PIN, [b"4821"])
    (index,) = await store.mac("demo", Purpose.MSISDN, [b"4821"])

    assert hmac.compare_digest(first, again)
    assert len(first) == 32
    assert len({first, wrong, others, index}) == 4


async def test_an_older_pin_key_still_tells_what_it_made(store: Pkcs11KeyStore) -> None:
    before = await store.number("other", Purpose.PIN)
    (made,) = await store.mac("other", Purpose.PIN, [b"4821"])
    await store.administration.rotate(TENANTS["other"], "other", Purpose.PIN)

    assert await store.number("other", Purpose.PIN) == before + 1
    assert await store.mac("other", Purpose.PIN, [b"4821"], before) == [made]
    assert await store.mac("other", Purpose.PIN, [b"4821"]) != [made]


async def test_nobody_signs_without_a_key(store: Pkcs11KeyStore) -> None:
    with pytest.raises(NoKeyError, match="nobody has no jwt key"):
        await store.sign("nobody", Purpose.JWT, about())
    with pytest.raises(NoKeyError):
        await store.sign("demo", Purpose.TEMPORAL, about())


async def test_a_key_for_macs_signs_no_token_and_a_signing_key_makes_no_mac(
    store: Pkcs11KeyStore,
) -> None:
    pin = store.trust.register.key("demo", Purpose.PIN)
    jwt = store.trust.register.key("demo", Purpose.JWT)
    with pytest.raises(KeysAwayError):
        await store.module.run(lambda token: token.digest_signed(pin.pkcs11_id, bytes(32)))
    with pytest.raises(KeysAwayError):
        await store.module.run(lambda token: token.mac(jwt.pkcs11_id, b"x"))
    assert await store.sign("demo", Purpose.JWT, about())


async def test_a_data_key_is_made_once_and_comes_back(store: Pkcs11KeyStore) -> None:
    made = await asyncio.gather(*(store.data_key("demo", "pii") for _ in range(6)))

    assert len({key.id for key in made}) == 1
    assert len({key.material for key in made}) == 1
    assert await store.data_key("demo", "pii", made[0].id) == made[0]
    assert (await store.data_key("demo", "temporal")).material != made[0].material
    with pytest.raises(NoKeyError):
        await store.data_key("other", "pii", made[0].id)


async def test_a_rotated_kek_still_opens_what_the_one_before_wrapped(
    store: Pkcs11KeyStore,
) -> None:
    before = await store.data_key("other", "temporal")
    await store.administration.rotate(TENANTS["other"], "other", Purpose.KEK)

    assert await store.data_key("other", "temporal") == before


async def test_making_keys_at_once_in_two_processes_makes_them_once(
    store: Pkcs11KeyStore, pool: AsyncConnectionPool
) -> None:
    async def count() -> int:
        async with pool.connection() as connection:
            cursor = await connection.execute("SELECT count(*) FROM keys.key")
            row = await cursor.fetchone()
        assert row is not None
        return row[0]

    before = await count()
    await asyncio.gather(*(store.make(1, "demo") for _ in range(4)))
    assert await count() == before


async def test_two_rotations_at_once_are_two_rotations(store: Pkcs11KeyStore) -> None:
    before = store.trust.register.key("demo", Purpose.DECISION)
    await asyncio.gather(
        *(store.administration.rotate(1, "demo", Purpose.DECISION) for _ in range(2))
    )

    assert store.trust.register.key("demo", Purpose.DECISION).n == before.n + 2
    states = [r.state for r in store.trust.register.rows.values()
              if (r.tenant, r.purpose) == ("demo", "decision")]  # fmt: skip
    assert sorted(states) == ["active", "next", "retired", "retired"]


async def test_the_blind_index_keeps_its_key(store: Pkcs11KeyStore) -> None:
    with pytest.raises(KeyStateError, match="keeps its key"):
        await store.administration.rotate(1, "demo", Purpose.MSISDN)


@pytest.mark.case("L10")
async def test_a_rotation_refuses_no_token_of_the_key_before_or_after(
    store: Pkcs11KeyStore, settings: Settings
) -> None:
    """L10. Another process verifies all the time, and hears of the keys only by the database."""
    kids: set[str] = set()
    refused = 0
    async with open_trust(settings.model_copy(update={"database_user": "mmo_front"})) as trust:
        verifier = Verifier(trust, Purpose.JWT, "mmo-api")
        rotating = asyncio.create_task(store.administration.rotate(1, "demo", Purpose.JWT))
        held: list[str] = []
        until = time.monotonic() + 1.0
        while time.monotonic() < until or not rotating.done():
            held.append(await store.sign("demo", Purpose.JWT, about()))
            for token in (held[0], held[-1]):
                try:
                    verifier.verify(token)
                except InvalidTokenError:
                    refused += 1
            kids.add(store.trust.register.key("demo", Purpose.JWT).kid or "")
    await rotating
    assert refused == 0
    assert len(kids) == 2


async def test_a_disabled_key_vouches_for_nothing_within_a_second_elsewhere(
    store: Pkcs11KeyStore, settings: Settings
) -> None:
    token = await store.sign("other", Purpose.JWT, about())
    async with open_trust(settings.model_copy(update={"database_user": "mmo_front"})) as trust:
        verifier = Verifier(trust, Purpose.JWT, "mmo-api")
        assert verifier.verify(token)
        assert await store.administration.disable(2, Purpose.JWT) >= 1
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            try:
                verifier.verify(token)
            except InvalidTokenError:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("the token was still taken for genuine after a second")
        with pytest.raises(NoKeyError):
            await store.sign("other", Purpose.JWT, about())
        await store.make(2, "other")
        with pytest.raises(NoKeyError):
            await store.sign("other", Purpose.JWT, about())
    await store.administration.rotate(2, "other", Purpose.JWT)
    assert await store.sign("other", Purpose.JWT, about())
