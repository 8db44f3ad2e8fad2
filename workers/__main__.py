"""Run one role: `python -m workers ROLE`; or a task: hsm, broker, seed, demo, generate."""

import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable

import structlog
import uvloop

from mmo.settings import Settings
from workers.hsm import HSM_ERRORS
from workers.metrics import scrapeable
from workers.roles import ROLES
from workers.stopping import until_told_to_stop

TASKS = {
    "hsm": "workers.hsm",
    "broker": "workers.broker",
    "smsc": "workers.smsc",
    "seed": "workers.demo.seed",
    "demo": "workers.demo.walk",
    "generate": "workers.generate",
}

Role = Callable[[Settings, asyncio.Event], Awaitable[None]]


def main() -> int:
    """Run what the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in TASKS:
        return int(importlib.import_module(TASKS[name]).main(sys.argv[2:]) or 0)
    if name not in {role.name for role in ROLES}:
        known = ", ".join([*(role.name for role in ROLES), *TASKS])
        sys.stderr.write(f"mmo: there is no role {name!r}; name one of: {known}\n")
        return 2
    settings = Settings()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
    )
    structlog.contextvars.bind_contextvars(role=name)
    role = importlib.import_module(f"workers.{name}")
    said = ""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(until_told_to_stop(lambda stop: _run(role.run, settings, stop)))
    except* HSM_ERRORS as group:
        said = str(group.exceptions[0])
    if said:
        sys.stderr.write(f"mmo: {said}\n")
    return 1 if said else 0


async def _run(run: Role, settings: Settings, stop: asyncio.Event) -> None:
    async with scrapeable(settings):
        await run(settings, stop)


if __name__ == "__main__":
    sys.exit(main())
