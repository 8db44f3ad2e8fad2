"""The business events of the platform: those of movements, of commands, and those to come."""

from functools import cache

from mmo.bep.catalogue import Catalogue
from mmo.bep.event import EventKind, Phase, Side
from mmo.bep.platform import EVENTS as PLATFORM
from mmo.movements.support.accounts import Party
from mmo.movements.support.catalogue import movements
from mmo.movements.support.movement import Movement, Step

DATA = ("movement",)
"""What the event of a movement brings along beside amount and parties."""


@cache
def business_events() -> Catalogue:
    """Every business event that rules can be set for."""
    every = movements().values()
    asking = (_asking(one) for one in every if one.decided_at != one.steps[0].number)
    return Catalogue([*(_kind(one) for one in every), *asking, *PLATFORM])


def kind_of(movement: Movement) -> EventKind:
    """The business event that a movement raises."""
    return business_events().kinds[f"{movement.entity}.{movement.action}"]


def _kind(movement: Movement) -> EventKind:
    return EventKind(
        entity=movement.entity,
        action=movement.action,
        title=movement.title,
        amount=True,
        product=True,
        parties=sides(movement),
        data=DATA,
        raises=(movement.event_type(movement.decided_at),),
        spoken=(movement.name,),
    )


def _asking(movement: Movement) -> EventKind:
    """That somebody is asked, before anything moves: rules may tell them."""
    first = movement.steps[0]
    return EventKind(
        entity=movement.entity,
        action=first.event,
        title=f"{movement.title}: asked",
        amount=True,
        product=True,
        phases=frozenset({Phase.POST}),
        parties=sides(movement),
        data=DATA,
        raises=(movement.event_type(first.number),),
    )


def _roles(movement: Movement) -> list[str]:
    return [role.name for role in movement.command.parties.values()]


def sides(movement: Movement) -> dict[str, Side]:
    """Role → who pays and who is paid, by the first line of theirs in the step that decides."""
    found = sides_of(movement.step(movement.decided_at))
    return {role: found.get(role, "any") for role in _roles(movement)}


def sides_of(step: Step) -> dict[str, Side]:
    """Role → who pays and who is paid in a step, by the first line of theirs."""
    found: dict[str, Side] = {}
    for line in step.rule.lines:
        if isinstance(line.account, Party):
            found.setdefault(line.account.role, "payer" if line.side == "debit" else "payee")
    return found
