"""Whatever is done to the audit or the journal afterwards, the first bad seal is named."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest

from mmo.audit.postgres import append
from mmo.audit.record import Record, digest_of
from mmo.audit.sealer import Sealer
from mmo.keys.development import DevelopmentKeys
from mmo.keys.ports import PLATFORM, KeysAwayError, KeyStore, Purpose
from mmo.tenancy.scope import scoped
from tests.mmo.moving import operator, sends
from tests.security.sealing import Sealed, sealing
from tests.servers.postgres import Database
from workers.seals import proving, signing

pytestmark = pytest.mark.case("I13")

RECORD = Record(tenant_id=1, actor="a", client="b", action="c.d", object="e/f")


@pytest.fixture
async def sealed(database: Database, tmp_path: Path) -> AsyncGenerator[Sealed]:
    """Three seals of the audit: records 1, 2 and 3, 4."""
    async with sealing(database, tmp_path) as opened:
        await opened.note(1)
        await opened.seal()
        await opened.note(2)
        await opened.note(3)
        await opened.seal()
        await opened.note(4)
        await opened.seal()
        yield opened


async def test_an_audit_that_nobody_touched_holds(sealed: Sealed) -> None:
    (found,) = sealed.verify().values()

    assert (found.holds, found.seals, found.rows, found.unsealed) == (True, 3, 4, 0)


TAMPERED = {
    "a record deleted": (
        "DELETE FROM audit.record WHERE object = 'wallet/2'", 2, "sealed 2 rows, and 1"),
    "a record edited": (
        "UPDATE audit.record SET actor = 'someone' WHERE object = 'wallet/3'", 2, "was changed"),
    "a record moved in time": (
        "UPDATE audit.record SET at = at - interval '1 hour' WHERE object = 'wallet/1'",
        1, "was changed"),
    "two records reordered": (
        """UPDATE audit.record a SET xid = b.xid FROM audit.record b
            WHERE (a.object, b.object) IN (('wallet/2', 'wallet/3'), ('wallet/3', 'wallet/2'))""",
        2, "another place"),
    "a record slipped in": (
        """INSERT INTO audit.record (tenant_id, xid, id, actor, client, action, object, outcome)
           SELECT tenant_id, xid, gen_random_uuid(), actor, client, action, object, outcome
             FROM audit.record WHERE object = 'wallet/1'""", 1, "sealed 1 rows, and 2"),
    "a record given to another seal": (
        """UPDATE audit.record SET xid = (SELECT to_xid FROM audit.seal WHERE n = 3)
            WHERE object = 'wallet/3'""", 2, "sealed 2 rows, and 1"),
    "a seal deleted": ("DELETE FROM audit.seal WHERE n = 2", 2, "seal 2 is missing"),
    "a seal rewritten": (
        "UPDATE audit.seal SET hash = sha256('x') WHERE n = 2", 2, "not what was signed"),
    "a seal's signature replaced by that of another": (
        "UPDATE audit.seal SET signed = (SELECT signed FROM audit.seal WHERE n = 1) WHERE n = 2",
        2, "not what was signed"),
    "a seal's signature broken": (
        "UPDATE audit.seal SET signed = signed || 'A' WHERE n = 3", 3, "signature"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
async def test_a_change_by_a_superuser_is_named_with_its_seal(sealed: Sealed, name: str) -> None:
    statement, seal, why = TAMPERED[name]
    sealed.tamper(statement)

    found = sealed.verify()[1, "audit"]

    assert found.broken == seal
    assert why in found.why


async def test_a_seal_signed_anew_by_another_key_proves_nothing(
    sealed: Sealed, tmp_path: Path
) -> None:
    other = DevelopmentKeys(tmp_path / "other")
    other.make(PLATFORM)
    with psycopg.connect(sealed.database.admin, autocommit=True) as admin:
        (kept,) = admin.execute("SELECT signed FROM audit.seal WHERE n = 3").fetchone() or ("",)
        claims = proving([k.jwk for k in sealed.keys.trusted().values()])(kept)
        assert claims is not None
        forged = await other.sign(PLATFORM, Purpose.AUDIT, claims)
    sealed.tamper(f"UPDATE audit.seal SET signed = '{forged}' WHERE n = 3")

    assert sealed.verify()[1, "audit"].broken == 3


async def test_a_token_of_another_purpose_is_no_seal(sealed: Sealed) -> None:
    keys = [key.jwk for key in sealed.keys.trusted().values()]
    other = await sealed.keys.sign(PLATFORM, Purpose.DECISION, {"n": 1})

    assert proving(keys)(other) is None
    assert proving(keys)("no token") is None


async def test_rows_that_are_never_sealed_are_told(sealed: Sealed) -> None:
    await sealed.note(5)
    assert sealed.verify()[1, "audit"].holds

    sealed.tamper("UPDATE audit.record SET at = at - interval '1 hour' WHERE object = 'wallet/5'")

    found = sealed.verify()[1, "audit"]
    assert (found.broken, found.unsealed) == (4, 1)
    assert "bear no seal" in found.why


async def test_each_tenant_has_a_chain_of_its_own(sealed: Sealed) -> None:
    await sealed.note(1, tenant=2)
    await sealed.note(5)
    await sealed.seal()
    sealed.tamper("UPDATE audit.record SET actor = 'x' WHERE tenant_id = 2")

    found = sealed.verify()

    assert found[1, "audit"].holds
    assert found[2, "audit"].broken == 1
    assert list(sealed.verify([1])) == [(1, "audit")]


async def test_the_journal_is_sealed_like_the_audit(database: Database, tmp_path: Path) -> None:
    async with operator(database, tmp_path / "house") as house, sealing(database, tmp_path) as it:
        await sends(house, "1")
        await it.seal()
        await sends(house, "2")
        await it.seal()
        before = it.verify()[1, "journal"]
        it.tamper("UPDATE ledger.journal SET amounts = amounts[2:] || amounts[1] WHERE seq = 1")

        after = it.verify()[1, "journal"]

    assert (before.holds, before.unsealed) == (True, 0)
    assert before.rows >= 5
    assert after.broken == 1
    assert "was changed" in after.why


async def test_writing_while_sealing_loses_nothing(database: Database, tmp_path: Path) -> None:
    """Two writers and a slow transaction that began first and ends last."""
    async with sealing(database, tmp_path) as it:
        slow = await psycopg.AsyncConnection.connect(database.dsn("mmo_background"))
        await append(slow, RECORD)
        writing = True

        async def write(number: int) -> None:
            for each in range(60):
                await it.note(number * 1000 + each)

        async def seal() -> None:
            while writing:
                await it.sealer(page=7).round()
                await asyncio.sleep(0.002)

        sealing_on = asyncio.ensure_future(seal())
        await asyncio.gather(write(1), write(2))
        assert it.verify()[1, "audit"].rows == 0, "nothing is sealed past a transaction that runs"
        await slow.commit()
        await slow.close()
        await asyncio.gather(write(3), write(4))
        writing = False
        await sealing_on
        await it.seal(page=7)

        found = it.verify()[1, "audit"]

    assert (found.holds, found.rows, found.unsealed) == (True, 241, 0)
    assert found.seals > 4


async def test_while_the_keys_are_away_sealing_waits_and_then_goes_on(sealed: Sealed) -> None:
    class Keys:
        away = True

        async def sign(self, *of: Any) -> str:
            if self.away:
                raise KeysAwayError("the token was taken out")
            return await sealed.keys.sign(*of)

    keys = Keys()
    sealer = Sealer(sealed.sealers, signing(cast("KeyStore", keys)))
    await sealed.note(5)
    await passed(sealed)
    with pytest.raises(OSError, match="no seal can be signed"):
        await sealer.round()
    assert sealed.verify()[1, "audit"].seals == 3

    keys.away = False
    await sealer.round()

    assert sealed.verify()[1, "audit"].seals == 4


async def passed(sealed: Sealed) -> None:
    """Wait until no transaction is older than the newest record."""
    async with sealed.sealers.connection() as connection:
        while True:
            cursor = await connection.execute(
                """SELECT max(xid) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                     FROM audit.record"""
            )
            if await cursor.fetchone() == (True,):
                return
            await asyncio.sleep(0.01)


async def test_a_record_is_kept_once_and_stands_where_its_change_stands(
    database: Database, tmp_path: Path
) -> None:
    async with sealing(database, tmp_path) as it:

        async def changed_in_vain() -> None:
            async with scoped(it.pool, 1) as connection:
                await append(connection, RECORD)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await changed_in_vain()
        async with scoped(it.pool, 1) as connection:
            await append(connection, RECORD)
            await append(connection, RECORD)
            cursor = await connection.execute("SELECT id FROM audit.record")
            assert await cursor.fetchall() == [(RECORD.id,)]


def test_a_digest_is_that_of_the_content_and_not_of_its_order() -> None:
    wallet = UUID(int=7)

    assert digest_of({"a": 1, "b": wallet}) == digest_of({"b": wallet, "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})


@pytest.mark.parametrize("user", ["mmo_front", "mmo_background", "mmo_authorization"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit.record SET actor = 'x'",
        "DELETE FROM audit.record",
        "TRUNCATE audit.record",
        "INSERT INTO audit.record (tenant_id, xid) VALUES (1, 5)",
        "INSERT INTO audit.record (tenant_id, at) VALUES (1, now())",
        "DELETE FROM audit.seal",
        "UPDATE audit.seal SET n = 1",
    ],
)
def test_no_process_can_change_what_is_recorded(
    database: Database, user: str, statement: str
) -> None:
    with (
        psycopg.connect(database.dsn(user)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


@pytest.mark.parametrize("table", ["record", "seal"])
def test_not_even_an_administrator_changes_it_in_passing(database: Database, table: str) -> None:
    with (
        psycopg.connect(database.admin) as connection,
        pytest.raises(psycopg.DatabaseError, match="append-only"),
    ):
        connection.execute(f"DELETE FROM audit.{table}")
