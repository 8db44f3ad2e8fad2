"""What a client asks of the log-in page (RFC 6749 §4.1.1, with PKCE), checked first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from api.authorization.errors import OAuthError
from api.authorization.parts import Parts
from mmo.identity import clients
from mmo.identity.clients import CODE, Client
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant

QUERY_MAX = 4096
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class PageError(Exception):
    """Nothing may be sent back to the client: the person is told on a page of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that may be answered to its redirect address."""

    client: Client
    redirect_uri: str
    scope: str
    state: str | None
    nonce: str | None
    challenge: str

    @property
    def origin(self) -> str:
        """Where the answer goes, for the page's policy."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"

    def back(self, issuer: str, **told: str) -> str:
        """The address that the browser is sent to, with `iss` (RFC 9207)."""
        state = {"state": self.state} if self.state is not None else {}
        return f"{self.redirect_uri}?{urlencode({**told, **state, 'iss': issuer})}"


def query_of(raw: str) -> Mapping[str, str]:
    """A query in which every name stands once. Raises PageError."""
    if len(raw) > QUERY_MAX:
        raise PageError("the address is too long")
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except ValueError:
        raise PageError("the address cannot be read") from None
    read = dict(pairs)
    if len(read) != len(pairs):
        raise PageError("a parameter stands twice")
    if any("\0" in value for value in read.values()):
        raise PageError("a parameter holds a NUL")
    return read


async def asked(given: Parts, tenant: Tenant, query: Mapping[str, str]) -> Asked:
    """Check client and redirect address, compared letter by letter, then the rest.

    Raises PageError, or OAuthError where the client asked for what there is not.
    """
    name = query.get("client_id", "")
    async with scoped(given.pool, tenant.id) as connection:
        client = await clients.find(connection, tenant.id, name)
    if client is None or client.state != "active" or CODE not in client.grants:
        raise PageError("this program is not known here")
    if query.get("redirect_uri") not in client.redirect_uris:
        raise PageError("the program's return address is not known here")
    if query.get("response_type") != "code":
        raise OAuthError("unsupported_response_type")
    challenge = query.get("code_challenge", "")
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "PKCE with S256 is needed")
    return Asked(
        client=client,
        redirect_uri=query["redirect_uri"],
        scope=query.get("scope", ""),
        state=query.get("state"),
        nonce=query.get("nonce"),
        challenge=challenge,
    )
