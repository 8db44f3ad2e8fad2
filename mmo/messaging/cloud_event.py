"""The envelope of every published message: CloudEvents 1.0, as a typed model for subscribers."""

from datetime import datetime
from typing import Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Data = TypeVar("Data")


class CloudEvent(BaseModel, Generic[Data]):
    """One message. `id` is the event's: a subscriber that has seen it drops it."""

    model_config = ConfigDict(frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str = Field(examples=["/mmo/demo/movements"])
    type: str = Field(examples=["mmo.wallet.money-sent.v1"])
    subject: UUID = Field(description="The aggregate: a movement, a wallet.")
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    tenant: str
    sequence: str = Field(description="The aggregate's version after the event.")
    data: Data
