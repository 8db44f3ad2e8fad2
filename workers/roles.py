"""The roles a process can have: what each one runs as, and how the stack starts them."""

from dataclasses import dataclass
from typing import Literal

Database = Literal[
    "poster", "reader", "projector", "relay", "sweeper", "exporter", "background", "keys",
    "authorization", "sealer", "reactor", "effects", "bulk",
]  # fmt: skip
"""What a role may do in the database: the NOLOGIN group that its login user is a member of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One kind of process, started with `python -m workers NAME`."""

    name: str
    summary: str
    database: Database
    serves_http: bool = False
    split: bool = True
    """Whether `mmo up --split` and docker-compose start it; else only the compact set does."""
    compact: bool = False
    """Whether the compact set of `mmo up` starts it."""

    @property
    def database_user(self) -> str:
        """The login user, a member of the group `mmo_as_<database>`."""
        return f"mmo_{self.name}"


ROLES = (
    Role(
        name="front",
        summary="the API and the worker of the queue `movements` in one process",
        database="poster",
        serves_http=True,
        compact=True,
        split=False,
    ),
    Role(
        name="background",
        summary="all the loops in one process",
        database="background",
        compact=True,
        split=False,
    ),
    Role(
        name="keys",
        summary="holds the HSM's PIN; signs, authenticates and unwraps for the others",
        database="keys",
        compact=True,
    ),
    Role(
        name="authorization",
        summary="the authorization server: log-in, tokens, public keys",
        database="authorization",
        serves_http=True,
        compact=True,
    ),
    Role(name="api", summary="the API alone", database="poster", serves_http=True),
    Role(name="movements", summary="the worker of the queue `movements`", database="poster"),
    Role(name="projector", summary="folds the feed into the read models", database="projector"),
    Role(name="relay", summary="publishes the feed to the broker", database="relay"),
    Role(name="sweeper", summary="starts what a crash left accepted", database="sweeper"),
    Role(name="history_export", summary="keeps closed histories for ever", database="exporter"),
    Role(name="sealer", summary="chains and signs audit and journal", database="sealer"),
    Role(name="reactor", summary="starts what events give cause for", database="reactor"),
    Role(name="reactions", summary="the worker of the queue `reactions`", database="poster"),
    Role(name="changes", summary="the worker of the queue `changes`", database="poster"),
    Role(
        name="bulk",
        summary="the worker of the queue `bulk`: back-tests, ends of day",
        database="bulk",
    ),
    Role(name="effects", summary="sends messages, webhooks and notices", database="effects"),
)


def role(name: str) -> Role:
    """Find a role by name; raises KeyError."""
    return {one.name: one for one in ROLES}[name]


SUPER_USER = "mmo_super"
"""The login behind a super-tenant's readers: it sees every tenant and writes nothing."""

ONBOARDING_USER = "mmo_onboarding"
"""The login by which the process `keys` opens tenants, and does nothing else."""

REPLAYER_USER = "mmo_replayer"
"""The login by which back-tests read decision records: it can read nothing else."""

LOGINS = {role.database_user: f"mmo_as_{role.database}" for role in ROLES} | {
    SUPER_USER: "mmo_as_super",
    ONBOARDING_USER: "mmo_as_onboarding",
    REPLAYER_USER: "mmo_as_replayer",
}
"""Login user → the one group that it is a member of."""
