"""One supervised process: started, watched until ready, restarted with back-off, ended."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from workers.stack.home import Home
from workers.stack.launch import Launch, StackError
from workers.stack.logs import cause
from workers.stack.processes import born
from workers.stack.service import Once, Service
from workers.stack.state import ProcessState

READY_S = 60.0
"""How long a process may take to become ready."""
FIRST_ATTEMPTS = 3
"""A process that ends this often before it was ever ready stops the start of the stack."""
BACK_OFF_S = (0.2, 15.0)
"""Pause before the first restart, and the longest; it doubles."""
STEADY_S = 30.0
"""Life after which a death is a first one again."""
PROBE_S = 0.05


class Child:
    """Keeps one Service or Once running; `state` is what `mmo status` shows."""

    def __init__(
        self, part: Service | Once, state: ProcessState, home: Home, changed: Callable[[], None]
    ) -> None:
        self.part = part
        self.state = state
        self.ready = asyncio.Event()
        self._home = home
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._ending = asyncio.Event()
        self._rolling = False
        self._was_ready = False
        self._said_before = 0

    async def keep(self) -> None:
        """Run it until `end`. Raises StackError where it never becomes ready."""
        pause_s = BACK_OFF_S[0]
        while not self._ending.is_set():
            began = time.monotonic()
            code = await self._live()
            if isinstance(self.part, Once) and code == 0:
                self._note("done")
                self.ready.set()
                return
            if self._ending.is_set():
                return
            if not self._was_ready:
                self._give_up_or_go_on(code)
            self.state.restarts += 1
            if self._rolling:
                self._rolling = False
                continue
            pause_s = BACK_OFF_S[0] if time.monotonic() - began > STEADY_S else pause_s
            self._note("restarting")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause_s)
            pause_s = min(2 * pause_s, BACK_OFF_S[1])

    async def roll(self, within_s: float) -> None:
        """End it, let `keep` start it anew at once, and wait until it is ready."""
        self._rolling = True
        self.ready.clear()
        await self._stop_process(within_s)
        await asyncio.wait_for(self.ready.wait(), READY_S)

    async def end(self) -> None:
        """End it for good; killed when it has not ended after its patience. Safe to repeat."""
        self._ending.set()
        within_s = self.part.stop_within_s if isinstance(self.part, Service) else 1.0
        await self._stop_process(within_s)
        self._note("done" if self.state.health == "done" else "stopped")

    def kill(self) -> None:
        """End it without any patience."""
        self._ending.set()
        self._signal(signal.SIGKILL)

    async def probe(self) -> None:
        """See whether a process that was ready still answers."""
        if isinstance(self.part, Service) and self.state.health in ("ready", "unhealthy"):
            answering = await asyncio.to_thread(self.part.ready)
            if self.state.health in ("ready", "unhealthy"):
                self._note("ready" if answering else "unhealthy")

    async def _live(self) -> int:
        """One life, from start to end; the exit code."""
        self._note("starting")
        try:
            launch = await asyncio.to_thread(self.part.prepare)
            process = self._process = await self._spawn(launch)
        except StackError:
            if not self._was_ready:
                raise
            return 1  # the program may be back at the next attempt
        if self._ending.is_set():
            self.kill()
        readiness = asyncio.create_task(self._become_ready(process))
        code = await process.wait()
        readiness.cancel()
        self.state.pid = 0
        if isinstance(self.part, Service):
            self.ready.clear()
        return code

    async def _spawn(self, launch: Launch) -> asyncio.subprocess.Process:
        with self._home.log(self.state.name).open("ab") as log:
            self._said_before = log.tell()
            process = await launch.spawn(log)
        self.state.pid, self.state.birth = process.pid, born(process.pid) or 0
        self.state.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._changed()
        return process

    async def _become_ready(self, process: asyncio.subprocess.Process) -> None:
        if isinstance(self.part, Once):
            return
        deadline = time.monotonic() + READY_S
        while not await asyncio.to_thread(self.part.ready):
            if time.monotonic() > deadline:
                process.kill()
                return
            await asyncio.sleep(PROBE_S)
        self._was_ready = True
        self._note("ready")
        self.ready.set()

    def _give_up_or_go_on(self, code: int) -> None:
        if isinstance(self.part, Service) and self.state.restarts + 1 < FIRST_ATTEMPTS:
            return
        self._note("failed")
        log = self._home.log(self.state.name)
        why = f"ended with code {code}" if code >= 0 else f"was ended by signal {-code}"
        raise StackError(f"{self.state.name} {why}: {cause(log, self._said_before)} (see {log})")

    async def _stop_process(self, within_s: float) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._signal(signal.Signals(self.state.stop_by))
        try:
            await asyncio.wait_for(process.wait(), within_s)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await process.wait()

    def _signal(self, sign: signal.Signals) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            if sign == signal.SIGKILL:
                os.killpg(process.pid, sign)  # it leads a group of its own
            else:
                process.send_signal(sign)

    def _note(self, health: str) -> None:
        if self.state.health != health:
            self.state.health = health
            self._changed()
