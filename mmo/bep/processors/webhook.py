"""Webhooks: a program of the operator, or of a partner, is told of an event, with a signature."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from mmo.bep.event import BusinessEvent
from mmo.bep.facts import RuleFacts
from mmo.bep.processor import Offers, Reaction, Reactor
from mmo.bep.spelling import Settings

KIND = "webhook"
Part = Literal["actor", "amount", "data", "parties", "product"]
PARTS: tuple[Part, ...] = ("actor", "amount", "data", "parties", "product")


class WebhookSettings(Settings):
    """Where to, and what is told."""

    endpoint: UUID = Field(title="Endpoint", description="One of /v1/webhooks.")
    fields: tuple[Part, ...] = Field(
        default=("amount", "parties"), title="What is told", max_length=len(PARTS)
    )


class Webhook(Reactor[WebhookSettings]):
    """Ask that an endpoint be told."""

    name = "webhook"
    title = "Webhook"
    help = "Tells a registered endpoint of the event, signed, again until it is taken."
    metadata = WebhookSettings

    def options(self, offers: Offers) -> Mapping[str, Any]:  # noqa: ARG002
        return {"fields": list(PARTS)}

    def reactions(
        self,
        event: BusinessEvent,
        facts: RuleFacts,  # noqa: ARG002
        metadata: WebhookSettings,
    ) -> Sequence[Reaction]:
        told: dict[str, Any] = {
            "type": event.kind.name, "id": event.id, "timestamp": event.at.isoformat(),
        }  # fmt: skip
        for part in metadata.fields:
            told[part] = _told(event, part)
        return (Reaction(kind=KIND, data={"endpoint": str(metadata.endpoint), "payload": told}),)


def _told(event: BusinessEvent, part: Part) -> Any:
    match part:
        case "actor":
            return {"subject": event.actor.subject, "client": event.actor.client}
        case "amount":
            amount = event.amount
            return {"value": amount.value, "currency": amount.currency} if amount else None
        case "data":
            return dict(event.data)
        case "parties":
            return dict(event.parties)
        case "product":
            return event.product
