"""A stack of a drill's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.stack import Stack, stack_of


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with stack_of(tmp_path / "home", "--no-demo") as running:
        yield running
