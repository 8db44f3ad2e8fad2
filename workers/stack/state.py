"""What a supervisor has started, on disk, so that whoever comes after it can find or end it."""

import json
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from workers.stack.home import Home, write_json
from workers.stack.processes import alive, end


@dataclass(slots=True, kw_only=True)
class ProcessState:
    """One process as last seen. `stage` orders the stop: the highest goes first."""

    name: str
    log: str
    stage: int
    stop_by: int = signal.SIGTERM
    pid: int = 0
    birth: int = 0
    health: str = "waiting"
    restarts: int = 0
    started_at: str = ""
    metrics: str = ""


@dataclass(slots=True, kw_only=True)
class StackState:
    """One stack as last seen. `state` is starting, ready, stopping, stopped or failed."""

    state: str = "starting"
    error: str = ""
    boot: str = ""
    pid: int = 0
    birth: int = 0
    urls: dict[str, str] = field(default_factory=dict[str, str])
    processes: list[ProcessState] = field(default_factory=list[ProcessState])

    def write(self, home: Home) -> None:
        write_json(home.state, asdict(self))

    @property
    def supervised(self) -> bool:
        """Whether the supervisor that wrote this still runs."""
        return self.boot == boot_id() and alive(self.pid, self.birth)

    def living(self) -> list[ProcessState]:
        """The processes that still run."""
        if self.boot != boot_id():
            return []
        return [one for one in self.processes if one.pid and alive(one.pid, one.birth)]


def read_state(home: Home) -> StackState:
    """What was last written; a state of nothing where there is none."""
    try:
        content = json.loads(home.state.read_text())
    except FileNotFoundError:
        return StackState(state="stopped")
    processes = [ProcessState(**one) for one in content.pop("processes")]
    return StackState(**content, processes=processes)


def end_orphans(state: StackState) -> Sequence[str]:
    """End what a killed supervisor left behind, in order; answer with the names.

    They are known by number and time of birth, never by name. Safe to repeat.
    """
    orphans = sorted(state.living(), key=lambda one: -one.stage)
    for orphan in orphans:
        end(orphan.pid, orphan.birth, by=signal.Signals(orphan.stop_by))
    return [orphan.name for orphan in orphans]


def boot_id() -> str:
    """Which start of the machine this is: process numbers and births mean nothing in the next."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
