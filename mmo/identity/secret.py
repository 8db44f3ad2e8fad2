"""Random secrets, and the only form in which they are kept."""

import hashlib
import secrets

SECRET_BYTES = 32


def new_secret() -> str:
    """256 random bits as text. Shown once, to whom it belongs."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> bytes:
    """What is kept of a random secret: SHA-256. 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()
