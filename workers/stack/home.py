"""The data directory of one stack: its folders, its version, its lock, and room on its disk."""

import fcntl
import json
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.stack.launch import StackError

VERSION = 1
"""Version of the data directory's own shape; the database has its migrations."""

FREE_MIN_MB = 256
"""Room that must be left on the disk before anything is started."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything of one stack lies."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def run(self) -> Path:
        """What lives only as long as the stack runs: the control socket and ready files."""
        return self.path / "run"

    @property
    def binaries(self) -> Path:
        """Programs that were built here."""
        return self.path / "bin"

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def choices(self) -> Path:
        """Ports and kind of Temporal, remembered between runs."""
        return self.path / "stack.json"

    @property
    def nats_users(self) -> Path:
        """Users of the broker that the operator has written by hand."""
        return self.path / "nats-users.json"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Make the folders; raises StackError where the directory cannot be used."""
        try:
            # Others may pass through, for PostgreSQL runs as `nobody` under root; they see
            # nothing, for every folder below is its owner's alone.
            self.path.mkdir(parents=True, exist_ok=True, mode=0o711)
            for folder in (self.logs, self.secrets, self.run):
                folder.mkdir(exist_ok=True, mode=0o700)
            (self.run / "writable").touch()
        except OSError as error:
            raise StackError(
                f"cannot write to the data directory {self.path} ({error.strerror}): "
                "set MMO_HOME to a folder of yours"
            ) from error
        self._check_version()
        check_space(self.path)

    def read_choices(self) -> dict[str, Any]:
        """What was remembered, empty at first."""
        return json.loads(self.choices.read_text()) if self.choices.exists() else {}

    def remember(self, choices: dict[str, Any]) -> None:
        write_json(self.choices, choices)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the directory for one supervisor; raises StackError where another has it."""
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise StackError(
                    f"another mmo runs on {self.path} (process {lock.read().strip()}): "
                    "see `mmo status`, stop it with `mmo down`, or set another MMO_HOME"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def erase(self) -> None:
        """Remove the directory, and what a link of it keeps elsewhere. Built programs stay."""
        for inside in self.path.iterdir():
            if inside == self.binaries:
                continue
            if inside.is_symlink():
                shutil.rmtree(inside.resolve(), ignore_errors=True)
            if inside.is_dir() and not inside.is_symlink():
                shutil.rmtree(inside)
            else:
                inside.unlink()

    def _check_version(self) -> None:
        file = self.path / "VERSION"
        if not file.exists():
            file.write_text(f"{VERSION}\n")
        found = int(file.read_text())
        if found > VERSION:
            raise StackError(
                f"the data in {self.path} is of version {found} and this mmo knows up to "
                f"{VERSION}: use a newer mmo, or set another MMO_HOME"
            )


def check_space(folder: Path, needed_mb: int = FREE_MIN_MB) -> None:
    """Raise StackError where the disk of `folder` has less than `needed_mb` left."""
    free_mb = shutil.disk_usage(folder).free // 2**20
    if free_mb < needed_mb:
        raise StackError(
            f"the disk of {folder} is full: {free_mb} MB are free and mmo needs {needed_mb} MB; "
            "make room, or set MMO_HOME to another disk"
        )


def write_json(path: Path, content: object) -> None:
    """Replace the file at once, so that a reader sees the old or the new."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content, indent=2))
    fresh.replace(path)
