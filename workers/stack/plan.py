"""What one stack consists of: which servers and roles, on which ports, with which settings."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mmo.keys.softhsm import MISSING, find_library
from mmo.settings import Settings
from workers.roles import ROLES, Role
from workers.stack.database import prepare_database
from workers.stack.home import Home
from workers.stack.launch import Launch, StackError
from workers.stack.nats import NatsServer
from workers.stack.ports import DEFAULTS, Ports
from workers.stack.postgres import Postgres, make_password
from workers.stack.processes import reaches
from workers.stack.service import Once, Part, Service, Step, answers
from workers.stack.temporal import DevServer
from workers.stack.temporal_server import TemporalServer

EMBEDDED, ON_POSTGRES = "embedded", "postgres"
"""Kinds of Temporal, beside the address of a running one."""
ADMIN = "postgres"
OPEN_THE_HSM = ("keys", "authorization")
"""The roles that have the HSM's PIN; the others ask `keys`."""


CONSOLE_ADDRESS = "http://127.0.0.1:9000/back"
"""Where the log-in page sends staff back to: the console of the demo, which you bring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One stack to be. `temporal` is `embedded`, `postgres` or an address HOST:PORT."""

    home: Home
    ports: Ports
    temporal: str = EMBEDDED
    split: bool = False
    metrics_ports: Mapping[str, int] = field(default_factory=dict[str, int])
    """Role → the port of its /metrics; a role without one has none."""

    @property
    def roles(self) -> tuple[Role, ...]:
        return tuple(role for role in ROLES if (role.split if self.split else role.compact))

    @property
    def own_ports(self) -> Ports:
        """The ports that must be free."""
        if self.temporal in (EMBEDDED, ON_POSTGRES):
            return self.ports
        return {name: p for name, p in self.ports.items() if name not in ("temporal", "ui")}

    @property
    def temporal_address(self) -> str:
        own = self.temporal in (EMBEDDED, ON_POSTGRES)
        return f"127.0.0.1:{self.ports['temporal']}" if own else self.temporal

    def urls(self) -> dict[str, str]:
        """Where a person finds things."""
        own = self.temporal in (EMBEDDED, ON_POSTGRES)
        ui = f"http://127.0.0.1:{self.ports['ui']}" if own else Settings().temporal_ui_url
        return {
            "api": f"http://127.0.0.1:{self.ports['api']}",
            "temporal_ui": ui,
            "temporal": self.temporal_address,
            "nats": f"nats://127.0.0.1:{self.ports['nats']}",
            "postgres": f"postgresql://127.0.0.1:{self.ports['postgres']}/mmo",
            "authorization": f"http://127.0.0.1:{self.ports['authorization']}",
            "console": CONSOLE_ADDRESS,
        }

    def environment(self, user: str) -> dict[str, str]:
        """The settings of a process that works as this database user, as environment variables."""
        password = self.home.secrets / user
        make_password(password)
        return {
            "MMO_HOME": str(self.home.path),
            "MMO_DATABASE_HOST": "127.0.0.1",
            "MMO_DATABASE_PORT": str(self.ports["postgres"]),
            "MMO_DATABASE_NAME": "mmo",
            "MMO_DATABASE_USER": user,
            "MMO_DATABASE_PASSWORD_FILE": str(password),
            "MMO_TEMPORAL_ADDRESS": self.temporal_address,
            "MMO_TEMPORAL_AUTHORIZER": str(int(self.temporal == ON_POSTGRES)),
            "MMO_TEMPORAL_UI_URL": self.urls()["temporal_ui"],
            "MMO_NATS_URL": self.urls()["nats"],
            "MMO_LISTEN_HOST": "127.0.0.1",
            "MMO_LISTEN_PORT": str(self.ports["api"]),
            "MMO_ISSUER": self.urls()["authorization"],
            "MMO_AUTHORIZATION_HOST": "127.0.0.1",
            "MMO_AUTHORIZATION_PORT": str(self.ports["authorization"]),
            **({} if own_centre() else {"MMO_SMSC_PORT": str(self.ports["smsc"])}),
        }

    def settings(self, user: str) -> Settings:
        """The same, for a command of this process."""
        named = self.environment(user).items()
        return Settings.model_validate({k.removeprefix("MMO_").lower(): v for k, v in named})

    def parts(self) -> tuple[Part, ...]:
        """Everything to start."""
        postgres, nats = self.postgres(), self._nats()
        return (
            Service(
                name="postgres",
                prepare=postgres.prepare,
                ready=postgres.ready,
                stop_by=postgres.STOP_BY,
                stop_within_s=3.0,
            ),
            Service(name="nats", prepare=nats.prepare, ready=nats.ready, stop_within_s=2.0),
            Once(name="hsm", prepare=self._hsm),
            Step(name="migrate", run=self._migrate, after=("postgres",)),
            *self._temporal_parts(),
            Once(name="seed", prepare=self._seed, after=("migrate", "temporal", "hsm")),
            *(() if own_centre() else (self._centre(),)),
            *(self._role(role) for role in self.roles),
        )

    def postgres(self) -> Postgres:
        return Postgres(
            folder=self.home.path / "postgres",
            port=self.ports["postgres"],
            password=make_password(self.home.secrets / ADMIN),
        )

    def _nats(self) -> NatsServer:
        return NatsServer(
            folder=self.home.path / "nats",
            port=self.ports["nats"],
            secrets=self.home.secrets,
            users_file=self.home.nats_users,
        )

    def _centre(self) -> Service:
        """The simulator of an SMS centre, where no real one is named."""
        ready_file = self.home.run / "smsc.ready"
        return Service(
            name="smsc", prepare=partial(self._prepare_centre, ready_file), ready=ready_file.exists
        )

    def _prepare_centre(self, ready_file: Path) -> Launch:
        ready_file.unlink(missing_ok=True)
        return workers_launch(
            "smsc",
            {
                "MMO_HOME": str(self.home.path),
                "MMO_SMSC_PORT": str(self.ports["smsc"]),
                "MMO_READY_FILE": str(ready_file),
            },
        )

    def _migrate(self) -> None:
        prepare_database(self.settings(ADMIN))

    def _hsm(self) -> Launch:
        if Settings().pkcs11_module is None and find_library() is None:
            raise StackError(MISSING)
        return workers_launch("hsm", self.environment("mmo_keys"))

    def _seed(self) -> Launch:
        return workers_launch("seed", self.environment("mmo_background"))

    def _temporal_parts(self) -> tuple[Part, ...]:
        if self.temporal == EMBEDDED:
            dev = DevServer(
                file=self.home.path / "temporal" / "temporal.db",
                port=self.ports["temporal"],
                ui_port=self.ports["ui"],
                codec_endpoint=f"{self.urls()['authorization']}/codec",
            )
            return (
                Service(name="temporal", prepare=dev.prepare, ready=dev.ready, stop_within_s=2.0),
            )
        if self.temporal == ON_POSTGRES:
            real = TemporalServer(
                home=self.home, ports=self.ports, admin=self.postgres(),
                issuer=self.urls()["authorization"],
            )  # fmt: skip
            return real.parts()
        return (Step(name="temporal", run=self._reach_temporal),)

    def _reach_temporal(self) -> None:
        if not reaches(self.temporal):
            raise StackError(
                f"no Temporal server answers at {self.temporal}: start it, or leave --temporal out"
            )

    def _role(self, role: Role) -> Service:
        ready_file = self.home.run / f"{role.name}.ready"
        url = f"{self.urls()['api']}/readyz"
        opens_hsm, port = role.name in OPEN_THE_HSM, self.metrics_ports.get(role.name)
        return Service(
            name=role.name,
            prepare=partial(self._prepare_role, role, ready_file),
            ready=ready_file.exists if opens_hsm or not role.serves_http else partial(answers, url),
            after=("migrate", "hsm") if opens_hsm else ("seed", "nats", "keys"),
            metrics=f"http://127.0.0.1:{port}/metrics" if port else "",
        )

    def _prepare_role(self, role: Role, ready_file: Path) -> Launch:
        ready_file.unlink(missing_ok=True)
        own = {"MMO_READY_FILE": str(ready_file)}
        if role.name in self.metrics_ports:
            own["MMO_METRICS_PORT"] = str(self.metrics_ports[role.name])
        return workers_launch(role.name, {**self.environment(role.database_user), **own})


def own_centre() -> bool:
    """Whether the environment names a real SMS centre: then no simulator is started."""
    return "smsc_host" in Settings().model_fields_set


def workers_launch(name: str, environment: dict[str, str]) -> Launch:
    """How `python -m workers NAME` is started."""
    return Launch(
        argv=(sys.executable, "-m", "workers", name),
        environment={**environment, "PYTHONUNBUFFERED": "1"},
    )


def remembered_plan(home: Home) -> Plan | None:
    """The plan of the stack that was last started in this home; None where there was none."""
    choices = home.read_choices()
    if not choices:
        return None
    return Plan(
        home=home,
        ports={**DEFAULTS, **choices["ports"]},
        temporal=choices["temporal"],
        split=choices["split"],
    )


def stack_settings(path: Path, user: str = "mmo_background") -> Settings:
    """Settings for a command: those of the stack in that home, else the environment's."""
    plan = remembered_plan(Home(path.absolute()))
    return Settings() if plan is None else plan.settings(user)
