"""Back-tests: rules tried on recorded movements, before anybody is bound by them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from psycopg import AsyncConnection

from activities.backtests import Trial
from api.bulk import start
from api.problems import Problem
from api.reading import Reading
from api.rendering.spreadsheet import MEDIA_TYPE, as_csv
from api.rules.parts import SHARED, MayRead, offers, wrong_settings
from api.rules.schemas import RuleBody
from api.rules.trial_schemas import BacktestBody, BacktestSchema, ChangesBody
from api.rules.tried_tariffs import check_tariffs
from api.rules.uniform import read_rule
from api.schemas import answers_with, downloads
from api.security import Caller
from mmo.bep.event import Phase
from mmo.bep.processor import MetadataError
from mmo.bep.registry import names, processors
from mmo.bep.snapshot import Stored
from mmo.kernel.identifiers import mint
from mmo.kernel.spelling import nearest
from mmo.movements.support.business_events import business_events
from mmo.movements.support.catalogue import movements
from mmo.tenancy.scope import scoped
from mmo.trials import postgres
from mmo.trials.parts import SPAN_MAX, parts_of
from mmo.trials.postgres import Backtest
from mmo.trials.rulebook import row_of
from workflows.processes.backtest import Backtest as Workflow

router = APIRouter(prefix="/bep/backtests", tags=["rules"])
RUNNING_MAX = 5
"""Of one tenant at once."""
_COLUMNS = ("table", "old", "new", "processor", "definition", "code", "movement", "type",
            "movements", "currency", "sum_minor", "refused_otherwise", "reason")  # fmt: skip

Connection = AsyncConnection[Any]


@router.post("", status_code=202, summary="Try rules on recorded movements",
             responses=answers_with(BacktestSchema, 202))  # fmt: skip
async def begin(request: Request, body: BacktestBody, caller: MayRead) -> JSONResponse:
    """Decide the movements of a span, at most 92 days, again: nothing but a report comes of it."""
    _check(body)
    identity, tenant = mint(), caller.tenant
    async with scoped(request.app.state.pool, tenant.id, SHARED) as connection:
        if await postgres.running(connection, tenant.id) >= RUNNING_MAX:
            raise Problem("backtests_running")
        rules = await _rules(connection, body, caller)
        await postgres.keep(
            connection, tenant.id, identity, rules=[row_of(one) for one in rules],
            tariffs=[one.model_dump(mode="json") for one in body.tariffs],
            since=body.since, until=body.until, types=sorted(set(body.types)),
            parts=parts_of(body.since, body.until), by=caller.actor.subject,
        )  # fmt: skip
        trial = Trial(tenant=tenant.slug, tenant_id=tenant.id, id=str(identity))
        await start(
            request, tenant, Workflow.run, trial, name=f"backtest/{identity}",
            summary="try rules on recorded movements",
        )  # fmt: skip
        found = await postgres.find(connection, tenant.id, identity)
    assert found is not None
    location = {"Location": f"/v1/bep/backtests/{identity}"}
    return JSONResponse(resource(found), 202, headers=location)


@router.get("/{backtest}", summary="Read a back-test", responses=answers_with(BacktestSchema))
async def read(reading: Reading, backtest: str, caller: MayRead) -> dict[str, Any]:
    """How far it is, and what came of it."""
    return resource(await _there(reading, backtest, caller))


@router.get(
    "/{backtest}/result.csv", summary="Download a back-test's result",
    responses=downloads(MEDIA_TYPE),
    response_class=Response,
)  # fmt: skip
async def download(reading: Reading, backtest: str, caller: MayRead) -> Response:
    """Matrix, reasons and examples in one table."""
    found = await _there(reading, backtest, caller)
    if found.result is None:
        raise Problem("backtest_not_done")
    name = f'attachment; filename="backtest-{found.id}.csv"'
    return Response(
        table_of(found.result), media_type=MEDIA_TYPE, headers={"Content-Disposition": name}
    )


def resource(found: Backtest) -> dict[str, Any]:
    """How a back-test looks."""
    return {
        "id": str(found.id),
        "state": found.state,
        "from": found.since.isoformat(),
        "to": found.until.isoformat(),
        "types": list(found.types),
        "rules": list(found.rules),
        "tariffs": list(found.tariffs),
        "progress": {
            "parts": found.parts,
            "parts_done": found.parts if found.state == "done" else found.parts_done,
            "decisions": found.result["decisions"] if found.result else found.decisions,
        },
        "result": found.result,
        "effort": found.effort,
        "made_by": found.made_by,
        "made_at": found.made_at.isoformat(),
        "ended_at": found.ended_at.isoformat() if found.ended_at else None,
    }


def table_of(result: Mapping[str, Any]) -> str:
    """A result as one table."""
    rows = ([row.get(column, "") for column in _COLUMNS] for row in _lines(result))
    return as_csv(_COLUMNS, rows)


def _lines(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for table, counts in (("matrix", result["matrix"]), ("reason", result["reasons"])):
        for count in counts:
            for currency, minor in count["sums"].items():
                yield {**count, "table": table, "currency": currency, "sum_minor": minor}
    for line in result.get("prices", ()):  # a result of long ago has none
        about = {"type": line["movement"], "movements": line["movements"],
                 "currency": line["currency"], "sum_minor": line["volume"]}  # fmt: skip
        for part, minor in line["old"].items():
            yield {**about, "table": part, "old": minor, "new": line["new"][part]}
    for example in result["examples"]:
        amount = example["amount"]
        yield {**example, "table": "example", "currency": amount["currency"],
               "sum_minor": amount["value"].replace(".", "").lstrip("0") or "0"}  # fmt: skip


def _check(body: BacktestBody) -> None:
    if not body.since < body.until <= body.since + SPAN_MAX:
        raise Problem("validation", "a span ends after it begins, within 92 days", status=422)
    said = [body.rules is not None, body.changes is not None]
    if all(said) or not (any(said) or body.tariffs):
        why = "say rules, or changes of those in force; or tariffs"
        raise Problem("validation", why, status=422)
    check_tariffs(body.tariffs)
    for name in body.types:
        if name not in movements():
            known = nearest(name, movements())
            raise Problem("validation", f"there is no movement {name}; {known}", status=422)


async def _rules(connection: Connection, body: BacktestBody, caller: Caller) -> Sequence[Stored]:
    """All rules that are tried, canonical."""
    if body.rules is not None:
        return await _read(connection, body.rules, caller)
    changes = body.changes or ChangesBody()
    held = await postgres.in_force(connection, caller.tenant.id)
    in_force = {one.definition: one for one in held if one.mode == "binding"}
    shadows = [one for one in held if one.mode == "shadow"]
    await _changed(connection, in_force, changes, caller)
    return [*in_force.values(), *shadows, *await _read(connection, changes.add, caller)]


async def _changed(
    connection: Connection, in_force: dict[str, Stored], changes: ChangesBody, caller: Caller
) -> None:
    """Take rules away, and give others their new settings. Raises Problem rule_not_found."""
    named: list[UUID] = [*changes.remove, *(one.id for one in changes.replace)]
    if any(str(one) not in in_force for one in named):
        raise Problem("rule_not_found")
    for one in changes.remove:
        del in_force[str(one)]
    offered = await offers(connection, caller)
    for one in changes.replace:
        old = in_force.get(str(one.id))
        if old is None:
            raise Problem("rule_not_found")
        kind = business_events().kinds[old.event]
        try:
            metadata = processors()[old.processor].read(one.data, kind, offered)
        except MetadataError as error:
            raise wrong_settings(error) from None
        in_force[str(one.id)] = replace(old, version=0, metadata=metadata.model_dump(mode="json"))


async def _read(connection: Connection, rules: Sequence[RuleBody], caller: Caller) -> list[Stored]:
    """Rules as their processors read them, with names of their own: `new-1`, `new-2`."""
    found: list[Stored] = []
    for number, rule in enumerate(rules, 1):
        written = rule.processor or ""
        name = names().get(written)
        if name is None:
            raise Problem("processor_unknown", nearest(written, names()))
        triplet, new = await read_rule(connection, processors()[name], rule, caller)
        if triplet.phase is not Phase.PRE:
            raise Problem("settings_invalid", "only rules before an event are tried")
        found.append(
            Stored(
                definition=f"new-{number}", version=0, event=triplet.kind.name, phase=Phase.PRE,
                product=triplet.product, processor=name,
                mode="shadow" if new.wanted == "shadow" else "binding", metadata=new.metadata,
                since=new.since, until=new.until,
            )
        )  # fmt: skip
    return found


async def _there(reading: Reading, backtest: str, caller: Caller) -> Backtest:
    """A back-test of this tenant. Raises Problem backtest_not_found."""
    try:
        identity = UUID(backtest)
    except ValueError:
        raise Problem("backtest_not_found") from None
    async with reading(caller) as connection:
        found = await postgres.find(connection, caller.tenant.id, identity)
    if found is None or str(identity) != backtest:
        raise Problem("backtest_not_found")
    return found
