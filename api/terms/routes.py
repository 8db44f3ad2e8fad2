"""The routes of one kind of dated terms: set by one person, approved by another, never erased."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.changing import Changing, Raising, changed
from api.fields import identifier
from api.paging import Cursor, Limit, key_of, page_of
from api.problems import Problem
from api.reading import Reading
from api.schemas import answers_with
from api.security import Caller, requires
from api.terms.versions import (
    NextTerm,
    TermBody,
    TermDecisionBody,
    TermId,
    about,
    decided,
    resource,
)
from mmo.dated import postgres as dated
from mmo.dated.postgres import Version
from mmo.kernel.identifiers import mint
from mmo.kernel.spelling import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRoutes:
    """One kind of terms, as its routes need it."""

    kind: str
    """`tariff`: also how its business events begin."""
    path: str
    """`tariffs`: also how its scopes begin."""
    title: str
    """`tariff`, as a person says it."""
    new: type[TermBody]
    key: tuple[str, ...]
    """Members of the new body that say what the terms are for."""
    filter: type[BaseModel]
    """Members of the key that a list may be narrowed to."""
    form: type[BaseModel]
    """What a form of it needs."""
    schema: type[BaseModel]
    whole: type[BaseModel]
    """One with all its versions."""
    page: type[BaseModel]
    problem: str
    """What is said of a document that is wrong: `tariff_invalid`."""
    check: Callable[[Mapping[str, Any], dict[str, Any]], tuple[str, str] | None]
    """Key and content → a JSON pointer and a sentence, where something is wrong with them."""


def routes_of(one: TermRoutes, template: Callable[[Caller], dict[str, Any]]) -> APIRouter:
    """All routes of one kind of terms; `template`: what a form of it needs."""
    router = APIRouter(prefix=f"/{one.path}", tags=[one.path.replace("-", " ")])
    _reading(router, one, template)
    _writing(router, one)
    return router


def _reading(
    router: APIRouter, one: TermRoutes, template: Callable[[Caller], dict[str, Any]]
) -> None:
    @router.get("/template", name=f"template of {one.path}",
                summary=f"Read what a form of a {one.title} needs",
                responses=answers_with(one.form))  # fmt: skip
    async def read_template(
        caller: Annotated[Caller, Depends(requires(f"{one.path}:read"))],
    ) -> dict[str, Any]:
        """The content's JSON Schema, and what the tenant has to choose from."""
        return template(caller)

    async def read_all(
        reading: Reading, caller: Annotated[Caller, Depends(requires(f"{one.path}:read"))],
        wanted: Any, cursor: Cursor = None, limit: Limit = 50,
    ) -> dict[str, Any]:  # fmt: skip
        """Those that have not ended, the newest first, each by its newest version."""
        key = key_of(cursor)
        before = identifier(key) if key else None
        about = wanted.model_dump(exclude_none=True)
        async with reading(caller) as connection:
            found = await dated.listed(connection, caller.tenant.id, one.kind, about, before, limit)
        rows = [shown(version) for version in found]
        return page_of(rows, limit, str(found[-1].id) if found else None)

    read_all.__annotations__["wanted"] = Annotated[one.filter, Query()]
    router.get("", name=f"list {one.path}", summary=f"List {one.title}s",
               responses=answers_with(one.page))(read_all)  # fmt: skip

    @router.get("/{term}", name=f"read {one.path}", summary=f"Read a {one.title}",
                responses=answers_with(one.whole))  # fmt: skip
    async def read_one(
        reading: Reading, term: TermId,
        caller: Annotated[Caller, Depends(requires(f"{one.path}:read"))],
    ) -> dict[str, Any]:  # fmt: skip
        """The newest version, and all of them."""
        told = [shown(version) for version in await _there(reading, caller, one, term)]
        return told[0] | {"versions": told}


def _writing(router: APIRouter, one: TermRoutes) -> None:
    async def create(
        body: Any, caller: Annotated[Caller, Depends(requires(f"{one.path}:write"))],
        change: Annotated[Changing, Depends(Raising(f"{one.kind}.create"))],
    ) -> JSONResponse:  # fmt: skip
        """Where terms need a second person it waits, `pending`, for their approval."""
        if body.currency not in caller.tenant.currencies:
            told = f"unknown; {nearest(body.currency, caller.tenant.currencies)}"
            raise _wrong(one, "/currency", told)
        key = {name: getattr(body, name) for name in one.key}
        _check(one, key, body.content)
        made = mint()
        carried = await change(caller, f"{one.kind}/{made}", {"key": key, **body.version_body()})
        headers = {"Location": f"/v1/{one.path}/{made}"}
        return JSONResponse(shown(carried.result), 201, headers=headers)

    create.__annotations__["body"] = one.new
    router.post("", name=f"set {one.path}", status_code=201, summary=f"Set a {one.title}",
                responses=changed(one.schema, 201))(create)  # fmt: skip

    @router.put("/{term}", name=f"change {one.path}", summary=f"Set a {one.title}'s next version",
                responses=changed(one.schema, 200, 412))  # fmt: skip
    async def put(
        reading: Reading, term: TermId, body: NextTerm,
        caller: Annotated[Caller, Depends(requires(f"{one.path}:write"))],
        change: Annotated[Changing, Depends(Raising(f"{one.kind}.change"))],
    ) -> dict[str, Any]:  # fmt: skip
        """Versions never change: this adds the next, which begins where the one before ends."""
        found = await _there(reading, caller, one, term)
        _check(one, found[0].key, body.content)
        asked = {"version": body.version, **body.version_body()}
        return shown((await change(caller, about(one.kind, term), asked)).result)

    @router.post("/{term}/decisions", name=f"decide {one.path}",
                 summary="Approve or reject what somebody else set",
                 responses=changed(one.schema))  # fmt: skip
    async def decide(
        term: TermId, body: TermDecisionBody,
        caller: Annotated[Caller, Depends(requires(f"{one.path}:approve"))],
        approve: Annotated[Changing, Depends(Raising(f"{one.kind}.approve"))],
        reject: Annotated[Changing, Depends(Raising(f"{one.kind}.reject"))],
    ) -> dict[str, Any]:  # fmt: skip
        """Put the pending version in force from its moment on, or let it never be."""
        return shown(await decided(caller, about(one.kind, term), body, approve, reject))

    @router.delete("/{term}", name=f"end {one.path}", summary=f"End a {one.title}",
                   responses=changed(one.schema, 200, 412))  # fmt: skip
    async def end(
        term: TermId, caller: Annotated[Caller, Depends(requires(f"{one.path}:write"))],
        change: Annotated[Changing, Depends(Raising(f"{one.kind}.retire"))],
    ) -> dict[str, Any]:  # fmt: skip
        """It is retired, never erased: at once, or once a second person has approved that."""
        return shown((await change(caller, about(one.kind, term))).result)


def shown(version: Version) -> dict[str, Any]:
    """How a version looks, with what it is for."""
    return resource(version) | dict(version.key)


async def _there(reading: Reading, caller: Caller, one: TermRoutes, term: str) -> Sequence[Version]:
    """All versions of the tenant's own. Raises Problem not_found."""
    async with reading(caller) as connection:
        found = await dated.versions(connection, caller.tenant.id, identifier(term))
    if not found or found[0].kind != one.kind:
        raise Problem("not_found")
    return found


def _check(one: TermRoutes, key: Mapping[str, Any], content: dict[str, Any]) -> None:
    """Raises Problem where the catalogue has no such movement, or none that could do it."""
    wrong = one.check(key, content)
    if wrong is not None:
        raise _wrong(one, *wrong)


def _wrong(one: TermRoutes, pointer: str, told: str) -> Problem:
    error = {"pointer": pointer, "in": "body", "code": one.problem, "detail": told}
    return Problem(one.problem, told, errors=[error])
