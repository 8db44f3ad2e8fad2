"""A history is readable for staff of its tenant who may read histories, and for nobody else."""

import base64
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload, Payloads

from mmo.histories.codec import ENCODING, TenantCodec
from mmo.identity.standard import ADMINISTRATOR, CLERK
from mmo.keys.envelope import TamperedError
from tests.api.authorization.conftest import Asked

pytestmark = pytest.mark.usefixtures("amina")
CANARY = "canary-7c1f: fifty shillings"
UI = "http://127.0.0.1:8233"


def payload(text: str = CANARY) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=f'"{text}"'.encode())


def codec(asked: Asked, tenant: str = "demo") -> TenantCodec:
    return TenantCodec(asked.parts.envelope, tenant, f"mmo-{tenant}")


async def sealed(asked: Asked, tenant: str = "demo") -> dict[str, Any]:
    return MessageToDict(Payloads(payloads=await codec(asked, tenant).encode([payload()])))


async def decoded(
    asked: Asked, body: dict[str, Any], namespace: str = "mmo-demo", **headers: str
) -> httpx.Response:
    return await asked.http.post(
        "/codec/decode", json=body, headers={"X-Namespace": namespace, **headers}
    )


def clear(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return base64.b64decode(answer.json()["payloads"][0]["data"]).decode()


async def test_what_temporal_keeps_holds_nothing_in_clear(asked: Asked) -> None:
    assert CANARY.encode() in payload().SerializeToString(), "without the codec it is there"

    (kept,) = await codec(asked).encode([payload()])
    assert kept.metadata["encoding"] == ENCODING
    assert CANARY.encode() not in kept.SerializeToString()
    assert await codec(asked).decode([kept]) == [payload()]


async def test_a_payload_of_another_namespace_does_not_open(asked: Asked) -> None:
    (kept,) = await codec(asked).encode([payload()])
    elsewhere = TenantCodec(asked.parts.envelope, "demo", "mmo-other")

    with pytest.raises(TamperedError):
        await elsewhere.decode([kept])


@pytest.mark.case("C17")
async def test_staff_of_the_tenant_read_it_and_the_audit_knows(asked: Asked, amina: UUID) -> None:
    await asked.login("amina")

    assert CANARY in clear(await decoded(asked, await sealed(asked)))
    with psycopg.connect(asked.registry.database.admin) as connection:
        noted = connection.execute(
            "SELECT tenant_id, actor FROM audit.record WHERE action = 'histories.decoded'"
        ).fetchall()
    assert noted == [(1, str(amina))]


@pytest.mark.case("C17")
async def test_staff_of_another_tenant_do_not(asked: Asked) -> None:
    await asked.enrol("otieno", CLERK, ADMINISTRATOR, tenant=2)
    await asked.login("otieno", tenant="other")

    body = await sealed(asked)
    assert (await decoded(asked, body)).status_code == 403
    own = await decoded(asked, body, "mmo-other")
    assert own.status_code != 200, "it was not sealed for their namespace"
    assert CANARY in clear(await decoded(asked, await sealed(asked, "other"), "mmo-other"))


async def test_nobody_reads_without_a_log_in_or_the_permission(asked: Asked) -> None:
    body = await sealed(asked)
    assert (await decoded(asked, body)).status_code == 403

    await asked.enrol("juma")
    await asked.login("juma")
    assert (await decoded(asked, body)).status_code == 403


async def test_a_program_reads_with_its_token(asked: Asked) -> None:
    await asked.by_code(*await asked.log_in_by_code("amina"))
    token = (await asked.refresh()).json()["access_token"]
    asked.http.cookies.clear()
    machine = (await asked.machine()).json()["access_token"]

    body = await sealed(asked)
    assert CANARY in clear(await decoded(asked, body, authorization=f"Bearer {token}"))
    assert (await decoded(asked, body, authorization=f"Bearer {machine}")).status_code == 403


async def test_only_temporals_page_may_send_the_cookie_along(asked: Asked) -> None:
    async def allowed(origin: str) -> str | None:
        answer = await asked.http.options("/codec/decode", headers={"origin": origin})
        return answer.headers.get("access-control-allow-origin")

    assert await allowed(UI) == UI
    assert await allowed("https://evil.example") is None
    assert await allowed("null") is None


async def test_a_body_that_is_no_payload_is_refused(asked: Asked) -> None:
    await asked.login("amina")
    headers = {"X-Namespace": "mmo-demo"}

    broken = await asked.http.post("/codec/decode", content=b"{", headers=headers)
    large = await asked.http.post("/codec/decode", content=b" " * 5_000_000, headers=headers)
    assert (broken.status_code, large.status_code) == (400, 413)
