"""The real Temporal server on the embedded PostgreSQL, with its UI, tuned for one machine."""

import os
import subprocess
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import psycopg
import yaml
from psycopg import sql

from workers.stack.home import Home
from workers.stack.launch import Launch, StackError
from workers.stack.ports import Ports
from workers.stack.postgres import Postgres, make_password
from workers.stack.processes import free_port, is_taken
from workers.stack.service import Part, Service, Step, answers, status_of
from workers.stack.temporal import go_environment
from workers.stack.temporal_config import DYNAMIC_CONFIG, FRONTEND, INTERNAL, ServerConfig

DATABASES = {"temporal": "temporal", "temporal_visibility": "visibility"}
"""Database → its schema in `temporal-sql-tool`."""

KEPT_INDEXES = (
    "executions_visibility_pkey",
    "default_idx",
    "by_workflow_id",
    "by_workflow_type",
    "by_status",
    "by_execution_time",
    "by_root_workflow_id",
)
"""The rest of 74 indexes cost a third of the database's work and serve no list of ours."""

PARTIAL_INDEXES = {
    **{f"by_int_{n:02}": f"int{n:02}" for n in range(1, 4)},
    **{f"by_keyword_{n:02}": f"keyword{n:02}" for n in range(1, 11)},
}
"""Index → column of a search attribute. Temporal gives AmountMinor, Currency and MovementState
any column of their type, so each is indexed, but only where it is used: that costs nothing."""

INNER_PORTS = (
    "internal",
    "internal_membership",
    "frontend_http",
    "frontend_membership",
    "history",
    "history_membership",
    "matching",
    "matching_membership",
    "worker",
    "worker_membership",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalServer:
    """One server: programs from HOME/bin, databases on `admin`'s cluster."""

    home: Home
    ports: Ports
    admin: Postgres
    issuer: str
    """Of the authorization server: it publishes the permits' keys, and deciphers for the UI."""

    def parts(self) -> tuple[Part, ...]:
        """Schema, server and UI; raises StackError where they were not built."""
        for name in ("temporal-server", "temporal-sql-tool", "temporal-ui"):
            self._program(name)
        return (
            Step(name="temporal-schema", run=self.make_schema, after=("postgres",)),
            Service(
                name="temporal",
                prepare=self._prepare_server,
                ready=self._ready,
                after=("temporal-schema", "keys", "authorization"),
                stop_within_s=2.0,
            ),
            Service(
                name="temporal-ui",
                prepare=self._prepare_ui,
                ready=lambda: answers(f"http://127.0.0.1:{self.ports['ui']}/healthz"),
                after=("temporal",),
                stop_within_s=0.5,
            ),
        )

    def make_schema(self) -> None:
        """Create both databases, bring their schemas up to date, trim indexes. Safe to repeat."""
        with psycopg.connect(self.admin.dsn(), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'temporal'")
            verb = sql.SQL("ALTER" if known.fetchone() else "CREATE")
            connection.execute(
                sql.SQL("{} ROLE temporal LOGIN PASSWORD {}").format(
                    verb, sql.Literal(self._password())
                )
            )
            for name in DATABASES:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
                if not found.fetchone():
                    create = sql.SQL("CREATE DATABASE {} OWNER temporal")
                    connection.execute(create.format(sql.Identifier(name)))
        for database, schema in DATABASES.items():
            self._update_schema(database, schema)
        self._trim_indexes()

    def _update_schema(self, database: str, schema: str) -> None:
        with psycopg.connect(self.admin.dsn(database)) as connection:
            made = connection.execute("SELECT to_regclass('schema_version')").fetchone()
        if made == (None,):
            self._sql_tool(database, "setup-schema", "-v", "0.0")
        self._sql_tool(database, "update-schema", "--schema-name", f"postgresql/v12/{schema}")

    def _sql_tool(self, database: str, *command: str) -> None:
        done = subprocess.run(  # noqa: S603 - the argv is ours
            [str(self._program("temporal-sql-tool")), "--db", database, *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={
                **os.environ,
                "SQL_PLUGIN": "postgres12_pgx",
                "SQL_HOST": "127.0.0.1",
                "SQL_PORT": str(self.ports["postgres"]),
                "SQL_USER": "temporal",
                "SQL_PASSWORD": self._password(),
            },
        )
        self.home.log("temporal-schema").write_text(done.stdout + done.stderr)
        if done.returncode != 0:
            raise StackError(
                f"temporal-sql-tool failed on {database}; see {self.home.log('temporal-schema')}"
            )

    def _trim_indexes(self) -> None:
        with psycopg.connect(self.admin.dsn("temporal_visibility")) as connection:
            rows = connection.execute(
                "SELECT indexname FROM pg_indexes WHERE tablename = 'executions_visibility' "
                "AND indexname <> ALL(%s) AND indexdef NOT LIKE '%%WHERE%%'",
                [list(KEPT_INDEXES)],
            ).fetchall()
            for (name,) in rows:
                connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
            for name, column in PARTIAL_INDEXES.items():
                connection.execute(
                    sql.SQL(
                        "CREATE INDEX IF NOT EXISTS {} ON executions_visibility (namespace_id, {}, "
                        "(COALESCE(close_time, '9999-12-31 23:59:59')) DESC, start_time DESC, "
                        "run_id) WHERE {} IS NOT NULL"
                    ).format(sql.Identifier(name), sql.Identifier(column), sql.Identifier(column))
                )

    def _prepare_server(self) -> Launch:
        folder = self._folder()
        config, dynamic = folder / "server.yaml", folder / "dynamic.yaml"
        dynamic.write_text(yaml.safe_dump({k: [{"value": v}] for k, v in DYNAMIC_CONFIG.items()}))
        config.touch(mode=0o600)
        made = ServerConfig(
            ports=self.ports, inner=self._inner_ports(), password=self._password(),
            issuer=self.issuer,
        )  # fmt: skip
        config.write_text(yaml.safe_dump(made.document(dynamic)))
        argv = (str(self._program("temporal-server")), "--config-file", str(config))
        argv += ("start",)
        for service in (FRONTEND, INTERNAL, "history", "matching", "worker"):
            argv += ("--service", service)
        return Launch(argv=argv, environment=go_environment(), directory=folder)

    def _prepare_ui(self) -> Launch:
        folder = self._folder()
        config = {
            # Past the authorizer, for the UI has no log-in of its own: it may look, and sees
            # ciphertext until the codec endpoint knows who sits before it.
            "temporalGrpcAddress": f"127.0.0.1:{self._inner('internal')}",
            "disableWriteActions": True,
            "host": "127.0.0.1",
            "port": self.ports["ui"],
            "enableUi": True,
            "disableNewsFetch": True,
            "cors": {"cookieInsecure": True},
            "codec": {"endpoint": f"{self.issuer}/codec", "includeCredentials": True},
        }
        (folder / "config").mkdir(exist_ok=True)
        (folder / "config" / "mmo.yaml").write_text(yaml.safe_dump(config))
        argv = (str(self._program("temporal-ui")), "--root", str(folder), "--env", "mmo", "start")
        return Launch(argv=argv, environment=go_environment(), directory=folder)

    def _inner_ports(self) -> dict[str, int]:
        """Ports that only the server itself uses, kept while free: its members are remembered."""
        choices = self.home.read_choices()
        before = choices.get("temporal_inner", {})
        inner = {n: before.get(n, 0) for n in INNER_PORTS}
        inner = {n: free_port() if p == 0 or is_taken(p) else p for n, p in inner.items()}
        self.home.remember({**choices, "temporal_inner": inner})
        return inner

    def _inner(self, name: str) -> int:
        """A port that the running server was given."""
        return self.home.read_choices()["temporal_inner"][name]

    def _ready(self) -> bool:
        """Whether it answers; without a permit the answer is that one is missing."""
        url = f"http://127.0.0.1:{self._inner('frontend_http')}/api/v1/namespaces/temporal-system/workflows/none"
        return status_of(url) in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

    def _folder(self) -> Path:
        folder = self.home.path / "temporal-server"
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder

    def _password(self) -> str:
        return make_password(self.home.secrets / "temporal")

    def _program(self, name: str) -> Path:
        program = self.home.binaries / name
        if not program.exists():
            raise StackError(
                f"{program} is not there: `make temporal-server` builds it (some minutes, once)"
            )
        return program
