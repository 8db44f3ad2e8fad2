"""Quotes: what a movement would cost, what it would come to, and a promise of its terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from api.accepting import Resolved, resolved
from api.headers import OpenDoor
from api.movements.resources import priced
from api.movements.routes import ANSWERS
from api.problems import Problem
from api.schemas import AmountSchema, ChargeSchema, answers_with
from api.security import Caller, requires
from mmo.bep.listener import BusinessEventListener
from mmo.kernel.envelope import Envelope, Quoted
from mmo.kernel.identifiers import MovementId, TenantId, mint
from mmo.kernel.money import Money
from mmo.kernel.refusals import REFUSALS
from mmo.movements.support.charges import PAID, RECEIVED
from mmo.movements.support.command import PricedCommand
from mmo.movements.support.decide import Draft, decide
from mmo.movements.support.movement import Movement
from mmo.movements.support.outcome import Request as Asked
from mmo.movements.support.outcome import Verb
from mmo.movements.support.ports import FactsReader
from mmo.movements.support.signed_quotes import until
from mmo.movements.support.symbols import FEES, TAXES
from mmo.movements.support.worth import worth_of


class PreviewSchema(BaseModel):
    """What rules and limits would say now. Balances are known to the posting alone."""

    comes_to: str = Field(description="`allow`, `ask` or `refuse`.")
    code: str | None = Field(description="Of the refusal.")
    reason: str | None
    asks: list[dict[str, Any]] = Field(description="Whose approval would be needed.")


class QuoteSchema(BaseModel):
    """A price, and a promise of it."""

    id: str
    type: str
    amount: AmountSchema = Field(description="What moves, before the charges of who is paid.")
    pays: AmountSchema = Field(description="What leaves whoever pays.")
    receives: AmountSchema = Field(description="What reaches whoever is paid.")
    fees: list[ChargeSchema]
    taxes: list[ChargeSchema]
    tariff: dict[str, Any] | None = Field(description="Id and version; null: it costs nothing.")
    preview: PreviewSchema
    valid_until: datetime
    quote: str = Field(description="Name it in the movement's `quote`; it is kept once.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thought:
    """A movement that was decided, and not carried out."""

    draft: Draft
    quoted: Quoted


def route_of(movement: Movement) -> APIRouter:
    """The route that quotes this movement."""

    async def quote(
        request: Request,
        command: Any,
        caller: Annotated[Caller, Depends(requires(movement.scope))],
        opened: OpenDoor,
    ) -> dict[str, Any]:
        found = await resolved(movement, command, caller, opened)
        thought = await _thought(request, movement, found, caller)
        asked: Any = found.command
        document = await opened.quotes.write(
            caller.tenant.slug, caller.actor, movement, asked, thought.quoted
        )
        return _resource(movement, found, thought, document)

    quote.__annotations__["command"] = movement.command  # FastAPI reads the body's type here.
    router = APIRouter(tags=["movements"])
    router.post(
        f"/quotes/{movement.name}",
        name=f"quote-{movement.name}",
        summary=f"Quote: {movement.title}",
        description="Price a movement without carrying it out; its terms hold for five minutes.",
        responses=answers_with(QuoteSchema) | {422: ANSWERS[422]},
    )(quote)
    return router


async def _thought(
    request: Request, movement: Movement, found: Resolved, caller: Caller
) -> _Thought:
    """Decide on facts as they are now. Raises Problem where nothing prices it."""
    assert isinstance(found.command, PricedCommand)
    facts_of: FactsReader = request.app.state.facts
    asked = Asked(
        envelope=Envelope(
            tenant=caller.tenant.slug,
            tenant_id=TenantId(caller.tenant.id),
            actor=caller.actor,
            movement=MovementId(str(mint())),
            requested_at=datetime.now(UTC).isoformat(),
        ),
        movement=movement.name,
        command=found.command.canonical(),
        step=movement.decided_at,
    )
    facts = await facts_of.read(asked, Verb.EXECUTE)
    worth = worth_of(movement, found.command, asked, facts)
    unpriced = next((one for one in worth.considered if one.check == "terms"), None)
    if unpriced is not None:
        raise Problem(unpriced.verdict, REFUSALS[unpriced.verdict], status=422)
    draft = decide(movement, found.command, asked, Verb.EXECUTE, facts, BusinessEventListener())
    assert isinstance(draft, Draft), "only what was set aside is still asked about"
    quoted = Quoted(
        id=str(mint()),
        prices=dict(worth.prices),
        tariff=dict(worth.tariff) if worth.tariff else None,
        free=dict(worth.free),
        until=until(facts.now),
    )
    return _Thought(draft=draft, quoted=quoted)


def _resource(
    movement: Movement, found: Resolved, thought: _Thought, document: str
) -> dict[str, Any]:
    quoted, currency = thought.quoted, found.command.amount.currency
    tariff = quoted.tariff

    def amount(minor: int) -> dict[str, str]:
        return {"value": Money(minor, currency).value, "currency": currency}

    return {
        "id": quoted.id,
        "type": movement.name,
        "amount": amount(quoted.prices["A"]),
        "pays": amount(PAID.value(quoted.prices)),
        "receives": amount(RECEIVED.value(quoted.prices)),
        "fees": priced(quoted.prices, FEES, currency),
        "taxes": priced(quoted.prices, TAXES, currency),
        "tariff": {"id": tariff["id"], "version": tariff["version"]} if tariff else None,
        "preview": _preview(thought.draft.posting.meta, thought.draft.posting.refusal),
        "valid_until": quoted.until,
        "quote": document,
    }


def _preview(record: Mapping[str, Any], refusal: str | None) -> dict[str, Any]:
    asks: list[Any] = list(record.get("open", ()))
    if refusal is None:
        return {"comes_to": "ask" if asks else "allow", "code": None, "reason": None, "asks": asks}
    told = (one["reason"] for one in (*record.get("violations", ()), *_against(record, refusal)))
    reason = next(told, REFUSALS[refusal])
    return {"comes_to": "refuse", "code": refusal, "reason": reason, "asks": []}


def _against(record: Mapping[str, Any], refusal: str) -> list[dict[str, Any]]:
    return [one for one in record["considered"] if one["verdict"] == refusal]
