"""A whole operator for tests: three tenants; keys, front and background as processes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from api.scopes import scopes
from mmo.kernel.identifiers import TenantId
from mmo.settings import Settings
from mmo.tenancy.tenant import Tenant
from tests.servers.hsm import Signer, hsm_environment, signer_of, waited
from tests.servers.nats import NatsServer
from tests.servers.plugin import with_plugin
from tests.servers.postgres import Database, PostgresServer
from tests.servers.shared import shared, start_server
from tests.servers.temporal import TemporalServer
from workers.demo.people import SUPER
from workers.demo.seed import DEMO, seed
from workers.hsm import prepare
from workers.roles import role
from workers.smsc import messages_file
from workers.stack.launch import Launch
from workers.stack.processes import free_port
from workers.tenants import open_tenant
from workers.wiring import connect

OTHER = Tenant(
    id=TenantId(2),
    slug="other",
    name="Other Mobile Money",
    timezone="Africa/Kampala",
    currencies=("KES", "UGX"),
)
"""A second operator on the same platform; its books are in two currencies."""


@dataclass(frozen=True, slots=True)
class Operator:
    """What a test knows of the running operator."""

    database: Database
    url: str
    temporal: str
    nats: NatsServer
    keys: Path
    """Home of the process `keys`."""
    signer: Signer
    logs: tuple[Path, ...]
    sms: Path
    """What the SMS centre was sent, a message a line."""

    def settings(self, user: str = "mmo_background") -> Settings:
        """The settings of one more process of this operator."""
        return self.database.settings(
            user,
            temporal_address=self.temporal,
            **self.nats.settings,
            **hsm_settings(self.keys),
        )


def hsm_settings(home: Path) -> dict[str, Path]:
    """The same places as settings."""
    named = hsm_environment(home).items()
    return {name.removeprefix("MMO_").lower(): Path(value) for name, value in named}


async def _open(settings: Settings) -> None:
    await seed(settings)
    await open_client(settings, DEMO.id)
    for tenant in (OTHER, SUPER):
        await open_another(settings, tenant)


async def open_another(settings: Settings, tenant: Tenant) -> None:
    """Open one more tenant, as `mmo` does."""
    service = await connect(settings.temporal_address)
    async with await psycopg.AsyncConnection.connect(settings.dsn(), autocommit=True) as connection:
        await open_tenant(settings, connection, service, tenant)
    await open_client(settings, tenant.id)


async def open_client(settings: Settings, tenant: int) -> None:
    """The clients whose names the tests' tokens carry; they may use every scope."""
    admin = settings.model_copy(update={"database_user": "postgres"})
    async with await psycopg.AsyncConnection.connect(admin.dsn(), autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO identity.policy (tenant_id) VALUES (%s) ON CONFLICT DO NOTHING",
            [tenant],
        )
        await connection.execute(
            """INSERT INTO identity.client (tenant_id, id, name, kind, grants, scopes, created_by)
               SELECT %s, c, c, 'confidential', '{client_credentials}', %s, 'tests'
                 FROM unnest(ARRAY['tests', 'another']) c
               ON CONFLICT DO NOTHING""",
            [tenant, sorted(scopes())],
        )


def _start_role(home: Path, name: str, environment: dict[str, str]) -> int:
    ready = home / "ready"
    ready.unlink(missing_ok=True)
    launch = Launch(
        argv=(sys.executable, "-m", "workers", name),
        environment={**environment, "MMO_READY_FILE": str(ready), "MMO_HOME": str(home)},
    )
    return start_server(launch, home / f"{name}.log", ready.exists).pid


def _running(
    run: Path, facts: dict[str, Any], postgres: PostgresServer, around: dict[str, str],
    signer: Signer, nats: NatsServer,
) -> Operator:  # fmt: skip
    """What a test is told of it."""
    return Operator(
        database=Database(facts["database"], postgres.port),
        url=f"http://127.0.0.1:{facts['port']}",
        temporal=around["MMO_TEMPORAL_ADDRESS"],
        nats=nats,
        keys=Path(facts["keys"]),
        signer=signer,
        logs=tuple(run / name / f"{name}.log" for name in ("front", "background", "keys")),
        sms=messages_file(run / "smsc"),
    )


@contextmanager
def operator_of(
    run: Path, postgres: PostgresServer, temporal: TemporalServer, nats: NatsServer
) -> Iterator[Operator]:
    """The one operator of the run whose folder this is."""
    around = {
        "MMO_TEMPORAL_ADDRESS": temporal.address,
        **nats.environment,
        "MMO_WEBHOOK_LOOPBACK": "1",
        "MMO_WEBHOOK_RETRY_S": "0.2",
        "MMO_WEBHOOK_TRIES_MAX": "4",
    }

    def environment(facts: dict[str, Any], name: str) -> dict[str, str]:
        database = Database(facts["database"], postgres.port)
        return {
            **database.environment(role(name).database_user),
            **around,
            **hsm_environment(Path(facts["keys"])),
            "MMO_LISTEN_PORT": str(facts.get("port", 0)),
            "MMO_SMSC_PORT": str(facts.get("smsc", 0)),
        }

    def start_keys(home: Path) -> tuple[int, dict[str, Any]]:
        facts: dict[str, Any] = {"database": postgres.create().name, "keys": str(home)}
        waited(prepare(Settings(home=home)))
        return _start_role(home, "keys", environment(facts, "keys")), facts

    with shared(run, "keys", start_keys) as known:
        home_of_keys = Path(known["keys"])

        def start_front(home: Path) -> tuple[int, dict[str, Any]]:
            facts = {**known, "port": free_port()}
            settings = Database(known["database"], postgres.port).settings(
                "mmo_background",
                home=home,
                temporal_address=temporal.address,
                **hsm_settings(home_of_keys),
            )
            waited(_open(settings))
            around = environment(facts, "front") | with_plugin(home)
            return _start_role(home, "front", around), facts

        with shared(run, "front", start_front) as facts:

            def start_centre(home: Path) -> tuple[int, dict[str, Any]]:
                told = {"smsc": free_port()}
                return _start_role(home, "smsc", {"MMO_SMSC_PORT": str(told["smsc"])}), told

            def start_background(home: Path) -> tuple[int, dict[str, Any]]:
                around = environment({**facts, **centre}, "background") | with_plugin(home)
                return _start_role(home, "background", around), {}

            with (
                shared(run, "smsc", start_centre) as centre,
                shared(run, "background", start_background),
                signer_of(home_of_keys) as signer,
            ):
                yield _running(run, facts, postgres, around, signer, nats)
