"""The store: every version is kept, declared fields are found, and no kind causes DDL."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
import pytest

from mmo.bep.facts import Need
from mmo.documents.document import Document, DocumentError, NewKind
from mmo.documents.kinds import table_fields
from mmo.documents.ports import ConflictError, NoDocumentError, NoKindError, NotIndexedError
from mmo.documents.postgres import PostgresDocuments
from mmo.kernel.identifiers import mint
from tests.mmo.moving import rows
from tests.workflows.house import CLERK, TENANT, House

KYC = NewKind(
    name="kyc_check",
    title="KYC check",
    is_table=True,
    json_schema={"properties": {"score": {"type": "integer"}}},
    indexes=("/status", "/by/branch"),
)
STATUS = {"status": "open", "score": 9, "by": {"branch": "Kisumu"}}


@pytest.fixture
async def store(opened: House) -> PostgresDocuments:
    made = PostgresDocuments(opened.pool, lambda: None)
    await made.put_kind(TENANT.id, KYC, None, CLERK)
    return made


def about(opened: House, name: str = "alice") -> str:
    return f"wallet/{opened.identifier(name)}"


async def added(
    store: PostgresDocuments, opened: House, body: dict[str, Any], name: str = "alice"
) -> Document:
    return await store.create(TENANT.id, "kyc_check", mint(), about(opened, name), body, CLERK)


async def found(store: PostgresDocuments, pointer: str, value: Any) -> list[UUID]:
    listed = await store.listed(TENANT.id, "kyc_check", field=(pointer, value))
    return [one.id for one in listed]


async def test_each_version_is_kept_and_told(store: PostgresDocuments, opened: House) -> None:
    made = await added(store, opened, STATUS)
    changed = await store.change(TENANT.id, "kyc_check", made.id, 1, {"status": "done"}, CLERK)
    await store.remove(TENANT.id, "kyc_check", made.id, 2, CLERK)

    versions = await store.versions(TENANT.id, "kyc_check", made.id)
    assert [(one.number, one.body) for one in versions] == [
        (3, None),
        (2, {"status": "done"}),
        (1, STATUS),
    ]
    assert (changed.version, changed.subject) == (2, made.subject)
    with pytest.raises(NoDocumentError):
        await store.find(TENANT.id, "kyc_check", made.id)
    events = "SELECT type, version, data FROM messaging.event WHERE aggregate_id = %s ORDER BY seq"
    told = {"kind": "kyc_check", "subject": made.subject}
    assert await rows(opened.pool, events, made.id) == [
        (f"mmo.document.{word}.v1", number, told)
        for number, word in enumerate(("created", "changed", "removed"), 1)
    ]
    audit = "SELECT action FROM audit.record WHERE object = %s ORDER BY seq"
    assert await rows(opened.pool, audit, f"document/kyc_check/{made.id}") == [
        ("document.created",), ("document.changed",), ("document.removed",),
    ]  # fmt: skip


async def test_a_repeat_is_answered_and_other_content_is_a_conflict(
    store: PostgresDocuments, opened: House
) -> None:
    made = await added(store, opened, STATUS)
    same = (TENANT.id, "kyc_check", made.id, made.subject)

    assert (await store.create(*same, STATUS, CLERK)).version == 1
    with pytest.raises(ConflictError):
        await store.create(*same, {"status": "other"}, CLERK)
    with pytest.raises(ConflictError):
        await store.change(TENANT.id, "kyc_check", made.id, 7, STATUS, CLERK)
    assert len(await store.versions(TENANT.id, "kyc_check", made.id)) == 1


async def test_what_is_not_there_or_does_not_fit_is_turned_away(
    store: PostgresDocuments, opened: House
) -> None:
    with pytest.raises(NoKindError):
        await store.create(TENANT.id, "nothing", mint(), None, {}, CLERK)
    with pytest.raises(DocumentError, match="/body/score"):
        await added(store, opened, {"score": "nine"})
    with pytest.raises(NoDocumentError):
        await store.change(TENANT.id, "kyc_check", mint(), 1, {}, CLERK)


async def test_documents_are_found_by_subject_and_by_declared_fields(
    store: PostgresDocuments, opened: House
) -> None:
    first = await added(store, opened, STATUS)
    second = await added(store, opened, {**STATUS, "status": "done"}, "bob")

    assert await found(store, "/status", "open") == [first.id]
    assert await found(store, "/by/branch", "Kisumu") == [first.id, second.id]
    assert await found(store, "/by/branch", "Nairobi") == []
    bobs = await store.listed(TENANT.id, "kyc_check", subject=about(opened, "bob"))
    assert [one.id for one in bobs] == [second.id]
    with pytest.raises(NotIndexedError):
        await found(store, "/score", 9)

    await store.change(TENANT.id, "kyc_check", first.id, 1, {"status": "done"}, CLERK)
    assert await found(store, "/status", "open") == []
    assert await found(store, "/status", "done") == [first.id, second.id]
    await store.remove(TENANT.id, "kyc_check", first.id, 2, CLERK)
    assert await found(store, "/status", "done") == [second.id]


async def test_a_field_that_is_declared_later_is_found_too(
    store: PostgresDocuments, opened: House
) -> None:
    made = await added(store, opened, STATUS)
    await store.put_kind(TENANT.id, replace(KYC, indexes=("/score",)), 1, CLERK)

    assert await found(store, "/score", 9) == [made.id]
    with pytest.raises(NotIndexedError):
        await found(store, "/status", "open")


async def test_a_kind_changes_only_at_the_version_that_was_read(
    store: PostgresDocuments,
) -> None:
    for version in (None, 2):
        with pytest.raises(ConflictError):
            await store.put_kind(TENANT.id, KYC, version, CLERK)
    with pytest.raises(NoKindError):
        await store.put_kind(TENANT.id, replace(KYC, name="new"), 1, CLERK)


async def test_a_new_kind_of_document_causes_no_ddl(
    store: PostgresDocuments, opened: House
) -> None:
    catalogue = "SELECT oid, relname, relnatts FROM pg_class ORDER BY oid"
    before = await rows(opened.pool, catalogue)

    for number in range(3):
        new = replace(KYC, name=f"kind_{number}", indexes=(f"/field_{number}",))
        await store.put_kind(TENANT.id, new, None, CLERK)
        body = {f"field_{number}": number}
        await store.create(TENANT.id, new.name, mint(), about(opened), body, CLERK)

    assert await rows(opened.pool, catalogue) == before
    async with opened.pool.connection() as connection:
        assert len(await table_fields(connection, TENANT.id)) == 4


async def test_the_fields_of_a_table_are_known_where_its_schema_names_them_all(
    store: PostgresDocuments, opened: House
) -> None:
    properties = {"status": {"type": "string"}, "seen": {"type": "boolean"}}
    schemas: dict[str, Any] = {
        "closed": {"properties": properties, "additionalProperties": False},
        "open": {"properties": properties},
        "composed": {"allOf": [{"properties": properties}], "additionalProperties": False},
    }
    for name, schema in schemas.items():
        new = replace(KYC, name=name, is_table=True, json_schema=schema, indexes=())
        await store.put_kind(TENANT.id, new, None, CLERK)

    async with opened.pool.connection() as connection:
        fields = await table_fields(connection, TENANT.id)

    assert {name: fields[name] for name in schemas} == {
        "closed": ("seen", "status"), "open": None, "composed": None,
    }  # fmt: skip


PREDICATES = [
    ([], 2),
    ([["status", "=", "open"]], 1),
    ([["status", "!=", "open"]], 1),
    ([["status", "in", ["open", "done"]]], 2),
    ([["status", "in", ["closed", 9]]], 0),
    ([["score", ">", 8]], 2),
    ([["score", ">=", 10]], 1),
    ([["score", "<", 10], ["status", "=", "open"]], 1),
    ([["score", "<=", 8]], 0),
    ([["score", ">", "8"]], 0),
    ([["status", "<", "e"]], 1),
    ([["by.branch", "=", "Kisumu"]], 1),
    ([["by.branch", "exists", False]], 1),
    ([["nothing", "exists", True]], 0),
    ([["nothing", "=", None]], 2),
]


@pytest.mark.parametrize(("where", "count"), PREDICATES)
async def test_rules_count_the_rows_that_satisfy_every_condition(
    store: PostgresDocuments, opened: House, where: list[Any], count: int
) -> None:
    await added(store, opened, STATUS)
    await added(store, opened, {"status": "done", "score": 10})
    await added(store, opened, STATUS, "bob")
    need = Need("table", "payer", name="kyc_check", where=where)
    wallet = str(opened.identifier("alice"))
    asked = {"txn": "t", "key": need.key, "kind": need.kind, "wallet": wallet, **need.terms}

    ((facts,),) = await rows(
        opened.pool, "SELECT bep.facts(%s, %s)", TENANT.id, orjson.dumps([asked]).decode()
    )

    assert facts == {"t": {need.key: count}}
