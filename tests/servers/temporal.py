"""Temporal's dev server for tests: one per run, on a SQLite file with the product's settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.shared import shared, start_server
from workers.stack.processes import free_port
from workers.stack.temporal import DevServer


@dataclass(frozen=True, slots=True)
class TemporalServer:
    """The server of this run."""

    address: str
    ui_url: str


def start_temporal(home: Path) -> tuple[int, dict[str, Any]]:
    """Start a dev server with its file in `home`; answer with its pid and its ports."""
    server = DevServer(file=home / "temporal.db", port=free_port(), ui_port=free_port())
    process = start_server(server.prepare(), home / "temporal.log", server.ready)
    return process.pid, {"address": f"127.0.0.1:{server.port}", "ui_url": server.ui_url}


@contextmanager
def temporal_of(run: Path) -> Iterator[TemporalServer]:
    """The one server of the run whose folder this is."""
    with shared(run, "temporal", start_temporal) as facts:
        yield TemporalServer(**facts)
