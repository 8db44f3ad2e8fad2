"""What administrators read, for the published contract."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic.json_schema import SkipJsonSchema


class GrantSchema(BaseModel):
    """A role of a user, and how far its grant is."""

    role_id: int
    role: str
    state: str
    asked_by: str
    decided_by: str | None


class UserSchema(BaseModel):
    """A user."""

    id: UUID
    username: str
    name: str
    state: str
    attributes: dict[str, str]
    home: str | None
    created_by: str
    created_at: datetime
    version: int
    invitation: str | None = None
    roles: list[GrantSchema] | SkipJsonSchema[None] = None


class UserPage(BaseModel):
    """Users, and the cursor of the next page."""

    items: list[UserSchema]
    next: str | None


class RoleSchema(BaseModel):
    """A role: its number, its name, and the scopes it permits."""

    id: int
    name: str
    permissions: list[str]
    version: int


class RoleList(BaseModel):
    """Every role of the tenant."""

    items: list[RoleSchema]


class ClientSchema(BaseModel):
    """A client."""

    id: str
    name: str
    kind: str
    state: str
    grants: list[str]
    scopes: list[str]
    redirect_uris: list[str]
    trusted_channel: bool
    attributes: dict[str, str]
    jwks: dict[str, Any] | None
    created_by: str
    created_at: datetime
    version: int
    secret: str | SkipJsonSchema[None] = None


class ClientPage(BaseModel):
    """Clients, and the cursor of the next page."""

    items: list[ClientSchema]
    next: str | None
