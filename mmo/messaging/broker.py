"""The broker's names, and how a process signs in: as a user of its role, over TLS elsewhere."""

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mmo.settings import Settings

STREAM = "MMO"
INVENTORY = "relay-inventory"
"""The consumer by which the relay reads the ids in the stream, from the first message."""
RELAY, EFFECTS, READER = "relay", "effects", "reader"
"""The users of our own: who publishes, who carries reactions out, and who reads for the operator.

One process may be several of them, each over a connection of its own.
"""
USERS = (RELAY, EFFECTS, READER)


class UnsafeBrokerError(OSError):
    """The broker is elsewhere, and would be told the password in clear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLogin:
    """An address, a user, and where its password lies."""

    url: str
    user: str
    password_file: Path
    ca_file: Path | None = None

    @property
    def password(self) -> str:
        """Read at every connection: a new one counts without a restart. Raises OSError."""
        return self.password_file.read_text().strip()

    @property
    def inbox(self) -> str:
        """Where the user hears answers: no other user may listen there."""
        return inbox_of(self.user)

    def tls(self) -> ssl.SSLContext | None:
        """How the connection is protected; None in clear. Raises UnsafeBrokerError, OSError.

        The scheme alone decides: a broker that does not speak TLS is then no broker of ours.
        """
        parts = urlsplit(self.url)
        if parts.scheme == "tls":
            return ssl.create_default_context(cafile=self.ca_file)
        if _is_loopback(parts.hostname or ""):
            return None
        raise UnsafeBrokerError(f"{self.url} is not on this machine: MMO_NATS_URL must be tls://…")


def login_of(settings: Settings, user: str) -> BrokerLogin:
    """The login of one of USERS, with its password from the secrets."""
    return BrokerLogin(
        url=settings.nats_url,
        user=user,
        password_file=secret_file(settings.nats_secrets, user),
        ca_file=settings.nats_ca_file,
    )


def secret_file(secrets: Path, user: str) -> Path:
    """Where the password of a broker's user lies."""
    return secrets / f"nats_{user}"


def inbox_of(user: str) -> str:
    """The first token of the subjects on which a user hears answers."""
    return f"_INBOX_{user}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
