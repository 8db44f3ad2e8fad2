"""A Chromium without a window, driven over its debugging protocol: enough to fill in a page."""

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0", "--window-size=1280,900",
)  # fmt: skip
WAIT_S = 20.0


class Page:
    """One page of the browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)

    async def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def fill(self, **fields: str) -> None:
        """Type into inputs by their ids."""
        for name, value in fields.items():
            await self.run(
                f"document.getElementById({json.dumps(name)}).value = {json.dumps(value)}"
            )

    async def click(self, selector: str) -> None:
        """Click an element; what happens then is not waited for."""
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def run(self, script: str) -> Any:
        """Run a script in the page and answer with its value."""
        answer = await self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        return answer.get("result", {}).get("value")

    async def until(self, condition: str) -> None:
        """Wait until the script is true. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_S):
            while not await self.run(condition):  # noqa: ASYNC110 - the page tells nobody
                await asyncio.sleep(0.1)

    async def screenshot(self, path: Path) -> None:
        """Write what is seen to a PNG."""
        shot = await self.send("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser; answer with its result."""
        number = next(self._numbers)
        await self._connection.send(
            json.dumps({"id": number, "method": method, "params": parameters})
        )
        async with asyncio.timeout(WAIT_S):
            while True:
                told = json.loads(await self._connection.recv())
                if told.get("id") == number:
                    return told.get("result", {})


@asynccontextmanager
async def browser(profile: Path | None = None) -> AsyncGenerator[Page]:
    """Start a browser with a profile of its own; it is ended afterwards."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        raise SystemExit("no Chromium is installed: apt install chromium")
    with tempfile.TemporaryDirectory() as folder:
        home = profile or Path(folder)
        process = await asyncio.create_subprocess_exec(
            program, *FLAGS, f"--user-data-dir={home}", "about:blank",
            stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with connect(await _page_of(process), max_size=2**26) as connection:
                yield Page(connection)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _page_of(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(WAIT_S):
        while True:
            line = (await process.stderr.readline()).decode()
            if "listening on ws://" in line:
                address = line.split("ws://")[1].split("/")[0]
                break
    async with httpx.AsyncClient() as client:
        pages = (await client.get(f"http://{address}/json")).json()
    return next(one["webSocketDebuggerUrl"] for one in pages if one["type"] == "page")
