"""Start the parts of a stack in order, keep them running, and stop them in order."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import cast

from workers.stack.child import Child
from workers.stack.control import Control
from workers.stack.home import Home
from workers.stack.launch import StackError
from workers.stack.logs import rotate_logs
from workers.stack.processes import born
from workers.stack.service import Once, Part, Service, Step, stages
from workers.stack.state import ProcessState, StackState, boot_id

CHECK_S = 5.0
"""How often health is probed and logs are rotated."""
ROLL_S = 30.0
"""How long `mmo restart` lets a process finish what it has begun."""
REPEAT_S = 1.0
"""A second signal within this time is the same Ctrl-C, passed on by whoever started us."""
SHUT_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """One run of a stack. The caller holds the lock of its home."""

    def __init__(
        self,
        home: Home,
        parts: tuple[Part, ...],
        urls: Mapping[str, str],
        report: Callable[[str], None],
    ) -> None:
        self._home = home
        self._parts = parts
        self._report = report
        self._depth = stages(parts)
        pid = os.getpid()
        self._state = StackState(boot=boot_id(), pid=pid, birth=born(pid) or 0, urls=dict(urls))
        self._children: dict[str, Child] = {}
        self._done: dict[str, asyncio.Event] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._shut = asyncio.Event()
        self._shut_at = 0.0
        for part in parts:
            self._add(part)

    async def run(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        """Start everything, call `when_ready`, and stop everything at Ctrl-C or SIGTERM.

        Raises StackError where a part does not become ready; everything is stopped then too.
        A second Ctrl-C kills what is left.
        """
        loop = asyncio.get_running_loop()
        for sign in SHUT_BY:
            loop.add_signal_handler(sign, self._on_signal)
        self._write("starting")
        try:
            async with Control(self._home, self._restart):
                if await self._unless_shut(self._start_all()):
                    self._write("ready")
                    await self._unless_shut(self._stay(when_ready))
        except Exception as error:
            self._state.error = str(error)
            raise
        finally:
            self._write("stopping")
            await self._stop_all()
            self._write("failed" if self._state.error else "stopped")

    async def _stay(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        checks = asyncio.create_task(self._check_forever())
        try:
            await when_ready()
            await self._shut.wait()
        finally:
            checks.cancel()

    async def _start_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                group.create_task(self._start(part))

    async def _start(self, part: Part) -> None:
        for earlier in part.after:
            await self._done[earlier].wait()
        began = asyncio.get_running_loop().time()
        if isinstance(part, Step):
            await asyncio.to_thread(part.run)
        else:
            await self._start_child(self._children[part.name])
        self._done[part.name].set()
        self._report(f"{part.name}: {asyncio.get_running_loop().time() - began:.1f} s")

    async def _start_child(self, child: Child) -> None:
        keeper = asyncio.create_task(child.keep())
        self._keepers.append(keeper)
        ready = asyncio.create_task(child.ready.wait())
        try:
            await asyncio.wait({keeper, ready}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if keeper.done():
            keeper.result()

    async def _unless_shut(self, work: Awaitable[None]) -> bool:
        """Do the work, but leave it when told to stop; whether it was done."""
        task = asyncio.ensure_future(work)
        shut = asyncio.create_task(self._shut.wait())
        await asyncio.wait({task, shut}, return_when=asyncio.FIRST_COMPLETED)
        shut.cancel()
        done = task.done()
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        except BaseExceptionGroup as group:
            raise _first(group) from None
        return done

    async def _stop_all(self) -> None:
        for depth in sorted(set(self._depth.values()), reverse=True):
            level = [c for name, c in self._children.items() if self._depth[name] == depth]
            await asyncio.gather(*(child.end() for child in level))
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _restart(self, name: str) -> str:
        """Roll one service; the answer is for a person."""
        child = self._children.get(name)
        if child is None or not isinstance(child.part, Service):
            names = ", ".join(n for n, c in self._children.items() if isinstance(c.part, Service))
            raise StackError(f"no process is called {name}; there are {names}")
        await child.roll(ROLL_S)
        return f"{name} was restarted and is ready"

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            with suppress(OSError):  # a full disk must not stop what still runs
                await asyncio.to_thread(rotate_logs, self._home.logs)
            await asyncio.gather(*(child.probe() for child in self._children.values()))

    def _on_signal(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._shut.is_set():
            self._shut_at = now
            self._shut.set()
        elif now - self._shut_at > REPEAT_S:
            for child in self._children.values():
                child.kill()

    def _add(self, part: Part) -> None:
        self._done[part.name] = asyncio.Event()
        if isinstance(part, Step):
            return
        state = ProcessState(
            name=part.name,
            log=str(self._home.log(part.name)),
            stage=self._depth[part.name],
            stop_by=signal.SIGTERM if isinstance(part, Once) else part.stop_by,
            metrics=part.metrics if isinstance(part, Service) else "",
        )
        self._state.processes.append(state)
        self._children[part.name] = Child(part, state, self._home, self._changed)

    def _changed(self) -> None:
        with suppress(OSError):  # a full disk must not stop what still runs
            self._state.write(self._home)

    def _write(self, state: str) -> None:
        self._state.state = state
        self._changed()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = group.exceptions[0]
    while isinstance(inner, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", inner).exceptions[0]
    return inner
