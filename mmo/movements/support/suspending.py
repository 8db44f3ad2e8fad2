"""Suspensions in decisions: what the operator does not carry out for a while is refused."""

from collections.abc import Iterator

from mmo.movements.support.checks import SUSPENSION, Considered
from mmo.movements.support.command import Command
from mmo.movements.support.facts import Facts
from mmo.movements.support.movement import Movement, Step


def suspended(
    movement: Movement, step: Step, command: Command, facts: Facts
) -> Iterator[Considered]:
    """Refuse what would begin, or bring e-money into being; what ends a movement always may."""
    if step.number != movement.steps[0].number and not step.creates:
        return
    found = facts.operator.suspensions.find(
        movement.name, command.amount.currency, product=None, at=facts.now
    )
    if found is not None:
        yield Considered(
            check=SUSPENSION,
            verdict="movement_suspended",
            reason=found.content.reason,
            of=found.id,
            version=found.version,
        )
