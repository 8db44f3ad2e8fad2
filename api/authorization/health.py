"""Whether the authorization server lives and can serve, and what it measures."""

import psycopg
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg_pool import PoolTimeout

from api.authorization.errors import OAuthError
from api.authorization.parts import Given

router = APIRouter(tags=["operation"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer, and nothing else."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(given: Given) -> dict[str, str]:
    """Ask the database. Without the HSM public keys, revocation and introspection go on."""
    try:
        await given.pool.check()
        async with given.pool.connection(timeout=2.0) as connection:
            await connection.execute("SELECT 1")
    except (psycopg.Error, PoolTimeout):
        raise OAuthError("temporarily_unavailable", "the database does not answer") from None
    return {"status": "ready"}


@router.get("/metrics")
async def metrics() -> Response:
    """Everything that is counted, as Prometheus reads it."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
