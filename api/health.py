"""Whether the process lives, whether it can serve, and what it measures."""

import psycopg
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg_pool import PoolTimeout

from api.problems import Problem

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> dict[str, str]:
    """Answer, and nothing else."""
    return {"status": "ok"}


@router.get("/readyz", summary="Whether the process can serve")
async def readyz(request: Request) -> dict[str, str]:
    """Ask the database; Temporal is asked by each movement, and missed without loss."""
    try:
        async with request.app.state.pool.connection(timeout=2.0) as connection:
            await connection.execute("SELECT 1")
    except (psycopg.Error, PoolTimeout):
        raise Problem("unavailable", "the database does not answer") from None
    return {"status": "ready"}


@router.get("/metrics", summary="Measurements, for Prometheus")
async def metrics() -> Response:
    """Everything that is counted, as Prometheus reads it."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
