"""Documents of KYC over the API: filed once, sealed on disk, and given to who may have them."""

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from tests.e2e.opening import ask
from tests.e2e.operator import Operator
from tests.e2e.test_parties import PARTIES, WHY, party, told, without
from tests.e2e.town import Person, Town

PDF = b"%PDF-1.7 canary-passport"
JPEG, PNG = b"\xff\xd8\xff\xe0 photo", b"\x89PNG\r\n\x1a\n picture"
HEIC, WEBP = b"\0\0\0\x18ftypheic photo", b"RIFF\x10\0\0\0WEBPVP8 photo"
PHOTO_SIZE = 12 * 1024 * 1024
AT_ONCE = 6
SIZE_MAX = 16 * 1024 * 1024


async def filed(
    person: Person, owner: str, content: object = PDF, kind: str | None = "application/pdf",
    key: str | None = None, **about: str,
) -> httpx.Response:  # fmt: skip
    headers = {"Authorization": f"Bearer {person.token}"}
    headers |= {"Content-Type": kind} if kind else {}
    headers |= {"Idempotency-Key": key} if key else {}
    query = {"type": "passport", "country": "KE"} | about
    path = f"{PARTIES}/{owner}/documents"
    return await person.http.post(path, params=query, content=content, headers=headers)  # type: ignore[arg-type]


def files_of(stack: Operator, owner: str) -> list[Path]:
    folder = stack.logs[0].parent / "documents" / "demo" / owner
    return [path for path in folder.rglob("*") if path.is_file()]


def memory_kib(stack: Operator) -> int:
    """The most that the front has had in memory."""
    home = f"MMO_HOME={stack.logs[0].parent}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if command.endswith(b"workers\0front\0") and home in (process / "environ").read_bytes():
                return int((process / "status").read_text().partition("VmHWM:")[2].split()[0])
    raise AssertionError("there is no front")


async def test_a_document_is_filed_once_read_by_staff_and_removed(
    demo: Town, stack: Operator
) -> None:
    amina = await party(demo)
    key = uuid.uuid4().hex

    added = await filed(demo.staff, amina, key=key, expires="2020-12-31")
    again = await filed(demo.staff, amina, key=key, expires="2020-12-31")
    other = await filed(demo.staff, amina, b"%PDF- another one", key=key)
    at = added.headers["Location"]
    read = (await demo.staff.get(at)).json()
    file = await demo.staff.get(f"{at}/file")

    assert (added.status_code, again.json()) == (201, added.json()), added.text
    assert told(other) == (409, "idempotency_key_reused")
    assert (file.content, file.headers["Content-Type"]) == (PDF, "application/pdf")
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert (read["sha256"], read["size"]) == (sha256(PDF).hexdigest(), len(PDF))
    assert read["expired"] is True
    (kept,) = files_of(stack, amina)
    assert b"canary-passport" not in kept.read_bytes()
    assert (await demo.staff.get(f"{PARTIES}/{amina}")).json()["documents"] == [added.json()]
    clerk = without(demo, "parties:documents")
    for answer in (await clerk.get(at), await clerk.get(f"{at}/file"), await filed(clerk, amina)):
        assert told(answer) == (403, "insufficient_scope")

    removed = await ask(demo.staff, at, "DELETE")
    assert removed.status_code == 204
    for answer in (await demo.staff.get(at), await demo.staff.get(f"{at}/file"),
                   await ask(demo.staff, at, "DELETE")):  # fmt: skip
        assert told(answer) == (404, "document_not_found")
    assert files_of(stack, amina) == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [(PDF, "application/pdf"), (JPEG, "image/jpeg"), (PNG, "image/png"), (HEIC, "image/heic"),
     (WEBP, "image/webp")],
)  # fmt: skip
async def test_the_type_of_a_file_is_that_of_its_content(
    demo: Town, content: bytes, kind: str
) -> None:
    amina = await party(demo)

    untyped = await filed(demo.staff, amina, content, "application/octet-stream")
    said = await filed(demo.staff, amina, content, kind)
    other = await filed(demo.staff, amina, content, "image/png" if kind != "image/png" else
                        "application/pdf")  # fmt: skip

    assert untyped.json()["media_type"] == said.json()["media_type"] == kind
    assert told(other) == (422, "document_media_type")


@pytest.mark.parametrize(
    ("content", "kind", "about", "status", "code"),
    [
        (PDF, "application/pdf", {"type": "librarycard"}, 422, "validation"),
        (PDF, "application/pdf", {"country": "Kenya"}, 422, "validation"),
        (PDF, "text/html", {}, 415, "unsupported_media_type"),
        (PDF, "application/json", {}, 415, "unsupported_media_type"),
        (PDF, None, {}, 415, "unsupported_media_type"),
        (b"<html>canary</html>", "application/octet-stream", {}, 422, "document_media_type"),
        (b"", "image/jpeg", {}, 422, "document_media_type"),
        (b"\xff\xd8", "image/jpeg", {}, 422, "document_media_type"),
        (PDF.ljust(SIZE_MAX + 1), "application/pdf", {}, 413, "document_too_large"),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_what_is_no_document_is_refused_and_leaves_no_file(
    demo: Town, stack: Operator, content: bytes, kind: str, about: dict[str, str], status: int,
    code: str,
) -> None:  # fmt: skip
    amina = await party(demo)

    answer = await filed(demo.staff, amina, content, kind, **about)

    assert told(answer) == (status, code)
    assert files_of(stack, amina) == []


async def test_a_stream_without_end_is_refused_at_the_bound_and_leaves_no_file(
    demo: Town, stack: Operator
) -> None:
    amina = await party(demo)

    async def endless() -> AsyncIterator[bytes]:
        yield PDF
        for _ in range(4 * 1024):
            yield bytes(16 * 1024)

    with contextlib.suppress(httpx.TransportError):  # it may hang up while the rest is being sent
        assert told(await filed(demo.staff, amina, endless())) == (413, "document_too_large")
    assert files_of(stack, amina) == []


async def test_photos_of_a_phone_go_through_and_are_never_held_in_memory(
    demo: Town, stack: Operator
) -> None:
    amina = await party(demo)
    photo = JPEG + os.urandom(PHOTO_SIZE - len(JPEG))
    await filed(demo.staff, amina, photo[: PHOTO_SIZE // 2], "image/jpeg")
    before = memory_kib(stack)

    async def there_and_back() -> None:
        added = await filed(demo.staff, amina, photo, "image/jpeg")
        read = await demo.staff.get(f"{added.headers['Location']}/file")
        assert read.content == photo

    await asyncio.gather(*(there_and_back() for _ in range(AT_ONCE)))

    # Whoever holds them has all of them at once; the rest of the process grows by less than that.
    assert memory_kib(stack) - before < AT_ONCE * PHOTO_SIZE // 1024 // 2


async def test_a_document_of_a_closed_party_leaves_no_file(demo: Town, stack: Operator) -> None:
    amina = await party(demo)

    there = await filed(demo.staff, amina)
    await demo.staff.post(f"{PARTIES}/{amina}/close", WHY)
    late = await filed(demo.staff, amina, PNG, "image/png")

    assert (there.status_code, told(late)) == (201, (409, "party_closed"))
    assert len(files_of(stack, amina)) == 1


async def test_no_other_tenant_files_reads_or_removes_a_document(demo: Town, other: Town) -> None:
    amina = await party(demo)
    at = (await filed(demo.staff, amina)).headers["Location"]

    for answer in (
        await filed(other.staff, amina),
        await other.staff.get(at),
        await other.staff.get(f"{at}/file"),
        await ask(other.staff, at, "DELETE"),
    ):
        assert told(answer) == (404, "party_not_found")
