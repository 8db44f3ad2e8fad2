"""Activities of what comes after an event: reactions, and the tasks that people do."""

from dataclasses import dataclass
from typing import Literal, Protocol

from temporalio import activity

By = Literal["subscriber", "activity", "task", "nobody"]
"""Who carries a reaction out: a subscriber of the broker, the activity of a plug-in's effect, a
workflow of its own, or, for a shadow rule, nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """One rule to be asked after one event. Ids only."""

    tenant: str
    tenant_id: int
    event: str
    definition: str
    version: int
    shadow: bool = False
    """Whether the rule is only tried: nothing that it asks for is carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One reaction that was asked for."""

    id: str
    kind: str
    by: By
    due_s: int | None = None
    """Of a task: within how many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskToDo:
    """A task, by the event that asked for it."""

    tenant: str
    tenant_id: int
    id: str
    due_s: int | None = None


class ReactionSteps(Protocol):
    """What the activities do. Each may be repeated."""

    async def react(self, occasion: Occasion) -> list[Asked]:
        """Ask the rule, and append an event for each reaction. A repeat finds them."""
        ...

    async def carry_out(self, occasion: Occasion, asked: Asked) -> None:
        """Run the effect of a plug-in's own kind of reaction."""
        ...

    async def open_task(self, task: TaskToDo) -> None:
        """Write the task down, open; the second time nothing happens."""
        ...

    async def escalate_task(self, task: TaskToDo) -> bool:
        """Let the other role do it too, and tell; false where it is done already."""
        ...

    async def is_done(self, task: TaskToDo) -> bool:
        """Whether the task is done."""
        ...


class ReactionActivities:
    """The doors of reactions and tasks."""

    def __init__(self, steps: ReactionSteps) -> None:
        self._steps = steps

    @activity.defn(name="reactions.react")
    async def react(self, occasion: Occasion) -> list[Asked]:
        """Ask one rule what is to be done. Safe to repeat: what was appended is answered."""
        return await self._steps.react(occasion)

    @activity.defn(name="reactions.carry_out")
    async def carry_out(self, occasion: Occasion, asked: Asked) -> None:
        """Carry out a plug-in's reaction. Safe to repeat: the effect knows it by its id."""
        await self._steps.carry_out(occasion, asked)

    @activity.defn(name="tasks.open")
    async def open_task(self, task: TaskToDo) -> None:
        """Open the task. Safe to repeat."""
        await self._steps.open_task(task)

    @activity.defn(name="tasks.escalate")
    async def escalate_task(self, task: TaskToDo) -> bool:
        """Escalate the task, once; whether it is still to be done. Safe to repeat."""
        return await self._steps.escalate_task(task)

    @activity.defn(name="tasks.is_done")
    async def is_done(self, task: TaskToDo) -> bool:
        """Look whether the task is done, in case its signal went astray. Reads only."""
        return await self._steps.is_done(task)
