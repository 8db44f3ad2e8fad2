"""Whether the process lives, whether it can serve, and what it measures."""

from typing import Any

import psycopg
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.problems import Problem
from api.start import Starter
from mmo.projections.support.position import lags

LAG_EVENTS = Gauge("mmo_feed_lag_events", "Events that a reader has not read yet.", ["reader"])
LAG_AGE = Gauge("mmo_feed_lag_seconds", "Age of the oldest of them.", ["reader"])
ADMITTED = Gauge("mmo_commands_under_way", "Commands whose callers wait in this process.")

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> dict[str, str]:
    """Answer, and nothing else."""
    return {"status": "ok"}


@router.get("/readyz", summary="Whether the process can serve")
async def readyz(request: Request) -> dict[str, str]:
    """Ask the database; Temporal is asked by each movement, and missed without loss."""
    pool = request.app.state.pool
    try:
        await pool.check()  # connections from before a restart of the database are made anew
        async with pool.connection(timeout=2.0) as connection:
            await connection.execute("SELECT 1")
    except (psycopg.Error, PoolTimeout):
        raise Problem("unavailable", "the database does not answer") from None
    return {"status": "ready"}


@router.get(
    "/metrics",
    summary="Measurements, for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
async def metrics(request: Request) -> Response:
    """Everything that is counted, as Prometheus reads it; the readers' lag is measured now."""
    await measure(request.app.state.pool, request.app.state.door.starter)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def measure(pool: AsyncConnectionPool[Any], starter: Starter) -> None:
    """Look up what is not counted along: how far readers of the feed are behind, and callers."""
    for lag in await lags(pool):
        LAG_EVENTS.labels(lag.consumer).set(lag.events)
        LAG_AGE.labels(lag.consumer).set(lag.age_s)
    ADMITTED.set(starter.admitted)
