"""Where staff begin: the authorization endpoint, and the log-in page before it."""

import asyncio
import re
import secrets
import time
from typing import Annotated, Any

import pyotp
import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from psycopg import AsyncConnection
from pyotp.totp import TOTP

from api.authorization import cookies
from api.authorization.errors import OAuthError
from api.authorization.forms import Form
from api.authorization.parts import Given, Issuing, Parts
from api.authorization.rendering import page
from api.authorization.requests import Asked, PageError, asked, query_of
from mmo.audit.record import Record
from mmo.identity import attempts, logins, passwords
from mmo.identity.logins import Login, Session
from mmo.kernel.identifiers import mint
from mmo.keys.ports import NoKeyError
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant

router = APIRouter(tags=["log-in"], include_in_schema=False)

REFUSED = "User name, password or code is not right, or there were too many tries."
STEP_S = 30
TOTP_CONTEXT = b"identity.user_account.totp"
_SEED = re.compile(r"[A-Z2-7]{32}", re.ASCII)
"""160 bits, as the page made it: a shorter one could be guessed."""
_log = structlog.get_logger()


async def logged_in(request: Request, given: Given, tenant: Issuing) -> Session | None:
    """Who is logged in at this tenant in this browser."""
    secret = request.cookies.get(cookies.session_name(tenant.slug))
    if not secret:
        return None
    async with scoped(given.pool, tenant.id) as connection:
        return await logins.session_of(connection, tenant.id, secret)


LoggedIn = Annotated[Session | None, Depends(logged_in)]


@router.get("/t/{tenant}/authorize")
async def authorize(request: Request, given: Given, tenant: Issuing, session: LoggedIn) -> Response:
    """Give a code to whoever is logged in; show the log-in page to everybody else."""
    raw = request.url.query
    try:
        wanted = await asked(given, tenant, query_of(raw))
    except PageError as error:
        return page("told", 400, tenant=tenant, heading="This cannot be done", text=str(error))
    except OAuthError as error:
        return page("told", 400, tenant=tenant, heading="This cannot be done", text=error.code)
    if session is None:
        return _login_page(tenant, wanted, raw)
    async with scoped(given.pool, tenant.id) as connection:
        code = await logins.give_code(
            connection, tenant.id, session, client_id=wanted.client.id,
            redirect_uri=wanted.redirect_uri, challenge=wanted.challenge, scope=wanted.scope,
            nonce=wanted.nonce,
        )  # fmt: skip
    back = wanted.back(given.issuer(tenant), code=code)
    return RedirectResponse(
        back, 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


@router.get("/t/{tenant}/login")
async def login_page(tenant: Issuing) -> Response:
    """The log-in page by itself, for what only needs the session."""
    return _login_page(tenant, None, "")


@router.post("/t/{tenant}/login")
async def login(request: Request, given: Given, tenant: Issuing, fields: Form) -> Response:
    """Prove who it is, and go on to where they came from: an address of ours only."""
    _own_form(request, given)
    raw = fields.get("next", "")
    try:
        wanted = await asked(given, tenant, query_of(raw)) if raw else None
    except (PageError, OAuthError):
        return page("told", 400, tenant=tenant, heading="This cannot be done", text="Begin again.")
    user = await _proved(given, tenant, fields)
    await _noted(given, tenant, user)
    if user is None:
        return _login_page(tenant, wanted, raw, status=401, error=REFUSED,
                           username=fields.get("username", "")[:63])  # fmt: skip
    async with scoped(given.pool, tenant.id) as connection:
        secret = await logins.begin_session(connection, tenant.id, user.id, ["pwd", "otp"])
    onward = f"/t/{tenant.slug}/authorize?{raw}" if raw else f"/t/{tenant.slug}/here"
    response = RedirectResponse(onward, 303, headers={"Cache-Control": "no-store"})
    cookies.put(response, cookies.session_name(tenant.slug), secret, logins.SESSION_S, strict=False)
    return response


@router.get("/t/{tenant}/here")
async def here(tenant: Issuing, session: LoggedIn) -> Response:
    """Say whether this browser is logged in."""
    heading = "You are logged in" if session else "You are not logged in"
    text = "You can close this page." if session else "Log in again to go on."
    return page("told", 200 if session else 401, tenant=tenant, heading=heading, text=text)


def _login_page(
    tenant: Tenant, wanted: Asked | None, raw: str, *, status: int = 200, error: str = "",
    username: str = "",
) -> Response:  # fmt: skip
    return page(
        "login", status, goes_to=wanted.origin if wanted else "", tenant=tenant, next=raw,
        program=wanted.client.name if wanted else "", error=error, username=username,
    )  # fmt: skip


def _own_form(request: Request, given: Parts) -> None:
    """Only a page of ours may send this form. Raises OAuthError (403)."""
    origin = request.headers.get("origin")
    if origin not in {None, given.settings.issuer}:
        raise OAuthError("access_denied", "this form came from another site")
    if request.headers.get("sec-fetch-site") not in {None, "same-origin"}:
        raise OAuthError("access_denied", "this form came from another site")


async def _proved(given: Parts, tenant: Tenant, fields: Any) -> Login | None:
    """Count the attempt, then look. Who is not there costs the same statements and work."""
    async with scoped(given.pool, tenant.id) as connection:
        user = await logins.login_of(connection, tenant.id, fields.get("username", "").lower())
        identifier = user.id if user else mint()
        open_ = await attempts.reserve(connection, "user_account", tenant.id, identifier)
    kept = user.password if user and open_ and user.state == "active" else None
    right = await passwords.matches(kept, fields.get("password", "")[: passwords.LENGTH_MAX])
    step = await _step(given, tenant, user, fields.get("code", ""))
    async with scoped(given.pool, tenant.id) as connection:
        used = await logins.use_step(connection, tenant.id, identifier, step or 0)
        proved = user is not None and right and step is not None and used
        if proved:
            await attempts.forget(connection, "user_account", tenant.id, identifier)
    return user if proved else None


async def _step(given: Parts, tenant: Tenant, user: Login | None, code: str) -> int | None:
    """The time step that the code is of, one before and after now included; None: of none."""
    seed = pyotp.random_base32()
    if user is not None and user.totp is not None:
        seed = await given.envelope.open_text(tenant.slug, "pii", _context(user), user.totp)
    totp, now = TOTP(seed), int(time.time()) // STEP_S
    for step in (now, now - 1, now + 1):
        if secrets.compare_digest(totp.at(step * STEP_S).encode(), code.encode()):
            return step
    return None


def _context(user: Login) -> bytes:
    return TOTP_CONTEXT + b"/" + user.id.bytes


async def _noted(given: Parts, tenant: Tenant, user: Login | None) -> None:
    await given.audit.note(
        Record(
            tenant_id=tenant.id,
            actor=str(user.id) if user else "unknown",
            client="log-in",
            action="login",
            object="session",
            outcome="done" if user else "refused",
        )
    )


@router.get("/t/{tenant}/enrol")
async def enrol_page(request: Request, tenant: Issuing) -> Response:
    """Whoever was invited chooses a password and sets an authenticator up."""
    return _enrol_page(tenant, request.query_params.get("invitation", ""), pyotp.random_base32())


@router.post("/t/{tenant}/enrol")
async def enrol(request: Request, given: Given, tenant: Issuing, fields: Form) -> Response:
    """Set password and authenticator by the invitation, which is then used up."""
    _own_form(request, given)
    invitation, seed = fields.get("invitation", ""), fields.get("seed", "")
    password = fields.get("password", "")
    if not _SEED.fullmatch(seed):
        seed = pyotp.random_base32()
        return _enrol_page(tenant, invitation, seed, "The page was too old: set it up once more.")
    if not passwords.LENGTH_MIN <= len(password) <= passwords.LENGTH_MAX:
        return _enrol_page(tenant, invitation, seed, "The password is too short.")
    if not await asyncio.to_thread(_shows, seed, fields.get("code", "")):
        return _enrol_page(tenant, invitation, seed, "The code is not the one the app shows.")
    kept = await passwords.hashed(password)
    async with scoped(given.pool, tenant.id) as connection:
        user = await logins.invited(connection, tenant.id, invitation)
        if user is not None:
            await _enrolled(given, connection, tenant, user, kept, seed)
    if user is None:
        return _enrol_page(tenant, invitation, seed, "The invitation was used, or is too old.")
    return page("told", tenant=tenant, heading="Your log-in is ready", text="You can log in now.")


async def _enrolled(
    given: Parts, connection: AsyncConnection[Any], tenant: Tenant, user: Login, password: str,
    seed: str,
) -> None:  # fmt: skip
    try:
        sealed = await given.envelope.seal_text(tenant.slug, "pii", _context(user), seed)
    except NoKeyError:
        raise OAuthError("temporarily_unavailable") from None
    await logins.enrol(connection, tenant.id, user.id, password, sealed)
    _log.info("user.enrolled", tenant=tenant.slug, user=str(user.id))


def _shows(seed: str, code: str) -> bool:
    return TOTP(seed).verify(code, valid_window=1)


def _enrol_page(tenant: Tenant, invitation: str, seed: str, error: str = "") -> Response:
    address = TOTP(seed).provisioning_uri(name=tenant.slug, issuer_name=tenant.name)
    return page(
        "enrol", 400 if error else 200, tenant=tenant, invitation=invitation, seed=seed,
        error=error, address=address, least=passwords.LENGTH_MIN,
    )  # fmt: skip
