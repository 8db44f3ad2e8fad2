"""A stack of `mmo up` for a drill: asked as a person does, and killed process by process."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from mmo.settings import Settings
from workers.stack.home import Home
from workers.stack.plan import ADMIN, stack_settings
from workers.stack.ports import DEFAULTS
from workers.stack.processes import free_port
from workers.stack.state import ProcessState, read_state

VICTIMS = ("front", "background", "postgres", "temporal", "nats", "keys", "authorization")
BACK_S = 60.0


@dataclass(slots=True)
class Stack:
    """The running stack in one home."""

    home: Home
    kills: Counter[str] = field(default_factory=Counter[str])

    def mmo(self, *words: str, patience_s: float = 180) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return subprocess.run(
            [Path(sys.executable).with_name("mmo"), *words],
            env={**os.environ, "MMO_HOME": str(self.home.path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=patience_s,
        )

    async def told(self, *words: str, patience_s: float = 180) -> tuple[int, Any]:
        """Run a command that prints JSON; answer with its exit code and what it printed."""
        done = await asyncio.to_thread(self.mmo, *words, "--json", patience_s=patience_s)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    @property
    def url(self) -> str:
        return read_state(self.home).urls["api"]

    def settings(self, user: str = "mmo_background") -> Settings:
        return stack_settings(self.home.path, user)

    @property
    def admin(self) -> str:
        return self.settings(ADMIN).dsn()

    async def kill(self, name: str) -> None:
        """Kill -9 the process that `mmo status` names; wait until the supervisor has it back."""
        code, said = await self.told("status")
        assert code == 0, said
        (victim,) = [one for one in said["processes"] if one["name"] == name]
        os.kill(victim["pid"], signal.SIGKILL)
        self.kills[name] += 1
        deadline = time.monotonic() + BACK_S
        while not self._back(name, victim["pid"]):
            assert time.monotonic() < deadline, f"{name} did not come back"
            await asyncio.sleep(0.1)

    def _back(self, name: str, before: int) -> bool:
        state = read_state(self.home)
        now = next(one for one in state.processes if one.name == name)
        return now.pid not in (0, before) and all(map(_well, state.processes))

    def tail(self, lines: int = 15) -> str:
        """The ends of the logs, for a drill that failed."""
        logs = sorted(self.home.logs.glob("*.log"))
        return "\n".join(
            f"== {log.stem}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
            for log in logs
        )


def _well(process: ProcessState) -> bool:
    return process.health in ("ready", "done")


def victims(number: int, chance: random.Random) -> list[str]:
    """Whom to kill, at random; the front always, and everyone where there is room."""
    others = chance.sample(VICTIMS[1:], k=len(VICTIMS) - 1)
    more = chance.choices(VICTIMS, k=max(0, number - len(VICTIMS)))
    drawn = ["front", *others, *more][:number]
    chance.shuffle(drawn)
    return drawn


@contextmanager
def stack_of(home: Path, *options: str) -> Iterator[Stack]:
    """Start a stack on ports that nobody else takes; it is stopped at the end."""
    running = Stack(Home(home))
    own = [(f"--{name}-port", str(free_port())) for name in DEFAULTS]
    started = running.mmo("up", "--detach", *options, *chain.from_iterable(own))
    assert started.returncode == 0, started.stderr
    try:
        yield running
    finally:
        running.mmo("down")
