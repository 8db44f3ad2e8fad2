"""Temporal takes permits of the platform's own key, and they are fresh for as long as one works."""

import asyncio
import base64
from pathlib import Path
from typing import Any, cast

import pytest

from mmo.keys.development import DevelopmentKeys
from mmo.keys.ports import PLATFORM, KeysAwayError, Purpose
from mmo.keys.verifier import strict_object
from workers import permits
from workers.permits import ADMIN, AUDIENCE, LIFE_S, Permits
from workers.stack.home import Home
from workers.stack.plan import EMBEDDED, ON_POSTGRES, Plan
from workers.stack.ports import DEFAULTS
from workers.stack.temporal_config import ServerConfig
from workers.stack.temporal_server import INNER_PORTS
from workers.wiring import permits_of


class Connection:
    """Keeps what would go with the next call."""

    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []
        self.enough = asyncio.Event()

    def update_rpc_metadata(self, metadata: dict[str, str]) -> None:
        self.sent.append(metadata)
        if len(self.sent) == 3:
            self.enough.set()


class Away(DevelopmentKeys):
    """Is away for the first few times."""

    times = 2

    async def sign(self, *about: Any) -> str:
        self.times -= 1
        if self.times >= 0:
            raise KeysAwayError("away")
        return await super().sign(*about)


@pytest.fixture
def keys(tmp_path: Path) -> DevelopmentKeys:
    made = DevelopmentKeys(tmp_path)
    made.make(PLATFORM)
    return made


def claims_of(metadata: Any) -> dict[str, Any]:
    word, token = metadata["authorization"].split(" ")
    assert word == "Bearer"
    body = token.split(".")[1]
    return strict_object(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


async def test_a_permit_is_short_and_for_temporal_alone(keys: DevelopmentKeys) -> None:
    claims = claims_of(await Permits(keys, "mmo_front").metadata())

    assert (claims["sub"], claims["aud"]) == ("mmo_front", AUDIENCE)
    assert claims["permissions"] == ["temporal-system:write"]
    assert claims["exp"] - claims["iat"] == LIFE_S
    for_namespaces = claims_of(await Permits(keys, "seed", ADMIN).metadata())
    assert for_namespaces["permissions"] == ["temporal-system:admin"]


async def test_it_is_renewed_and_an_absence_of_the_keys_costs_a_pause(
    keys: DevelopmentKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keys
    monkeypatch.setattr(permits, "RENEW_S", 0.02)
    monkeypatch.setattr(permits, "RETRY_S", 0.01)
    connection = Connection()

    renewing = Permits(Away(tmp_path), "mmo_front").keep_fresh(cast("Any", connection))
    async with asyncio.timeout(5):
        await connection.enough.wait()

    assert len({one["authorization"] for one in connection.sent}) == len(connection.sent)
    renewing.cancel()


@pytest.mark.parametrize(("temporal", "asks"), [(EMBEDDED, False), (ON_POSTGRES, True)])
def test_permits_are_sent_where_there_is_an_authorizer(
    tmp_path: Path, temporal: str, asks: bool
) -> None:
    home = Home(tmp_path)
    home.prepare()
    plan = Plan(home=home, ports=DEFAULTS, temporal=temporal)

    assert (permits_of(plan.settings("mmo_front")) is not None) is asks


def test_temporal_trusts_the_platforms_keys_for_itself_and_no_tenants(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    plan = Plan(home=home, ports=DEFAULTS, temporal=ON_POSTGRES)
    made = ServerConfig(
        ports=plan.ports,
        inner=dict.fromkeys(INNER_PORTS, 1),
        password="secret",
        issuer=plan.urls()["authorization"],
    )

    config = cast("Any", made.document(tmp_path / "dynamic.yaml"))

    asked = config["global"]["authorization"]
    assert (asked["authorizer"], asked["claimMapper"]) == ("default", "default")
    assert asked["audience"] == AUDIENCE
    assert asked["jwtKeyProvider"]["keySourceURIs"] == [
        f"{plan.urls()['authorization']}/platform/{Purpose.TEMPORAL}/jwks.json"
    ]
    assert "internal-frontend" in config["services"], "else the server's own workers are refused"
    assert "publicClient" not in config
