"""Back-tests from the command line: asked for, waited for, and kept as a table."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from workers.cli.support.calling import answered
from workers.cli.support.options import console
from workers.stack.launch import StackError

LOOK_S = 0.5


def backtested(api: httpx.Client, body: Mapping[str, Any], output: Path | None) -> dict[str, Any]:
    """What came of a back-test; its table goes to `output`. Raises StackError where it failed."""
    found = _waited(api, answered(api.post("/v1/bep/backtests", json=body))["id"])
    if found["state"] != "done":
        raise StackError("the back-test failed; see `mmo logs background`")
    if output is not None:
        output.write_bytes(api.get(f"/v1/bep/backtests/{found['id']}/result.csv").content)
    return found


def _waited(api: httpx.Client, identifier: str) -> dict[str, Any]:
    with console.status("deciding again …") as status:
        while True:
            found = answered(api.get(f"/v1/bep/backtests/{identifier}"))
            if found["state"] != "running":
                return found
            progress = found["progress"]
            status.update(f"deciding again: {progress['parts_done']} of {progress['parts']} parts")
            time.sleep(LOOK_S)
