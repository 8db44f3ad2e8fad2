"""The door to the document store, as its users see it, and what it may raise."""

from typing import Any, Protocol
from uuid import UUID

from mmo.documents.document import Document, Kind, NewKind, Version
from mmo.kernel.envelope import Actor


class NoKindError(LookupError):
    """The tenant has no such kind of document."""


class NoDocumentError(LookupError):
    """There is no such document of that kind, or no longer."""


class ConflictError(Exception):
    """It is not at the version that the caller read, or there already with other content."""


class NotIndexedError(ValueError):
    """The kind does not declare that field: a list cannot be filtered by it."""


class DocumentStore(Protocol):
    """Keeps documents, every version of them, and finds them by declared fields.

    Each change is one transaction with its event and its audit row.
    """

    async def put_kind(self, tenant: int, kind: NewKind, version: int | None, actor: Actor) -> Kind:
        """Add a kind, or change the one at that version; its documents are indexed anew.

        Documents that are there already are not held to a new schema until they change.
        Raises DocumentError for a wrong schema, NoKindError, ConflictError.
        """
        ...

    async def kind(self, tenant: int, name: str) -> Kind:
        """One kind. Raises NoKindError."""
        ...

    async def kinds(self, tenant: int, after: str, limit: int) -> list[Kind]:
        """Kinds by name, a page at a time."""
        ...

    async def create(
        self, tenant: int, kind: str, identifier: UUID, subject: str | None, body: dict[str, Any],
        actor: Actor,
    ) -> Document:  # fmt: skip
        """Add a document under an id of the caller's; the same again is answered as it stands.

        Raises NoKindError, DocumentError, and ConflictError where the id began with other content.
        """
        ...

    async def change(
        self, tenant: int, kind: str, identifier: UUID, version: int, body: dict[str, Any],
        actor: Actor,
    ) -> Document:  # fmt: skip
        """Give the document at that version a new body.

        Raises NoKindError, NoDocumentError, DocumentError, ConflictError.
        """
        ...

    async def remove(
        self, tenant: int, kind: str, identifier: UUID, version: int, actor: Actor
    ) -> None:
        """Take the document at that version away. Raises NoDocumentError, ConflictError."""
        ...

    async def find(self, tenant: int, kind: str, identifier: UUID) -> Document:
        """One document. Raises NoDocumentError."""
        ...

    async def listed(
        self, tenant: int, kind: str, *, subject: str | None = None,
        field: tuple[str, Any] | None = None, after: UUID | None = None, limit: int = 50,
    ) -> list[Document]:  # fmt: skip
        """Documents of a kind by id: all, those about a subject, or with that value in a field.

        `field`: a declared pointer, and a text, a whole number, true or false.
        Raises NoKindError, NotIndexedError.
        """
        ...

    async def versions(self, tenant: int, kind: str, identifier: UUID) -> list[Version]:
        """The newest 200 versions of a document, removed or not. Raises NoDocumentError."""
        ...
