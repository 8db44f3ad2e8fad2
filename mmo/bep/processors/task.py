"""Tasks: somebody of a role has something to do after an event, and others wait until it is done.

One rule, two moments: after its event it opens the task; before the events that it blocks it
refuses while such a task is open.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from mmo.bep.event import BOTH, BusinessEvent, EventKind, Phase
from mmo.bep.facts import Need, RuleFacts
from mmo.bep.processor import MetadataError, Offers, Reaction, Reactor, Validator
from mmo.bep.spelling import Settings
from mmo.bep.verdict import Allow, Refuse, Verdict
from mmo.kernel.spelling import nearest

KIND = "task"
REFUSAL = "task_open"
YEAR_S = 366 * 86_400
OPEN = Need("tasks")
"""The open tasks that block the event, about any wallet that takes part in it."""
CHECKLIST_MAX, BLOCKS_MAX, LISTED_MAX = 20, 20, 20


class TaskSettings(Settings):
    """What is to be done, by whom, until when."""

    title: str = Field(title="Title", min_length=1, max_length=120)
    assignee_role: str = Field(title="Role", description="Who may do it.", max_length=80)
    checklist: tuple[str, ...] = Field(default=(), title="Checklist", max_length=CHECKLIST_MAX)
    sla_seconds: int | None = Field(default=None, title="Within (seconds)", gt=0, le=YEAR_S)
    escalate_to: str | None = Field(
        default=None, title="Escalate to", description="A role that may do it too when it is late."
    )
    blocks: tuple[str, ...] = Field(
        default=(), title="Blocks", description="Events that wait until it is done, such as "
        "wallet.unfreeze; about the same wallet.", max_length=BLOCKS_MAX,
    )  # fmt: skip
    party: str = Field(
        default="wallet", title="About", description="The role whose wallet it is about.",
        max_length=40,
    )  # fmt: skip


class Task(Reactor[TaskSettings], Validator[TaskSettings]):
    """Ask for a task after the event; refuse what it blocks while it is open."""

    name = "task"
    title = "Task"
    help = (
        "Opens a task for a role after the event; later events may have to wait until it is done."
    )
    metadata = TaskSettings
    phases = frozenset({Phase.POST})

    def fits(self, kind: EventKind) -> bool:
        return super().fits(kind) and bool(kind.parties)

    def options(self, offers: Offers) -> Mapping[str, Any]:
        roles = sorted(offers.roles.values())
        blocked = [kind.name for kind in offers.events if kind.parties and kind.phases >= BOTH]
        return {"assigneeRole": roles, "escalateTo": roles, "blocks": blocked}

    def read(self, written: Any, kind: EventKind, offers: Offers) -> TaskSettings:
        metadata = self.stored(written)
        if wrong := tuple(_wrong(metadata, kind, offers)):
            raise MetadataError(*wrong)
        return metadata

    def needs(self, metadata: TaskSettings, kind: EventKind) -> Sequence[Need]:  # noqa: ARG002
        return [OPEN]

    def also_before(self, metadata: TaskSettings) -> Sequence[str]:
        return metadata.blocks

    def decide(
        self,
        event: BusinessEvent,
        facts: RuleFacts,
        metadata: TaskSettings,  # noqa: ARG002
    ) -> Verdict:
        listed: list[Any] = facts.value(OPEN) or []
        if not listed:
            return Allow()
        titles = ", ".join(str(one["title"]) for one in listed[:LISTED_MAX])
        details = {"tasks": listed[:LISTED_MAX], "event": event.kind.name}
        return Refuse(REFUSAL, f"first has to be done: {titles}", details)

    def reactions(
        self,
        event: BusinessEvent,
        facts: RuleFacts,  # noqa: ARG002
        metadata: TaskSettings,
    ) -> Sequence[Reaction]:
        wallet = event.parties.get(metadata.party)
        if wallet is None:
            return ()
        data = {
            **metadata.model_dump(mode="json", by_alias=False),
            "wallet": wallet,
            "event": event.kind.name,
            "about": {"movement": event.data.get("movement"), "at": event.at.isoformat()},
        }
        return (Reaction(kind=KIND, data=data),)


def _wrong(metadata: TaskSettings, kind: EventKind, offers: Offers) -> Iterator[tuple[str, str]]:
    roles = list(offers.roles.values())
    if metadata.assignee_role not in roles:
        near = nearest(metadata.assignee_role, roles)
        yield "/assigneeRole", f"there is no role {metadata.assignee_role}; {near}"
    if metadata.escalate_to is not None and metadata.escalate_to not in roles:
        near = nearest(metadata.escalate_to, roles)
        yield "/escalateTo", f"there is no role {metadata.escalate_to}; {near}"
    if metadata.escalate_to is not None and metadata.sla_seconds is None:
        yield "/slaSeconds", "say after how many seconds it is escalated"
    if metadata.party not in kind.parties:
        near = nearest(metadata.party, kind.parties)
        yield "/party", f"nobody is {metadata.party} in {kind.name}; {near}"
    known = [one.name for one in offers.events]
    for index, name in enumerate(metadata.blocks):
        if name not in known:
            yield f"/blocks/{index}", f"there is no event {name[:80]}; {nearest(name, known)}"
