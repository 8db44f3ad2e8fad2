"""Events: what happened to an aggregate, in full, for ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

CONTEXTS = {
    "movement": "movements",
    "wallet": "wallets",
    "history": "histories",
    "approval": "approvals",
    "document": "documents",
    "party": "parties",
    "change": "changes",
    "reaction": "reactions",
    "rule": "rules",
    "task": "tasks",
}
"""Aggregate → the context that owns it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of one aggregate. `version` is the aggregate's after the event.

    `type` reads `mmo.<entity>.<event>.v1`. `xid` and `seq` give its place in the feed, once stored.
    """

    tenant_id: int
    id: UUID
    aggregate: str
    aggregate_id: UUID
    version: int
    type: str
    actor: str
    occurred_at: datetime
    data: Mapping[str, Any]
    xid: int = 0
    seq: int = 0

    def subject(self, tenant: str) -> str:
        """The broker's subject: `mmo.<tenant>.<context>.<entity>.<event>.v1`."""
        _, entity, event, version = self.type.split(".")
        return f"mmo.{tenant}.{CONTEXTS[self.aggregate]}.{entity}.{event}.{version}"

    def cloud_event(self, tenant: str) -> dict[str, Any]:
        """The event as CloudEvents 1.0 tells it."""
        return {
            "specversion": "1.0",
            "id": str(self.id),
            "source": f"/mmo/{tenant}/{CONTEXTS[self.aggregate]}",
            "type": self.type,
            "subject": str(self.aggregate_id),
            "time": self.occurred_at.isoformat(),
            "datacontenttype": "application/json",
            "tenant": tenant,
            "sequence": str(self.version),
            "data": self.data,
        }
