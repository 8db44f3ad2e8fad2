"""Notifications: staff of a role are told of an event in their inbox, but not who caused it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from mmo.bep.event import BusinessEvent, EventKind
from mmo.bep.facts import RuleFacts
from mmo.bep.processor import MetadataError, Offers, Reaction, Reactor
from mmo.bep.processors.sms import Template, values
from mmo.bep.spelling import Settings
from mmo.bep.templates import VARIABLES, wrong_in
from mmo.kernel.spelling import nearest

KIND = "notification"


class NotificationSettings(Settings):
    """Whom, and in which words."""

    topic: str = Field(title="Topic", min_length=1, max_length=40)
    role: str = Field(title="Audience", description="Everybody who holds this role.", max_length=80)
    office: str = Field(
        default="", title="Office", description="Only of this office and those below it.",
        max_length=80, pattern=r"^[a-z0-9/-]*$", examples=["ke/nairobi"],
    )  # fmt: skip
    own_office: bool = Field(
        default=False,
        title="The actor's office",
        description="Only of the office of who caused it.",
    )
    text: Template = Field(title="Text", description=f"Variables: {', '.join(VARIABLES)}.")


class Notification(Reactor[NotificationSettings]):
    """Ask that a role be told."""

    name = "notification"
    title = "Notification"
    help = "Puts a notice into the inbox of everybody who holds a role, but not of who caused it."
    metadata = NotificationSettings

    def options(self, offers: Offers) -> Mapping[str, Any]:
        return {"role": sorted(offers.roles.values()), "text": list(VARIABLES)}

    def read(self, written: Any, kind: EventKind, offers: Offers) -> NotificationSettings:
        metadata = self.stored(written)
        if wrong := tuple(_wrong(metadata, kind, offers)):
            raise MetadataError(*wrong)
        return metadata

    def reactions(
        self, event: BusinessEvent, facts: RuleFacts, metadata: NotificationSettings
    ) -> Sequence[Reaction]:
        office = metadata.office
        if metadata.own_office:
            office = event.actor.attributes.get("office", "")
            if not office:
                return ()
        data = {
            "topic": metadata.topic,
            "role": metadata.role,
            "office": office,
            "but": event.actor.subject,
            "text": metadata.text,
            "about": {"event": event.kind.name, "parties": dict(event.parties),
                      "movement": event.data.get("movement")},
            **values(event, facts, ""),
        }  # fmt: skip
        return (Reaction(kind=KIND, data=data),)


def _wrong(
    metadata: NotificationSettings, kind: EventKind, offers: Offers
) -> Iterator[tuple[str, str]]:
    if metadata.role not in offers.roles.values():
        near = nearest(metadata.role, offers.roles.values())
        yield "/role", f"there is no role {metadata.role}; {near}"
    if metadata.office and metadata.own_office:
        yield "/ownOffice", "an office is named already"
    yield from (("/text", what) for what in wrong_in(metadata.text))
    if not kind.amount and "{{amount}}" in metadata.text.replace(" ", ""):
        yield "/text", f"{kind.name} carries no amount"
