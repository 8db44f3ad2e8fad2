"""docs/asyncapi.yaml: every message on the broker, by subject, with its schema."""

from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from mmo.changes.support.registry import kinds
from mmo.documents.document import EVENTS as DOCUMENT_EVENTS
from mmo.histories.postgres import EXPORTED
from mmo.messaging.broker import STREAM
from mmo.messaging.cloud_event import CloudEvent
from mmo.messaging.event import CONTEXTS
from mmo.messaging.nats import MESSAGE_ID
from mmo.movements.support.catalogue import movements
from mmo.movements.support.published import MovementEvent
from mmo.parties.events import EVENTS as PARTY_EVENTS
from mmo.tasks.postgres import COMPLETED, ESCALATED, OPENED
from mmo.wallets.events import EVENTS as WALLET_EVENTS
from workers.publishing.openapi import HEADER

REACTIONS = ("notification", "sms", "task", "webhook")
REFUSED = ("mmo.movement.refused.v1", "mmo.movement.held.v1", "mmo.movement.released.v1")

AGGREGATES: dict[str, Mapping[str, type[BaseModel]]] = {
    "wallet": WALLET_EVENTS,
    "party": PARTY_EVENTS,
    "document": DOCUMENT_EVENTS,
}
"""Aggregate → its own events."""


class HistoryEvent(BaseModel):
    """A closed workflow history was kept."""

    model_config = ConfigDict(frozen=True)

    movement: str
    workflow_id: str
    run_id: str
    events: int
    sha256: str
    timeline: list[dict[str, Any]]


class CausedBy(BaseModel):
    """The event that gave cause for a reaction, and the rule."""

    model_config = ConfigDict(frozen=True)

    event: str
    type: str
    definition: str
    version: int


class ReactionEvent(BaseModel):
    """Something is to be done, of a kind that an effect carries out."""

    model_config = ConfigDict(frozen=True)

    kind: str
    data: dict[str, Any]
    caused_by: CausedBy


class ChangeEvent(BaseModel):
    """A command that moves no money was carried out. Nothing personal, and no secret."""

    model_config = ConfigDict(frozen=True)

    change: str
    object: str
    client: str
    parties: dict[str, str]
    body: dict[str, Any]
    record: dict[str, Any]


class TaskEvent(BaseModel):
    """A task was opened, is late, or is done."""

    model_config = ConfigDict(frozen=True)

    title: str
    role: str
    event: str = ""
    escalated_to: str = ""
    checklist: list[str] = []


def messages() -> dict[str, tuple[str, type[BaseModel]]]:
    """Type of message → the aggregate it is about, and the model of its data."""
    found: dict[str, tuple[str, type[BaseModel]]] = {}
    for movement in movements().values():
        for step in movement.steps:
            found[movement.event_type(step.number)] = ("movement", MovementEvent)
    for name in REFUSED:
        found[name] = ("movement", MovementEvent)
    for aggregate, events in AGGREGATES.items():
        found |= {name: (aggregate, model) for name, model in events.items()}
    for kind in REACTIONS:
        found[f"mmo.{kind}.requested.v1"] = ("reaction", ReactionEvent)
    for name in (OPENED, ESCALATED, COMPLETED):
        found[name] = ("task", TaskEvent)
    for kind in kinds().values():
        if not kind.tells_itself:
            found[kind.raises.raises[0]] = ("change", ChangeEvent)
    found[EXPORTED] = ("history", HistoryEvent)
    return found


def document() -> str:
    """The contract as YAML."""
    return HEADER + yaml.safe_dump(contract(), sort_keys=False, allow_unicode=True, width=100)


def contract() -> dict[str, Any]:
    """AsyncAPI 3.0."""
    schemas: dict[str, Any] = {"MessageId": _MESSAGE_ID}
    channels, operations, told = {}, {}, {}
    for name, (aggregate, model) in sorted(messages().items()):
        _, entity, event, version = name.split(".")
        key = f"{entity}-{event}"
        subject = f"mmo.{{tenant}}.{CONTEXTS[aggregate]}.{entity}.{event}.{version}"
        told[key] = {
            "name": name,
            "contentType": "application/cloudevents+json",
            "headers": {
                "type": "object",
                "properties": {MESSAGE_ID: {"$ref": "#/components/schemas/MessageId"}},
            },
            "payload": {"$ref": f"#/components/schemas/{_schema(schemas, model)}"},
        }
        channels[key] = {
            "address": subject,
            "parameters": {"tenant": {"description": "The slug of the tenant."}},
            "messages": {key: {"$ref": f"#/components/messages/{key}"}},
        }
        operations[f"receive-{key}"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{key}"},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "mmo",
            "version": "1",
            "description": f"Events in the JetStream stream {STREAM}; at least once, known by id.",
        },
        "servers": {
            "broker": {
                "host": "127.0.0.1:4222",
                "protocol": "nats",
                "description": "TLS outside of the loopback address.",
                "security": [
                    {"type": "userPassword", "description": "`reader`, or a user of one tenant."}
                ],
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": told, "schemas": schemas},
    }


_MESSAGE_ID = {
    "type": "string",
    "description": "The event's id; followed by a colon and more where a lost message was put "
    "back. Know messages by the `id` in them.",
}


def _schema(schemas: dict[str, Any], model: type[BaseModel]) -> str:
    """Add the envelope around one kind of data; answer with its name."""
    name = f"CloudEventOf{model.__name__}"
    if name not in schemas:
        envelope: Any = CloudEvent
        schema = envelope[model].model_json_schema(
            mode="serialization", ref_template="#/components/schemas/{model}"
        )
        schemas |= schema.pop("$defs", {})
        schemas[name] = schema | {"title": name}
    return name
