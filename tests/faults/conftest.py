"""A stack of a drill's own, on ports that nobody else takes."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.faults.stack import Stack
from workers.stack.home import Home
from workers.stack.ports import DEFAULTS
from workers.stack.processes import free_port


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    running = Stack(Home(tmp_path / "home"))
    own = [(f"--{name}-port", str(free_port())) for name in DEFAULTS]
    started = running.mmo("up", "--detach", "--no-demo", *chain.from_iterable(own))
    assert started.returncode == 0, started.stderr
    try:
        yield running
    finally:
        running.mmo("down")
