"""The codec endpoint of Temporal UI and CLI: readable histories for staff of that tenant only."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from google.protobuf.json_format import MessageToDict, Parse, ParseError
from temporalio.api.common.v1 import Payloads

from api.authorization import cookies
from api.authorization.errors import NO_STORE, OAuthError
from api.authorization.parts import Given, Parts
from mmo.audit.record import Record
from mmo.histories.codec import TenantCodec
from mmo.identity import logins, users
from mmo.keys.envelope import TamperedError
from mmo.keys.verifier import InvalidTokenError
from mmo.tenancy.scope import scoped
from mmo.tenancy.tenant import Tenant

router = APIRouter(tags=["histories"], include_in_schema=False)

DECODE = "histories:decode"
BODY_MAX = 4 * 1024 * 1024
"""A history's page as Temporal UI sends it."""
_HEADERS = "content-type,x-namespace,authorization,authorization-extras"

Namespace = Annotated[str, Header(alias="X-Namespace", max_length=64)]


@router.options("/codec/decode")
@router.options("/codec/encode")
async def preflight(request: Request, given: Given) -> Response:
    """Let Temporal UI's page, and no other, send the cookie along."""
    return Response(status_code=204, headers=_cors(request, given))


@router.post("/codec/decode")
async def decode(request: Request, given: Given, namespace: Namespace) -> Response:
    """Decipher payloads of the namespace for its own staff; each use is in the audit."""
    tenant, who = await _staff(request, given, namespace)
    payloads = await _payloads(request)
    codec = TenantCodec(given.envelope, tenant.slug, namespace)
    try:
        clear = await codec.decode(payloads.payloads)
    except TamperedError:
        raise OAuthError("invalid_request", "a payload is not of this namespace") from None
    await given.audit.note(
        Record(tenant_id=tenant.id, actor=who, client="codec", action="histories.decoded",
               object=f"{len(clear)} payloads", outcome="done")
    )  # fmt: skip
    return _answer(request, given, Payloads(payloads=clear))


@router.post("/codec/encode")
async def encode(request: Request, given: Given, namespace: Namespace) -> Response:
    """Encipher payloads: what staff send to a workflow through UI or CLI."""
    tenant, _ = await _staff(request, given, namespace)
    codec = TenantCodec(given.envelope, tenant.slug, namespace)
    sealed = await codec.encode((await _payloads(request)).payloads)
    return _answer(request, given, Payloads(payloads=sealed))


def _cors(request: Request, given: Parts) -> dict[str, str]:
    origin = request.headers.get("origin", "")
    if not origin or origin != given.settings.temporal_ui_url:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Headers": _HEADERS,
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def _answer(request: Request, given: Parts, payloads: Payloads) -> Response:
    return JSONResponse(MessageToDict(payloads), headers=NO_STORE | _cors(request, given))


async def _staff(request: Request, given: Parts, namespace: str) -> tuple[Tenant, str]:
    """The tenant of the namespace, and who asks: by the log-in's cookie, or an access token.

    Raises OAuthError access_denied, whatever is missing.
    """
    tenant = next((t for t in await given.tenants.all() if t.namespace == namespace), None)
    if tenant is None or tenant.state != "active":
        raise OAuthError("access_denied")
    bearer = request.headers.get("authorization", "")
    if bearer:
        return tenant, await _by_token(given, tenant, bearer.partition(" ")[2])
    secret = request.cookies.get(cookies.session_name(tenant.slug), "")
    async with scoped(given.pool, tenant.id) as connection:
        session = await logins.session_of(connection, tenant.id, secret)
        if session is None:
            raise OAuthError("access_denied")
        roles = await users.active_roles(connection, tenant.id, session.user_id)
    policy = await given.policies.of(tenant.id)
    if not any(DECODE in policy.roles.get(role, ()) for role in roles):
        raise OAuthError("access_denied")
    return tenant, str(session.user_id)


async def _by_token(given: Parts, tenant: Tenant, token: str) -> str:
    try:
        claims = given.verifier.verify(token)
    except InvalidTokenError:
        raise OAuthError("access_denied") from None
    policy = await given.policies.of(tenant.id)
    if claims["tenant"] != tenant.slug or policy.refuses(claims):
        raise OAuthError("access_denied")
    if DECODE not in policy.allows(claims):
        raise OAuthError("access_denied")
    return str(claims["sub"])


async def _payloads(request: Request) -> Payloads:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_MAX:
            raise OAuthError("invalid_request", "the body is too large", status=413)
    try:
        read: Any = Parse(bytes(body), Payloads())
    except ParseError:
        raise OAuthError("invalid_request", "the body holds no payloads") from None
    return read
