"""Documents and their kinds. A document's own event tells of it; a kind's is a change."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.changes.support.asked import Asked, Carried, DeclinedError
from mmo.changes.support.registry import ChangeKind, Handler
from mmo.documents import writing
from mmo.documents.document import DocumentError, NewKind
from mmo.documents.ports import ConflictError, NoDocumentError, NoKindError

Connection = AsyncConnection[Any]


async def _set_kind(connection: Connection, asked: Asked) -> Carried:
    body = asked.body
    kind = NewKind(
        name=asked.object.removeprefix("document-kind/"), title=body["title"],
        is_table=body["table"], json_schema=body["schema"], indexes=tuple(body["indexes"]),
    )  # fmt: skip
    with _declining("version_conflict", place="/schema"):
        before, after = await writing.put_kind(
            connection, asked.tenant_id, kind, body["version"], asked.actor
        )
    return Carried(result=after, before=asdict(before) if before else None, after=asdict(after))


async def _create(connection: Connection, asked: Asked) -> Carried:
    body = asked.body
    with _declining("idempotency_key_reused"):
        made = await writing.create(
            connection, asked.tenant_id, body["kind"], _id(asked), body["subject"], body["body"],
            asked.actor,
        )  # fmt: skip
    return Carried(result=made)


async def _change(connection: Connection, asked: Asked) -> Carried:
    body = asked.body
    with _declining("version_conflict"):
        changed = await writing.change(
            connection, asked.tenant_id, body["kind"], _id(asked), body["version"], body["body"],
            asked.actor,
        )  # fmt: skip
    return Carried(result=changed)


async def _remove(connection: Connection, asked: Asked) -> Carried:
    body = asked.body
    with _declining("version_conflict"):
        await writing.remove(
            connection, asked.tenant_id, body["kind"], _id(asked), body["version"], asked.actor
        )
    return Carried()


@contextmanager
def _declining(conflict: str, place: str = "") -> Generator[None]:
    """Decline what the store does not take; `place`: where in the body the document is."""
    try:
        yield
    except (NoKindError, NoDocumentError):
        raise DeclinedError("not_found") from None
    except ConflictError:
        raise DeclinedError(conflict) from None
    except DocumentError as error:
        told = [(place + pointer, what) for pointer, what in error.errors]
        raise DeclinedError("document_invalid", told[0][1], *told) from None


def _id(asked: Asked) -> UUID:
    return UUID(asked.object.rpartition("/")[2])


def _kind(event: str, carry_out: Handler, **more: Any) -> ChangeKind:
    return ChangeKind(event=event, scope="documents:read", carry_out=carry_out, **more)


OWN: dict[str, Any] = {"tells_itself": True, "hidden": frozenset({"body"})}
KINDS = (
    _kind("document-kind.set", _set_kind),
    _kind("document.create", _create, **OWN),
    _kind("document.change", _change, **OWN),
    _kind("document.remove", _remove, **OWN),
)
