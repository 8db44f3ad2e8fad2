"""Expression: the operator's own condition in CEL, over the event and what is known of it."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from mmo.bep.condition_trial import check_condition
from mmo.bep.conditions import ConditionError, holds, program_of
from mmo.bep.event import BusinessEvent, EventKind
from mmo.bep.facts import RuleFacts
from mmo.bep.known import known
from mmo.bep.processor import MetadataError, Offers, Validator
from mmo.bep.spelling import Settings
from mmo.bep.verdict import DAY_S, Allow, Ask, Refuse, RequireApproval, Verdict
from mmo.kernel.spelling import nearest

REFUSAL = "expression_refused"
LENGTH_MAX = 1000
WAIT_MAX_S = 90 * DAY_S


class Condition(Settings):
    """What must be true, and what happens where it is not."""

    expression: str = Field(
        title="Condition",
        description="CEL; true allows. Such as: event.amount.minor <= 500000 ||"
        " parties.payer.kind == 'agent' || parties.payer.tier == 3. It may use event, parties and"
        " facts.",
        min_length=1,
        max_length=LENGTH_MAX,
    )
    message: str = Field(
        default="The operator's own condition is not fulfilled.",
        title="Message",
        description="What the caller is told.",
        min_length=1,
        max_length=200,
    )
    otherwise: Literal["refuse", "ask"] = Field(default="refuse", title="If it is not true")
    roles: tuple[str, ...] = Field(
        default=(), title="Who is asked", description="Any of these roles.", max_length=20
    )
    people: int = Field(default=1, title="How many people must agree", ge=1, le=10)
    expires_seconds: int = Field(default=DAY_S, title="Expires", ge=60, le=WAIT_MAX_S)


class Expression(Validator[Condition]):
    """Refuse, or ask, where the condition is false. One that cannot be worked out fails closed."""

    name = "expression"
    title = "Expression"
    help = "Lets the event happen only if a condition of your own is true, written in CEL."
    metadata = Condition

    def options(self, offers: Offers) -> Mapping[str, Any]:
        return {"roles": sorted(offers.roles.values()), "otherwise": ["refuse", "ask"]}

    def read(self, written: Any, kind: EventKind, offers: Offers) -> Condition:
        metadata = self.stored(written)
        try:
            check_condition(metadata.expression, kind, offers)
        except ConditionError as error:
            raise MetadataError(("/expression", str(error))) from None
        for index, role in enumerate(metadata.roles):
            if role not in offers.roles.values():
                near = nearest(role, offers.roles.values())
                raise MetadataError((f"/roles/{index}", f"there is no role {role[:80]}; {near}"))
        if metadata.otherwise == "ask" and not metadata.roles:
            raise MetadataError(("/roles", "name the roles that are asked"))
        return metadata

    def stored(self, canonical: Any) -> Condition:
        metadata = super().stored(canonical)
        try:
            program_of(metadata.expression)
        except ConditionError as error:
            raise MetadataError(("/expression", str(error))) from None
        return metadata

    def decide(self, event: BusinessEvent, facts: RuleFacts, metadata: Condition) -> Verdict:
        if holds(metadata.expression, known(event, facts)):
            return Allow()
        if metadata.otherwise == "ask":
            ask = Ask(
                roles=metadata.roles, people=metadata.people, expires_s=metadata.expires_seconds
            )
            return RequireApproval((ask,), metadata.message)
        return Refuse(REFUSAL, metadata.message, {"expression": metadata.expression})
