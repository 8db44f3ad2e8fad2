"""The embedded PostgreSQL keeps its data safe, wherever they lie and whoever starts it."""

import os
from pathlib import Path

import psycopg
import pytest

from tests.servers.postgres import PostgresServer
from workers.stack import identity as identities
from workers.stack.identity import choose_identity
from workers.stack.postgres import Postgres, find_binaries, make_password
from workers.stack.processes import free_port


def shown(server: PostgresServer, setting: str) -> str:
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute(f"SHOW {setting}").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("data_checksums", "on"),
        ("password_encryption", "scram-sha-256"),
        ("listen_addresses", "127.0.0.1"),
        ("lc_collate", "C.UTF-8"),
        ("timezone", "UTC"),
    ],
)
def test_the_cluster_is_made_safely(
    postgres_server: PostgresServer, setting: str, value: str
) -> None:
    if setting == "lc_collate":  # a property of the database since version 16
        with psycopg.connect(postgres_server.dsn()) as connection:
            row = connection.execute("SELECT datcollate FROM pg_database LIMIT 1").fetchone()
        assert row == (value,)
    else:
        assert shown(postgres_server, setting) == value


def test_the_lock_of_a_killed_server_is_forgotten(tmp_path: Path) -> None:
    server = Postgres(folder=tmp_path / "postgres", port=free_port(), password="x")
    server.prepare()
    lock = tmp_path / "postgres" / "data" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n")  # its number now belongs to us
    server.prepare()
    assert not lock.exists()


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data.new").mkdir(parents=True)
    server = Postgres(folder=tmp_path / "postgres", port=free_port(), password="x")
    server.prepare()
    assert (tmp_path / "postgres" / "data" / "PG_VERSION").read_text() == "18\n"


def test_the_password_is_its_owners_alone(tmp_path: Path) -> None:
    first = make_password(tmp_path / "secrets" / "postgres")
    assert make_password(tmp_path / "secrets" / "postgres") == first
    assert (tmp_path / "secrets" / "postgres").stat().st_mode & 0o777 == 0o600


def test_root_steps_down_without_opening_a_closed_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    identity = choose_identity(find_binaries() / "postgres", closed / "postgres")
    assert identity is None or identity.prefix[1:2] == ("--user",)
    assert closed.stat().st_mode & 0o777 == 0o700


def test_an_ordinary_user_stays_who_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identities.os, "geteuid", lambda: 65534)
    assert choose_identity(find_binaries() / "postgres", tmp_path) == identities.Identity()
