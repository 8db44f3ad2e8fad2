"""`mmo audit verify`, asked as an operator asks it: with the keys of the register, or kept ones."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg.types.json import Jsonb

from mmo.keys.ports import PLATFORM, Purpose
from tests.security.sealing import Sealed, sealing
from tests.servers.postgres import Database


async def test_it_holds_names_what_was_changed_and_trusts_only_keys_kept_elsewhere(
    database: Database, tmp_path: Path
) -> None:
    async with sealing(database, tmp_path / "keys") as it:
        await it.note(1)
        await it.seal()
        register(it)
        kept = mmo(database, tmp_path, "audit", "keys")
        (tmp_path / "seals.json").write_text(kept.stdout)

        assert mmo(database, tmp_path, "audit", "verify").returncode == 0
        it.tamper("UPDATE audit.record SET actor = 'someone'")
        named = mmo(database, tmp_path, "audit", "verify")
        assert (named.returncode, "seal 1: a row was changed" in named.stdout) == (1, True)

        with psycopg.connect(database.admin, autocommit=True) as admin:
            admin.execute('UPDATE keys.key SET public_jwk = public_jwk || \'{"x": "AA"}\'')
        by_kept = mmo(database, tmp_path, "audit", "verify", "--json", "--keys", "seals.json")
        assert "a row was changed" in json.loads(by_kept.stdout)[0]["why"]

        unknown = mmo(database, tmp_path, "audit", "verify", "--tenant", "nobody")
        assert (unknown.returncode, "there is no tenant nobody" in unknown.stderr) == (1, True)


def register(it: Sealed) -> None:
    """Write the platform's key into the register, as the process `keys` does."""
    (key,) = [
        one for one in it.keys.trusted().values()
        if (one.tenant, one.purpose) == (PLATFORM, Purpose.AUDIT)
    ]  # fmt: skip
    with psycopg.connect(it.database.admin, autocommit=True) as admin:
        admin.execute(
            """INSERT INTO keys.key (tenant_id, id, purpose, n, state, kid, public_jwk, pkcs11_id)
               VALUES (0, gen_random_uuid(), 'audit', 1, 'retired', %s, %s, %s)""",
            [key.kid, Jsonb(key.jwk), bytes(16)],
        )


def mmo(database: Database, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workers.cli.main", *words],
        cwd=folder,
        env={**os.environ, **database.environment("mmo_background"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
