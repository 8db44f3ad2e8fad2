"""Documents of KYC over the API: filed once, sealed on disk, and given to who may have them."""

import base64
import uuid
from hashlib import sha256
from typing import Any

import pytest

from tests.e2e.opening import ask
from tests.e2e.operator import Operator
from tests.e2e.test_parties import PARTIES, WHY, party, told, without
from tests.e2e.town import Town

PDF = b"%PDF-1.7 canary-passport"


def a_document(content: bytes = PDF, **more: Any) -> dict[str, Any]:
    return {
        "type": "passport", "country": "KE", "media_type": "application/pdf",
        "content": base64.b64encode(content).decode(), **more,
    }  # fmt: skip


def on_disk(stack: Operator, owner: str) -> list[bytes]:
    front = stack.logs[0].parent
    folder = front / "documents" / "demo" / owner
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_a_document_is_filed_once_read_by_staff_and_removed(
    demo: Town, stack: Operator
) -> None:
    amina = await party(demo)
    path, key = f"{PARTIES}/{amina}/documents", uuid.uuid4().hex

    added = await demo.staff.post(path, a_document(expires="2020-12-31"), key=key)
    again = await demo.staff.post(path, a_document(expires="2020-12-31"), key=key)
    other = await demo.staff.post(path, a_document(b"%PDF- another"), key=key)
    at = added.headers["Location"]
    read = (await demo.staff.get(at)).json()

    assert (added.status_code, again.json()) == (201, added.json()), added.text
    assert told(other) == (409, "idempotency_key_reused")
    assert base64.b64decode(read["content"]) == PDF
    assert (read["sha256"], read["size"]) == (sha256(PDF).hexdigest(), len(PDF))
    assert read["expired"] is True
    (kept,) = on_disk(stack, amina)
    assert b"canary-passport" not in kept
    assert (await demo.staff.get(f"{PARTIES}/{amina}")).json()["documents"] == [added.json()]
    clerk = without(demo, "parties:documents")
    assert told(await clerk.get(at)) == (403, "insufficient_scope")
    assert told(await clerk.post(path, a_document())) == (403, "insufficient_scope")

    removed = await ask(demo.staff, at, "DELETE")
    assert removed.status_code == 204
    assert told(await demo.staff.get(at)) == (404, "document_not_found")
    assert told(await ask(demo.staff, at, "DELETE")) == (404, "document_not_found")
    assert on_disk(stack, amina) == []


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"type": "librarycard"}, 422, "validation"),
        ({"country": "Kenya"}, 422, "validation"),
        ({"media_type": "text/html"}, 422, "validation"),
        ({"media_type": "image/png"}, 422, "document_media_type"),
        ({"content": "%%%%"}, 422, "document_media_type"),
        ({"content": base64.b64encode(PDF.ljust(40 * 1024 + 1)).decode()}, 413,
         "document_too_large"),
        ({"content": base64.b64encode(PDF.ljust(60 * 1024)).decode()}, 413, "body_too_large"),
    ],
)  # fmt: skip
async def test_what_is_no_document_is_refused_and_leaves_no_file(
    demo: Town, stack: Operator, wrong: Any, status: int, code: str
) -> None:
    amina = await party(demo)

    answer = await demo.staff.post(f"{PARTIES}/{amina}/documents", a_document() | wrong)

    assert told(answer) == (status, code)
    assert on_disk(stack, amina) == []


async def test_the_largest_document_fits_and_one_of_a_closed_party_leaves_no_file(
    demo: Town, stack: Operator
) -> None:
    amina = await party(demo)
    path = f"{PARTIES}/{amina}/documents"

    largest = await demo.staff.post(path, a_document(PDF.ljust(40 * 1024)))
    await demo.staff.post(f"{PARTIES}/{amina}/close", WHY)
    late = await demo.staff.post(path, a_document())

    assert (largest.status_code, told(late)) == (201, (409, "party_closed"))
    assert len(on_disk(stack, amina)) == 1


async def test_no_other_tenant_files_reads_or_removes_a_document(demo: Town, other: Town) -> None:
    path = f"{PARTIES}/{await party(demo)}/documents"
    at = (await demo.staff.post(path, a_document())).headers["Location"]

    for answer in (
        await other.staff.post(path, a_document()),
        await other.staff.get(at),
        await ask(other.staff, at, "DELETE"),
    ):
        assert told(answer) == (404, "party_not_found")
