"""`mmo tenants`, asked as an operator asks it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg

from mmo.identity.secret import digest
from tests.security.two_tenants import A, B, two_tenants
from tests.servers.postgres import Database


async def test_tenants_are_asked_for_listed_suspended_and_resumed(
    database: Database, tmp_path: Path
) -> None:
    async with two_tenants(database):
        asked = mmo(database, tmp_path, "create", "savanna", "--administrator", "amina",
                    "--currency", "KES", "--currency", "UGX", "--no-wait", "--json")  # fmt: skip
        told = json.loads(asked.stdout)
        code = told["invitation"].partition("invitation=")[2]
        again = mmo(database, tmp_path, "create", "savanna", "--administrator", "x", "--no-wait")
        taken = mmo(database, tmp_path, "create", A.slug, "--administrator", "x", "--no-wait")
        bad = mmo(database, tmp_path, "create", "No Name", "--administrator", "x", "--no-wait")
        suspended = mmo(database, tmp_path, "suspend", B.slug)
        listed = json.loads(mmo(database, tmp_path, "list", "--json").stdout)
        twice = mmo(database, tmp_path, "suspend", B.slug)
        resumed = mmo(database, tmp_path, "resume", B.slug)

    assert (told["tenant"], told["state"]) == ("savanna", "pending")
    for refused, why in ((again, "already"), (taken, "already"), (bad, "a letter, then")):
        assert (refused.returncode, why in refused.stderr) == (1, True), refused.stderr
    assert (suspended.returncode, resumed.returncode) == (0, 0), suspended.stderr
    assert [(one["tenant"], one["state"]) for one in listed] == [
        (A.slug, "active"), (B.slug, "suspended"),
    ]  # fmt: skip
    assert (twice.returncode, "it is suspended" in twice.stderr) == (1, True)
    with psycopg.connect(database.admin) as admin:
        kept = admin.execute("SELECT invitation, currencies, administrator FROM tenancy.onboarding")
        assert kept.fetchall() == [(digest(code), ["KES", "UGX"], "amina")]
        actions = admin.execute(
            """SELECT action FROM audit.record WHERE tenant_id = 2 AND action LIKE 'tenant.%'
                ORDER BY seq"""
        )
        assert actions.fetchall() == [("tenant.suspended",), ("tenant.resumed",)]


def mmo(database: Database, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workers.cli.main", "tenants", *words],
        cwd=folder,
        env={**os.environ, **database.environment("mmo_background"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
