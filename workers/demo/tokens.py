"""Tokens of the demo's people and of any program, from the authorization server as ever."""

import httpx

from mmo.identity.clients import CLIENT, PIN
from mmo.settings import Settings
from workers.demo import people
from workers.demo.people import APP, PEOPLE

ANSWER_S = 10.0


class NoTokenError(Exception):
    """There is none; the text says why, in one line."""


def program_token(settings: Settings, tenant: str, client: str, secret: str) -> str:
    """An access token of any program of any tenant. Raises NoTokenError."""
    about = {"grant_type": CLIENT, "client_id": client, "client_secret": secret}
    return _asked(settings, tenant, about)


def token(settings: Settings, tenant: str, who: str) -> str:
    """An access token: programs prove their secret, people their PIN. Raises NoTokenError."""
    persons = {one.subject: one for one in PEOPLE}
    if who in persons:
        about = {
            "grant_type": PIN, "client_id": APP, "client_secret": _secret(settings, tenant, APP),
            "msisdn": persons[who].msisdn, "pin": people.PIN,
        }  # fmt: skip
        return _asked(settings, tenant, about)
    return program_token(settings, tenant, who, _secret(settings, tenant, who))


def kept_secret(settings: Settings, tenant: str, client: str) -> bool:
    """Whether the stack keeps the secret of that program, or of the app that people come by."""
    name = APP if client in {one.subject for one in PEOPLE} else client
    return (settings.secrets / secret_file(tenant, name)).exists()


def _asked(settings: Settings, tenant: str, about: dict[str, str]) -> str:
    try:
        answer = httpx.post(f"{settings.issuer}/t/{tenant}/token", data=about, timeout=ANSWER_S)
    except httpx.HTTPError as error:
        raise NoTokenError(f"the authorization server does not answer ({error})") from None
    if not answer.is_success:
        raise NoTokenError(f"the authorization server says {answer.json()['error']}")
    return answer.json()["access_token"]


def secret_file(tenant: str, client: str) -> str:
    """The name of the file, among the secrets, that keeps the secret of a demo client."""
    return f"client.{tenant}.{client}"


def _secret(settings: Settings, tenant: str, client: str) -> str:
    path = settings.secrets / secret_file(tenant, client)
    if not path.exists():
        raise NoTokenError(f"{tenant} has no {client} among the demo's people")
    return path.read_text().strip()
