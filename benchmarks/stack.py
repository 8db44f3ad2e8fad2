"""A stack of its own for a measurement: the front with the yardstick, all else as it is."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workers.stack.home import Home
from workers.stack.plan import Plan
from workers.stack.ports import choose_ports
from workers.stack.service import Part, Service
from workers.stack.state import read_state
from workers.stack.supervisor import Supervisor

TICKS = os.sysconf("SC_CLK_TCK")
MEASURED = ("front", "temporal", "postgres", "background")


@dataclass(frozen=True, slots=True)
class Stack:
    """The running stack."""

    plan: Plan

    @property
    def port(self) -> int:
        return self.plan.ports["api"]

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, by process, children included."""
        pids = {one.name: one.pid for one in read_state(self.plan.home).living()}
        return {name: _cpu_of(pids[name]) for name in MEASURED}


def run(home: Path, temporal: str, measure: Callable[[Stack], Awaitable[None]]) -> None:
    """Start the stack, measure, and stop it, whatever comes of it."""
    house = Home(home)
    house.prepare()
    plan = Plan(home=house, ports=choose_ports({}, {}, auto=True), temporal=temporal)
    choices = {"ports": plan.ports, "temporal": plan.temporal, "split": plan.split}
    house.remember(choices)
    parts = tuple(_with_yardstick(part) for part in plan.parts())
    failed: list[Exception] = []

    async def when_ready() -> None:
        try:
            await measure(Stack(plan))
        except Exception as error:  # noqa: BLE001 - raised below, once everything has stopped
            failed.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    with house.locked():
        asyncio.run(Supervisor(house, parts, plan.urls(), _quiet).run(when_ready))
    if failed:
        raise failed[0]


async def ask(module: str, plan: dict[str, Any]) -> dict[str, Any]:
    """Run a load in a process of its own; answer with its result."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await process.communicate(json.dumps(plan).encode())
    assert process.returncode == 0, f"{module} failed"
    return json.loads(told)


def _with_yardstick(part: Part) -> Part:
    if not (isinstance(part, Service) and part.name == "front"):
        return part
    prepare = part.prepare
    argv = (sys.executable, "-m", "benchmarks.front_with_noop")
    return replace(part, prepare=lambda: replace(prepare(), argv=argv))


def _quiet(_: str) -> None:
    """Nobody reads how long the start of each part took."""


def _cpu_of(pid: int) -> float:
    """A process with its living and its ended children."""
    own = _stat(pid)
    children: list[int] = []
    with suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        children = [int(child) for child in text.split()]
    living = sum(sum(_stat(child)[:2]) for child in children)
    return (sum(own) + living) / TICKS


def _stat(pid: int) -> tuple[int, ...]:
    """User and system time, and those of ended children, in clock ticks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return (0, 0, 0, 0)
    return tuple(int(field) for field in fields[11:15])
