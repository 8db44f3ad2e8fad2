"""Commands on parties, as kinds of changes: their own events tell of them."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import date
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection

from mmo.changes.parties import Changing, NewParty
from mmo.changes.support.aggregates import Done
from mmo.changes.support.asked import Asked, Carried
from mmo.changes.support.registry import ChangeKind
from mmo.kernel.refusals import Refused
from mmo.parties.commands import (
    ActivateParty,
    AddDocument,
    ChangeParty,
    CloseStore,
    OpenStore,
    PartyCommand,
    RejectKyc,
    RemoveDocument,
    ResumeParty,
    SuspendParty,
    VerifyParty,
)
from mmo.parties.party import Party

SCOPE = "parties:write"
Outcome: TypeAlias = Done[Party] | Refused
Command: TypeAlias = Callable[[Changing, dict[str, Any]], Awaitable[Outcome]]


def body_of(new: NewParty) -> dict[str, Any]:
    """A new party as the body of a change; the person is sealed."""
    return {
        "kind": new.kind,
        "language": new.language,
        "person": {"person": new.person, "alias": new.alias},
        "parent": str(new.parent) if new.parent else None,
        "office": str(new.office) if new.office else None,
    }


def document_body(document: AddDocument) -> dict[str, Any]:
    """What is on file of a document as the body of a change."""
    expires = document.expires and document.expires.isoformat()
    return asdict(document) | {"expires": expires}


async def _register(changing: Changing, body: dict[str, Any]) -> Outcome:
    new = NewParty(
        kind=body["kind"], language=body["language"], parent=_id(body["parent"]),
        office=_id(body["office"]), **body["person"],
    )  # fmt: skip
    return await changing.register(new)


async def _change(changing: Changing, body: dict[str, Any]) -> Outcome:
    command = ChangeParty(language=body["language"], **body["person"])
    return await changing.change(command, body["version"])


async def _close(changing: Changing, body: dict[str, Any]) -> Outcome:
    return await changing.close(body["reason"])


async def _move(changing: Changing, body: dict[str, Any]) -> Outcome:
    return await changing.move(_id(body["parent"]))


async def _assign(changing: Changing, body: dict[str, Any]) -> Outcome:
    return await changing.assign(_id(body["office"]))


async def _add_document(changing: Changing, body: dict[str, Any]) -> Outcome:
    expires: Any = body["expires"] and date.fromisoformat(body["expires"])
    return await changing.carry_out(AddDocument(**{**body, "expires": expires}))


def _plain(command: Callable[..., PartyCommand]) -> Command:
    """A command whose fields are the members of the body."""

    async def carry_out(changing: Changing, body: dict[str, Any]) -> Outcome:
        return await changing.carry_out(command(**body))

    return carry_out


def _id(written: str | None) -> UUID | None:
    return UUID(written) if written else None


def _kind(event: str, command: Command, *hidden: str, waits: bool = True) -> ChangeKind:
    async def carry_out(connection: AsyncConnection[Any], asked: Asked) -> Carried | Refused:
        identifier = UUID(asked.object.removeprefix("party/"))
        changing = Changing(connection, asked.tenant_id, identifier, asked.actor)
        done = await command(changing, asked.body)
        if isinstance(done, Refused):
            return done
        return Carried(result=done.state, position=done.position)

    return ChangeKind(
        event=event, scope=SCOPE, carry_out=carry_out, waits=waits, tells_itself=True,
        hidden=frozenset(hidden),
    )  # fmt: skip


KINDS = (
    _kind("party.register", _register, "person"),
    _kind("party.change", _change, "person"),
    _kind("party.activate", _plain(ActivateParty)),
    _kind("party.suspend", _plain(SuspendParty)),
    _kind("party.resume", _plain(ResumeParty)),
    _kind("party.close", _close),
    _kind("party.verify", _plain(VerifyParty)),
    _kind("party.reject-kyc", _plain(RejectKyc)),
    _kind("party.move", _move),
    _kind("party.assign-office", _assign),
    _kind("party.add-document", _add_document),
    # The route takes the file away right after: nothing personal stays because somebody waits.
    _kind("party.remove-document", _plain(RemoveDocument), waits=False),
    _kind("store.open", _plain(OpenStore)),
    _kind("store.close", _plain(CloseStore)),
)
