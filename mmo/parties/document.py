"""A document of KYC, as the party that it is about keeps it: what it shows is elsewhere."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

DOCUMENT_TYPES = (
    "passport", "nationalregistration", "otherId", "drivinglicence", "socialsecurity",
    "alienregistration", "nationalidcard", "employer", "taxid", "seniorcitizenscard",
    "marriagecertificate", "birthcertificate", "healthcard", "votersid", "villageelderLetter",
    "pancard", "officialletter",
)  # fmt: skip
"""`idType` of the GSMA Mobile Money API 1.2.0."""
MEDIA_TYPES = {
    "application/pdf": re.compile(rb"%PDF-"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "image/heic": re.compile(rb".{4}ftyp(?:heic|heix|hevc|mif1)", re.DOTALL),
}
"""Media type → how its files begin: what the cameras of phones write, and papers."""
HEAD_MAX = 12
"""Bytes by which the type of a file is known."""
SIZE_MAX = 16 * 1024 * 1024
"""Bytes of one document."""


def media_type_of(head: bytes) -> str | None:
    """The type of a file by its first bytes; None: of none that is taken."""
    return next((name for name, begins in MEDIA_TYPES.items() if begins.match(head)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document of KYC. `expires`: its last day; `size` in bytes."""

    id: str
    type: str
    country: str
    expires: date | None
    sha256: str
    size: int
    media_type: str
    added_at: datetime

    def row(self) -> dict[str, Any]:
        """As the party's row keeps it."""
        expires = self.expires and self.expires.isoformat()
        return asdict(self) | {"expires": expires, "added_at": self.added_at.isoformat()}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Document":
        """Read what `row` wrote."""
        expires = row["expires"] and date.fromisoformat(row["expires"])
        read: dict[str, Any] = {
            "expires": expires,
            "added_at": datetime.fromisoformat(row["added_at"]),
        }
        return cls(**{**row, **read})

    def expired(self, today: date) -> bool:
        """Whether its last day has passed."""
        return self.expires is not None and self.expires < today
