"""How one server process is started: its command line, and whom it runs as."""

import asyncio
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast


class StackError(Exception):
    """Something a person has to put right; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One process to be. `environment` is added to the caller's own."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    user: int | None = None
    group: int | None = None
    directory: Path | None = None

    def start(self, output: int | IO[bytes] = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start it in a session of its own, so that a terminal's Ctrl-C does not reach it.

        Raises StackError where the program cannot be executed.
        """
        try:
            return cast(
                "subprocess.Popen[bytes]",
                subprocess.Popen(self.argv, **self._how(output)),  # noqa: S603 - the argv is ours
            )
        except OSError as error:
            raise StackError(f"cannot start {self.argv[0]}: {error.strerror}") from error

    async def spawn(self, output: IO[bytes]) -> asyncio.subprocess.Process:
        """Start it likewise, under the running event loop."""
        try:
            return await asyncio.create_subprocess_exec(*self.argv, **self._how(output))
        except OSError as error:
            raise StackError(f"cannot start {self.argv[0]}: {error.strerror}") from error

    def _how(self, output: int | IO[bytes]) -> dict[str, Any]:
        return {
            "stdin": subprocess.DEVNULL,
            "stdout": output,
            "stderr": subprocess.STDOUT,
            "start_new_session": True,
            "env": {**os.environ, **self.environment},
            "cwd": self.directory,
            "user": self.user,
            "group": self.group,
            "extra_groups": None if self.user is None else [],
        }


def program(name: str, wheel: str) -> Path:
    """Find a server's program beside this Python, else on PATH; raises StackError."""
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise StackError(
            f"`{name}` is missing; run `uv sync --all-extras` (it comes with the package {wheel})"
        )
    return Path(found)
